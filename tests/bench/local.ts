// What goes on in one process: calls from actor to actor, actors that wake, actors that are made, each
// beside what it cannot be faster than. Both take turns, and medians are compared.

import { join } from "node:path";
import { actor, createClient, memoryStore, setup } from "../../mod.ts";
import type { Step, Store } from "../../src/stores/store.ts";
import { counter } from "./counter.ts";
import {
  type BenchOptions,
  median,
  quantile,
  type Row,
  show,
} from "./figures.ts";
import { openStore, type StoreName, storeNames } from "./stores.ts";

/** How long and how often. */
interface Effort {
  turns: number;
  /** Actors of one turn. */
  actors: number;
  /** Calls of one turn. */
  calls: number;
}

// Callers at once, where there are many.
const width = 64;

/** Measures and prints. */
export async function benchLocal(
  { isQuick, scratch: folder, report }: BenchOptions,
): Promise<void> {
  const effort = isQuick
    ? { turns: 2, actors: 64, calls: 500 }
    : { turns: 7, actors: 4000, calls: 100_000 };
  const turns = `medians of ${effort.turns} turns each`;
  report({
    title: `Reads from actor to actor, in calls a second; ${turns}`,
    names: ["callers", "Troupe", "an async function", "ratio"],
    rows: [await callsBetween(1, effort), await callsBetween(width, effort)],
  });
  const wakes: Row[] = [];
  const births: Row[] = [];
  for (const store of storeNames) {
    const world = await openWorld(store, join(folder, store));
    wakes.push(await wakesOf(world, effort));
    births.push(await birthsOf(world, effort));
    await world.close();
  }
  report({
    title: `From sleep to the answer, in milliseconds; ${turns}`,
    names: ["store", "p50", "p99", "the store's load p50", "ratio"],
    rows: wakes,
  });
  report({
    title: `New actors and their first write, a second, ${width} at once; ` +
      turns,
    names: ["store", "Troupe", "the store's own commits", "ratio"],
    rows: births,
  });
}

async function callsBetween(
  callers: number,
  { turns, calls }: Effort,
): Promise<Row> {
  const caller = actor({
    actions: {
      // The calls a second of so many callers to one actor.
      rate: async (c, actorId: string) => {
        const handle = c.client<typeof registry>().counter.getForId(actorId);
        return await rateOf(callers, calls, () => handle.read());
      },
    },
  });
  const registry = setup({
    use: { counter, caller },
    store: memoryStore(),
    noWelcome: true,
  });
  const client = createClient<typeof registry>();
  const actorId = await (await client.counter.create(["called"])).resolve();
  const handle = await client.caller.create(["calls"]);
  const state = { count: 0 };
  // deno-lint-ignore require-await -- what a call from actor to actor cannot do without
  const read = async () => state.count;
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let i = -1; i < turns; i++) {
    const our = await handle.rate(actorId);
    const their = await rateOf(callers, calls, read);
    if (i < 0) continue;
    ours.push(our);
    theirs.push(their);
  }
  await registry.shutdown();
  return ratesRow(`${callers}`, ours, theirs);
}

async function rateOf(
  callers: number,
  calls: number,
  call: () => Promise<unknown>,
): Promise<number> {
  let left = calls;
  const start = performance.now();
  await Promise.all(Array.from({ length: callers }, async () => {
    while (left-- > 0) await call();
  }));
  return calls / (performance.now() - start) * 1000;
}

type World = Awaited<ReturnType<typeof openWorld>>;

