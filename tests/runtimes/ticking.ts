// A program with a job that runs every five seconds. It prints each run once that is durable; killed
// and started again, it goes on: `ticking.ts PATH`.

import process from "node:process";
import {
  actor,
  createClient,
  type ScheduledFireInfo,
  setup,
  sqliteStore,
} from "../../mod.ts";

const ticker = actor({
  state: { ticks: [] as number[] },
  actions: {
    start: (c) =>
      c.cron.every({ name: "tick", interval: 5000, action: "tick" }),
    tick(c, { scheduledAt }: ScheduledFireInfo) {
      c.state.ticks.push(scheduledAt);
      c.broadcast("ticked", scheduledAt);
    },
    read: async (c) => ({
      ticks: c.state.ticks,
      runs: await c.cron.history("tick"),
    }),
  },
  options: { sleepTimeout: 500 },
});

const registry = setup({
  use: { ticker },
  store: sqliteStore({ path: process.argv[2]! }),
});
registry.serve({ port: 0 });
const client = createClient<typeof registry>();
const connection = client.ticker.getOrCreate("a").connect();
connection.on("ticked", print);
await connection.start();
await print();

async function print(): Promise<void> {
  console.log(`now ${JSON.stringify(await connection.read())}`);
}
