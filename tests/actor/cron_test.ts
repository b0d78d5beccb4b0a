// Jobs of `c.cron`, through the host.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { actor } from "../../src/definition/actor.ts";
import type {
  ActorCronEveryOptions,
  ActorCronSetOptions,
  CronJobInfo,
  ScheduledFireInfo,
} from "../../src/definition/schedule.ts";
import { ActorError } from "../../src/errors.ts";
import { denoKvStore } from "../../src/stores/deno_kv.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { sqliteStore } from "../../src/stores/sqlite.ts";
import type { Store } from "../../src/stores/store.ts";
import { inFolder } from "../contracts/store_steps.ts";
import { test } from "../harness.ts";
import { VirtualClock } from "../../src/test/clock.ts";
import { FakeStore } from "./fake_store.ts";
import { World } from "./world.ts";

const newYear = Date.parse("2026-01-01T00:00:00Z");
const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

const reporter = actor({
  state: { ran: [] as { at: number; args: unknown[] }[] },
  createVars: () => ({
    block: undefined as Promise<void> | undefined,
    release: () => {},
  }),
  actions: {
    set: (c, options: ActorCronSetOptions) => c.cron.set(options),
    every: (c, options: ActorCronEveryOptions) => c.cron.every(options),
    carelessly(c, options: ActorCronEveryOptions) {
      c.cron.every(options);
    },
    get: (c, name: string) => c.cron.get(name),
    list: (c) => c.cron.list(),
    delete: (c, name: string) => c.cron.delete(name),
    history: (c, name: string, options?: { limit?: number }) =>
      c.cron.history(name, options),
    calls: (c) => c.schedule.list(),
    cancel: (c, id: string) => c.schedule.cancel(id),
    after: (c, ms: number) => c.schedule.after(ms, "run"),
    run: (c, ...args: unknown[]) => {
      // What it is told last says when it ran, by the clock of the test.
      const fire = args.at(-1) as ScheduledFireInfo;
      c.state.ran.push({ at: fire.firedAt, args });
    },
    runAndWait: async (c, ...args: unknown[]) => {
      const fire = args.at(-1) as ScheduledFireInfo;
      c.state.ran.push({ at: fire.firedAt, args });
      await c.vars.block;
    },
    runAndThrow() {
      throw new Error("on fire");
    },
    runAndThrowOdd() {
      throw Object.assign(new Error("on fire"), { message: 7 });
    },
    deleteOwn: async (c, fire: ScheduledFireInfo) => {
      c.state.ran.push({ at: fire.firedAt, args: [] });
      await c.cron.delete(fire.name);
    },
    setOwn: async (c, fire: ScheduledFireInfo) => {
      c.state.ran.push({ at: fire.firedAt, args: [] });
      await c.cron.every({ name: fire.name, interval: 60_000, action: "run" });
    },
    block(c) {
      const { promise, resolve } = Promise.withResolvers<void>();
      c.vars.block = promise;
      c.vars.release = resolve;
    },
    release: (c) => c.vars.release(),
    ran: (c) => c.state.ran,
    times: (c) => c.state.ran.map(({ at }) => at),
  },
  options: { sleepTimeout: 10_000 },
});

function open(parts: { clock?: VirtualClock; store?: FakeStore } = {}) {
  return World.open({ reporter }, {
    clock: new VirtualClock(newYear),
    ...parts,
  });
}

test("a job runs whenever its expression comes true, and its actor sleeps in between", async () => {
  await using world = await open();
  const handle = world.client.reporter.getOrCreate("a");
  await handle.set({
    name: "daily",
    expression: "0 9 * * *",
    action: "run",
    args: ["sales", { deep: [1] }],
    timezone: "America/Los_Angeles",
  });
  const first = newYear + 17 * hourMs;
  await world.clock.pass(minuteMs);
  assertEquals(world.clock.waiting, 1, "one timer for all alarms");
  const loads = world.store.loads;
  await world.clock.pass(3 * dayMs);
  assertEquals(world.store.loads, loads + 3, "it slept before each");
  const ran = await handle.ran();
  assertEquals(ran.map(({ at }) => at), [
    first,
    first + dayMs,
    first + 2 * dayMs,
  ]);
  const [info] = await handle.list();
  const { id } = ran[0]!.args[2] as ScheduledFireInfo;
  for (const [n, { args }] of ran.entries()) {
    const at = first + n * dayMs;
    assertEquals(args, ["sales", { deep: [1] }, {
      kind: "cron",
      id,
      name: "daily",
      scheduledAt: at,
      firedAt: at,
    }]);
  }
  assertEquals(info, {
    name: "daily",
    action: "run",
    args: ["sales", { deep: [1] }],
    kind: "cron",
    expression: "0 9 * * *",
    timezone: "America/Los_Angeles",
    maxHistory: 100,
    lastRunAt: first + 2 * dayMs,
    nextRunAt: first + 3 * dayMs,
  });
});

