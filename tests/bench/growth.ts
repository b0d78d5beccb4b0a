// How the cost of an action grows: with the number of actors that are awake, and with the size of the
// state of one. Nothing should grow; the tables say where something does, and the plots show it.
//
// Calls come from this process. Every number of actors has a registry and a file of its own, and all of
// them are there for the whole time; turns go round all points, so that what else the machine does
// hits all of them alike.
//
// - Actors: 64 callers, each with one call under way to any of the actors. Where there are fewer actors
//   than callers, one step holds the changes of many calls, which is cheaper; so each point stands
//   beside the first that has an actor for each caller. Calls to the same 64 of all actors tell what
//   those cost that are awake and not called: calls to any of many actors find nothing in the
//   processor's caches, and few rows in one page of the store, whatever we do.
// - Sizes: one caller, which changes or reads one number in any item of a list. A state of 1 KB is
//   written whole by every step. Of larger ones a step is a snapshot of the whole every so often, which
//   may be too seldom to be in a turn; so a table of its own tells what that costs, and what its share
//   of every write is.

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { actor, setup } from "../../mod.ts";
import type { Store } from "../../src/stores/store.ts";
import { Meter } from "./append.ts";
import {
  type BenchOptions,
  median,
  quantile,
  type Row,
  show,
  type Table,
} from "./figures.ts";
import { clientOfLast } from "./last_client.ts";
import { type Panel, svgOf } from "./plot.ts";
import { runtime } from "./program.ts";
import { openStore, storeNames } from "./stores.ts";

// So that none falls asleep while it is not its turn.
const options = { sleepTimeout: 24 * 60 * 60 * 1000 };

const small = actor({
  state: { count: 0, text: "x".repeat(80) },
  options,
  actions: {
    read: (c) => c.state.count,
    write: (c) => ++c.state.count,
  },
});

const large = actor({
  createState: (_c, bytes: number) => ({
    items: Array.from(
      { length: Math.floor(bytes / JSON.stringify(itemOf(1000)).length) },
      (_, id) => itemOf(id),
    ),
  }),
  options,
  actions: {
    read: (c) => anyOf(c.state.items).count,
    write: (c, changes: number) => {
      const { items } = c.state;
      for (let i = 0; i < changes; i++) anyOf(items).count++;
    },
  },
});

interface Plan {
  turns: number;
  turnMs: number;
  plainWrites: number;
  snapshots: number;
  actors: number[];
  kilobytes: number[];
}

const plan: Plan = {
  turns: 7,
  turnMs: 300,
  plainWrites: 200,
  snapshots: 3,
  actors: [1, 10, 100, 1000, 10_000],
  kilobytes: [1, 10, 100, 1000, 10_000],
};

const quickPlan: Plan = {
  turns: 2,
  turnMs: 30,
  plainWrites: 20,
  snapshots: 1,
  actors: [1, 10, 100],
  kilobytes: [1, 10, 100],
};

const callers = 64;

/** One turn of one point, or the medians of all its turns. */
interface Turn {
  /** Actions per second. */
  rate: number;
  p99Ms: number;
}

/** What is called again and again: one way of it at one place of the x axis. */
interface Subject {
  line: string;
  x: number;
  callers: number;
  call(): Promise<unknown>;
}

type Point = Pick<Subject, "line" | "x"> & Turn;

/** What a number on an x axis stands for, and the one that others stand beside. */
interface Axis {
  title: string;
  xTitle: string;
  textOf(x: number): string;
  reference: number;
}

/** Measures, prints and plots. */
export async function benchGrowth(
  { isQuick, scratch: folder, folder: outFolder, report }: BenchOptions,
): Promise<void> {
  const how = isQuick ? quickPlan : plan;
  const medians = `medians of ${how.turns} turns each`;
  const actorsAxis: Axis = {
    title: `Awake actors, ${callers} callers; ${medians}`,
    xTitle: "awake actors",
    textOf: (x) => x.toLocaleString("en-US"),
    reference: how.actors.find((count) => count >= callers)!,
  };
  const sizesAxis: Axis = {
    title: `Size of the state, one actor and one caller; ${medians}`,
    xTitle: "size of the state",
    textOf: sizeText,
    reference: how.kilobytes[0]!,
  };
  const actors = await measureActors(folder, how);
  report(tableOf(actors, actorsAxis));
  const { points: sizes, snapshots } = await measureSizes(folder, how);
  report(tableOf(sizes, sizesAxis));
  report(snapshots);
  const svg = await svgOf(
    `How costs grow, on ${runtime === "deno" ? "Deno" : "Bun"}`,
    [
      ...panelsOf(actors, actorsAxis),
      ...panelsOf(sizes, sizesAxis),
    ],
  );
  const path = join(outFolder, `growth-${runtime}.svg`);
  await writeFile(path, svg);
  console.log(`\nPlotted to ${path}`);
}

