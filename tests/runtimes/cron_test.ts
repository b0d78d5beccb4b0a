// A job in a process that is killed between its runs.

import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import type { CronFire } from "../../mod.ts";
import { inFolder } from "../contracts/store_steps.ts";
import { test } from "../harness.ts";
import { Program } from "./process.ts";

const intervalMs = 5_000;
const file = new URL("ticking.ts", import.meta.url).pathname;
const args = "Deno" in globalThis ? ["run", "-A", file] : [file];
const runtime = "Deno" in globalThis ? "deno" : "bun";

interface Reading {
  ticks: number[];
  runs: CronFire[];
}

test("a job goes on after kill -9: each run once, what was missed in one, and in step", () =>
  inFolder(async (folder) => {
    const path = join(folder, "actors.sqlite");
    const first = await killedAfter(path, 1);
    const second = await killedAfter(path, 2);
    assertEquals(second.ticks.slice(0, 1), first.ticks);
    // Two runs come due while no process is there.
    const wait = second.ticks[1]! + 2 * intervalMs + 100 - Date.now();
    await new Promise((resolve) => setTimeout(resolve, wait));
    const { ticks, runs } = await killedAfter(path, 4);
    assertEquals(ticks.slice(0, 2), second.ticks);
    assertEquals(ticks[2], ticks[1]! + intervalMs);
    assert(ticks[3]! > ticks[2]! + intervalMs, "the one after was missed");
    for (const tick of ticks) {
      assertEquals((tick - ticks[0]!) % intervalMs, 0);
    }
    assertEquals(
      runs.map(({ scheduledAt, result }) => [scheduledAt, result]),
      ticks.toReversed().map((tick) => [tick, "ok"]),
    );
  }));

/** What a process says when the job has run so many times; it is killed then. */
async function killedAfter(path: string, count: number): Promise<Reading> {
  await using program = Program.start(runtime, [...args, path]);
  const ticks = Array.from({ length: count }, () => "\\d+").join(",");
  const [, reading] = await program.line(
    new RegExp(`^now (\\{"ticks":\\[${ticks}\\].*\\})$`, "m"),
  );
  return JSON.parse(reading!);
}
