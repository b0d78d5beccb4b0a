// The bench works on this runtime: every part runs, and writes what it found. How fast things are depends
// on the machine, but for appends, whose ratio is one of two states in one run, and for memory.

import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "../harness.ts";
import { Folder } from "../runtimes/folder.ts";
import { runtime, startProgram, waitForLine } from "./program.ts";

test("the bench prints a ratio for every scenario", async () => {
  const [actions, single] = await bench("actions");
  assert(actions!.rows.length >= 7);
  for (const { ratio } of actions!.rows) assertPositive(ratio);
  for (const row of single!.rows) assertPositive(row["store alone"]);
});

test("an append to 10 MB writes under 1 KB and takes at most 3 times one to 10 KB", async () => {
  const [{ rows } = { rows: [] }] = await bench("append");
  assert(rows.length >= 4);
  for (const { ratio, bytes } of rows) {
    assertPositive(ratio);
    assertPositive(bytes);
    assert(ratio <= 3, `the ratio is ${ratio}`);
    assert(bytes < 1024, `${bytes} bytes are written`);
  }
});

test("the bench prints a ratio to JSON for every message in every encoding", async () => {
  const tables = await bench("encodings");
  const ratios = tables.flatMap(({ rows }) => rows.map(({ ratio }) => ratio));
  // Six messages, in JSON with and without UTF-8, bare, cbor and json.
  assertEquals(ratios.length, 6 * 7);
  for (const ratio of ratios) assertPositive(ratio);
});

test("a schedule and an actor that sleeps take next to no memory, one that is awake at most 4 KB", async () => {
  const [{ rows } = { rows: [] }] = await bench("memory");
  const [schedule, sleeping, awake] = rows.map(({ heap }) => heap!);
  assert(schedule! < 100, `a schedule takes ${schedule}`);
  assert(sleeping! < 100, `a sleeping actor takes ${sleeping}`);
  // It is in memory, so the measurement sees what is there.
  assert(awake! > 100 && awake! <= 4096, `an awake actor takes ${awake}`);
});

test("an idle connection takes at most 1 KB more than a bare socket", async () => {
  const [memory, broadcast] = await bench("connections");
  const more = memory!.rows.find(({ server }) => server === "more")!.heap;
  assert(more <= 1024, `it takes ${more} bytes more`);
  for (const { ratio } of broadcast!.rows) assertPositive(ratio);
});

for (const part of ["fairness", "local", "schedules", "sleepers", "start"]) {
  test(`the bench measures ${part}`, async () =>
    assertMeasured(await bench(part)));
}

test("the bench measures growth, and plots it", async () => {
  using folder = new Folder();
  assertMeasured(await bench("growth", { folder }));
  const path = join(folder.path, `growth-${runtime}.svg`);
  const svg = await readFile(path, "utf8");
  for (const text of ["<svg", "awake actors", "size of the state", "</svg>"]) {
    assertStringIncludes(svg, text);
  }
});

test(
  "the bench compares with RivetKit on each runtime that it has, and with workerd",
  async () => {
    const tables = await bench("peers", {
      file: "peers.ts",
      end: /^Written to .+$/m,
    });
    const peers = [
      "RivetKit .+ Node v",
      "RivetKit .+ Node v22",
      "RivetKit .+ Bun",
      "workerd",
    ];
    assertEquals(tables.length, peers.length);
    for (const [i, { title, rows }] of tables.entries()) {
      assertMatch(title, new RegExp(`beside ${peers[i]}`));
      assertEquals(rows.length, 4);
      for (const { times } of rows) assertPositive(times);
    }
  },
  {
    skip: runtime === "bun"
      ? "it fetches and runs the same peers as on Deno, for minutes"
      : undefined,
  },
);

/** What one part of the bench writes. */
async function bench(
  part: string,
  { folder, file = "main.ts", end = /^The bench has ended$/m }: {
    folder?: Folder;
    file?: string;
    end?: RegExp;
  } = {},
): Promise<Tables> {
  using own = new Folder();
  const { path } = folder ?? own;
  const args = ["--quick", "--out", path];
  if (file === "main.ts") args.push(part);
  await using program = startProgram(file, args);
  await waitForLine(program, end);
  const written = await readFile(join(path, `${part}-${runtime}.json`), "utf8");
  return JSON.parse(written).tables;
}

function assertMeasured(tables: Tables): void {
  assert(tables.length > 0);
  for (const { rows } of tables) {
    assert(rows.length > 0);
    for (const row of rows) {
      const numbers = Object.values(row).filter((cell) => cell !== "");
      assert(numbers.length > 1, JSON.stringify(row));
    }
  }
}

/** The tables of a part; a row has its cells by the names of the columns. */
// deno-lint-ignore no-explicit-any -- text or a number, which the name tells
type Tables = { title: string; rows: Record<string, any>[] }[];

function assertPositive(number: unknown): void {
  assert(typeof number === "number" && number > 0 && number < Infinity);
}
