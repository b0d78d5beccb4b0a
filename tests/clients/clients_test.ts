// RivetKit's own clients, unmodified, on Node, Deno and Bun, against our server. What is proved is in
// cases/, each case by its number in the conformance checklist. The first test runs all of them, at
// the same time; the others tell how it went.

import { assert, assertEquals } from "@std/assert";
import { test } from "../harness.ts";
import { install, node22 } from "./install.ts";
import {
  type ClientRun,
  clientRuns,
  loadCases,
  nameOf,
  runtimes,
  versions,
} from "./reports.ts";

test("RivetKit's packages can be installed as their lock says", () =>
  install());

test("a Node that they ask for can be fetched", async () => {
  assert((await node22()) !== "");
});

for (const version of versions) {
  test(`every case of rivetkit ${version} comes to an end`, async () => {
    const runs = await runsOf(version);
    assertEquals(
      runs.map(({ runtime }) => runtime).toSorted(),
      runtimes.toSorted(),
    );
    for (const { runtime, hasEnded, output } of runs) {
      assert(hasEnded, `on ${runtime}:\n${output}`);
    }
  });
}

for (const one of await loadCases()) {
  for (const version of one.versions) {
    test(`${nameOf(one)} (rivetkit ${version})`, async () => {
      const runs = await runsOf(version);
      const failures = one.runtimes.flatMap((runtime) => {
        const run = runs.find((run) => run.runtime === runtime);
        return one.encodings.flatMap((encoding) => {
          const failure = failureOf(run, nameOf(one), encoding);
          return failure === undefined
            ? []
            : [`on ${runtime}, in ${encoding}: ${failure}`];
        });
      });
      assert(failures.length === 0, failures.join("\n\n"));
    });
  }
}

async function runsOf(version: string): Promise<ClientRun[]> {
  return (await clientRuns()).filter((run) => run.version === version);
}

function failureOf(
  run: ClientRun | undefined,
  name: string,
  encoding: string,
): string | undefined {
  const report = run?.reports.find((report) =>
    report.case === name && report.encoding === encoding
  );
  return report === undefined ? "no report" : report.error;
}