test("a job of once a day runs once a day, also when clocks change", async () => {
  const clock = new VirtualClock(Date.parse("2026-03-28T00:00:00Z"));
  await using world = await open({ clock });
  const handle = world.client.reporter.getOrCreate("a");
  await handle.set({
    name: "nightly",
    expression: "30 2 * * *",
    action: "run",
    timezone: "Europe/Berlin",
  });
  await clock.pass(3 * dayMs);
  assertEquals(
    (await handle.times()).map((at) => new Date(at).toISOString()),
    [
      "2026-03-28T01:30:00.000Z",
      "2026-03-29T01:00:00.000Z",
      "2026-03-30T00:30:00.000Z",
    ],
  );
});

test("a job of a fixed interval does not drift, however long its action takes", async () => {
  await using world = await open();
  const handle = world.client.reporter.getOrCreate("a");
  await handle.block();
  await handle.every({ name: "tick", interval: 7_000, action: "runAndWait" });
  for (let n = 0; n < 3; n++) {
    await world.clock.pass(7_000);
    await world.clock.pass(3_000);
    await handle.release();
    await handle.block();
    await world.clock.pass(4_000);
    await handle.release();
    await handle.block();
  }
  await handle.release();
  assertEquals(
    (await handle.times()).map((at) => (at - newYear) % 7_000),
    Array.from({ length: (await handle.times()).length }, () => 0),
  );
  assert((await handle.times()).length >= 3);
  const [fire] = (await handle.ran())[0]!.args as [ScheduledFireInfo];
  assertEquals([fire.kind, fire.name], ["every", "tick"]);
  const info = (await handle.get("tick"))!;
  assertEquals(info.kind === "every" && info.interval, 7_000);
});

test("jobs are known by their names, in their order, and are no calls of c.schedule", async () => {
  await using world = await open();
  const handle = world.client.reporter.getOrCreate("a");
  await handle.every({ name: "b", interval: 5_000, action: "run" });
  await handle.set({ name: "a", expression: "@daily", action: "run" });
  const names = (jobs: CronJobInfo[]) => jobs.map(({ name }) => name);
  assertEquals(names(await handle.list()), ["a", "b"]);
  assertEquals(await handle.get("c"), undefined);
  const call = await handle.after(60_000);
  assertEquals((await handle.calls()).map(({ id }) => id), [call]);
  const alarms = await world.store.alarms({ limit: 9 });
  assertEquals(alarms.length, 3);
  for (const { id } of alarms) {
    assertEquals(await handle.cancel(id), id === call);
  }
  assertEquals(names(await handle.list()), ["a", "b"]);
  assertEquals(await handle.delete("a"), true);
  assertEquals(await handle.delete("a"), false);
  assertEquals(names(await handle.list()), ["b"]);
});

test("a job that is set again as it is writes nothing and keeps its time", async () => {
  await using world = await open();
  const handle = world.client.reporter.getOrCreate("a");
  const job = { name: "tick", interval: 10_000, action: "run" };
  await handle.every(job);
  await world.clock.pass(3_000);
  const steps = world.store.steps.length;
  await handle.every({ ...job, args: [], maxHistory: 100 });
  assertEquals(world.store.steps.length, steps);
  assertEquals((await handle.get("tick"))!.nextRunAt, newYear + 10_000);
});

