// Calls of the future, through the host.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { actor } from "../../src/definition/actor.ts";
import { ActorError, UserError } from "../../src/errors.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { test } from "../harness.ts";
import { VirtualClock } from "../../src/test/clock.ts";
import { FakeStore } from "./fake_store.ts";
import { state, World } from "./world.ts";

const diary = actor({
  state: { lines: [] as string[] },
  actions: {
    after: (c, ms: number, ...args: unknown[]) =>
      c.schedule.after(ms, "note", ...args),
    at: (c, ms: number, action: string, ...args: unknown[]) =>
      c.schedule.at(ms, action, ...args),
    many(c, times: number[]) {
      for (const ms of times) c.schedule.after(ms, "note", ms);
    },
    note: (c, ...args: unknown[]) =>
      void c.state.lines.push(args.map(String).join(" ")),
    boom(c) {
      c.state.lines.push("boom");
      throw new Error("boom");
    },
    who(c) {
      // deno-lint-ignore no-explicit-any -- looks at what the type hides
      c.state.lines.push(`conn ${(c as any).conn}`);
    },
    async copied(c) {
      const args = { list: [1] };
      const call = c.schedule.after(10, "show", args, c.state.lines);
      args.list.push(2);
      await call;
      c.state.lines.push("changed later");
    },
    show: (c, args: { list: number[] }, lines: string[]) =>
      void c.state.lines.push(`${args.list} ${lines.length}`),
    read: (c) => [...c.state.lines],
    sleep: (c) => c.sleep(),
    end: (c) => c.destroy(),
  },
  options: { sleepTimeout: 5_000 },
});

test("calls run in the order of their time, those of one time in that of their making", async () => {
  await using world = await World.open({ diary });
  const handle = world.client.diary.getOrCreate("a");
  await handle.many([300, 100, 200]);
  for (let i = 0; i < 30; i++) await handle.after(250, i);
  await world.clock.pass(250);
  const early = await handle.read();
  assertEquals(early, [
    "100",
    "200",
    ...Array.from({ length: 30 }, (_, i) => `${i}`),
  ]);
  await world.clock.pass(50);
  assertEquals((await handle.read()).at(-1), "300");
  assertEquals(await world.store.alarms({ limit: 1 }), []);
});

test("a call is not made before its time, wakes its actor, and has no connection", async () => {
  await using world = await World.open({ diary });
  const handle = world.client.diary.getOrCreate("a");
  await handle.at(world.clock.now() + 60_000, "who");
  await world.clock.pass(59_999);
  const loads = world.store.loads;
  await world.clock.pass(1);
  assertEquals(world.store.loads, loads + 1, "it slept, and has woken");
  assertEquals(await handle.read(), ["conn undefined"]);
});

test("the arguments of a call are copied when it is made", async () => {
  await using world = await World.open({ diary });
  const handle = world.client.diary.getOrCreate("a");
  await handle.copied();
  await world.clock.pass(10);
  assertEquals(await handle.read(), ["changed later", "1 0"]);
});

test("calls survive a restart, and those that are overdue run at the start, in order", async () => {
  await using world = await World.open({ diary });
  const handle = world.client.diary.getOrCreate("a");
  const other = world.client.diary.getOrCreate("b");
  await handle.many([3_000, 1_000, 2_000, 90_000]);
  await other.many([500]);
  world.kill();
  world.store.fate = "works";
  // Time passes while no process is there.
  const clock = new VirtualClock(world.clock.now() + 10_000);
  await using after = await World.open({ diary }, {
    store: world.store,
    clock,
  });
  await after.clock.settle();
  assertEquals(await after.client.diary.get("a").read(), [
    "1000",
    "2000",
    "3000",
  ]);
  assertEquals(await after.client.diary.get("b").read(), ["500"]);
  await after.clock.pass(80_000);
  assertEquals((await after.client.diary.get("a").read()).at(-1), "90000");
});

