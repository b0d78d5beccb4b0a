import type { Timing } from "./timing.ts";

/** Waits; rejects with the reason of `signal` if that comes first. */
export function pause(
  timing: Timing,
  delayMs: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const cancel = timing.delay(resolve, delayMs);
  const abort = () => {
    cancel();
    reject(signal?.reason);
  };
  signal?.addEventListener("abort", abort, { once: true });
  if (signal?.aborted) abort();
  return promise.finally(() => signal?.removeEventListener("abort", abort));
}
