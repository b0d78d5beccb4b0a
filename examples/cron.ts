// A weather station that measures every five seconds, and reports every working day.
//
//   deno run -A examples/cron.ts
//   bun examples/cron.ts
//
// It ends after two measurements. Run it again, or kill it and run it again: the jobs go on in step.
// What came due while it was not running is made up for by one run.

import {
  actor,
  createClient,
  type ScheduledFireInfo,
  setup,
} from "@troupe/actors";

const station = actor({
  state: { measured: 0, watchdog: "" },
  // Once in the life of a station; its jobs are saved with it.
  async onCreate(c) {
    await c.cron.every({ name: "measure", interval: 5_000, action: "measure" });
    await c.cron.set({
      name: "report",
      expression: "30 7 * * MON-FRI",
      timezone: "Europe/Berlin",
      action: "report",
      args: ["ada@example.com"],
    });
  },
  actions: {
    async measure(c, { scheduledAt, firedAt }: ScheduledFireInfo) {
      c.state.measured++;
      c.broadcast("measured", c.state.measured, firedAt - scheduledAt);
      // Each measurement puts the warning off. A call that is cancelled is never made.
      await c.schedule.cancel(c.state.watchdog);
      c.state.watchdog = await c.schedule.after(20_000, "warn");
    },
    report: (c, to: string) =>
      c.log.info(`To ${to}: ${c.state.measured} measurements`),
    warn: (c) => c.log.warn("Nothing was measured for twenty seconds"),
    jobs: (c) => c.cron.list(),
    runs: (c) => c.cron.history("measure", { limit: 3 }),
  },
});

const registry = setup({ use: { station } });
// A pending job alone keeps no process alive; a registry that is served does.
const server = registry.serve();

const client = createClient<typeof registry>();
const roof = client.station.getOrCreate("roof");
for (const { name, nextRunAt } of await roof.jobs()) {
  console.log(`Next ${name}: ${new Date(nextRunAt).toISOString()}`);
}

const done = Promise.withResolvers<void>();
let heard = 0;
const connection = roof.connect();
connection.on("measured", (count, lateMs) => {
  console.log(`Measurement ${count}, ${(lateMs / 1000).toFixed(1)} s late`);
  if (++heard === 2) done.resolve();
});
await done.promise;

for (const { scheduledAt, result } of await roof.runs()) {
  console.log(`Run of ${new Date(scheduledAt).toISOString()}: ${result}`);
}
await client.dispose();
await server.shutdown();