async function measureActors(folder: string, how: Plan): Promise<Point[]> {
  const subjects: Subject[] = [];
  const ends: (() => Promise<void>)[] = [];
  for (const name of storeNames) {
    for (const x of how.actors) {
      const store = await openStore(name, join(folder, `${name}-${x}`));
      const { write, read, end } = await startActors(store, x);
      ends.push(end);
      const add = (way: string, call: (among: number) => Promise<unknown>) => {
        subjects.push({ line: way, x, callers, call: () => call(x) });
        if (x <= callers) return;
        const line = `${way}, the same ${callers}`;
        subjects.push({ line, x, callers, call: () => call(callers) });
      };
      add(`write, ${name}`, write);
      // Reads do not reach the store, so one store is enough for them.
      if (name === storeNames[0]) add("read", read);
    }
  }
  const points = await measure(subjects, how);
  for (const end of ends) await end();
  return points;
}

async function startActors(store: Store, count: number) {
  const registry = setup({ use: { small }, store });
  const client = clientOfLast<typeof registry>();
  const handles: Awaited<ReturnType<typeof client.small.create>>[] = [];
  const create = async () => {
    const handle = await client.small.create([crypto.randomUUID()]);
    handles.push(handle);
  };
  for (let left = count; left > 0; left -= callers) {
    await Promise.all(Array.from({ length: Math.min(left, callers) }, create));
  }
  let writes = 0;
  return {
    read: (among: number) => anyOf(handles, among).read(),
    async write(among: number) {
      await anyOf(handles, among).write();
      writes++;
    },
    /** Checks that every write has changed a state once. */
    async end() {
      const counts = await Promise.all(handles.map((handle) => handle.read()));
      const sum = counts.reduce((sum, count) => sum + count, 0);
      if (sum !== writes) throw new Error(`${writes} writes made ${sum}`);
      await registry.shutdown();
    },
  };
}

/** An actor with a large state. */
interface Large {
  line: string;
  x: number;
  write(changes: number): Promise<unknown>;
  read(): Promise<unknown>;
  meter: Meter;
}

async function measureSizes(
  folder: string,
  how: Plan,
): Promise<{ points: Point[]; snapshots: Table }> {
  const all: Large[] = [];
  const ends: (() => Promise<void>)[] = [];
  for (const name of storeNames) {
    const meter = new Meter(await openStore(name, join(folder, name)));
    const registry = setup({ use: { large }, store: meter.store });
    ends.push(() => registry.shutdown());
    const client = clientOfLast<typeof registry>();
    for (const x of how.kilobytes) {
      const handle = await client.large.create([`${x}`], { input: x * 1000 });
      const { read, write } = handle;
      all.push({ line: `write, ${name}`, x, read, write, meter });
    }
  }
  const reads = all.filter(({ line }) => line === all[0]!.line);
  const points = await measure([
    ...all.map(({ line, x, write }) => ({
      line,
      x,
      callers: 1,
      call: () => write(1),
    })),
    ...reads.map(({ x, read }) => ({
      line: "read",
      x,
      callers: 1,
      call: read,
    })),
  ], how);
  const rows: Row[] = [];
  // The smallest is written whole by every step.
  const journaled = all.filter(({ x }) => x > how.kilobytes[0]!);
  for (const one of journaled) rows.push(await snapshotRow(one, how));
  for (const end of ends) await end();
  const snapshots = {
    title: `Writes that carry a snapshot; medians of ${how.snapshots} each`,
    names: [
      "store and state",
      "write ms",
      "with snapshot ms",
      "every",
      "mean ms with it",
    ],
    rows,
  };
  return { points, snapshots };
}

