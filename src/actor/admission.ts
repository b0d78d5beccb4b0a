// Lets callers in and sees them out: the hooks of a connection, in order.
//
//   connParamsSchema → onBeforeConnect → createConnState → (in c.conns) → onConnect …
//   … (not in c.conns) → onDisconnect

import type { StandardSchema } from "../definition/schema.ts";
import type { Caller } from "./caller.ts";
import { type Channel, Connection } from "./connection.ts";
import { CallContext, InstanceContext } from "./context.ts";
import { runHook } from "./deadline.ts";
import type { Parts } from "./parts.ts";
import { checkParams } from "./validation.ts";
import { copySaved } from "./value.ts";

/**
 * Makes a connection for a caller; without a channel it is for one call only. Whatever a hook throws
 * refuses it, and so does `connParamsSchema`.
 */
export async function admit(
  parts: Parts,
  caller: Caller,
  channel: Channel | undefined,
): Promise<Connection> {
  const { services: { clock }, identity, self, connections } = parts;
  const { config, options } = identity.kind;
  const { request } = caller;
  const params = config.connParamsSchema === undefined
    ? caller.params
    : await check(parts, caller.params, config.connParamsSchema);
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
  const connection = connectionOf(parts, { params, state, channel });
  connections.add(connection);
  try {
    await runHook(clock, {
      name: "onConnect",
      timeoutMs: options.onConnectTimeout,
      run: () => {
        if (config.onConnect === undefined) return;
        const { conn } = connection;
        const c = new CallContext(self, { conn: () => conn, request });
        return config.onConnect(c, conn);
      },
    });
  } catch (error) {
    connections.delete(connection);
    throw error;
  }
  return connection;
}

/** Removes a connection that has closed; doing so twice tells the hook once. Never rejects. */
export async function dismiss(
  { services: { clock }, identity, self, connections }: Parts,
  connection: Connection,
): Promise<void> {
  if (!connections.delete(connection)) return;
  const { config: { onDisconnect }, options } = identity.kind;
  if (onDisconnect === undefined) return;
  try {
    await runHook(clock, {
      name: "onDisconnect",
      timeoutMs: options.onConnectTimeout,
      run: () => onDisconnect(new InstanceContext(self), connection.conn),
    });
  } catch (error) {
    self.log.failure(error, { msg: "onDisconnect failed" });
  }
}

/** A connection for a caller, of which no hook has been told. */
export function connectionOf(
  { identity }: Parts,
  { params, state, channel }: {
    params?: unknown;
    state?: unknown;
    channel?: Channel | undefined;
  },
): Connection {
  const { hasConnState, savesConnections } = identity.kind;
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

async function check(
  { services: { clock }, identity }: Parts,
  params: unknown,
  schema: StandardSchema,
): Promise<unknown> {
  const checked = await runHook(clock, {
    name: "connParamsSchema",
    timeoutMs: identity.kind.options.onBeforeConnectTimeout,
    run: () => checkParams(schema, params),
  });
  // What the schema has made may be anything, and the params of a connection are saved with it.
  return copySaved(checked, "conn.params");
}
