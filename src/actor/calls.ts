// Runs actions: finds the one that is meant, gives it its context, and does not wait for ever.

import type { UserAction } from "../definition/actions.ts";
import type { Conn } from "../definition/context.ts";
import { actorError } from "../errors.ts";
import type { Admission, Caller } from "./admission.ts";
import { CallContext } from "./context.ts";
import { isThenable } from "./deadline.ts";
import type { Due, Kind } from "./kind.ts";
import type { Self } from "./self.ts";
import { unwrapDeep } from "./tracking.ts";

/** One use of an action. */
export interface Call extends Caller {
  name: string;
  args: unknown[];
}

/** A use of an action that nobody waits for: an alarm is due. */
export interface ScheduledCall {
  name: string;
  args: unknown[];
  /** Told when the action goes on to wait for an output of its own. */
  beforeOutput: () => void;
}

/** What it needs to run actions. */
export interface CallsOptions {
  kind: Kind;
  self: Self;
  admission: Admission;
}

/** Runs the actions of one instance. */
export class Calls {
  readonly #options: CallsOptions;

  constructor(options: CallsOptions) {
    this.#options = options;
  }

  /**
   * Runs an action for a caller: with its connection, or with one of its own if a hook wants to
   * know. Resolves to what `encode` makes of the output, before anything else can change it.
   */
  async answer<R>(call: Call, encode: (output: unknown) => R): Promise<R> {
    const { kind, admission } = this.#options;
    const action = this.#actionOf(call.name);
    if (call.connection !== undefined || !kind.hasConnectionHooks) {
      return encode(await this.#run(action, call));
    }
    const connection = await admission.admit(call, undefined);
    try {
      return encode(await this.#run(action, { ...call, connection }));
    } finally {
      await admission.dismiss(connection);
    }
  }

  /** Runs an action for an alarm: without a connection, and as long as it takes. */
  async runScheduled(call: ScheduledCall): Promise<void> {
    const { name, args, beforeOutput } = call;
    const c = new CallContext(this.#options.self, {
      conn: () => undefined,
      request: undefined,
      beforeOutput,
    });
    try {
      await this.#actionOf(name)(c, ...args);
    } catch (error) {
      c.end(false);
      throw error;
    }
    c.end(true);
  }

  async #run(action: UserAction, call: Call): Promise<unknown> {
    const { kind, self } = this.#options;
    const { name, args, request } = call;
    const conn = () => this.#connOf(call);
    const c = new CallContext(self, { conn, request });
    let output: unknown;
    try {
      output = action(c, ...args);
      if (isThenable(output)) output = await this.#inTime(name, output);
    } catch (error) {
      c.end(false);
      throw error;
    }
    c.end(true);
    const { onBeforeActionResponse } = kind.config;
    if (onBeforeActionResponse !== undefined) {
      try {
        output = await onBeforeActionResponse(c, name, args, output);
      } catch (error) {
        self.log.failure(error, { msg: "onBeforeActionResponse failed" });
      }
    }
    return unwrapDeep(output);
  }

  #connOf(call: Call): Conn {
    // No hook has wanted to know of this caller, but the action does.
    call.connection ??= this.#options.admission.connectionOf(
      call,
      undefined,
      undefined,
    );
    return call.connection.conn;
  }

  #actionOf(name: string): UserAction {
    const action = this.#options.kind.action(name);
    if (action !== undefined) return action;
    throw actorError(
      "action/not_found",
      `Action '${name}' not found. Validate the action exists on your actor.`,
    );
  }

  async #inTime(name: string, output: PromiseLike<unknown>): Promise<unknown> {
    const { running, options } = this.#options.kind;
    const { promise, reject } = Promise.withResolvers<never>();
    const due: Due = {
      onDue: () =>
        reject(actorError(
          "action/timed_out",
          `Action timed out: '${name}' took more than ${options.actionTimeout} ms`,
        )),
    };
    running.add(due);
    try {
      return await Promise.race([output, promise]);
    } finally {
      running.delete(due);
    }
  }
}
