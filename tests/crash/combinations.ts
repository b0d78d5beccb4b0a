import type { Runtime } from "../stores/processes.ts";
import type { StoreName } from "./rig.ts";

/** Every store in every runtime that has it. */
export const combinations: readonly { store: StoreName; runtime: Runtime }[] = [
  { store: "sqlite", runtime: "deno" },
  { store: "deno-kv", runtime: "deno" },
  { store: "sqlite", runtime: "bun" },
];
