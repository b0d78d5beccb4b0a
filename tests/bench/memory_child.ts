// Measures the memory of this process before and after it has made many of one thing:
// `memory_child.ts schedules|sleeping|awake STORE FOLDER COUNT`.

import process from "node:process";
import { setTimeout as pause } from "node:timers/promises";
import { actor, createClient, setup } from "../../mod.ts";
import { type Held, measureHeld } from "./held.ts";
import { openStore, type StoreName } from "./stores.ts";

/** What there are many of. */
export type What = "schedules" | "sleeping" | "awake";

const [what = "", store, folder = "", count] = process.argv.slice(2);
const dayMs = 24 * 60 * 60 * 1000;
// Made before the measurement begins: caches fill, and code is compiled.
const first = 1000;
// Actors that are made at once.
const width = 64;

let asleep = 0;
let made = 0;
const state = { count: 0, text: "x".repeat(80) };
const actions = { count: (c: { state: { count: number } }) => ++c.state.count };

const awake = actor({ state, actions, options: { sleepTimeout: dayMs } });
const sleeping = actor({
  state,
  actions,
  options: { sleepTimeout: 100 },
  onSleep: () => void asleep++,
});
const planner = actor({
  options: { sleepTimeout: 100 },
  onSleep: () => void asleep++,
  actions: {
    plan: (c, calls: number) => {
      for (let i = 0; i < calls; i++) c.schedule.after(dayMs + i, "plan", 0);
    },
  },
});
const registry = setup({
  use: { awake, sleeping, planner },
  store: openStore(store as StoreName, folder),
});
const client = createClient<typeof registry>();

const make: Record<What, (count: number) => Promise<void>> = {
  async schedules(count) {
    const all = asleep + Math.ceil(count / first);
    // As many as one actor may have.
    for (let left = count; left > 0; left -= first) {
      const planner = await client.planner.create(`planner-${made++}`);
      await planner.plan(Math.min(left, first));
    }
    await allAsleep(all);
  },
  async sleeping(count) {
    const all = asleep + count;
    await makeActors(count, (key) => client.sleeping.create(key));
    await allAsleep(all);
  },
  awake: (count) => makeActors(count, (key) => client.awake.create(key)),
};

// As many as follow, of those that are gone afterwards: what the process has once had it keeps. It
// remembers some of the last 10,000, so there must be more.
await make[what as What](what === "sleeping" ? Number(count) : first);
const before = await measureHeld();
await make[what as What](Number(count));
const after = await measureHeld();
const held: Held = {
  heapBytes: after.heapBytes - before.heapBytes,
  residentBytes: after.residentBytes - before.residentBytes,
};
console.log(`held ${JSON.stringify(held)}`);
await registry.shutdown();

async function allAsleep(all: number): Promise<void> {
  while (asleep < all) await pause(20);
  // Its hook runs before it leaves.
  await pause(200);
}

async function makeActors(
  count: number,
  create: (
    key: string,
  ) => Promise<{ count(): Promise<number> }>,
): Promise<void> {
  const last = made + count;
  const work = Array.from({ length: width }, async () => {
    while (made < last) await (await create(`actor-${made++}`)).count();
  });
  await Promise.all(work);
}
