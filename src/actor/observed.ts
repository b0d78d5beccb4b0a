// Promises of the actor's own code, for which many do not wait.

/**
 * What `work` resolves to. A rejection is told to `onFailure` as well: without anybody who waits for
 * it, it would end the process, and with that every other actor.
 */
export function observed<V>(
  work: () => V | Promise<V>,
  onFailure: (error: unknown) => void,
): Promise<V> {
  const promise = Promise.try(work);
  promise.catch(onFailure);
  // V is no promise, which its type cannot say.
  return promise as Promise<V>;
}