test("a call that throws, or names no action, is logged, and later ones run", async () => {
  await using world = await World.open({ diary });
  const handle = world.client.diary.getOrCreate("a");
  const now = world.clock.now();
  await handle.at(now + 1, "boom");
  await handle.at(now + 2, "missing");
  await handle.at(now + 3, "constructor");
  await handle.at(now + 4, "note", "after all");
  await world.clock.pass(10);
  assertEquals(await handle.read(), ["boom", "after all"]);
  assertEquals(
    world.log.filter((line) => line.includes("a scheduled call failed")).length,
    3,
  );
  assertEquals(await world.store.alarms({ limit: 1 }), []);
});

test("the effects of a call and its removal are one step", async () => {
  await using world = await World.open({ diary });
  const handle = world.client.diary.getOrCreate("a");
  await handle.after(10, "x");
  const before = world.store.steps.length;
  await world.clock.pass(10);
  const steps = world.store.steps.slice(before);
  assertEquals(steps.length, 1);
  assertEquals(steps[0]!.deleteAlarms?.length, 1);
  assert(steps[0]!.snapshot ?? steps[0]!.journal);
});

test("a call that takes long, or calls others, is not made twice when the process dies in it", async () => {
  const { promise: never } = Promise.withResolvers<void>();
  const definition = (mustWait: boolean) => ({
    worker: actor({
      state: { runs: 0 },
      actions: {
        later: (c, action: string) => c.schedule.after(10, action),
        long: async (c) => {
          c.state.runs++;
          if (mustWait) await never;
        },
        saving: async (c) => {
          c.state.runs++;
          await c.saveState();
          if (mustWait) await never;
        },
        read: (c) => c.state.runs,
      },
    }),
  });
  for (const action of ["long", "saving"]) {
    await using world = await World.open(definition(true));
    const handle = world.client.worker.getOrCreate("a");
    await handle.later(action);
    await world.clock.pass(10);
    // Another call sees the effect, so the effect is durable.
    const seen = handle.read();
    await world.clock.pass(2_000);
    assertEquals(await seen, 1, action);
    world.kill();
    world.store.fate = "works";
    await using after = await World.open(definition(false), world.parts);
    await after.clock.pass(100_000);
    assertEquals(await after.client.worker.get("a").read(), 1, action);
  }
});

test("when the store fails a call is made again with growing pauses, until it is saved", async () => {
  await using world = await World.open({ diary });
  const { clock, store } = world;
  const handle = world.client.diary.getOrCreate("a");
  await handle.after(10, "x");
  store.fate = "fails";
  await clock.pass(10);
  let attempts = store.commits.length;
  for (const pauseS of [1, 2, 4, 8, 16, 32, 60, 60]) {
    await clock.pass(pauseS * 1_000 - 1);
    assertEquals(store.commits.length, attempts);
    await clock.pass(1);
    assertEquals(store.commits.length, ++attempts);
  }
  store.fate = "works";
  await clock.pass(60_000);
  assertEquals(await handle.read(), ["x"]);
  await clock.pass(200_000);
  assertEquals(await handle.read(), ["x"]);
});

test("alarms are read again when the store could not be read", async () => {
  class Unreadable extends FakeStore {
    isBroken = false;
    override alarms(options: Parameters<FakeStore["alarms"]>[0]) {
      if (this.isBroken) return Promise.reject(new Error("cannot read"));
      return super.alarms(options);
    }
  }
  const store = new Unreadable(memoryStore());
  await using world = await World.open({ diary }, { store });
  const handle = world.client.diary.getOrCreate("a");
  await handle.after(1_000, "x");
  store.isBroken = true;
  await world.clock.pass(5_000);
  assertEquals(await handle.read(), []);
  store.isBroken = false;
  await world.clock.pass(5_000);
  assertEquals(await handle.read(), ["x"]);
});

test("10,000 calls to come take one timer, and all of them run", async () => {
  const counter = actor({
    state: { n: 0 },
    actions: {
      add: (c) => ++c.state.n,
      many(c, count: number) {
        for (let i = 0; i < count; i++) {
          c.schedule.after(100_000 + i % 7, "add");
        }
      },
      read: (c) => c.state.n,
    },
    options: { sleepTimeout: 1_000 },
  });
  await using world = await World.open({ counter });
  const handles = Array.from(
    { length: 20 },
    (_, i) => world.client.counter.getOrCreate(`${i}`),
  );
  for (const handle of handles) await handle.many(500);
  await world.clock.pass(50_000);
  assertEquals(world.clock.waiting, 1);
  await world.clock.pass(60_000);
  for (const handle of handles) assertEquals(await handle.read(), 500);
  assertEquals(await world.store.alarms({ limit: 1 }), []);
});