test("a job that is changed keeps its time unless its cadence is another, and its history", async () => {
  await using world = await open();
  const handle = world.client.reporter.getOrCreate("a");
  const job = { name: "tick", interval: 10_000, action: "run" };
  await handle.every(job);
  await world.clock.pass(13_000);
  await handle.every({ ...job, args: ["new"] });
  assertEquals((await handle.get("tick"))!.nextRunAt, newYear + 20_000);
  await world.clock.pass(7_000);
  assertEquals((await handle.ran()).map(({ args }) => args.length), [1, 2]);
  await world.clock.pass(3_000);
  await handle.every({ ...job, interval: 6_000 });
  assertEquals((await handle.get("tick"))!.nextRunAt, newYear + 29_000);
  await handle.set({ name: "tick", expression: "* * * * *", action: "run" });
  const info = await handle.get("tick");
  assertEquals([info!.kind, info!.nextRunAt], ["cron", newYear + 60_000]);
  assertEquals("interval" in info!, false);
  await world.clock.pass(40_000);
  const runs = await handle.history("tick");
  assertEquals(runs.map(({ firedAt }) => firedAt - newYear), [
    60_000,
    20_000,
    10_000,
  ]);
  assertEquals((await world.store.alarms({ limit: 9 })).length, 1);
});

test("a job that is moved after its alarm was read does not run at its former time", async () => {
  let unblock = () => {};
  const blocked = actor({
    state: { ran: [] as number[] },
    actions: {
      set: (c, interval: number) =>
        c.cron.every({ name: "tick", interval, action: "run" }),
      plan: (c) => c.schedule.after(5_000, "block"),
      block: () => new Promise<void>((resolve) => unblock = resolve),
      run: (c, { firedAt }: ScheduledFireInfo) =>
        void c.state.ran.push(firedAt),
      ran: (c) => c.state.ran,
    },
  });
  await using world = await World.open({ blocked }, {
    clock: new VirtualClock(newYear),
  });
  const handle = world.client.blocked.getOrCreate("a");
  await handle.plan();
  await handle.set(5_000);
  await world.clock.pass(5_000);
  // Both have been read; the second waits for the first.
  const moved = handle.set(6_000);
  await world.clock.settle();
  unblock();
  await moved;
  await world.clock.pass(7_000);
  assertEquals(await handle.ran(), [newYear + 11_000]);
});

test("a job that is deleted runs no more, and its history is forgotten", async () => {
  await using world = await open();
  const handle = world.client.reporter.getOrCreate("a");
  await handle.every({ name: "tick", interval: 5_000, action: "run" });
  await world.clock.pass(12_000);
  assertEquals((await handle.history("tick")).length, 2);
  assertEquals(await handle.delete("tick"), true);
  assertEquals(await handle.history("tick"), []);
  await world.clock.pass(60_000);
  assertEquals((await handle.times()).length, 2);
  assertEquals(await world.store.alarms({ limit: 1 }), []);
  assertEquals(await rowsOf(world), 0);
  await handle.every({ name: "tick", interval: 5_000, action: "run" });
  assertEquals(await handle.history("tick"), []);
});

test("a run, its place in the history and the next call are one step", async () => {
  await using world = await open();
  const handle = world.client.reporter.getOrCreate("a");
  await handle.every({ name: "tick", interval: 5_000, action: "run" });
  const before = world.store.steps.length;
  await world.clock.pass(5_000);
  const steps = world.store.steps.slice(before);
  assertEquals(steps.length, 1);
  const [step] = steps;
  assertEquals(step!.deleteAlarms?.map(({ dueMs }) => dueMs), [
    newYear + 5_000,
  ]);
  assertEquals(step!.addAlarms?.map(({ dueMs }) => dueMs), [newYear + 10_000]);
  assertEquals(step!.kv?.length, 1);
  assert(step!.snapshot ?? step!.journal);
});

test("a run that is not saved is made again, once in effect", async () => {
  await using world = await open();
  const handle = world.client.reporter.getOrCreate("a");
  await handle.every({ name: "tick", interval: 5_000, action: "run" });
  world.store.fate = "fails";
  await world.clock.pass(7_000);
  world.store.fate = "works";
  await world.clock.pass(1_500);
  assertEquals((await handle.times()).length, 1);
  const runs = await handle.history("tick");
  assertEquals(runs.map(({ scheduledAt }) => scheduledAt), [newYear + 5_000]);
  assertEquals((await handle.get("tick"))!.nextRunAt, newYear + 10_000);
});

