// What lies in memory for each pending schedule, each actor that sleeps, and each that is awake with
// nothing to do. Each is measured in a process of its own, by memory_child.ts.

import { join } from "node:path";
import { type BenchOptions, show } from "./figures.ts";
import type { Held } from "./held.ts";
import type { What } from "./memory_child.ts";
import { startProgram, waitForLine } from "./program.ts";
import { type StoreName, storeNames } from "./stores.ts";

const titles: Record<What, string> = {
  schedules: "pending schedule",
  sleeping: "sleeping actor",
  awake: "awake idle actor",
};

const counts = { schedules: 100_000, sleeping: 20_000, awake: 20_000 };
// So many that what each one costs stands out from what the process itself does.
const quickCounts = { schedules: 20_000, sleeping: 20_000, awake: 1_000 };

/** Measures and prints. */
export async function benchMemory(
  { isQuick, scratch: folder, report }: BenchOptions,
): Promise<void> {
  const rows = [];
  for (const store of isQuick ? storeNames.slice(0, 1) : storeNames) {
    for (const what of ["schedules", "sleeping", "awake"] as const) {
      const count = (isQuick ? quickCounts : counts)[what];
      const held = await hold(what, { store, folder, count });
      rows.push([
        `${titles[what]}, ${store}`,
        show(count),
        show(held.heapBytes / count),
        show(held.residentBytes / count),
      ]);
    }
  }
  report({
    title: "Bytes of memory for each one",
    names: ["what", "how many", "heap", "resident"],
    rows,
  });
}

async function hold(
  what: What,
  { store, folder, count }: { store: StoreName; folder: string; count: number },
): Promise<Held> {
  const path = join(folder, `${what}-${store}`);
  await using child = startProgram("memory_child.ts", [
    what,
    store,
    path,
    `${count}`,
  ]);
  const [, line] = await waitForLine(child, /^held (.+)$/m);
  return JSON.parse(line!);
}