test("an actor that cannot wake does not keep the calls of others from being made", async () => {
  let isBroken = false;
  const fragile = actor({
    state: {},
    onWake() {
      if (isBroken) throw new Error("broken hook");
    },
    actions: {
      many(c) {
        for (let i = 0; i < 1_500; i++) c.schedule.after(100, "nothing");
      },
      nothing() {},
      sleep: (c) => c.sleep(),
    },
    options: { maxSchedules: 1_500 },
  });
  await using world = await World.open({ fragile, diary });
  const handle = world.client.fragile.getOrCreate("a");
  await handle.many();
  await handle.sleep();
  await world.client.diary.getOrCreate("b").after(200, "x");
  isBroken = true;
  await world.clock.pass(10_000);
  assertEquals(await world.client.diary.getOrCreate("b").read(), ["x"]);
  isBroken = false;
  await world.clock.pass(120_000);
  assertEquals(await world.store.alarms({ limit: 1 }), []);
});

test("a call of an actor that the registry has no more waits for its return", async () => {
  await using world = await World.open({ diary });
  await world.client.diary.getOrCreate("a").after(100, "x");
  await world.host.close();
  const other = actor({ actions: {} });
  await using without = await World.open({ other }, world.parts);
  await without.clock.pass(10_000);
  await without.host.close();
  await using after = await World.open({ diary }, world.parts);
  await after.clock.pass(0);
  assertEquals(await after.client.diary.get("a").read(), ["x"]);
});

test("the calls of a destroyed actor are gone, also one that is due at once", async () => {
  await using world = await World.open({ diary });
  const handle = world.client.diary.getOrCreate("a");
  await handle.many([10, 20, 1e9]);
  const ended = handle.end();
  const passed = world.clock.pass(1_000);
  await Promise.all([ended, passed]);
  assertEquals(await world.store.alarms({ limit: 1 }), []);
  assertEquals(await world.store.isEmpty(), true);
});

test("a call may lie further ahead than a runtime's timer reaches", async () => {
  await using world = await World.open({ diary });
  const handle = world.client.diary.getOrCreate("a");
  const far = 2 ** 31 + 5_000;
  await handle.after(far, "far");
  await handle.at(Number.MAX_SAFE_INTEGER, "note", "never");
  await handle.at(8.64e15, "note", "never");
  await world.clock.pass(far - 1);
  assertEquals(await handle.read(), []);
  await world.clock.pass(1);
  assertEquals(await handle.read(), ["far"]);
});

test("a time that has passed is now, and a time that is none is refused", async () => {
  await using world = await World.open({ diary });
  const handle = world.client.diary.getOrCreate("a");
  const now = world.clock.now();
  await handle.after(0, "zero");
  await handle.after(-5_000, "negative");
  await handle.after(0.4, "fraction");
  await handle.at(now - 1e5, "note", "past");
  await handle.at(-1, "note", "before 1970");
  await world.clock.pass(1);
  assertEquals((await handle.read()).toSorted(), [
    "before 1970",
    "fraction",
    "negative",
    "past",
    "zero",
  ]);
  for (const time of [NaN, Infinity, -Infinity, "5" as unknown as number]) {
    await assertRejects(() => handle.after(time, "no"), ActorError);
    await assertRejects(() => handle.at(time, "note"), ActorError);
  }
  assertEquals(await world.store.alarms({ limit: 1 }), []);
});

test("an argument that cannot be saved is refused, and an action without a name too", async () => {
  let refused = 0;
  const careless = actor({
    actions: {
      async later(c) {
        for (
          const [action, arg] of [["later", () => {}], ["later", NaN], [
            undefined,
            1,
          ], [5, 1]]
        ) {
          await c.schedule.after(1, action as string, arg).catch(() =>
            refused++
          );
        }
      },
    },
  });
  await using world = await World.open({ careless });
  await world.client.careless.getOrCreate("a").later();
  assertEquals(refused, 4);
  assertEquals(await world.store.alarms({ limit: 1 }), []);
});