test("what comes due while a run is going is skipped, and the history says so", async () => {
  await using world = await open();
  const handle = world.client.reporter.getOrCreate("a");
  await handle.block();
  await handle.every({ name: "tick", interval: 5_000, action: "runAndWait" });
  // Another job of the actor goes on meanwhile.
  await handle.every({ name: "tock", interval: 5_000, action: "run" });
  await world.clock.pass(17_000);
  const running = await handle.history("tick");
  assertEquals(running.map(({ result }) => result), [
    "skipped",
    "skipped",
    "running",
  ]);
  assertEquals(running[2], {
    action: "runAndWait",
    scheduledAt: newYear + 5_000,
    firedAt: newYear + 5_000,
    result: "running",
  });
  assertEquals((await handle.history("tock")).length, 3);
  assertEquals((await handle.get("tick"))!.lastRunAt, newYear + 5_000);
  await handle.release();
  await world.clock.pass(3_000);
  await handle.block();
  await handle.release();
  await world.clock.pass(500);
  const runs = await handle.history("tick");
  assertEquals(runs.map(({ result }) => result), [
    "ok",
    "skipped",
    "skipped",
    "ok",
  ]);
  assertEquals(runs.at(-1)!.finishedAt, newYear + 17_000);
  assertEquals(runs[0]!.firedAt, newYear + 20_000);
  const { lastRunAt } = (await handle.get("tick"))!;
  assertEquals(lastRunAt, newYear + 20_000);
});

test("what came due while no process was there is made up for by one run", async () => {
  const world = await open();
  const handle = world.client.reporter.getOrCreate("a");
  await handle.every({ name: "tick", interval: 5_000, action: "run" });
  await handle.set({ name: "hourly", expression: "@hourly", action: "run" });
  world.kill();
  world.store.fate = "works";
  const clock = new VirtualClock(newYear + 5 * hourMs + 2_000);
  await using after = await open({ store: world.store, clock });
  await clock.settle();
  const again = after.client.reporter.get("a");
  const ran = await again.ran();
  assertEquals(
    ran.map(({ args }) => {
      const { name, scheduledAt, firedAt } = args[0] as ScheduledFireInfo;
      return [name, scheduledAt - newYear, firedAt - newYear];
    }),
    [
      ["tick", 5_000, 5 * hourMs + 2_000],
      ["hourly", hourMs, 5 * hourMs + 2_000],
    ],
  );
  assertEquals(
    (await again.get("tick"))!.nextRunAt,
    newYear + 5 * hourMs + 5_000,
  );
  assertEquals((await again.get("hourly"))!.nextRunAt, newYear + 6 * hourMs);
  assertEquals((await again.history("tick")).length, 1);
});

test("a run that throws is logged and remembered, and the next one comes at its time", async () => {
  await using world = await open();
  const handle = world.client.reporter.getOrCreate("a");
  await handle.every({ name: "bad", interval: 5_000, action: "runAndThrow" });
  await world.clock.pass(10_000);
  const runs = await handle.history("bad", { limit: 1 });
  assertEquals(runs, [{
    action: "runAndThrow",
    scheduledAt: newYear + 10_000,
    firedAt: newYear + 10_000,
    finishedAt: newYear + 10_000,
    result: "error",
    error: { group: "internal", code: "internal_error", message: "on fire" },
  }]);
  assertEquals((await handle.history("bad")).length, 2);
  assertEquals(
    world.log.filter((line) => line.includes("on fire")).length,
    2,
  );
});

test("a run that throws an error whose message is no text is remembered as well", async () => {
  await using world = await open();
  const handle = world.client.reporter.getOrCreate("a");
  const action = "runAndThrowOdd";
  await handle.every({ name: "bad", interval: 5_000, action });
  await world.clock.pass(5_000);
  const [run] = await handle.history("bad");
  assertEquals(run?.error?.message, "7");
});

