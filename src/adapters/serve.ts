// Picks the adapter of the running runtime.

import type { Adapter } from "./adapter.ts";
import { bunAdapter } from "./bun.ts";
import { denoAdapter } from "./deno.ts";
import { maxBufferedBytes } from "./socket.ts";

/** The adapter of the running runtime. */
export const adapter: Adapter = pick();

function pick(): Adapter {
  if ("Bun" in globalThis) return bunAdapter();
  if ("Deno" in globalThis) return denoAdapter();
  return noAdapter();
}

/** For Node and browsers, where definitions and clients work and serving does not. */
function noAdapter(): Adapter {
  // What is global in Node has no types where Deno's are checked, and nothing of it is in a browser.
  const { process } = globalThis as {
    process?: { env?: Record<string, string | undefined> };
  };
  const upgradeHelp = "Troupe serves on Deno and on Bun, not here";
  const refuse = (): never => {
    throw new Error(`Cannot serve: ${upgradeHelp}`);
  };
  return {
    runtime: "none",
    maxBufferedBytes,
    upgradeHelp,
    env: (name) => process?.env?.[name],
    handlers: refuse,
    serve: refuse,
    hasEarlier: () => false,
    onStopSignal: refuse,
    exit: refuse,
  };
}
