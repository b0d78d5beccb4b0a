// The user's `run`: when it begins, what it keeps awake, what a stop waits for, and what is saved.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { Connection } from "../../src/actor/connection.ts";
import { actor } from "../../src/definition/actor.ts";
import { test } from "../harness.ts";
import { state, World } from "./world.ts";

interface Gate {
  opened: Promise<void>;
  open: () => void;
}

function gate(): Gate {
  const { promise: opened, resolve: open } = Promise.withResolvers<void>();
  return { opened, open };
}

/** Resolves when the instance stops. */
function stopOf(c: { abortSignal: AbortSignal }): Promise<void> {
  const { opened, open } = gate();
  if (c.abortSignal.aborted) open();
  c.abortSignal.addEventListener("abort", open);
  return opened;
}

test("run begins when the actor is ready, on every wake", async () => {
  const told: string[] = [];
  const loop = actor({
    state: { wakes: 0 },
    onCreate: () => void told.push("onCreate"),
    onWake: (c) => {
      told.push("onWake");
      c.state.wakes++;
    },
    run: (c) => void told.push(`run ${c.state.wakes} ${c.aborted}`),
    actions: { ping: () => void told.push("ping") },
    options: { sleepTimeout: 1_000 },
  });
  await using world = await World.open({ loop });
  await world.client.loop.getOrCreate().ping();
  assertEquals(told.splice(0), ["onCreate", "onWake", "run 1 false", "ping"]);
  await world.clock.pass(2_000);
  await world.client.loop.getOrCreate().ping();
  assertEquals(told, ["onWake", "run 2 false", "ping"]);
});

test("run may be given with a name and an icon", async () => {
  let ran = 0;
  const loop = actor({
    run: { name: "loop", icon: "arrows", run: () => void ran++ },
  });
  await using world = await World.open({ loop });
  await world.client.loop.getOrCreate().resolve();
  assertEquals(ran, 1);
});

test("actor() refuses a run that is no function and has none", () => {
  for (
    const [run, message] of [
      [1, "run is neither a function nor an object"],
      [null, "run is neither a function nor an object"],
      [{}, "run.run is missing"],
      [{ run: 1 }, "run.run is not a function"],
      [{ run: () => {}, name: 1 }, "run.name is not a string"],
      [{ run: () => {}, icons: "" }, `unknown key "run.icons"`],
    ] as const
  ) {
    assertThrows(
      () => actor({ run: run as never }),
      TypeError,
      `Cannot define an actor: ${message}`,
    );
  }
});

test("run keeps the actor awake until it returns, and then the actor sleeps as usual", async () => {
  const work = gate();
  const loop = actor({
    run: () => work.opened,
    actions: { ping: () => {} },
    options: { sleepTimeout: 1_000 },
  });
  await using world = await World.open({ loop });
  const { client, clock, store } = world;
  await client.loop.getOrCreate().ping();
  await clock.pass(100_000);
  await client.loop.getOrCreate().ping();
  assertEquals(store.loads, 0);
  work.open();
  await clock.pass(2_000);
  await client.loop.getOrCreate().ping();
  assertEquals(store.loads, 1);
});

test("what run throws is logged, and the actor sleeps as usual", async () => {
  const loop = actor({
    run() {
      throw new Error("out of order");
    },
    actions: { ping: () => "pong" },
    options: { sleepTimeout: 1_000 },
  });
  await using world = await World.open({ loop });
  const { client, clock, store, log } = world;
  assertEquals(await client.loop.getOrCreate().ping(), "pong");
  assertEquals(log.length, 1);
  assert(log[0]!.includes("run failed") && log[0]!.includes("out of order"));
  await clock.pass(2_000);
  await client.loop.getOrCreate().ping();
  assertEquals(store.loads, 1);
});

test("a stop tells run to end, and waits until it has", async () => {
  const tail = gate();
  const told: string[] = [];
  const loop = actor({
    state: { ends: 0 },
    async run(c) {
      await stopOf(c);
      told.push(`told ${c.aborted}`);
      await tail.opened;
      c.state.ends++;
    },
    onSleep: () => void told.push("onSleep"),
    actions: { sleep: (c) => c.sleep(), ends: (c) => c.state.ends },
  });
  await using world = await World.open({ loop });
  const { client, clock } = world;
  await client.loop.getOrCreate().sleep();
  await clock.settle();
  assertEquals(told, ["onSleep", "told true"]);
  const next = client.loop.getOrCreate().ends();
  assertEquals(await state(next, clock), "pending");
  tail.open();
  assertEquals(await next, 1);
});

