// Lets callers in and sees them out: the hooks of a connection, in order.
//
//   connParamsSchema → onBeforeConnect → createConnState → (in c.conns) → onConnect …
//   … (not in c.conns) → onDisconnect

import type { StandardSchema } from "../definition/schema.ts";
import { type Channel, Connection } from "./connection.ts";
import type { Connections } from "./connections.ts";
import { CallContext, InstanceContext } from "./context.ts";
import { runHook } from "./deadline.ts";
import type { Clock } from "./clock.ts";
import type { Kind } from "./kind.ts";
import type { Self } from "./self.ts";
import { checkParams } from "./validation.ts";
import { copySaved } from "./value.ts";

/** Who calls. */
export interface Caller {
  /** The connection of the caller, if it has one. */
  connection?: Connection;
  params?: unknown;
  /** The request that brought the caller, where there was one, or what makes it. */
  request?: Request | (() => Request) | undefined;
  /** Whether what the caller asks for has begun, so that asking again may do it twice. */
  hasBegun?: boolean;
}

/** What it needs to let callers in. */
export interface AdmissionOptions {
  kind: Kind;
  clock: Clock;
  self: Self;
  connections: Connections;
}

/** Lets callers in and sees them out. */
export class Admission {
  readonly #options: AdmissionOptions;

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /**
   * Makes a connection for a caller; without a channel it is for one call only. Whatever a hook
   * throws refuses it, and so does `connParamsSchema`.
   */
  async admit(
    caller: Caller,
    channel: Channel | undefined,
  ): Promise<Connection> {
    const { kind, clock, self, connections } = this.#options;
    const { config, options } = kind;
    const { request } = caller;
    const params = config.connParamsSchema === undefined
      ? caller.params
      : await this.#check(caller.params, config.connParamsSchema);
    const nobody = { conn: () => undefined, request };
    const before = new CallContext(self, nobody);
    await runHook(clock, {
      name: "onBeforeConnect",
      timeoutMs: options.onBeforeConnectTimeout,
      run: () => config.onBeforeConnect?.(before, params),
    });
    const state = await runHook(clock, {
      name: "createConnState",
      timeoutMs: options.createConnStateTimeout,
      run: () =>
        config.createConnState === undefined
          ? config.connState
          : config.createConnState(before, params),
    });
    const connection = this.connectionOf({ params }, state, channel);
    const { conn } = connection;
    connections.add(connection);
    try {
      const c = new CallContext(self, { conn: () => conn, request });
      await runHook(clock, {
        name: "onConnect",
        timeoutMs: options.onConnectTimeout,
        run: () => config.onConnect?.(c, conn),
      });
    } catch (error) {
      connections.delete(connection);
      throw error;
    }
    return connection;
  }

  /** Removes a connection that has closed; doing so twice tells the hook once. Never rejects. */
  async dismiss(connection: Connection): Promise<void> {
    const { kind, clock, self, connections } = this.#options;
    if (!connections.delete(connection)) return;
    const { onDisconnect } = kind.config;
    if (onDisconnect === undefined) return;
    try {
      await runHook(clock, {
        name: "onDisconnect",
        timeoutMs: kind.options.onConnectTimeout,
        run: () => onDisconnect(new InstanceContext(self), connection.conn),
      });
    } catch (error) {
      self.log.failure(error, { msg: "onDisconnect failed" });
    }
  }

  async #check(params: unknown, schema: StandardSchema): Promise<unknown> {
    const { kind, clock } = this.#options;
    const checked = await runHook(clock, {
      name: "connParamsSchema",
      timeoutMs: kind.options.onBeforeConnectTimeout,
      run: () => checkParams(schema, params),
    });
    // What the schema has made may be anything, and the params of a connection are saved with it.
    return copySaved(checked, "conn.params");
  }

  /** A connection for a caller, of which no hook has been told. */
  connectionOf(
    { params }: Caller,
    state: unknown,
    channel: Channel | undefined,
  ): Connection {
    const { hasConnState, savesConnections } = this.#options.kind;
    return new Connection({
      id: crypto.randomUUID(),
      params,
      state: hasConnState ? copySaved(state, "conn.state") : undefined,
      hasState: hasConnState,
      isSaved: savesConnections && channel !== undefined &&
        channel.lasts !== "request",
      channel,
    });
  }
}
