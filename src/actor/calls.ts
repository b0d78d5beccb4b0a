// Runs actions: finds the one that is meant, gives it its context, and does not wait for ever.

import type { UserAction } from "../definition/actions.ts";
import type { Conn } from "../definition/context.ts";
import { actorError } from "../errors.ts";
import type { Admission, Caller } from "./admission.ts";
import type { Connections } from "./connections.ts";
import { CallContext } from "./context.ts";
import { isThenable } from "./deadline.ts";
import type { Kind } from "./kind.ts";
import type { Self } from "./self.ts";
import { unwrapDeep } from "./tracking.ts";

/** One use of an action. */
export interface Call extends Caller {
  name: string;
  args: unknown[];
  /** Whether the action has ended, or is not waited for any more. */
  hasEnded?: boolean;
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
  connections: Connections;
}

/** Runs the actions of one instance. */
export class Calls {
  readonly #options: CallsOptions;

  constructor(options: CallsOptions) {
    this.#options = options;
  }

  /**
   * Runs an action for a caller: with its connection, or with one of its own if a hook wants to
   * know. Answers what `encode` makes of the output, before anything else can change it: at once,
   * where the action does not wait for anything.
   */
  answer<R>(call: Call, encode: (output: unknown) => R): R | Promise<R> {
    const { kind } = this.#options;
    const action = this.#actionOf(call.name);
    if (call.connection === undefined) {
      return kind.hasConnectionHooks
        ? this.#answerConnected(action, call, encode)
        : this.#answerAlone(action, call, encode);
    }
    const output = this.#run(action, call);
    return output instanceof Promise ? output.then(encode) : encode(output);
  }

  #answerAlone<R>(
    action: UserAction,
    call: Call,
    encode: (output: unknown) => R,
  ): R | Promise<R> {
    call.hasBegun = true;
    let isLater = false;
    try {
      const output = this.#run(action, call);
      if (!(output instanceof Promise)) return encode(output);
      isLater = true;
      return output.then(encode).finally(() => this.#end(call));
    } finally {
      if (!isLater) this.#end(call);
    }
  }

  async #answerConnected<R>(
    action: UserAction,
    call: Call,
    encode: (output: unknown) => R,
  ): Promise<R> {
    const { admission } = this.#options;
    const connection = await admission.admit(call, undefined);
    call.hasBegun = true;
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

  // A promise only where it is ours: what the action returns is waited for here.
  #run(action: UserAction, call: Call): unknown {
    const { name, args, request } = call;
    const conn = () => this.#connOf(call);
    const c = new CallContext(this.#options.self, { conn, request });
    let output: unknown;
    try {
      output = action(c, ...args);
      if (isThenable(output)) {
        return this.#finish(c, call, this.#inTime(name, output));
      }
    } catch (error) {
      c.end(false);
      throw error;
    }
    const { onBeforeActionResponse } = this.#options.kind.config;
    if (onBeforeActionResponse !== undefined) {
      return this.#finish(c, call, output);
    }
    c.end(true);
    return unwrapDeep(output);
  }

  // What waits: an action that is not done yet, or the hook that may replace its output.
  async #finish(
    c: CallContext,
    call: Call,
    running: unknown,
  ): Promise<unknown> {
    let output: unknown;
    try {
      output = await running;
    } catch (error) {
      c.end(false);
      throw error;
    }
    c.end(true);
    if (this.#options.kind.config.onBeforeActionResponse !== undefined) {
      output = await this.#replaced(c, call, output);
    }
    return unwrapDeep(output);
  }

  // What the hook makes of an output; the output itself when it throws, or takes too long.
  async #replaced(
    c: CallContext,
    { name, args }: Call,
    output: unknown,
  ): Promise<unknown> {
    const { kind, self } = this.#options;
    try {
      const replaced: unknown = kind.config.onBeforeActionResponse!(
        c,
        name,
        args,
        output,
      );
      return isThenable(replaced)
        ? await this.#inTime("onBeforeActionResponse", replaced)
        : replaced;
    } catch (error) {
      self.log.failure(error, { msg: "onBeforeActionResponse failed" });
      return output;
    }
  }

  #connOf(call: Call): Conn {
    if (call.connection === undefined) {
      // No hook has wanted to know of this caller, but the action does.
      const { admission, connections } = this.#options;
      call.connection = admission.connectionOf(call, undefined, undefined);
      if (!call.hasEnded) connections.add(call.connection);
    }
    return call.connection.conn;
  }

  #end(call: Call): void {
    call.hasEnded = true;
    if (call.connection !== undefined) {
      this.#options.connections.delete(call.connection);
    }
  }

  #actionOf(name: string): UserAction {
    const action = this.#options.kind.action(name);
    if (action !== undefined) return action;
    throw actorError(
      "action/not_found",
      `Action '${name}' not found. Validate the action exists on your actor.`,
    );
  }

  #inTime(name: string, output: PromiseLike<unknown>): Promise<unknown> {
    const { running, options } = this.#options.kind;
    return running.within(output, () =>
      actorError(
        "action/timed_out",
        `Action timed out: '${name}' took more than ${options.actionTimeout} ms`,
      ));
  }
}
