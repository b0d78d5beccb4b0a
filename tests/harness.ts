// One `test` for both runners: Deno's own, with its checks that nothing leaks, and Bun's through
// node:test, which has no such checks.

type Body = () => void | Promise<void>;

/** Registers a test. The name is a sentence about behaviour. */
export const test: (name: string, body: Body) => void = "Deno" in globalThis
  ? (name, fn) =>
    Deno.test({ name, fn, sanitizeOps: true, sanitizeResources: true })
  : (await import("node:test")).test;
