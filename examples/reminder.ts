// Reminders that survive a restart.
//
//   deno run -A examples/reminder.ts           or with seconds of your own:
//   bun examples/reminder.ts                   bun examples/reminder.ts 3 60 3600
//
// It sets some reminders and prints each that fires. Kill it in between, even with kill -9, and start
// it again: those to come fire in time, those that are overdue fire at once, and none fires twice.

import { actor, createClient, setup } from "@troupe/actors";
import process from "node:process";

interface Reminder {
  text: string;
  /** Both in milliseconds since the epoch. */
  dueAt: number;
  firedAt?: number;
}

const reminders = actor({
  state: { all: [] as Reminder[] },
  actions: {
    /** Sets reminders anew. They and their schedule are written together. */
    async set(c, reminders: Reminder[]) {
      c.state.all = reminders;
      for (const { text, dueAt } of reminders) {
        await c.schedule.at(dueAt, "fire", text);
      }
    },
    /** What the schedule calls. That it has fired is written as it leaves the schedule, or not at all. */
    fire(c, text: string) {
      const reminder = c.state.all.find((each) => each.text === text)!;
      reminder.firedAt = Date.now();
      c.broadcast("fired", reminder);
    },
    list: (c) => c.state.all,
  },
});

const registry = setup({ use: { reminders } });

// A pending schedule alone keeps no process alive; a registry that is served does.
const startedAt = Date.now();
const server = registry.serve();

const client = createClient<typeof registry>();
const connection = client.reminders.getOrCreate("mine").connect();
const done = Promise.withResolvers<void>();
let all: Reminder[] = [];
const shown = new Set<string>();
connection.on("fired", show);

all = await connection.list();
const before = all.filter(({ firedAt = Infinity }) => firedAt < startedAt);
if (before.length === all.length) {
  all = remindersIn(process.argv.slice(2).map(Number));
  await connection.set(all);
  console.log(`Set: ${textsOf(all)}. Kill me, and start me again.`);
} else {
  console.log(`Fired before this start: ${textsOf(before)}`);
  for (const { text } of before) shown.add(text);
  // What was overdue may have fired before we could listen.
  for (const each of all) if (each.firedAt !== undefined) show(each);
}
endWhenAllAreShown();

await done.promise;
console.log("All have fired.");
await client.dispose();
await server.shutdown();

// An event leaves its actor when what it tells is on disk, so nothing shown can fire again.
function show({ text, dueAt, firedAt = dueAt }: Reminder): void {
  if (shown.has(text)) return;
  shown.add(text);
  const late = ((firedAt - dueAt) / 1000).toFixed(1);
  console.log(`Fired: ${text} (${late} s late)`);
  endWhenAllAreShown();
}

function endWhenAllAreShown(): void {
  if (shown.size === all.length) done.resolve();
}

function remindersIn(seconds: number[]): Reminder[] {
  const now = Date.now();
  return (seconds.length > 0 ? seconds : [2, 4, 6, 8, 10]).map((each) => ({
    text: `after ${each} s`,
    dueAt: now + each * 1000,
  }));
}

function textsOf(reminders: Reminder[]): string {
  return reminders.map(({ text }) => text).join(", ") || "none";
}