test("a call that is made by an action that fails to be saved is not made", async () => {
  await using world = await World.open({ diary });
  const handle = world.client.diary.getOrCreate("a");
  await handle.read();
  world.store.fate = "fails";
  await assertRejects(() => handle.after(10, "x"), ActorError);
  world.store.fate = "works";
  await world.clock.pass(1_000);
  assertEquals(await handle.read(), []);
});

test("a call is known to its maker only when it is durable", async () => {
  await using world = await World.open({ diary });
  const handle = world.client.diary.getOrCreate("a");
  await handle.read();
  world.store.fate = "hangs";
  const call = handle.after(10, "x");
  assertEquals(await state(call, world.clock), "pending");
  world.store.fate = "works";
  await world.store.land();
  await call;
});

test("a call that schedules itself again runs on, one at a time", async () => {
  const ticker = actor({
    state: { ticks: 0 },
    actions: {
      start: (c) => c.schedule.after(1_000, "tick"),
      async tick(c) {
        c.state.ticks++;
        await c.schedule.after(1_000, "tick");
      },
      read: (c) => c.state.ticks,
    },
    options: { sleepTimeout: 500 },
  });
  await using world = await World.open({ ticker });
  const handle = world.client.ticker.getOrCreate("a");
  await handle.start();
  await world.clock.pass(10_500);
  assertEquals(await handle.read(), 10);
  assertEquals((await world.store.alarms({ limit: 9 })).length, 1);
});

test("a scheduled call keeps its actor awake while it runs", async () => {
  let end = () => {};
  let sleeps = 0;
  const slow = actor({
    state: { n: 0 },
    onSleep: () => void sleeps++,
    actions: {
      later: (c) => c.schedule.after(10, "work"),
      work: async (c) => {
        await new Promise<void>((resolve) => end = resolve);
        c.state.n++;
      },
      read: (c) => c.state.n,
    },
    options: { sleepTimeout: 1_000, actionTimeout: 1_000 },
  });
  await using world = await World.open({ slow });
  const handle = world.client.slow.getOrCreate("a");
  await handle.later();
  await world.clock.pass(100_000);
  assertEquals(sleeps, 0);
  end();
  await world.clock.settle();
  assertEquals(await handle.read(), 1);
  assertEquals(await world.store.alarms({ limit: 1 }), []);
});

const planner = actor({
  state: { ran: [] as string[] },
  actions: {
    plan: (c, ms: number, ...args: unknown[]) =>
      c.schedule.after(ms, "run", ...args),
    many: async (c, count: number) => {
      for (let i = 0; i < count; i++) await c.schedule.after(1_000, "run", i);
    },
    carelessly: (c, count: number) => {
      for (let i = 0; i < count; i++) c.schedule.after(1_000, "run", i);
    },
    get: (c, id: string) => c.schedule.get(id),
    list: (c) => c.schedule.list(),
    cancel: (c, id: string) => c.schedule.cancel(id),
    planAndCancel: async (c) =>
      c.schedule.cancel(await c.schedule.after(1, "run")),
    planAndFail: async (c) => {
      await c.schedule.after(1, "run", "planned by a failure");
      throw new UserError("failed");
    },
    run: (c, ...args: unknown[]) => void c.state.ran.push(args.join(" ")),
    ran: (c) => c.state.ran,
    sleep: (c) => c.sleep(),
  },
  options: { maxSchedules: 10, sleepTimeout: 5_000 },
});

