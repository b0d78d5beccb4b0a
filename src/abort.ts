/** Settles as `promise` does, or rejects with the reason of `signal` if that comes first. */
export function abortable<T>(
  promise: Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  if (signal === undefined) return promise;
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  signal.addEventListener("abort", abort);
  if (signal.aborted) abort();
  return Promise.race([aborted.promise, promise])
    .finally(() => signal.removeEventListener("abort", abort));
}
