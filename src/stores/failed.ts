/** The error of a store whose medium failed: what it was about, why, and the cause. */
export function failed(what: string, cause: unknown): Error {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new Error(`${what}: ${why}`, { cause });
}
