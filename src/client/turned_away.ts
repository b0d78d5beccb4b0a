// What an engine turns away while an actor starts, sleeps or is being destroyed, before the actor knows
// of it: it is asked again, at most eight times within 6.4 seconds. An error that comes from an actor
// says so, also where that has called another actor and passes its error on; then an action has run,
// and must not run twice.

import type { ActorError, WireError } from "../errors.ts";
import { pause } from "./pause.ts";
import type { Timing } from "./timing.ts";

const kinds = new Set([
  "actor/destroyed_during_creation",
  "actor/destroyed_while_waiting_for_ready",
  "actor/destroying",
  "actor/not_configured",
  "actor/restarting",
  "actor/starting",
  "actor/stopped",
  "actor/stopping",
  "envoy/actor_not_found",
  "guard/actor_stopped_while_waiting",
  "guard/actor_wake_retries_exceeded",
  "guard/service_unavailable",
]);

const firstPauseMs = 25;
const lastPauseMs = 3200;

/** How to wait before something is asked again. */
export interface Waiting {
  timing: Timing;
  signal: AbortSignal | undefined;
}

/** What a caller is told of something. */
type Answer = ActorError | Response;

const turnedAway = new WeakMap<Answer, WireError>();

/** Whether an engine's error tells of something that it has turned away. */
export function turnsAway(error: WireError): boolean {
  return error.actor === undefined && kinds.has(`${error.group}/${error.code}`);
}

/** Whether the error says that an actor has come to its end, and not this life of it alone. */
export function isEnd({ group, code }: WireError): boolean {
  return group === "actor" && code.startsWith("destroy");
}

/** Notes that a caller is told of something that was turned away with `error`. */
export function noteTurnedAway<A extends Answer>(
  answer: A,
  error: WireError,
): A {
  turnedAway.set(answer, error);
  return answer;
}

/** Why something that a caller is told of was turned away; `undefined` when it was not. */
export function turnedAwayBy(answer: unknown): WireError | undefined {
  return turnedAway.get(answer as Answer);
}

/** Asks, and again if that is turned away. Rejects with the reason of `signal` if that comes first. */
export async function askUntilTaken<V>(
  ask: () => Promise<V>,
  waiting: Waiting,
): Promise<V> {
  const mayAskAgain = (answer: unknown) => turnedAwayBy(answer) !== undefined;
  try {
    return await ask();
  } catch (error) {
    if (!mayAskAgain(error)) throw error;
    return await askAgain(ask, mayAskAgain, waiting);
  }
}

/**
 * Asks again what was turned away; `mayAskAgain` says of each answer whether to go on. Rejects with the
 * reason of `signal` if that comes first.
 */
export async function askAgain<V>(
  ask: () => Promise<V>,
  mayAskAgain: (answer: unknown) => boolean,
  { timing, signal }: Waiting,
): Promise<V> {
  for (let pauseMs = firstPauseMs;; pauseMs *= 2) {
    await pause(timing, pauseMs, signal);
    let answer: V;
    try {
      answer = await ask();
    } catch (error) {
      if (!mayAskAgain(error)) throw error;
      if (pauseMs < lastPauseMs) continue;
      // Whoever has asked for this in turn must not ask eight times more.
      turnedAway.delete(error as ActorError);
      throw error;
    }
    if (pauseMs >= lastPauseMs || !mayAskAgain(answer)) return answer;
  }
}