test("a run that the end of its process cuts short shows as such, and is not made again", async () => {
  const world = await open();
  const handle = world.client.reporter.getOrCreate("a");
  await handle.block();
  await handle.every({ name: "tick", interval: 5_000, action: "runAndWait" });
  await world.clock.pass(6_500);
  world.kill();
  world.store.fate = "works";
  // The time of the one that was killed stands still.
  const clock = new VirtualClock(newYear + 6_500);
  await using after = await open({ store: world.store, clock });
  const again = after.client.reporter.get("a");
  const [run, ...others] = await again.history("tick");
  assertEquals(others, []);
  assertEquals(run!.result, "error");
  assertEquals(
    `${run!.error!.group}/${run!.error!.code}`,
    "schedule/interrupted",
  );
  assertEquals(run!.finishedAt, undefined);
  await after.clock.pass(3_500);
  assertEquals(await again.times(), [newYear + 5_000, newYear + 10_000]);
  assertEquals(
    (await again.history("tick")).map(({ result }) => result),
    ["ok", "error"],
  );
});

test("a run whose instance stops under it ends without harm, and is made again", async () => {
  await using world = await open();
  const { clock, store } = world;
  const handle = world.client.reporter.getOrCreate("a");
  await handle.block();
  await handle.every({ name: "tick", interval: 5_000, action: "runAndWait" });
  await clock.pass(4_900);
  // A step is under way when the run begins; another owner is faster.
  store.fate = "hangs";
  const late = handle.set({ name: "x", expression: "@daily", action: "run" })
    .catch(() => {});
  await clock.pass(100);
  const { id } = (await store.list("reporter", { limit: 1 }))[0]!;
  const { revision } = (await store.load(id))!;
  await store.inner.commit([
    { actorId: id, expectedRevision: revision, fence: 1 },
  ]);
  store.fate = "works";
  await store.land();
  await late;
  await clock.pass(4_000);
  // A second later than the first had its second.
  assertEquals(await handle.times(), [newYear + 7_000]);
  assertEquals(
    (await handle.history("tick")).map(({ result }) => result),
    ["ok"],
  );
});

test("a job remembers as many runs as it was told to, the newest first", async () => {
  await using world = await open();
  const handle = world.client.reporter.getOrCreate("a");
  const job = { name: "tick", interval: 5_000, action: "run" };
  await handle.every({ ...job, maxHistory: 3 });
  await world.clock.pass(60_000);
  const runs = await handle.history("tick");
  assertEquals(
    runs.map(({ firedAt }) => firedAt - newYear),
    [60_000, 55_000, 50_000],
  );
  assertEquals(await rowsOf(world), 3);
  assertEquals(await handle.history("tick", { limit: 2 }), runs.slice(0, 2));
  assertEquals(await handle.history("tick", { limit: 0 }), []);
  await handle.every({ ...job, maxHistory: 1 });
  assertEquals(await handle.history("tick"), runs.slice(0, 1));
  assertEquals(await rowsOf(world), 1);
  await handle.every({ ...job, maxHistory: 0 });
  await world.clock.pass(60_000);
  assertEquals(await handle.history("tick"), []);
  assertEquals(await rowsOf(world), 0);
  assertEquals((await handle.times()).length, 24);
  await handle.every(job);
  await world.clock.pass(10_000);
  assertEquals((await handle.history("tick")).length, 2);
});

test("an actor with many jobs remembers ten thousand runs in all", async () => {
  const crowd = actor({
    actions: {
      set: async (c, count: number) => {
        for (let n = 0; n < count; n++) {
          await c.cron.every({
            name: `job-${n}`,
            interval: 5_000,
            action: "run",
            maxHistory: 1_000,
          });
        }
      },
      run() {},
      history: (c, name: string) => c.cron.history(name),
    },
  });
  await using world = await World.open({ crowd }, {
    clock: new VirtualClock(newYear),
  });
  const handle = world.client.crowd.getOrCreate("a");
  await handle.set(1_000);
  await world.clock.pass(12 * 5_000);
  assertEquals((await handle.history("job-7")).length, 10);
  assertEquals(await rowsOf(world), 10_000);
});

test("a job may end or change itself in its own run", async () => {
  await using world = await open();
  const handle = world.client.reporter.getOrCreate("a");
  await handle.every({ name: "one", interval: 5_000, action: "deleteOwn" });
  await handle.every({ name: "two", interval: 5_000, action: "setOwn" });
  await world.clock.pass(120_000);
  assertEquals(
    (await handle.times()).map((at) => at - newYear),
    [5_000, 5_000, 65_000],
  );
  assertEquals((await handle.list()).map(({ name }) => name), ["two"]);
  assertEquals((await handle.history("two")).length, 2);
  assertEquals(await rowsOf(world), 2);
});

