// The bench works on this runtime: every scenario prints a ratio. How large it is depends on the
// machine, but for appends, whose ratio is one of two states in one run.

import { assert, assertEquals } from "@std/assert";
import { test } from "../harness.ts";
import { startProgram, waitForLine } from "./program.ts";

test("the bench prints a ratio for every scenario", async () => {
  const ratios = column(await bench("actions"), "ratio");
  assert(ratios.length >= 7);
  for (const ratio of ratios) assert(ratio >= 0 && ratio < Infinity);
});

test("an append to 10 MB writes under 1 KB and takes at most 3 times one to 10 KB", async () => {
  const output = await bench("append");
  const ratios = column(output, "ratio");
  assert(ratios.length >= 4);
  for (const ratio of ratios) assert(ratio > 0 && ratio <= 3);
  for (const bytes of column(output, "bytes")) {
    assert(bytes > 0 && bytes < 1024);
  }
});

test("the bench prints a ratio to JSON for every message in every encoding", async () => {
  const ratios = column(await bench("encodings"), "ratio");
  // Six messages, in JSON with and without UTF-8, bare, cbor and json.
  assertEquals(ratios.length, 6 * 7);
  for (const ratio of ratios) assert(ratio > 0 && ratio < Infinity);
});

test("a pending schedule and a sleeping actor take less than 100 bytes of memory each", async () => {
  const bytes = column(await bench("memory"), "heap");
  assertEquals(bytes.length, 3);
  const [schedule, sleeping, awake] = bytes;
  assert(schedule! < 100, `a schedule takes ${schedule}`);
  assert(sleeping! < 100, `a sleeping actor takes ${sleeping}`);
  // An actor that is awake is in memory, so the measurement sees what is there.
  assert(awake! > 100, `an actor that is awake takes ${awake}`);
});

/** What one part of the bench prints. */
async function bench(part: string): Promise<string> {
  await using program = startProgram("main.ts", ["--quick", part]);
  await waitForLine(program, /^The bench has ended$/m);
  return program.output;
}

/** The numbers of one column of all tables that have it. */
function column(output: string, name: string): number[] {
  const numbers: number[] = [];
  let place = -1;
  for (const line of output.split("\n")) {
    // Between columns there are two spaces or more; a rule has none.
    const cells = line.trim().split(/ {2,}/);
    if (line === "") place = -1;
    else if (cells.length < 2) continue;
    else if (place < 0) place = cells.indexOf(name);
    else numbers.push(Number(cells[place]!.replaceAll(",", "")));
  }
  return numbers;
}
