// What it costs to append to an array in a large state, beside the same in a small one: through the
// client of this process, one append after the other, small and large in turns.
//
// Bytes are those of the steps that Troupe gives to the store. Every so often a step is a snapshot
// of the whole state, when the journal has grown as long as the snapshot before it; what that costs
// is a column of its own, and its share of every append is part of the mean.

import { actor, createClient, memoryStore, setup } from "../../mod.ts";
import type { Step, Store } from "../../src/stores/store.ts";
import {
  type BenchOptions,
  mean,
  median,
  quantile,
  type Row,
  show,
} from "./figures.ts";
import { openStore, storeNames } from "./stores.ts";

interface Item {
  id: number;
  text: string;
}

const list = actor({
  createState: (_c, members: number): { items: Item[] } => ({
    items: Array.from({ length: members }, (_, i) => itemOf(i)),
  }),
  actions: {
    append: (c, count: number) => {
      const { items } = c.state;
      const { length } = items;
      items.push(
        ...Array.from({ length: count }, (_, i) => itemOf(length + i)),
      );
    },
    cut: (c, length: number) => {
      c.state.items.length = length;
    },
  },
});

const smallLength = 10 * 1024;
const largeLength = 10 * 1024 * 1024;

/** One append: how long it took, and what it wrote. */
interface Sample extends Written {
  ms: number;
}

interface Written {
  bytes: number;
  hasSnapshot: boolean;
}

/** One of the two states. */
interface Subject {
  append(count: number): Promise<void>;
  /** Takes away what was appended. */
  cut(): Promise<void>;
  samples: Sample[];
  /** The median time of each batch. */
  medians: number[];
}

/** Measures and prints. */
export async function benchAppend(
  { isQuick, scratch: folder, report }: BenchOptions,
): Promise<void> {
  const batches = isQuick ? 8 : 40;
  const rows = [];
  for (const name of storeNames) {
    const meter = new Meter(await openStore(name, folder));
    rows.push(...await measure(name, meter, batches));
  }
  // What is left when the disk is not counted.
  rows.push(...await measure("memory", new Meter(memoryStore()), batches));
  report({
    title:
      `Appending to an array; medians of ${batches} batches of ${batchSize} each`,
    names: [
      "store and state",
      "ms",
      "ratio",
      "bytes",
      "p99 ms",
      "snapshot ms",
      "every",
      "mean ms with it",
    ],
    rows,
  });
}

const batchSize = 25;

async function measure(
  name: string,
  meter: Meter,
  batches: number,
): Promise<Row[]> {
  const registry = setup({ use: { list }, store: meter.store });
  const client = createClient<typeof registry>();
  const start = async (key: string, length: number): Promise<Subject> => {
    const members = Math.round(length / JSON.stringify(itemOf(0)).length);
    const handle = await client.list.create([key], { input: members });
    return {
      append: (count) => handle.append(count),
      cut: () => handle.cut(members),
      samples: [],
      medians: [],
    };
  };
  const append = async (subject: Subject, count = 1): Promise<Sample> => {
    const begin = performance.now();
    await subject.append(count);
    return { ms: performance.now() - begin, ...meter.take() };
  };
  const small = await start("small", smallLength);
  const large = await start("large", largeLength);
  meter.take();
  for (let i = -2; i < batches; i++) {
    for (const subject of [small, large]) {
      const batch: Sample[] = [];
      for (let j = 0; j < batchSize; j++) batch.push(await append(subject));
      await subject.cut();
      meter.take();
      if (i < 0) continue;
      subject.samples.push(...batch);
      subject.medians.push(median(batch.map(({ ms }) => ms)));
    }
  }
  // The large one would take too long to reach a snapshot one by one.
  const snapshots = {
    small: small.samples.filter(({ hasSnapshot }) => hasSnapshot),
    large: [] as Sample[],
  };
  while (snapshots.large.length === 0) {
    const sample = await append(large, 1000);
    if (sample.hasSnapshot) snapshots.large.push(sample);
  }
  await registry.shutdown();
  const ratio = median(large.medians) / median(small.medians);
  return [
    rowOf(`${name}, 10 KB`, small, { snapshots: snapshots.small, ratio: 1 }),
    rowOf(`${name}, 10 MB`, large, { snapshots: snapshots.large, ratio }),
  ];
}

function rowOf(
  title: string,
  { samples, medians }: Subject,
  { snapshots, ratio }: { snapshots: Sample[]; ratio: number },
): Row {
  const plain = samples.filter(({ hasSnapshot }) => !hasSnapshot);
  const bytes = median(plain.map(({ bytes }) => bytes));
  const snapshotMs = median(snapshots.map(({ ms }) => ms));
  const every = median(snapshots.map(({ bytes }) => bytes)) / bytes;
  const times = plain.map(({ ms }) => ms);
  return [
    title,
    show(median(medians), 3),
    show(ratio, 2),
    show(bytes),
    show(quantile(samples.map(({ ms }) => ms), 0.99), 3),
    show(snapshotMs, 2),
    show(every),
    show(mean(times) + snapshotMs / every, 3),
  ];
}

function itemOf(id: number): Item {
  return { id, text: "x".repeat(80) };
}

/** Counts what goes into a store. */
export class Meter {
  readonly store: Store;
  #bytes = 0;
  #hasSnapshot = false;

  constructor(store: Store) {
    this.store = new Proxy(store, {
      get: (store, key) => {
        const value: unknown = Reflect.get(store, key);
        if (typeof value !== "function") return value;
        return (...args: unknown[]) => {
          if (key === "commit") this.#count(args[0] as Step[]);
          return value.apply(store, args);
        };
      },
    });
  }

  /** What was written since this was asked last. */
  take(): Written {
    const written = { bytes: this.#bytes, hasSnapshot: this.#hasSnapshot };
    this.#bytes = 0;
    this.#hasSnapshot = false;
    return written;
  }

  #count(steps: readonly Step[]): void {
    for (const { snapshot, journal, record } of steps) {
      for (const part of [snapshot, journal, record]) {
        this.#bytes += part?.length ?? 0;
      }
      this.#hasSnapshot ||= snapshot !== undefined;
    }
  }
}