/** What plain writes cost, and those that carry a snapshot, which come sooner here than they would. */
async function snapshotRow(
  { line, x, write, meter }: Large,
  how: Plan,
): Promise<Row> {
  const timed = async (changes: number) => {
    meter.take();
    const begin = performance.now();
    await write(changes);
    return { ms: performance.now() - begin, ...meter.take() };
  };
  const plain = [];
  while (plain.length < how.plainWrites) {
    const sample = await timed(1);
    if (!sample.hasSnapshot) plain.push(sample);
  }
  const whole = [];
  while (whole.length < how.snapshots) {
    // So many changes at once as take no time beside a snapshot.
    const sample = await timed(x);
    if (sample.hasSnapshot) whole.push(sample);
  }
  const writeMs = median(plain.map(({ ms }) => ms));
  const wholeMs = median(whole.map(({ ms }) => ms));
  const every = median(whole.map(({ bytes }) => bytes)) /
    median(plain.map(({ bytes }) => bytes));
  return [
    `${line}: ${sizeText(x)}`,
    show(writeMs, 3),
    show(wholeMs, 2),
    show(every),
    show(writeMs + (wholeMs - writeMs) / every, 3),
  ];
}

/** The medians of each subject's turns. */
async function measure(
  subjects: readonly Subject[],
  { turns, turnMs }: Plan,
): Promise<Point[]> {
  const all = subjects.map((subject) => ({ subject, taken: [] as Turn[] }));
  // The first turn of each is for the runtimes' compilers.
  for (let i = -1; i < turns; i++) {
    for (const { subject, taken } of all) {
      const turn = await takeTurn(subject, turnMs);
      if (i >= 0) taken.push(turn);
    }
  }
  const points = all.map(({ subject: { line, x }, taken }) => ({
    line,
    x,
    rate: median(taken.map(({ rate }) => rate)),
    p99Ms: median(taken.map(({ p99Ms }) => p99Ms)),
  }));
  return points.sort((a, b) => a.line < b.line ? -1 : a.line > b.line ? 1 : 0);
}

async function takeTurn(
  { callers, call }: Subject,
  turnMs: number,
): Promise<Turn> {
  const times: number[] = [];
  const begin = performance.now();
  const work = Array.from({ length: callers }, async () => {
    for (let now = begin; now - begin < turnMs;) {
      await call();
      const after = performance.now();
      times.push(after - now);
      now = after;
    }
  });
  await Promise.all(work);
  const seconds = (performance.now() - begin) / 1000;
  return { rate: times.length / seconds, p99Ms: quantile(times, 0.99) };
}

// How much worse than the reference a point may be and still be called flat.
const flatness = 1.5;

function tableOf(points: readonly Point[], axis: Axis): Table {
  const rows = points.map(({ line, x, rate, p99Ms }) => {
    const reference = points.find((other) =>
      other.line === line && other.x === axis.reference
    )!;
    const worse = [reference.rate / rate, p99Ms / reference.p99Ms];
    const isFlat = worse.every((factor) => factor <= flatness);
    return [
      `${line}: ${axis.textOf(x)}`,
      show(rate),
      show(rate / reference.rate, 2),
      show(p99Ms, 3),
      show(p99Ms / reference.p99Ms, 2),
      x <= axis.reference || isFlat ? "flat" : "not flat",
    ];
  });
  const base = axis.textOf(axis.reference);
  const names = [
    "what",
    "actions/s",
    `ratio to ${base}`,
    "p99 ms",
    `p99 to ${base}`,
    "growth",
  ];
  return { title: axis.title, names, rows };
}

function panelsOf(points: readonly Point[], axis: Axis): Panel[] {
  const xs = new Map(points.map(({ x }) => [x, axis.textOf(x)]));
  const panelOf = (title: string, valueOf: (turn: Turn) => number): Panel => ({
    title,
    xTitle: axis.xTitle,
    xs,
    spots: points.map((point) => ({
      line: point.line,
      x: point.x,
      y: valueOf(point),
    })),
  });
  return [
    panelOf("Actions per second", ({ rate }) => rate),
    panelOf("99 of 100 calls take at most, in ms", ({ p99Ms }) => p99Ms),
  ];
}

function sizeText(kilobytes: number): string {
  return kilobytes < 1000 ? `${kilobytes} KB` : `${kilobytes / 1000} MB`;
}

function itemOf(id: number) {
  return { id, count: 0, text: "x".repeat(70) };
}

/** Any of the first so many values; of all, if that is not said. */
function anyOf<V>(values: readonly V[], among = values.length): V {
  return values[Math.floor(Math.random() * among)]!;
}