test("a stop waits for run no longer than options.waitUntilTimeout, and what it does then is not saved", async () => {
  const late = gate();
  const loop = actor({
    state: { n: 0 },
    async run(c) {
      if (c.state.n > 0) return;
      c.state.n = 1;
      await late.opened;
      c.state.n = 2;
    },
    actions: { sleep: (c) => c.sleep(), n: (c) => c.state.n },
    options: { waitUntilTimeout: 2_000 },
  });
  await using world = await World.open({ loop });
  const { client, clock, log } = world;
  await client.loop.getOrCreate().sleep();
  await clock.settle();
  const next = client.loop.getOrCreate().n();
  assertEquals(await state(next, clock), "pending");
  await clock.pass(2_000);
  assertEquals(await next, 1);
  assert(log.some((line) => line.includes("stopping anyway")));
  late.open();
  await clock.settle();
  assertEquals(await client.loop.getOrCreate().n(), 1);
});

test("what a run that is told to stop throws because of that is not logged", async () => {
  const loop = actor({
    async run(c) {
      await stopOf(c);
      c.abortSignal.throwIfAborted();
    },
    actions: { sleep: (c) => c.sleep(), ping: () => {} },
  });
  await using world = await World.open({ loop });
  await world.client.loop.getOrCreate().sleep();
  await world.clock.settle();
  await world.client.loop.getOrCreate().ping();
  assertEquals(world.log, []);
});

test("a change of run is saved while it goes on, without any output", async () => {
  const more = gate();
  const loop = actor({
    state: { n: 0 },
    async run(c) {
      await more.opened;
      if (c.state.n === 0) c.state.n++;
      await stopOf(c);
    },
    actions: { n: (c) => c.state.n },
  });
  await using world = await World.open({ loop });
  const { client, clock, parts } = world;
  await client.loop.getOrCreate().n();
  more.open();
  await clock.settle();
  world.kill();
  await using after = await World.open({ loop }, {
    ...parts,
    store: parts.store,
  });
  after.store.fate = "works";
  assertEquals(await after.client.loop.getOrCreate().n(), 1);
});

test("a change of run that nobody is told of is saved within stateSaveInterval", async () => {
  const first = gate();
  const loop = actor({
    state: { at: new Date(0) },
    async run(c) {
      if (c.state.at.getTime() > 0) return;
      const { at } = c.state;
      await first.opened;
      at.setTime(77);
      await stopOf(c);
    },
    actions: { at: (c) => c.state.at.getTime() },
    options: { stateSaveInterval: 5_000 },
  });
  await using world = await World.open({ loop });
  const { client, clock, parts, store } = world;
  await client.loop.getOrCreate().resolve();
  await clock.settle();
  const before = store.steps.length;
  first.open();
  await clock.pass(5_000);
  assertEquals(store.steps.length, before + 1);
  await clock.pass(20_000);
  assertEquals(store.steps.length, before + 1);
  world.kill();
  await using after = await World.open({ loop }, parts);
  after.store.fate = "works";
  assertEquals(await after.client.loop.getOrCreate().at(), 77);
});

test("keepAwake() keeps the actor awake until the promise settles, and hands its rejection to the caller", async () => {
  const work = Promise.withResolvers<number>();
  const worker = actor({
    actions: {
      work: (c) => {
        const kept = c.keepAwake(work.promise);
        kept.catch(() => {});
        return kept === work.promise;
      },
    },
    options: { sleepTimeout: 1_000 },
  });
  await using world = await World.open({ worker });
  const { client, clock, store, log } = world;
  assert(await client.worker.getOrCreate().work());
  await clock.pass(100_000);
  await client.worker.getOrCreate().work();
  assertEquals(store.loads, 0);
  work.reject(new Error("gave up"));
  await clock.pass(2_000);
  await client.worker.getOrCreate().work();
  assertEquals(store.loads, 1);
  assertEquals(log, []);
});

test("nobody looks at a connection that has closed, however long run is at work", async () => {
  const room = actor({
    createConnState: () => ({ visits: 0 }),
    onConnect: (_c, conn) => void conn.state.visits++,
    onDisconnect: (_c, conn) => void conn.state.visits++,
    run: stopOf,
    actions: {},
  });
  await using world = await World.open({ room });
  const id = await world.client.room.getOrCreate("a").resolve();
  const ann = await world.connect(id);
  await world.clock.settle();
  await ann.hangUp();
  const looked: string[] = [];
  const { look } = Connection.prototype;
  Connection.prototype.look = function () {
    looked.push(this.id);
    look.call(this);
  };
  try {
    const bob = await world.connect(id);
    await world.clock.pass(20_000);
    assertEquals(new Set(looked), new Set([bob.connection.id]));
  } finally {
    Connection.prototype.look = look;
  }
});
