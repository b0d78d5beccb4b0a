// Servers that are killed, each in the test run of its own runtime.

import { assertEquals } from "@std/assert";
import { test } from "../harness.ts";
import { runtime as ownRuntime } from "../stores/processes.ts";
import { combinations } from "./combinations.ts";
import { runRig } from "./rig.ts";

const rounds = 20;

for (const { store, runtime } of combinations) {
  if (runtime !== ownRuntime) continue;
  test(`${store} on ${runtime}: a kill loses nothing that anybody was told`, async () => {
    const seed = Math.floor(Math.random() * 2 ** 32);
    const findings = await runRig({ store, runtime, rounds, seed });
    console.log(`${store} on ${runtime}: ${findings} (seed ${seed})`);
    assertEquals(findings.texts, []);
  });
}
