// A kitchen that cooks one order after the other, each once, though it is killed in between.
//
//   deno run -A examples/queue.ts           or with dishes of your own:
//   bun examples/queue.ts                   bun examples/queue.ts soup tea
//
// It takes orders and prints each dish that is served. Kill it in between, even with kill -9, and start
// it again: it goes on with the dish that it was at, and serves none twice.

import { actor, createClient, queue, setup } from "@troupe/actors";
import process from "node:process";

const kitchen = actor({
  state: { ordered: [] as string[], served: [] as string[] },
  queues: {
    orders: queue<string>(),
    // What is asked through a queue waits for its turn: behind all orders before it.
    bill: queue<null, string[]>(),
  },
  /** Begins at every wake, and may sleep while there is nothing to cook. */
  async run(c) {
    for await (const message of c.queue.iter({ completable: true })) {
      if (message.name === "bill") {
        await message.complete(c.state.served);
        continue;
      }
      await cook();
      // That a dish is served is written as its order leaves the queue, or not at all.
      c.state.served.push(message.body);
      c.broadcast("served", message.body);
      await message.complete();
    }
  },
  actions: {
    /** Takes orders, unless some are still to be served. They are written together, or not at all. */
    async order(c, dishes: string[]) {
      const { ordered, served } = c.state;
      if (served.length < ordered.length) return { ordered, served };
      c.state = { ordered: dishes, served: [] };
      for (const dish of dishes) await c.queue.send("orders", dish);
      return { ordered: dishes, served: [] };
    },
  },
});

const registry = setup({ use: { kitchen } });

// A registry that is served wakes every actor for which a message waits.
const server = registry.serve();

const client = createClient<typeof registry>();
const main = client.kitchen.getOrCreate("main");
const connection = main.connect();
connection.on("served", (dish: string) => console.log(`Served: ${dish}`));

const dishes = process.argv.slice(2);
const { ordered, served } = await connection.order(
  dishes.length > 0 ? dishes : ["soup", "salad", "pasta", "cheese", "coffee"],
);
if (served.length === 0) {
  console.log(`Ordered: ${ordered.join(", ")}. Kill me, and start me again.`);
} else {
  console.log(`Served before this start: ${served.join(", ")}`);
}

const bill = await main.send("bill", null, { wait: true });
if (bill.status === "completed") {
  console.log(`All is served: ${bill.response.join(", ")}`);
}
await client.dispose();
await server.shutdown();

function cook(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 300));
}
