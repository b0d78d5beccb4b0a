// Counters in this very process: no server, no port. It ends by itself.
//
//   deno run -A examples/counter.ts
//   bun examples/counter.ts
//
// Run it twice: the counts go on, for they are on disk before anybody is told of them.

import { actor, createClient, setup } from "@troupe/actors";

const counter = actor({
  state: { count: 0 },
  actions: {
    increment(c, by: number) {
      c.state.count += by;
      c.broadcast("changed", c.state.count);
      return c.state.count;
    },
    get: (c) => c.state.count,
  },
});

const registry = setup({ use: { counter } });

// Without a URL a client calls the registry of its own process.
const client = createClient<typeof registry>();

// One key, one actor. It is there from the first call on.
const apples = client.counter.getOrCreate("apples");
const pears = client.counter.getOrCreate("pears");

// Who wants to hear of changes connects.
const connection = apples.connect();
connection.on("changed", (count) => console.log(`heard: ${count} apples`));

console.log(`apples before: ${await connection.get()}`);
console.log(`apples after one more: ${await connection.increment(1)}`);

// Ten callers at once, and none of them is lost.
await Promise.all(Array.from({ length: 10 }, () => pears.increment(2)));
console.log(`pears after ten times two more: ${await pears.get()}`);

await client.dispose();