test("a future call is known by its id until it begins, also after a sleep", async () => {
  await using world = await World.open({ planner });
  const handle = world.client.planner.getOrCreate("a");
  const now = world.clock.now();
  const late = await handle.plan(20_000, "late", { deep: [1] });
  const soon = await handle.plan(10_000, "soon");
  const expected = [
    { id: soon, action: "run", args: ["soon"], runAt: now + 10_000 },
    {
      id: late,
      action: "run",
      args: ["late", { deep: [1] }],
      runAt: now + 20_000,
    },
  ];
  assertEquals(await handle.list(), expected);
  const loads = world.store.loads;
  await world.clock.pass(9_000);
  assertEquals(await handle.list(), expected);
  assertEquals(world.store.loads, loads + 1, "it has slept");
  assertEquals(await handle.get(soon), expected[0]);
  assertEquals(await handle.get("none"), undefined);
  await world.clock.pass(1_000);
  assertEquals(await handle.get(soon), undefined);
  assertEquals(await handle.list(), expected.slice(1));
});

test("what get() and list() give is a copy", async () => {
  const meddler = actor({
    actions: {
      async meddle(c) {
        const id = await c.schedule.after(1_000, "run", { list: [1] });
        const [first] = await c.schedule.list();
        (first!.args[0] as { list: number[] }).list.push(2);
        return (await c.schedule.get(id))!.args;
      },
      run() {},
    },
  });
  await using world = await World.open({ meddler });
  const handle = world.client.meddler.getOrCreate("a");
  assertEquals(await handle.meddle(), [{ list: [1] }]);
});

test("a call that is cancelled does not run, and is cancelled once", async () => {
  await using world = await World.open({ planner });
  const handle = world.client.planner.getOrCreate("a");
  const id = await handle.plan(1_000, "cancelled");
  await handle.plan(1_000, "kept");
  assertEquals(await handle.cancel(id), true);
  assertEquals(await handle.cancel(id), false);
  assertEquals(await handle.cancel("none"), false);
  assertEquals((await world.store.alarms({ limit: 9 })).length, 1);
  await world.clock.pass(2_000);
  assertEquals(await handle.ran(), ["kept"]);
});

test("a call that is made and cancelled in one action never was", async () => {
  await using world = await World.open({ planner });
  const handle = world.client.planner.getOrCreate("a");
  assertEquals(await handle.planAndCancel(), true);
  assertEquals(await world.store.alarms({ limit: 1 }), []);
  await world.clock.pass(1_000);
  assertEquals(await handle.ran(), []);
});

test("a call cancelled after its alarm was read does not run", async () => {
  let unblock = () => {};
  const blocked = actor({
    state: { ran: [] as string[], id: "" },
    actions: {
      async plan(c) {
        await c.schedule.after(10, "block");
        c.state.id = await c.schedule.after(10, "run");
      },
      block: () => new Promise<void>((resolve) => unblock = resolve),
      run: (c) => void c.state.ran.push("run"),
      cancel: (c) => c.schedule.cancel(c.state.id),
      ran: (c) => c.state.ran,
    },
  });
  await using world = await World.open({ blocked });
  const handle = world.client.blocked.getOrCreate("a");
  await handle.plan();
  await world.clock.pass(10);
  // Both have been read; the second waits for the first, which holds back what the cancel commits.
  const cancelled = handle.cancel();
  await world.clock.settle();
  unblock();
  assertEquals(await cancelled, true);
  await world.clock.pass(5_000);
  assertEquals(await handle.ran(), []);
  assertEquals(await world.store.alarms({ limit: 1 }), []);
});

test("a cancel that is not saved has cancelled nothing", async () => {
  await using world = await World.open({ planner });
  const handle = world.client.planner.getOrCreate("a");
  const id = await handle.plan(5_000, "still there");
  world.store.fate = "fails";
  await assertRejects(() => handle.cancel(id), ActorError);
  world.store.fate = "works";
  await world.clock.pass(10_000);
  assertEquals(await handle.ran(), ["still there"]);
});

test("a call that runs is not among the future ones any more", async () => {
  const seen: unknown[] = [];
  let id = "";
  const running = actor({
    actions: {
      plan: async (c) => id = await c.schedule.after(10, "run"),
      async run(c) {
        seen.push(await c.schedule.list(), await c.schedule.cancel(id));
      },
    },
  });
  await using world = await World.open({ running });
  await world.client.running.getOrCreate("a").plan();
  await world.clock.pass(10);
  assertEquals(seen, [[], false]);
});

