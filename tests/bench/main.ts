// The bench: what Troupe costs beside the bare runtime, printed as tables with ratios,
// and written as JSON, a file for each part and runtime, to dist/bench or where `--out` says.
//
//   deno task bench                              everything, on Deno and on Bun
//   deno task bench append                       one part: actions, append, encodings, memory
//   bun tests/bench/main.ts --quick              a look whether all of it works, in seconds
//
// The machine should have nothing else to do; with less than two free cores, server and load share one.

import process from "node:process";
import { parseArgs } from "node:util";
import { benchActions } from "./actions.ts";
import { benchAppend } from "./append.ts";
import { benchEncodings } from "./encodings.ts";
import { benchConnections } from "./connections.ts";
import { benchFairness } from "./fairness.ts";
import { benchGrowth } from "./growth.ts";
import { benchLocal } from "./local.ts";
import { benchMemory } from "./memory.ts";
import { runPart } from "./report.ts";
import { benchSchedules } from "./schedules.ts";
import { benchSleepers } from "./sleepers.ts";
import { benchStart } from "./start.ts";

const parts = {
  actions: benchActions,
  append: benchAppend,
  connections: benchConnections,
  encodings: benchEncodings,
  fairness: benchFairness,
  growth: benchGrowth,
  local: benchLocal,
  memory: benchMemory,
  schedules: benchSchedules,
  sleepers: benchSleepers,
  start: benchStart,
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: "boolean" }, out: { type: "string" } },
});
for (const name of positionals) {
  if (!Object.hasOwn(parts, name)) {
    throw new TypeError(`There is no part ${name}`);
  }
}
for (const [name, bench] of Object.entries(parts)) {
  if (positionals.length > 0 && !positionals.includes(name)) continue;
  await runPart(name, bench, values);
}
console.log("\nThe bench has ended");
// Client sockets that are closing would hold the process up.
process.exit(0);
