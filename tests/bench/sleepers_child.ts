// Finds actors that sleep in a store by their keys, and measures the memory of this process:
// `sleepers_child.ts STORE FOLDER COUNT`.

import process from "node:process";
import { createClient, setup } from "../../mod.ts";
import { counter } from "./counter.ts";
import { quantile } from "./figures.ts";
import { type Held, measureHeld } from "./held.ts";
import { openStore, type StoreName } from "./stores.ts";

/** What is found out. */
export interface Sleepers extends Held {
  /** Milliseconds until an actor is found by its key. */
  p50: number;
  p99: number;
}

const [store, folder = "", count] = process.argv.slice(2);
const lookups = 2000;

const registry = setup({
  use: { counter },
  store: openStore(store as StoreName, folder),
  noWelcome: true,
});
const client = createClient<typeof registry>();
const times: number[] = [];
for (let i = 0; i < lookups; i++) {
  const key = `key-${Math.floor(Math.random() * Number(count))}`;
  const start = performance.now();
  await client.counter.get([key]).resolve();
  times.push(performance.now() - start);
}
// It is the actor that was meant.
const last = Number(count) - 1;
const found = await client.counter.get([`key-${last}`]).read();
if (found !== last) throw new Error(`Actor ${last} has ${found}`);
const sleepers: Sleepers = {
  ...await measureHeld(),
  p50: quantile(times, 0.5),
  p99: quantile(times, 0.99),
};
console.log(`found ${JSON.stringify(sleepers)}`);
await registry.shutdown();
