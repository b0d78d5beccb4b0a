// Answers many requests that no client makes, and prints what is in memory before and after.

import { heapBytes } from "../protocol/heap.ts";
import { Random } from "../protocol/random.ts";
import { oddRequest } from "./odd_requests.ts";
import { Site } from "./site.ts";
import { things } from "./things.ts";

await using site = await Site.open(things);
const { clock, store, client } = site.world;
const id = await client.thing.getOrCreate("a").resolve();

// What a process has once had it keeps: code is compiled, and actors are known by their keys.
await ask(10_000);
const begin = await heapBytes();
await ask(10_000);
console.log(`heap ${begin} to ${await heapBytes()}`);

async function ask(count: number): Promise<void> {
  for (let seed = 0; seed < count; seed++) {
    const { path, ...init } = oddRequest(new Random(seed), id);
    const request = new Request(`http://actors.test${path}`, {
      ...init,
      body: init.body ?? null,
    });
    let isAnswered = false;
    const answer = site.ask(request).then((response) => response.bytes())
      .finally(() => isAnswered = true);
    await clock.settle();
    while (!isAnswered) await clock.pass(60_000);
    await answer;
    if (seed % 1_000 !== 0) continue;
    await clock.pass(60_000);
    store.commits.length = 0;
  }
}