test("a job whose action is no more is deleted when it is due, with its history", async () => {
  const world = await open();
  const handle = world.client.reporter.getOrCreate("a");
  await handle.every({ name: "tick", interval: 5_000, action: "run" });
  await world.clock.pass(6_000);
  await world.host.close();
  const next = actor({ state: {}, actions: { list: (c) => c.cron.list() } });
  await using after = await World.open({ reporter: next }, world.parts);
  assertEquals((await after.client.reporter.get("a").list()).length, 1);
  await after.clock.pass(60_000);
  assertEquals(await after.client.reporter.get("a").list(), []);
  assertEquals(await after.store.alarms({ limit: 1 }), []);
  assertEquals(await rowsOf(after), 0);
  assert(
    after.log.some((line) => line.includes("is deleted: there is no action")),
  );
});

test("jobs count among the future calls of an actor", async () => {
  const small = actor({
    actions: {
      every: (c, name: string) =>
        c.cron.every({ name, interval: 5_000, action: "run" }),
      run() {},
    },
    options: { maxSchedules: 2 },
  });
  await using world = await World.open({ small });
  const handle = world.client.small.getOrCreate("a");
  await handle.every("a");
  await handle.every("b");
  const error = await assertRejects(() => handle.every("c"), ActorError);
  assertEquals(`${error.group}/${error.code}`, "schedule/too_many");
  await handle.every("b");
});

test("a job that is set by an action which is not saved is not there", async () => {
  await using world = await open();
  const handle = world.client.reporter.getOrCreate("a");
  await handle.ran();
  world.store.fate = "fails";
  await assertRejects(
    () => handle.carelessly({ name: "a", interval: 5_000, action: "run" }),
    ActorError,
  );
  world.store.fate = "works";
  await handle.carelessly({ name: "b", interval: 5_000, action: "run" });
  assertEquals((await handle.list()).map(({ name }) => name), ["b"]);
});

const wrong: Record<string, unknown> = {
  "the cron expression": { name: "x", action: "run", expression: "* *" },
  "is not a string": { name: "x", action: "run", expression: 5 },
  "does not come true": { name: "x", action: "run", expression: "0 0 30 2 *" },
  'no time zone "Mars"': {
    name: "x",
    action: "run",
    expression: "@daily",
    timezone: "Mars",
  },
  "timezone is not a string": {
    name: "x",
    action: "run",
    expression: "@daily",
    timezone: 5,
  },
  "interval is 4999": { name: "x", action: "run", interval: 4_999 },
  "interval is Infinity": { name: "x", action: "run", interval: Infinity },
  "interval is 5000.5": { name: "x", action: "run", interval: 5_000.5 },
  "interval is not a number": { name: "x", action: "run", interval: "5000" },
  "its name has 0": { name: "", action: "run", interval: 5_000 },
  "its name has 257": {
    name: "x".repeat(257),
    action: "run",
    interval: 5_000,
  },
  "name is not a string": { action: "run", interval: 5_000 },
  "action is not a string": { name: "x", interval: 5_000 },
  'no action "fly"': { name: "x", action: "fly", interval: 5_000 },
  'no action "toString"': { name: "x", action: "toString", interval: 5_000 },
  "args is not an array": {
    name: "x",
    action: "run",
    interval: 5_000,
    args: "a",
  },
  "maxHistory is 1001": {
    name: "x",
    action: "run",
    interval: 5_000,
    maxHistory: 1_001,
  },
  "maxHistory is -1": {
    name: "x",
    action: "run",
    interval: 5_000,
    maxHistory: -1,
  },
};

