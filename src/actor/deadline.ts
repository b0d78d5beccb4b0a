// Waiting for the user's code, but not for ever.

import { actorError } from "../errors.ts";
import type { Clock } from "../clock.ts";

/** Whether a value is a promise, or acts like one. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value &&
    typeof value.then === "function";
}

/** What `work` resolves to. After `timeoutMs` it rejects with `late()`; the work itself goes on. */
export async function within<V>(
  clock: Clock,
  timeoutMs: number,
  work: V | PromiseLike<V>,
  late: () => Error,
): Promise<V> {
  if (!isThenable(work)) return work;
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = clock.after(timeoutMs, () => reject(late()));
  try {
    return await Promise.race([work, promise]);
  } finally {
    timer.cancel();
  }
}

/**
 * Runs a hook of the user's.
 *
 * @throws {ActorError} `actor/callback_timed_out` when it takes longer than `timeoutMs`.
 */
// Async, so that what the hook throws at once rejects like the rest.
export async function runHook<V>(
  clock: Clock,
  hook: { name: string; timeoutMs: number; run: () => V | PromiseLike<V> },
): Promise<V> {
  const { name, timeoutMs, run } = hook;
  return await within(clock, timeoutMs, run(), () =>
    actorError(
      "actor/callback_timed_out",
      `${name} took more than ${timeoutMs} ms`,
    ));
}
