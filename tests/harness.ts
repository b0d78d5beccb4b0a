// One `test` for both runners: Deno's own, with its checks that nothing leaks, and Bun's through
// node:test, which has no such checks.

import { after as nodeAfter, test as nodeTest } from "node:test";

type Body = () => void | Promise<void>;

/** Options of {@linkcode test}. */
export interface TestOptions {
  /** Why the test cannot run here; the title tells it. `undefined` where it can. */
  skip?: string | undefined;
}

/** Registers a test. The name is a sentence about behaviour. */
export function test(
  name: string,
  body: Body,
  { skip }: TestOptions = {},
): void {
  const title = skip === undefined ? name : `${name} (skipped: ${skip})`;
  const isSkipped = skip !== undefined;
  if ("Deno" in globalThis) {
    Deno.test({
      name: title,
      fn: body,
      ignore: isSkipped,
      sanitizeOps: true,
      sanitizeResources: true,
    });
  } else nodeTest(title, { skip: isSkipped }, body);
}

/** Runs `body` after the last test of the file. */
export function afterAll(body: Body): void {
  if ("Deno" in globalThis) Deno.test.afterAll(body);
  else nodeAfter(body);
}