test("an actor refuses more than maxSchedules future calls, also from those who do not wait", async () => {
  await using world = await World.open({ planner });
  const handle = world.client.planner.getOrCreate("a");
  await handle.many(10);
  const error = await assertRejects(() => handle.many(1), ActorError);
  assertEquals(`${error.group}/${error.code}`, "schedule/too_many");
  await handle.carelessly(2);
  assertEquals(
    world.log.filter((line) => line.includes("refused to schedule")).length,
    3,
  );
  assertEquals((await handle.list()).length, 10);
  const [first] = await handle.list();
  await handle.cancel(first!.id);
  await handle.many(1);
  await world.clock.pass(1_000);
  assertEquals((await handle.ran()).length, 10);
  await handle.many(10);
});

test("a future call of an action that fails is made all the same, as its changes are", async () => {
  await using world = await World.open({ planner });
  const handle = world.client.planner.getOrCreate("a");
  await assertRejects(() => handle.planAndFail(), ActorError);
  await world.clock.pass(10);
  assertEquals(await handle.ran(), ["planned by a failure"]);
});

test("a call that never ends holds up those after it for a second, and they begin in order", async () => {
  const begun: number[] = [];
  const stuck = actor({
    state: { begun: [] as number[] },
    actions: {
      plan: (c) => {
        for (let i = 0; i < 5; i++) c.schedule.after(i, "hang", i);
      },
      hang: (c, i: number) => {
        begun.push(i);
        c.state.begun.push(i);
        return new Promise(() => {});
      },
      begun: (c) => c.state.begun,
    },
  });
  await using world = await World.open({ stuck });
  const handle = world.client.stuck.getOrCreate("a");
  await handle.plan();
  await world.clock.pass(999);
  assertEquals(begun, [0]);
  await world.clock.pass(1);
  assertEquals(begun, [0, 1]);
  // Another caller sees what is durable.
  const seen = handle.begun();
  await world.clock.pass(1_000);
  assertEquals((await seen).slice(0, 2), [0, 1]);
  await world.clock.pass(5_000);
  assertEquals(begun, [0, 1, 2, 3, 4]);
  assertEquals(await world.store.alarms({ limit: 1 }), []);
});

test("no more than a hundred calls that never end are under way at once", async () => {
  let begun = 0;
  const stuck = actor({
    actions: {
      plan: (c) => {
        for (let i = 0; i < 150; i++) c.schedule.after(1, "hang");
      },
      hang: () => {
        begun++;
        return new Promise(() => {});
      },
    },
  });
  await using world = await World.open({ stuck });
  await world.client.stuck.getOrCreate("a").plan();
  await world.clock.pass(300_000);
  assertEquals(begun, 101);
});

test("a call that another process has scheduled runs here when that is gone", async () => {
  const there = await World.open({ planner });
  const theirs = await there.client.planner.create("a");
  await using here = await World.open({ planner }, there.parts);
  const handle = here.client.planner.get("a");
  await handle.ran();
  await theirs.plan(100, "from there");
  await there.host.close();
  // It looks at the alarms of all actors when one of its own is due.
  await here.client.planner.getOrCreate("b").plan(200, "from here");
  await here.clock.pass(5_000);
  assertEquals(await handle.ran(), ["from there"]);
});

test("the calls of a creation that was cut short are not made besides those of the next", async () => {
  const { promise: never } = Promise.withResolvers<void>();
  const slow = (mustHang: boolean) => ({
    newborn: actor({
      state: { greetings: 0 },
      async onCreate(c) {
        await c.schedule.after(5_000, "greet");
        await c.saveState();
        if (mustHang) await never;
      },
      actions: {
        greet: (c) => void c.state.greetings++,
        greetings: (c) => c.state.greetings,
      },
    }),
  });
  const world = await World.open(slow(true));
  const creating = world.client.newborn.create("a").catch(() => {});
  await world.clock.settle();
  world.kill();
  world.store.fate = "works";
  await using after = await World.open(slow(false), world.parts);
  await after.clock.pass(20_000);
  assertEquals(await after.client.newborn.get("a").greetings(), 1);
  await world.clock.pass(60_000);
  await creating;
});
