// The bench: what Troupe costs beside the bare runtime, printed as tables with ratios.
//
//   deno task bench                              everything, on Deno and on Bun
//   deno task bench append                       one part: actions, append, encodings, memory
//   bun tests/bench/main.ts --quick              a look whether all of it works, in seconds
//
// The machine should have nothing else to do; with less than two free cores, server and load share one.

import process from "node:process";
import { benchActions } from "./actions.ts";
import { benchAppend } from "./append.ts";
import { benchEncodings } from "./encodings.ts";
import { benchMemory } from "./memory.ts";

const parts = {
  actions: benchActions,
  append: benchAppend,
  encodings: benchEncodings,
  memory: benchMemory,
};

const args = process.argv.slice(2);
const isQuick = args.includes("--quick");
const wanted = args.filter((arg) => arg !== "--quick");
for (const name of wanted) {
  if (!Object.hasOwn(parts, name)) {
    throw new TypeError(`There is no part ${name}`);
  }
}
for (const [name, bench] of Object.entries(parts)) {
  if (wanted.length === 0 || wanted.includes(name)) await bench({ isQuick });
}
console.log("\nThe bench has ended");
// Client sockets that are closing would hold the process up.
process.exit(0);
