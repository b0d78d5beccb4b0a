// The crash rig as a command:
//
//   deno run -A tests/crash/main.ts --rounds 1000 [--store sqlite|deno-kv] [--runtime deno|bun] [--seed N]
//
// Without a store or runtime, every combination of them that there is. Bun is looked for on PATH.

import process from "node:process";
import { parseArgs } from "node:util";
import { combinations } from "./combinations.ts";
import { runRig } from "./rig.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "20" },
    store: { type: "string" },
    runtime: { type: "string" },
    seed: { type: "string" },
  },
});
const rounds = Number(values.rounds);
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 32));
const chosen = combinations.filter(({ store, runtime }) =>
  (values.store ?? store) === store && (values.runtime ?? runtime) === runtime
);
if (chosen.length === 0) throw new TypeError("There is no such combination");

for (const { store, runtime } of chosen) {
  const name = `${store} on ${runtime}`;
  console.log(`${name}: seed ${seed}`);
  const startMs = performance.now();
  const findings = await runRig({
    store,
    runtime,
    rounds,
    seed,
    onRound(findings) {
      if (findings.rounds % 50 === 0) console.log(`${name}: ${findings} …`);
    },
  });
  for (const text of findings.texts) console.log(text);
  const seconds = Math.round((performance.now() - startMs) / 1000);
  console.log(`${name}: ${findings} (${seconds} s)`);
  if (findings.texts.length > 0) process.exitCode = 1;
}
