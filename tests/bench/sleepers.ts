// What a million actors that sleep cost the process that may wake them: the memory of a process over a
// store that has them, beside one over a store that has a thousand, and how long it takes to find one of
// them by its key. Each is measured in a process of its own, by sleepers_child.ts.

import { join } from "node:path";
import { encodeRecord, toBytes } from "../../src/actor/record.ts";
import { type BenchOptions, median, type Row, show } from "./figures.ts";
import { startProgram, waitForLine } from "./program.ts";
import type { Sleepers } from "./sleepers_child.ts";
import { openStore, type StoreName, storeNames } from "./stores.ts";

/** Measures and prints. */
export async function benchSleepers(
  { isQuick, scratch: folder, report }: BenchOptions,
): Promise<void> {
  const counts = isQuick ? [100, 5000] : [1000, 1_000_000];
  const turns = isQuick ? 1 : 5;
  const rows: Row[] = [];
  for (const store of isQuick ? storeNames.slice(0, 1) : storeNames) {
    for (const count of counts) await fill(store, folder, count);
    const all = new Map<number, Sleepers[]>();
    for (let i = 0; i < turns; i++) {
      for (const count of counts) {
        const found = await look(store, folder, count);
        all.set(count, [...all.get(count) ?? [], found]);
      }
    }
    for (const [count, found] of all) rows.push(rowOf(store, count, found));
  }
  report({
    title: `Actors that sleep; medians of ${turns} processes each`,
    names: [
      "store",
      "actors",
      "heap KB",
      "resident KB",
      "lookup p50 ms",
      "lookup p99 ms",
    ],
    rows,
  });
}

function rowOf(store: StoreName, count: number, all: Sleepers[]): Row {
  const of = (read: (one: Sleepers) => number) => median(all.map(read));
  return [
    store,
    show(count),
    show(of(({ heapBytes }) => heapBytes) / 1024),
    show(of(({ residentBytes }) => residentBytes) / 1024),
    show(of(({ p50 }) => p50), 3),
    show(of(({ p99 }) => p99), 3),
  ];
}

// As a program would have made them, but many in each commit.
async function fill(
  name: StoreName,
  folder: string,
  count: number,
): Promise<void> {
  const store = await openStore(name, join(folder, `${name}-${count}`));
  const fence = await store.claim();
  const made = { createdAt: Date.now(), input: undefined, isReady: true };
  const record = encodeRecord(made, "the record");
  const size = 100;
  for (let first = 0; first < count; first += size) {
    const outcomes = await store.commit(
      Array.from({ length: size }, (_, i) => ({
        actorId: `${first + i}`.padStart(32, "0"),
        fence,
        expectedRevision: 0,
        create: { name: "counter", key: `key-${first + i}` },
        record,
        snapshot: toBytes(
          JSON.stringify({ count: first + i, text: "x".repeat(80) }),
        ),
      })),
    );
    if (!outcomes.every(({ ok }) => ok)) throw new Error("The store refused");
  }
  await store.close();
}

async function look(
  store: StoreName,
  folder: string,
  count: number,
): Promise<Sleepers> {
  const path = join(folder, `${store}-${count}`);
  await using child = startProgram("sleepers_child.ts", [
    store,
    path,
    `${count}`,
  ]);
  const [, line] = await waitForLine(child, /^found (.+)$/m);
  return JSON.parse(line!);
}