test("a job that there cannot be is refused, and told why", async () => {
  const strict = actor({
    actions: {
      // deno-lint-ignore no-explicit-any -- the options are wrong
      async set(c, options: any) {
        const setting = "interval" in options
          ? c.cron.every(options)
          : c.cron.set(options);
        return await setting.then(() => "accepted", String);
      },
      list: (c) => c.cron.list(),
      history: (c, limit: unknown) =>
        c.cron.history("x", { limit: limit as number }).then(String, String),
      unsaved: (c) =>
        c.cron.every({
          name: "x",
          interval: 5_000,
          action: "run",
          args: [() => {}],
        }).then(String, String),
      run() {},
    },
  });
  await using world = await World.open({ strict });
  const handle = world.client.strict.getOrCreate("a");
  for (const [why, options] of Object.entries(wrong)) {
    const told = await handle.set(options);
    assert(told.includes(why), `${told} does not say: ${why}`);
  }
  assert((await handle.unsaved()).includes("Cannot save"));
  assertEquals(await handle.list(), []);
  assert((await handle.history(-1)).includes("limit is -1"));
  assert((await handle.history("5")).includes("limit is not a number"));
});

test("a scheduled call is told nothing but its arguments", async () => {
  const listener = actor({
    state: { heard: [] as unknown[][] },
    actions: {
      later: (c) => c.schedule.after(10, "hear", 1),
      hear: (c, ...args: unknown[]) => void c.state.heard.push(args),
      heard: (c) => c.state.heard,
    },
  });
  await using world = await World.open({ listener });
  const handle = world.client.listener.getOrCreate("a");
  await handle.later();
  await world.clock.pass(10);
  assertEquals(await handle.heard(), [[1]]);
});

const stores: Record<string, (folder: string) => Promise<Store>> = {
  "in memory": () => Promise.resolve(memoryStore()),
  "in SQLite": (folder) => sqliteStore({ path: join(folder, "actors.sqlite") }),
};
if ("Deno" in globalThis) {
  stores["in Deno KV"] = (folder) =>
    denoKvStore({ path: join(folder, "actors.kv") });
}

for (const [where, openStore] of Object.entries(stores)) {
  test(`jobs, their history and future calls are kept ${where}`, () =>
    inFolder(async (folder) => {
      const inner = await openStore(folder);
      const store = new FakeStore(inner);
      const clock = new VirtualClock(newYear);
      {
        const world = await open({ clock, store });
        const handle = world.client.reporter.getOrCreate("a");
        await handle.every({ name: "tick", interval: 5_000, action: "run" });
        await handle.set({ name: "gone", expression: "@daily", action: "run" });
        await handle.delete("gone");
        const kept = await handle.after(hourMs);
        const cancelled = await handle.after(hourMs);
        for (let n = 1; n <= 3; n++) {
          await clock.pass(5_000);
          await until(async () => (await handle.times()).length === n);
        }
        assertEquals(await handle.cancel(cancelled), true);
        assertEquals((await handle.calls()).map(({ id }) => id), [kept]);
        // As `kill -9` leaves it.
        world.host.close();
        await until(() => Promise.resolve(true));
      }
      await using world = await open({ clock, store });
      const handle = world.client.reporter.getOrCreate("a");
      assertEquals((await handle.calls()).length, 1);
      assertEquals(
        (await handle.history("tick")).map(({ firedAt }) => firedAt - newYear),
        [15_000, 10_000, 5_000],
      );
      await clock.pass(5_000);
      await until(async () => (await handle.times()).length === 4);
      assertEquals((await handle.list()).map(({ name }) => name), ["tick"]);
      await inner.close();
    }));
}

/** How many keys of their own all actors have. */
async function rowsOf(world: { store: FakeStore }): Promise<number> {
  let count = 0;
  for (const { id } of await everyActor(world.store)) {
    let start = Uint8Array.of(0);
    for (;;) {
      const page = await world.store.kvList(id, {
        start,
        end: Uint8Array.of(1),
        limit: 1_000,
      });
      count += page.length;
      if (page.length < 1_000) break;
      start = Uint8Array.of(...page.at(-1)![0], 0);
    }
  }
  return count;
}

async function everyActor(store: FakeStore): Promise<{ id: string }[]> {
  const names = ["reporter", "crowd"];
  const pages = names.map((name) => store.list(name, { limit: 10 }));
  return (await Promise.all(pages)).flat();
}

// A store that works with the disk takes its own time.
async function until(isSo: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!await isSo()) {
    if (Date.now() > deadline) throw new Error("It does not come to that");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
