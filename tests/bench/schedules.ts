// Many schedules that are due within a minute: how late each one is, and what other callers notice.

import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { actor, createClient, setup } from "../../mod.ts";
import { counter } from "./counter.ts";
import { type BenchOptions, quantile, type Row, show } from "./figures.ts";
import { openStore, type StoreName, storeNames } from "./stores.ts";

interface Effort {
  schedules: number;
  /** The time in which all of them are due, from when the last one has been made. */
  withinMs: number;
}

// As many as one actor makes.
const share = 100;
// Callers beside, each of its own actor, and how long each rests between two calls.
const callers = 8;
const restMs = 10;

/** Measures and prints. */
export async function benchSchedules(
  { isQuick, scratch: folder, report }: BenchOptions,
): Promise<void> {
  const effort = isQuick
    ? { schedules: 1000, withinMs: 1000 }
    : { schedules: 100_000, withinMs: 60_000 };
  const rows: Row[] = [];
  for (const store of storeNames) {
    rows.push(await measure(store, join(folder, store), effort));
  }
  report({
    title: `${effort.schedules} schedules of actors that sleep, ` +
      `due within ${effort.withinMs / 1000} s; in milliseconds`,
    names: [
      "store",
      "run",
      "late p50",
      "late p99",
      "late at most",
      "others' reads p99",
      "others' writes p99",
      "writes before p99",
    ],
    rows,
  });
}

async function measure(
  name: StoreName,
  folder: string,
  { schedules, withinMs }: Effort,
): Promise<Row> {
  const late: number[] = [];
  const all = Promise.withResolvers<void>();
  const planner = actor({
    state: { ran: 0 },
    // They sleep until the first is due, and are awake while more come.
    options: { sleepTimeout: 5000 },
    actions: {
      plan: async (c, fromMs: number) => {
        for (let i = 0; i < share; i++) {
          const dueMs = Math.round(fromMs + Math.random() * withinMs);
          await c.schedule.at(dueMs, "run", dueMs);
        }
      },
      run: (c, dueMs: number) => {
        c.state.ran++;
        late.push(Date.now() - dueMs);
        if (late.length === schedules) all.resolve();
      },
    },
  });
  const registry = setup({
    use: { counter, planner },
    store: await openStore(name, folder),
    noWelcome: true,
  });
  const client = createClient<typeof registry>();
  const counters = await Promise.all(
    Array.from({ length: callers }, (_, i) => client.counter.create([`${i}`])),
  );
  const before = await others(counters, pause(Math.min(withinMs, 5000)));
  // None may be due before all are there.
  const fromMs = Date.now() + schedules / 5 + 1000;
  let next = 0;
  await Promise.all(Array.from({ length: 16 }, async () => {
    while (next < schedules / share) {
      await (await client.planner.create([`${next++}`])).plan(fromMs);
    }
  }));
  if (Date.now() > fromMs) throw new Error("It took too long to make them");
  await pause(fromMs - Date.now());
  const meanwhile = await others(counters, all.promise);
  await registry.shutdown();
  const p99 = (times: number[]) => show(quantile(times, 0.99), 2);
  return [
    name,
    show(late.length),
    show(quantile(late, 0.5)),
    show(quantile(late, 0.99)),
    show(quantile(late, 1)),
    p99(meanwhile.reads),
    p99(meanwhile.writes),
    p99(before.writes),
  ];
}

/** Others' calls, in milliseconds. */
interface Times {
  reads: number[];
  writes: number[];
}

/** An actor that others call. */
interface Counter {
  read(): Promise<number>;
  write(by: number): Promise<number>;
}

// Calls, a little at a time, until `end` resolves.
async function others(
  counters: readonly Counter[],
  end: Promise<void>,
): Promise<Times> {
  const times: Times = { reads: [], writes: [] };
  let isOver = false;
  const timed = async (all: number[], call: () => Promise<unknown>) => {
    const start = performance.now();
    await call();
    all.push(performance.now() - start);
  };
  const work = counters.map(async (counter) => {
    while (!isOver) {
      await timed(times.reads, () => counter.read());
      await timed(times.writes, () => counter.write(1));
      await pause(restMs);
    }
  });
  await end;
  isOver = true;
  await Promise.all(work);
  return times;
}
