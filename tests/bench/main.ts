// The bench: what Troupe costs beside the bare runtime, printed as tables with ratios,
// and written as JSON, a file for each part and runtime, to dist/bench or where `--out` says.
//
//   deno task bench                              everything, on Deno and on Bun
//   deno task bench append                       one part: actions, append, encodings, memory
//   bun tests/bench/main.ts --quick              a look whether all of it works, in seconds
//
// The machine should have nothing else to do; with less than two free cores, server and load share one.

import { mkdir, writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { benchActions } from "./actions.ts";
import { benchAppend } from "./append.ts";
import { benchEncodings } from "./encodings.ts";
import { dataOf, type Table, textOf } from "./figures.ts";
import { benchMemory } from "./memory.ts";
import { runtime } from "./program.ts";

const parts = {
  actions: benchActions,
  append: benchAppend,
  encodings: benchEncodings,
  memory: benchMemory,
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
const folder = values.out ??
  fileURLToPath(new URL("../../dist/bench", import.meta.url));
await mkdir(folder, { recursive: true });
for (const [name, bench] of Object.entries(parts)) {
  if (positionals.length > 0 && !positionals.includes(name)) continue;
  const tables: Table[] = [];
  const report = (table: Table) => {
    console.log(textOf(table));
    tables.push(table);
  };
  await bench({ isQuick: values.quick === true, folder, report });
  const data = {
    part: name,
    runtime: `${runtime} ${process.versions[runtime]}`,
    at: new Date().toISOString(),
    cpus: cpus().map(({ model }) => model),
    tables: tables.map(dataOf),
  };
  const path = join(folder, `${name}-${runtime}.json`);
  await writeFile(path, JSON.stringify(data, null, 2) + "\n");
  console.log(`\nWritten to ${path}`);
}
console.log("\nThe bench has ended");
// Client sockets that are closing would hold the process up.
process.exit(0);
