// Runs actions: finds the one that is meant, gives it its context, and does not wait for ever.

import type { UserAction } from "../definition/actions.ts";
import type { Conn } from "../definition/context.ts";
import { actorError } from "../errors.ts";
import { admit, connectionOf, dismiss } from "./admission.ts";
import type { Caller } from "./caller.ts";
import { CallContext } from "./context.ts";
import { isThenable } from "./deadline.ts";
import type { Kind } from "./kind.ts";
import type { Parts } from "./parts.ts";
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

/**
 * Runs an action for a caller: with its connection, or with one of its own if a hook wants to know.
 * Answers what `encode` makes of the output, before anything else can change it: at once, where the
 * action does not wait for anything.
 */
export function answerCall<R>(
  parts: Parts,
  call: Call,
  encode: (output: unknown) => R,
): R | Promise<R> {
  const { kind } = parts.identity;
  const action = actionOf(kind, call.name);
  if (call.connection === undefined) {
    return kind.hasConnectionHooks
      ? answerConnected(parts, action, call, encode)
      : answerAlone(parts, action, call, encode);
  }
  const output = run(parts, action, call);
  return output instanceof Promise ? output.then(encode) : encode(output);
}

/** Runs an action for an alarm: without a connection, and as long as it takes. */
export async function runScheduled(
  { self, identity }: Parts,
  { name, args, beforeOutput }: ScheduledCall,
): Promise<void> {
  const c = new CallContext(self, {
    conn: () => undefined,
    request: undefined,
    beforeOutput,
  });
  try {
    await actionOf(identity.kind, name)(c, ...args);
  } catch (error) {
    c.end(false);
    throw error;
  }
  c.end(true);
}

function answerAlone<R>(
  parts: Parts,
  action: UserAction,
  call: Call,
  encode: (output: unknown) => R,
): R | Promise<R> {
  call.hasBegun = true;
  let isLater = false;
  try {
    const output = run(parts, action, call);
    if (!(output instanceof Promise)) return encode(output);
    isLater = true;
    return output.then(encode).finally(() => end(parts, call));
  } finally {
    if (!isLater) end(parts, call);
  }
}

async function answerConnected<R>(
  parts: Parts,
  action: UserAction,
  call: Call,
  encode: (output: unknown) => R,
): Promise<R> {
  const connection = await admit(parts, call, undefined);
  call.hasBegun = true;
  try {
    return encode(await run(parts, action, { ...call, connection }));
  } finally {
    await dismiss(parts, connection);
  }
}

// A promise only where it is ours: what the action returns is waited for here.
function run(parts: Parts, action: UserAction, call: Call): unknown {
  const { self, identity: { kind } } = parts;
  const { name, args, request } = call;
  const conn = () => connOf(parts, call);
  const c = new CallContext(self, { conn, request });
  let output: unknown;
  try {
    output = action(c, ...args);
    if (isThenable(output)) {
      return finish(parts, c, call, inTime(kind, name, output));
    }
  } catch (error) {
    c.end(false);
    throw error;
  }
  if (kind.config.onBeforeActionResponse !== undefined) {
    return finish(parts, c, call, output);
  }
  c.end(true);
  return unwrapDeep(output);
}

// What waits: an action that is not done yet, or the hook that may replace its output.
async function finish(
  parts: Parts,
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
  if (parts.identity.kind.config.onBeforeActionResponse !== undefined) {
    output = await replaced(parts, c, call, output);
  }
  return unwrapDeep(output);
}

// What the hook makes of an output; the output itself when it throws, or takes too long.
async function replaced(
  { self, identity: { kind } }: Parts,
  c: CallContext,
  { name, args }: Call,
  output: unknown,
): Promise<unknown> {
  try {
    const replaced: unknown = kind.config.onBeforeActionResponse!(
      c,
      name,
      args,
      output,
    );
    return isThenable(replaced)
      ? await inTime(kind, "onBeforeActionResponse", replaced)
      : replaced;
  } catch (error) {
    self.log.failure(error, { msg: "onBeforeActionResponse failed" });
    return output;
  }
}

function connOf(parts: Parts, call: Call): Conn {
  if (call.connection === undefined) {
    // No hook has wanted to know of this caller, but the action does.
    const { params } = call;
    call.connection = connectionOf(parts, { params });
    if (!call.hasEnded) parts.connections.add(call.connection);
  }
  return call.connection.conn;
}

function end({ connections }: Parts, call: Call): void {
  call.hasEnded = true;
  if (call.connection !== undefined) connections.delete(call.connection);
}

function actionOf(kind: Kind, name: string): UserAction {
  const action = kind.action(name);
  if (action !== undefined) return action;
  throw actorError(
    "action/not_found",
    `Action '${name}' not found. Validate the action exists on your actor.`,
  );
}

function inTime(
  { running, options }: Kind,
  name: string,
  output: PromiseLike<unknown>,
): Promise<unknown> {
  return running.within(output, () =>
    actorError(
      "action/timed_out",
      `Action timed out: '${name}' took more than ${options.actionTimeout} ms`,
    ));
}