async function openWorld(name: StoreName, folder: string) {
  let asleep = 0;
  let onAsleep = () => {};
  const sleeper = actor({
    state: { count: 0, text: "x".repeat(80) },
    actions: { read: (c) => c.state.count },
    options: { sleepTimeout: 20 },
    onSleep: () => {
      asleep++;
      onAsleep();
    },
  });
  const store = await openStore(name, join(folder, "ours"));
  const registry = setup({ use: { counter, sleeper }, store, noWelcome: true });
  const bare = await openStore(name, join(folder, "bare"));
  return {
    name,
    store,
    bare,
    client: createClient<typeof registry>(),
    /** Resolves when so many more have fallen asleep. */
    asleep(count: number): Promise<void> {
      const { promise, resolve } = Promise.withResolvers<void>();
      const all = asleep + count;
      onAsleep = () => {
        // Its hook runs before it leaves.
        if (asleep === all) setTimeout(resolve, 100);
      };
      return promise;
    },
    async close() {
      await registry.shutdown();
      await bare.close();
    },
  };
}

// Each actor is called once, after the one before it has answered.
async function wakesOf(world: World, { turns, actors }: Effort): Promise<Row> {
  const ours: number[][] = [];
  const theirs: number[] = [];
  for (let i = -1; i < turns; i++) {
    const count = Math.min(actors, 500);
    const asleep = world.asleep(count);
    const handles = await Promise.all(
      Array.from({ length: count }, async (_, j) => {
        const handle = await world.client.sleeper.create([`sleeper ${i} ${j}`]);
        return { handle, actorId: await handle.resolve() };
      }),
    );
    await asleep;
    const our = await timesOf(handles, ({ handle }) => handle.read());
    const their = await timesOf(
      handles,
      ({ actorId }) => world.store.load(actorId),
    );
    if (i < 0) continue;
    ours.push(our);
    theirs.push(median(their));
  }
  const p50 = median(ours.map(median));
  const p99 = median(ours.map((times) => quantile(times, 0.99)));
  const load = median(theirs);
  const all = [p50, p99, load];
  return [world.name, ...all.map((ms) => show(ms, 3)), show(load / p50, 2)];
}

async function timesOf<T>(
  all: readonly T[],
  run: (one: T) => Promise<unknown>,
): Promise<number[]> {
  const times: number[] = [];
  for (const one of all) {
    const start = performance.now();
    await run(one);
    times.push(performance.now() - start);
  }
  return times;
}

async function birthsOf(world: World, { turns, actors }: Effort): Promise<Row> {
  const { client, bare } = world;
  const fence = await bare.claim();
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let i = -1; i < turns; i++) {
    let next = 0;
    const our = await rateOf(
      width,
      actors,
      () => client.counter.getOrCreate([`born ${i} ${next++}`]).write(1),
    );
    const their = await commitRate(bare, fence, actors);
    if (i < 0) continue;
    ours.push(our);
    theirs.push(their);
  }
  return ratesRow(world.name, ours, theirs);
}

// Actors that are made and written once more, so many of them in each commit.
async function commitRate(
  store: Store,
  fence: number,
  actors: number,
): Promise<number> {
  const record = new Uint8Array(9);
  const snapshot = new TextEncoder().encode("x".repeat(100));
  const start = performance.now();
  for (let made = 0; made < actors; made += width) {
    // In the order of time, as ours are.
    const ids = Array.from(
      { length: width },
      (_, i) => `${Date.now()}-${`${made + i}`.padStart(9, "0")}`,
    );
    await commit(ids.map((actorId) => ({
      ...{ actorId, fence, expectedRevision: 0, record, snapshot },
      create: { name: "alone", key: actorId },
    })));
    await commit(ids.map((actorId) => ({
      ...{ actorId, fence, expectedRevision: 1 },
      snapshot: snapshot.map((byte) => byte + 1),
    })));
  }
  return actors / (performance.now() - start) * 1000;

  async function commit(steps: Step[]): Promise<void> {
    for (const outcome of await store.commit(steps)) {
      if (!outcome.ok) throw new Error(`The store refused: ${outcome.reason}`);
    }
  }
}

function ratesRow(
  title: string,
  ours: readonly number[],
  theirs: readonly number[],
): Row {
  const [our, their] = [median(ours), median(theirs)];
  return [title, show(our), show(their), show(our / their, 3)];
}
