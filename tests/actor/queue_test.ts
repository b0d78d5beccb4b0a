// Queues through the host: order, completion, redelivery, replies, limits, and what wakes an actor.

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { actor } from "../../src/definition/actor.ts";
import type { ActorOptions } from "../../src/definition/config.ts";
import type { StandardSchema } from "../../src/definition/schema.ts";
import { queue } from "../../src/definition/schema.ts";
import { ActorError, UserError } from "../../src/errors.ts";
import { test } from "../harness.ts";
import { state, World } from "./world.ts";

/** Rejects unless `work` is refused with this group and code. */
async function assertRefused(
  work: () => Promise<unknown>,
  kind: string,
): Promise<ActorError> {
  const error = await assertRejects(work, ActorError);
  assertEquals(`${error.group}/${error.code}`, kind);
  return error;
}

/** An actor that adds up what it is sent, one message after the other. */
function adder(options: ActorOptions = {}) {
  return actor({
    state: { total: 0, bodies: [] as number[] },
    queues: { add: queue<number>() },
    async run(c) {
      for await (const message of c.queue.iter()) {
        c.state.total += message.body;
        c.state.bodies.push(message.body);
      }
    },
    actions: {
      total: (c) => c.state.total,
      bodies: (c) => c.state.bodies,
      sleep: (c) => c.sleep(),
    },
    options,
  });
}

test("run takes what is sent, in the order in which it was sent", async () => {
  await using world = await World.open({ adder: adder() });
  const handle = world.client.adder.getOrCreate();
  for (let n = 1; n <= 100; n++) {
    assertEquals(await handle.send("add", n), undefined);
  }
  await world.clock.settle();
  assertEquals(
    await handle.bodies(),
    Array.from({ length: 100 }, (_, i) => i + 1),
  );
});

test("send() resolves when the message is durable, and rejects when it cannot be saved", async () => {
  await using world = await World.open({ adder: adder() });
  const { client, clock, store } = world;
  const handle = client.adder.getOrCreate();
  await handle.total();
  store.fate = "hangs";
  const sent = handle.send("add", 1);
  assertEquals(await state(sent, clock), "pending");
  store.fate = "works";
  await store.land();
  await sent;
  await clock.settle();
  store.fate = "fails";
  await assertRefused(() => handle.send("add", 2), "store/commit_failed");
  store.fate = "works";
  await clock.settle();
  assertEquals(await handle.total(), 1);
});

test("the removal of a message is one step with what its consumer has changed", async () => {
  await using world = await World.open({ adder: adder() });
  const { client, clock, store } = world;
  const handle = client.adder.getOrCreate();
  await handle.send("add", 5);
  await clock.settle();
  const [removal] = store.steps.filter(({ kv }) =>
    kv?.some(({ key, value }) => value === undefined && key.length > 2)
  );
  assert(removal?.snapshot !== undefined || removal?.journal !== undefined);
  await clock.pass(1_000);
  assertEquals(store.steps.at(-1), removal);
});

test("a message that is taken before it is durable costs one step in all", async () => {
  await using world = await World.open({ adder: adder() });
  const { client, clock, store } = world;
  const handle = client.adder.getOrCreate();
  await handle.total();
  const before = store.steps.length;
  await handle.send("add", 5);
  await clock.settle();
  assertEquals(store.steps.length, before + 1);
  assertEquals(await store.alarms({ limit: 1 }), []);
});

test("a message whose removal is not saved is delivered again without any call, and its effect is there once", async () => {
  const gate = Promise.withResolvers<void>();
  const worker = actor({
    state: { bodies: [] as number[] },
    queues: { add: queue<number>() },
    async run(c) {
      for await (const message of c.queue.iter()) {
        await gate.promise;
        c.state.bodies.push(message.body);
      }
    },
    actions: { bodies: (c) => c.state.bodies },
  });
  await using world = await World.open({ worker });
  const { client, clock, store, log } = world;
  const id = await client.worker.getOrCreate().resolve();
  await client.worker.getForId(id).send("add", 7);
  store.fate = "fails";
  gate.resolve();
  await clock.settle();
  assertEquals(store.loads, 0);
  store.fate = "works";
  await clock.pass(2_000);
  assertEquals(store.loads, 1);
  assertEquals(await client.worker.getForId(id).bodies(), [7]);
  assertEquals(log.filter((line) => line.includes("run failed")), []);
});

test("the actor sleeps while run waits for a message, and a message wakes it", async () => {
  await using world = await World.open({
    adder: adder({ sleepTimeout: 1_000 }),
  });
  const { client, clock, store, log } = world;
  const handle = client.adder.getOrCreate();
  await handle.send("add", 1);
  await clock.pass(3_000);
  assertEquals(store.loads, 0);
  await handle.send("add", 2);
  assertEquals(store.loads, 1);
  await clock.settle();
  assertEquals(await handle.bodies(), [1, 2]);
  assertEquals(log, []);
});

test("the actor stays awake while run works on a message", async () => {
  const work = Promise.withResolvers<void>();
  const worker = actor({
    queues: { jobs: queue<string>() },
    async run(c) {
      for await (const _ of c.queue.iter()) await work.promise;
    },
    actions: { ping: () => {} },
    options: { sleepTimeout: 1_000 },
  });
  await using world = await World.open({ worker });
  const { client, clock, store } = world;
  await client.worker.getOrCreate().send("jobs", "long");
  await clock.pass(60_000);
  await client.worker.getOrCreate().ping();
  assertEquals(store.loads, 0);
  work.resolve();
  await clock.pass(3_000);
  await client.worker.getOrCreate().ping();
  assertEquals(store.loads, 1);
});

test("another wait of run does not let the actor sleep over the message in work", async () => {
  const work = Promise.withResolvers<void>();
  const told: string[] = [];
  const worker = actor({
    queues: { jobs: queue<string>(), stop: queue<string>() },
    async run(c) {
      for await (const job of c.queue.iter({ names: ["jobs"] })) {
        const stop = new AbortController();
        const stopped = c.queue.next({ names: ["stop"], signal: stop.signal })
          .then((message) => told.push(`stop ${message?.body}`))
          .catch((error) => told.push(`${error.group}/${error.code}`));
        await work.promise;
        stop.abort();
        await stopped;
        told.push(job.body);
      }
    },
    actions: { ping: () => {} },
    options: { sleepTimeout: 1_000 },
  });
  await using world = await World.open({ worker });
  const { client, clock, store } = world;
  await client.worker.getOrCreate().send("jobs", "long");
  await clock.pass(60_000);
  await client.worker.getOrCreate().ping();
  assertEquals(store.loads, 0);
  work.resolve();
  await clock.pass(3_000);
  assertEquals(told, ["actor/aborted", "long"]);
  await client.worker.getOrCreate().ping();
  assertEquals(store.loads, 1);
});

test("a message that is in work when the instance stops is delivered again in the next life, with the same id", async () => {
  const got: string[] = [];
  const never = new Promise<void>(() => {});
  const worker = actor({
    queues: { jobs: queue<string>() },
    async run(c) {
      for await (const message of c.queue.iter()) {
        got.push(`${message.id} ${message.body}`);
        if (got.length === 1) await never;
      }
    },
    actions: { sleep: (c) => c.sleep() },
    options: { waitUntilTimeout: 1_000 },
  });
  await using world = await World.open({ worker });
  const { client, clock } = world;
  const handle = client.worker.getOrCreate();
  await handle.send("jobs", "a");
  await handle.send("jobs", "b");
  await handle.sleep();
  // Nobody calls it: the next life begins by itself.
  await clock.pass(2_000);
  assertEquals(got, ["1 a", "1 a", "2 b"]);
});

test("after a crash every message is delivered again that was not completed, without any call", async () => {
  const got: string[] = [];
  let isOver = false;
  const worker = actor({
    queues: { jobs: queue<string>() },
    async run(c) {
      for await (const message of c.queue.iter()) {
        got.push(message.body);
        if (message.body === "b" && !isOver) await new Promise(() => {});
      }
    },
  });
  await using world = await World.open({ worker });
  const handle = world.client.worker.getOrCreate();
  for (const body of ["a", "b", "c"]) await handle.send("jobs", body);
  await world.clock.settle();
  world.kill();
  isOver = true;
  assertEquals(got.splice(0), ["a", "b"]);
  const { parts } = world;
  parts.store.fate = "works";
  await using after = await World.open({ worker }, parts);
  await after.clock.settle();
  assertEquals(got.splice(0), ["b", "c"]);
  // And nothing is left to wake anybody.
  assertEquals(await after.store.alarms({ limit: 10 }), []);
});

test("a process that starts tries again to wake an actor that cannot be woken", async () => {
  let isBroken = false;
  const got: string[] = [];
  const worker = actor({
    queues: { jobs: queue<string>() },
    onWake() {
      if (isBroken) throw new Error("not yet");
    },
    async run(c) {
      for await (const message of c.queue.iter()) {
        if (isBroken) await new Promise(() => {});
        got.push(message.body);
      }
    },
  });
  await using world = await World.open({ worker });
  await world.client.worker.getOrCreate().resolve();
  isBroken = true;
  await world.client.worker.getOrCreate().send("jobs", "a");
  world.kill();
  const { parts } = world;
  parts.store.fate = "works";
  await using after = await World.open({ worker }, parts);
  await after.clock.pass(10_000);
  assertEquals(got, []);
  isBroken = false;
  await after.clock.pass(60_000);
  assertEquals(got, ["a"]);
});

test("when run throws, its message is there again, and run begins anew after growing pauses", async () => {
  const got: string[] = [];
  const release = Promise.withResolvers<void>();
  let failures = 3;
  const worker = actor({
    state: { done: [] as string[] },
    queues: { jobs: queue<string>() },
    async run(c) {
      for await (const message of c.queue.iter()) {
        got.push(message.body);
        if (failures-- > 0) throw new Error("out of order");
        c.state.done.push(message.body);
      }
    },
    actions: {
      done: (c) => c.state.done,
      keep: (c) => void c.waitUntil(release.promise),
    },
  });
  await using world = await World.open({ worker });
  const { client, clock } = world;
  const handle = client.worker.getOrCreate();
  await handle.send("jobs", "a");
  await clock.settle();
  assertEquals(got, ["a"]);
  await clock.pass(1_000);
  assertEquals(got, ["a", "a"]);
  await clock.pass(1_999);
  assertEquals(got, ["a", "a"]);
  await clock.pass(1);
  assertEquals(got, ["a", "a", "a"]);
  await handle.send("jobs", "b");
  await clock.pass(4_000);
  assertEquals(got.splice(0), ["a", "a", "a", "a", "b"]);
  assertEquals(await handle.done(), ["a", "b"]);
  assertEquals(world.log.length, 3);
  // A loop that has been well for a while is tried again as soon as at first.
  await handle.keep();
  await clock.pass(61_000);
  failures = 1;
  await handle.send("jobs", "c");
  await clock.pass(1_000);
  assertEquals(got, ["c", "c"]);
  release.resolve();
});

test("a message that comes after run has thrown begins it anew, and one after it has returned does not", async () => {
  let mustThrow = true;
  let begun = 0;
  const worker = actor({
    queues: { jobs: queue<string>() },
    run() {
      begun++;
      if (mustThrow) throw new Error("out of order");
    },
  });
  await using world = await World.open({ worker });
  const { client, clock } = world;
  const handle = client.worker.getOrCreate();
  await handle.resolve();
  await clock.pass(5_000);
  assertEquals(begun, 1);
  mustThrow = false;
  await handle.send("jobs", "a");
  await clock.pass(1_000);
  assertEquals(begun, 2);
  await handle.send("jobs", "b");
  await clock.pass(10_000);
  assertEquals(begun, 2);
});

test("a message that comes while the actor falls asleep wakes it again", async () => {
  const falls = Promise.withResolvers<void>();
  const got: string[] = [];
  const worker = actor({
    queues: { jobs: queue<string>() },
    async run(c) {
      for await (const message of c.queue.iter()) got.push(message.body);
    },
    async onSleep(c) {
      if (got.length > 0) return;
      await c.queue.send("jobs", "good night");
      await falls.promise;
    },
    actions: { sleep: (c) => c.sleep() },
  });
  await using world = await World.open({ worker });
  const { client, clock } = world;
  await client.worker.getOrCreate().sleep();
  await clock.settle();
  falls.resolve();
  await clock.pass(1);
  assertEquals(got, ["good night"]);
});

const replier = actor({
  state: { total: 0 },
  queues: { add: queue<number, { total: number }>() },
  async run(c) {
    for await (const message of c.queue.iter({ completable: true })) {
      c.state.total += message.body;
      await message.complete({ total: c.state.total });
    }
  },
  actions: { total: (c) => c.state.total },
});

test("a sender that waits gets the reply, when what the consumer changed is durable", async () => {
  await using world = await World.open({ replier });
  const { client, clock, store } = world;
  const handle = client.replier.getOrCreate();
  assertEquals(await handle.send("add", 2, { wait: true }), {
    status: "completed",
    response: { total: 2 },
  });
  store.fate = "hangs";
  const second = handle.send("add", 3, { wait: true });
  assertEquals(await state(second, clock), "pending");
  await store.land();
  assertEquals(await second, { status: "completed", response: { total: 5 } });
  store.fate = "works";
});

test("a reply waits until the removal of its message is durable", async () => {
  const gate = Promise.withResolvers<void>();
  const worker = actor({
    queues: { jobs: queue<string, string>() },
    async run(c) {
      for await (const message of c.queue.iter({ completable: true })) {
        await gate.promise;
        await message.complete("done");
      }
    },
  });
  await using world = await World.open({ worker });
  const { client, clock, store } = world;
  const sent = client.worker.getOrCreate().send("jobs", "a", { wait: true });
  await clock.settle();
  store.fate = "hangs";
  gate.resolve();
  assertEquals(await state(sent, clock), "pending");
  store.fate = "works";
  await store.land();
  assertEquals(await sent, { status: "completed", response: "done" });
});

test("a sender that waits too long is told so, and its message stays", async () => {
  const gate = Promise.withResolvers<void>();
  const worker = actor({
    state: { got: 0 },
    queues: { jobs: queue<number, string>() },
    async run(c) {
      await gate.promise;
      for await (const message of c.queue.iter({ completable: true })) {
        c.state.got += message.body;
        await message.complete("done");
      }
    },
    actions: { got: (c) => c.state.got },
  });
  await using world = await World.open({ worker });
  const { client, clock } = world;
  const handle = client.worker.getOrCreate();
  const sent = handle.send("jobs", 4, { wait: true, timeout: 5_000 });
  await clock.pass(4_999);
  assertEquals(await state(sent, clock), "pending");
  await clock.pass(1);
  assertEquals(await sent, { status: "timedOut" });
  gate.resolve();
  await clock.settle();
  assertEquals(await handle.got(), 4);
});

test("a sender that waits keeps the actor awake, and is told when that stops all the same", async () => {
  const worker = actor({
    queues: { jobs: queue<number, string>() },
    actions: { sleep: (c) => c.sleep(), ping: () => {} },
    options: { sleepTimeout: 1_000 },
  });
  await using world = await World.open({ worker });
  const { client, clock, store } = world;
  const handle = client.worker.getOrCreate();
  const sent = handle.send("jobs", 1, { wait: true });
  sent.catch(() => {});
  await clock.pass(10_000);
  await handle.ping();
  assertEquals(store.loads, 0);
  await handle.sleep();
  await assertRefused(() => sent, "actor/stopping");
  const aborted = new AbortController();
  const other = handle.send("jobs", 2, { wait: true, signal: aborted.signal });
  other.catch(() => {});
  await clock.pass(10_000);
  aborted.abort(new Error("enough"));
  await assertRejects(() => other, Error, "enough");
  await clock.pass(3_000);
  await handle.ping();
  assertEquals(store.loads, 2);
});

test("a sender that waits is told when the change is not saved that the reply describes", async () => {
  await using world = await World.open({ replier });
  const { client, clock, store } = world;
  const handle = client.replier.getOrCreate();
  await handle.total();
  store.fate = "hangs";
  const sent = handle.send("add", 1, { wait: true });
  sent.catch(() => {});
  await clock.settle();
  await store.land();
  store.fate = "fails";
  await clock.settle();
  store.fate = "works";
  await store.land();
  await clock.pass(2_000);
  assertEquals(await handle.total(), 1);
  await sent.then(
    () => {},
    (error) => assertEquals(error.group, "store"),
  );
});

test("a message that is not completable is completed when its consumer comes back, and replies nothing", async () => {
  const gate = Promise.withResolvers<void>();
  const worker = actor({
    queues: { jobs: queue<string>() },
    async run(c) {
      while (!c.aborted) {
        await c.queue.next();
        await gate.promise;
      }
    },
  });
  await using world = await World.open({ worker });
  const { client, clock } = world;
  const sent = client.worker.getOrCreate().send("jobs", "a", { wait: true });
  assertEquals(await state(sent, clock), "pending");
  gate.resolve();
  assertEquals(await sent, { status: "completed", response: undefined });
});

test("what run has taken is completed when it returns", async () => {
  const worker = actor({
    queues: { jobs: queue<string>() },
    run: async (c) => void await c.queue.next(),
    actions: { sleep: (c) => c.sleep() },
  });
  await using world = await World.open({ worker });
  const { client, clock, store } = world;
  await client.worker.getOrCreate().send("jobs", "a");
  await clock.settle();
  assertEquals(await store.alarms({ limit: 1 }), []);
});

/** An actor whose actions take messages. */
const taker = actor({
  state: { taken: [] as string[] },
  queues: { a: queue<string>(), b: queue<string>() },
  actions: {
    async take(c, ...names: ("a" | "b")[]) {
      const message = await c.queue.tryNext({ names });
      if (message !== undefined) c.state.taken.push(message.body);
      return message?.body;
    },
    async takeAndThrow(c) {
      const message = await c.queue.tryNext();
      throw new UserError(`no ${message?.body}`);
    },
    async takeAll(c, count: number) {
      const messages = await c.queue.tryNextBatch({ count });
      return messages.map(({ body, name }) => `${name}${body}`);
    },
    async wait(c, count: number, timeout?: number) {
      const messages = await c.queue.nextBatch({
        count,
        ...(timeout !== undefined && { timeout }),
      });
      return messages.map(({ body }) => body);
    },
    async sendTwice(c, body: string) {
      await c.queue.send("a", body);
      await c.queue.send("b", body);
      const first = await c.queue.tryNext();
      return first?.name;
    },
    async completeTwice(c) {
      const message = await c.queue.tryNext({ completable: true });
      await message!.complete();
      await message!.complete();
    },
    async completeNone(c) {
      const message = await c.queue.tryNext();
      await message!.complete();
    },
    async takeTwo(c) {
      await c.queue.tryNext({ completable: true });
      await c.queue.tryNext({ completable: true });
    },
    sleep: (c) => c.sleep(),
  },
});

test("what an action has taken is completed when it returns, and there again when it throws", async () => {
  await using world = await World.open({ taker });
  const handle = world.client.taker.getOrCreate();
  assertEquals(await handle.take(), undefined);
  await handle.send("a", "1");
  await handle.send("a", "2");
  await assertRefused(() => handle.takeAndThrow(), "user/user_error");
  assertEquals(await handle.take(), "1");
  assertEquals(await handle.take(), "2");
  assertEquals(await handle.take(), undefined);
});

test("what onRequest has taken is completed when it returns, and there again when it throws", async () => {
  const taker = actor({
    queues: { jobs: queue<string>() },
    async onRequest(c, request) {
      const message = await c.queue.tryNext();
      if (request.url.endsWith("throw")) throw new UserError("no");
      return new Response(message?.body);
    },
  });
  await using world = await World.open({ taker });
  const handle = world.client.taker.getOrCreate();
  await handle.send("jobs", "1");
  await (await handle.fetch("throw")).body?.cancel();
  assertEquals(await (await handle.fetch("take")).text(), "1");
  assertEquals(await (await handle.fetch("take")).text(), "");
});

test("several queues are one line when they are taken together, and each is its own alone", async () => {
  await using world = await World.open({ taker });
  const handle = world.client.taker.getOrCreate();
  for (const n of [1, 2, 3, 4]) {
    await handle.send(n % 2 === 0 ? "b" : "a", String(n));
  }
  assertEquals(await handle.take("b"), "2");
  assertEquals(await handle.takeAll(10), ["a1", "a3", "b4"]);
  assertEquals(await handle.takeAll(10), []);
});

test("a batch waits for its first message only, and has no more than are there", async () => {
  await using world = await World.open({ taker });
  const { client, clock } = world;
  const handle = client.taker.getOrCreate();
  const waiting = handle.wait(3);
  assertEquals(await state(waiting, clock), "pending");
  await handle.send("b", "x");
  assertEquals(await waiting, ["x"]);
  for (const n of [1, 2, 3]) await handle.send("a", String(n));
  assertEquals(await handle.wait(2), ["1", "2"]);
  assertEquals(await handle.wait(2), ["3"]);
  const none = handle.wait(1, 500);
  await clock.pass(499);
  assertEquals(await state(none, clock), "pending");
  await clock.pass(1);
  assertEquals(await none, []);
  assertEquals(await handle.wait(1, 0), []);
});

test("next() takes the name of one queue, too", async () => {
  const picky = actor({
    queues: { a: queue<string>(), b: queue<string>() },
    actions: {
      next: async (c) => (await c.queue.next("b"))?.body,
      nextInTime: async (c) =>
        (await c.queue.next("b", { timeout: 0, completable: true }))?.body,
    },
  });
  await using world = await World.open({ picky });
  const handle = world.client.picky.getOrCreate();
  await handle.send("a", "1");
  await handle.send("b", "2");
  assertEquals(await handle.next(), "2");
  assertEquals(await handle.nextInTime(), undefined);
});

test("a scheduled call may take and complete messages, and keeps nobody waiting", async () => {
  const got: string[] = [];
  const timed = actor({
    queues: { jobs: queue<string, string>() },
    actions: {
      plan: (c) => c.schedule.after(100, "take"),
      async take(c) {
        const message = await c.queue.next({ completable: true });
        await message!.complete("done");
        got.push(message!.body);
      },
    },
  });
  await using world = await World.open({ timed });
  const { client, clock } = world;
  const handle = client.timed.getOrCreate();
  await handle.plan();
  const sent = handle.send("jobs", "a", { wait: true });
  await clock.pass(100);
  assertEquals(await sent, { status: "completed", response: "done" });
  assertEquals(got, ["a"]);
});

test("a process that starts wakes any number of actors for their messages, page by page", async () => {
  const got = new Set<string>();
  let isHeld = true;
  const worker = actor({
    queues: { jobs: queue<string>() },
    async run(c) {
      if (isHeld) return;
      for await (const message of c.queue.iter()) got.add(message.body);
    },
  });
  await using world = await World.open({ worker });
  const names = Array.from({ length: 150 }, (_, n) => `actor ${n}`);
  for (const name of names) {
    await world.client.worker.getOrCreate(name).send("jobs", name);
  }
  world.kill();
  isHeld = false;
  const { parts } = world;
  parts.store.fate = "works";
  await using after = await World.open({ worker }, parts);
  await after.clock.settle();
  assertEquals([...got].toSorted(), names.toSorted());
  assertEquals(after.log, []);
});

test("a message is taken by one consumer only", async () => {
  await using world = await World.open({ taker });
  const { client, clock } = world;
  const handle = client.taker.getOrCreate();
  const waiting = [handle.wait(1), handle.wait(1)];
  await clock.settle();
  await handle.send("a", "1");
  await handle.send("a", "2");
  assertEquals((await Promise.all(waiting)).flat(), ["1", "2"]);
});

test("an actor sends itself messages as part of the step that sends them", async () => {
  await using world = await World.open({ taker });
  const { client, store } = world;
  const handle = client.taker.getOrCreate();
  await handle.take();
  const before = store.steps.length;
  assertEquals(await handle.sendTwice("me"), "a");
  assertEquals(store.steps.length, before + 1);
  assertEquals(await handle.takeAll(5), ["bme"]);
});

test("complete() is for completable messages, and once", async () => {
  await using world = await World.open({ taker });
  const handle = world.client.taker.getOrCreate();
  for (const n of [1, 2, 3, 4]) await handle.send("a", String(n));
  await assertRefused(
    () => handle.completeTwice(),
    "queue/already_completed",
  );
  await assertRefused(
    () => handle.completeNone(),
    "queue/complete_not_configured",
  );
  assertEquals(await handle.take(), "2");
  await assertRefused(
    () => handle.takeTwo(),
    "queue/previous_message_not_completed",
  );
  assertEquals(await handle.takeAll(5), ["a3", "a4"]);
});

test("a message that an action did not complete stays with it until the next life", async () => {
  const holder = actor({
    queues: { jobs: queue<string>() },
    actions: {
      async hold(c) {
        const message = await c.queue.tryNext({ completable: true });
        return message?.body;
      },
      sleep: (c) => c.sleep(),
    },
  });
  await using world = await World.open({ holder });
  const { client, clock } = world;
  const handle = client.holder.getOrCreate();
  await handle.send("jobs", "a");
  assertEquals(await handle.hold(), "a");
  assertEquals(await handle.hold(), undefined);
  await handle.sleep();
  await clock.settle();
  assertEquals(await handle.hold(), "a");
});

test("a loop that breaks out of an iterator completes its message when it comes back", async () => {
  const got: string[] = [];
  const worker = actor({
    queues: { jobs: queue<string>() },
    async run(c) {
      while (!c.aborted) {
        for await (const message of c.queue.iter()) {
          got.push(message.body);
          break;
        }
      }
    },
    actions: { sleep: (c) => c.sleep() },
    options: { sleepTimeout: 1_000 },
  });
  await using world = await World.open({ worker });
  const { client, clock, store } = world;
  for (const body of ["a", "b"]) {
    await client.worker.getOrCreate().send("jobs", body);
  }
  await clock.settle();
  assertEquals(got, ["a", "b"]);
  assertEquals(await store.alarms({ limit: 1 }), []);
});

test("a queue of any length is read page by page, in order, also in the next life", async () => {
  await using world = await World.open({ taker });
  const { client, clock } = world;
  const handle = client.taker.getOrCreate();
  const bodies = Array.from({ length: 200 }, (_, n) => String(n));
  for (const body of bodies) await handle.send("a", body);
  assertEquals(
    await handle.takeAll(50),
    bodies.slice(0, 50).map((body) => `a${body}`),
  );
  await assertRefused(() => handle.takeAndThrow(), "user/user_error");
  assertEquals(await handle.take(), "50");
  await handle.sleep();
  await clock.settle();
  assertEquals(await handle.take(), "51");
  assertEquals(
    await handle.takeAll(1000),
    bodies.slice(52).map((body) => `a${body}`),
  );
});

test("several queues are one line also where not all of it is in memory", async () => {
  await using world = await World.open({ taker });
  const handle = world.client.taker.getOrCreate();
  const bodies = Array.from({ length: 40 }, (_, n) => `a${n}`);
  for (const body of bodies) await handle.send("a", body.slice(1));
  await handle.send("b", "last");
  assertEquals(await handle.takeAll(50), [...bodies, "blast"]);
});

test("the numbers of messages are never used twice", async () => {
  const ids: string[] = [];
  const worker = actor({
    queues: { jobs: queue<string>() },
    async run(c) {
      for await (const { id } of c.queue.iter()) ids.push(id);
    },
    actions: { sleep: (c) => c.sleep() },
  });
  await using world = await World.open({ worker });
  const { client, clock } = world;
  for (let life = 0; life < 3; life++) {
    await client.worker.getOrCreate().send("jobs", "a");
    await clock.settle();
    await client.worker.getOrCreate().sleep();
    await clock.settle();
  }
  assertEquals(ids, ["1", "2", "3"]);
});

test("a full queue, a message too large and an unknown queue are refused by name", async () => {
  const small = actor({
    queues: { a: queue<unknown>(), b: queue<unknown>() },
    actions: {
      sendOn: (c, name: string, body: unknown) =>
        c.queue.send(name as "a", body),
      take: async (c) => (await c.queue.tryNext())?.body,
    },
    options: { maxQueueSize: 2, maxQueueMessageSize: 10 },
  });
  await using world = await World.open({ small });
  const handle = world.client.small.getOrCreate();
  await handle.send("a", "12345678");
  await assertRefused(
    () => handle.send("a", "123456789"),
    "queue/message_too_large",
  );
  await handle.sendOn("b", 2);
  await assertRefused(() => handle.send("a", 3), "queue/full");
  await assertRefused(() => handle.sendOn("a", 3), "queue/full");
  assertEquals(await handle.take(), "12345678");
  await handle.send("a", 3);
  const error = await assertRefused(
    () => handle.send("c" as "a", 1),
    "queue/not_found",
  );
  assert(error.message.includes(`"c", only "a", "b"`));
  await assertRefused(() => handle.sendOn("c", 1), "queue/not_found");
});

test("an actor without queues has no c.queue, and its callers learn so", async () => {
  const none = actor({
    actions: { take: (c) => c.queue.tryNext(), ping: () => {} },
  });
  await using world = await World.open({ none }, { exposesErrors: true });
  const handle = world.client.none.getOrCreate();
  const error = await assertRejects(() => handle.take(), ActorError);
  assert(error.message.includes("no queues"));
  const loose = handle as unknown as {
    send(name: string, body: unknown): Promise<unknown>;
  };
  await assertRefused(() => loose.send("a", 1), "queue/not_found");
});

test("an action named send is called as any other where there are no queues", async () => {
  const room = actor({
    state: { said: [] as string[] },
    actions: {
      send(c, who: string, text: string) {
        c.state.said.push(`${who}: ${text}`);
        return c.state.said.length;
      },
    },
  });
  await using world = await World.open({ room });
  const handle = world.client.room.getOrCreate();
  assertEquals(await handle.send("Ada", "Hello"), 1);
  assertEquals(await handle.send("Bob", "Hi"), 2);
});

/** A schema of positive numbers, which makes texts of them. */
const positive: StandardSchema<number, string> = {
  "~standard": {
    version: 1,
    vendor: "test",
    validate: (value) =>
      typeof value === "number" && value > 0
        ? { value: `+${value}` }
        : { issues: [{ message: "not positive", path: ["n"] }] },
  },
};

test("a schema checks messages before they are saved, and replies before they leave", async () => {
  const got: string[] = [];
  const checked = actor({
    queues: { jobs: { message: positive, complete: positive } },
    async run(c) {
      for await (const message of c.queue.iter({ completable: true })) {
        got.push(message.body);
        try {
          await message.complete("no number" as never);
        } catch (error) {
          got.push(
            `${(error as ActorError).group}/${(error as ActorError).code}`,
          );
          await message.complete(5 as never);
        }
      }
    },
    actions: { sendOn: (c, n: number) => c.queue.send("jobs", n) },
  });
  await using world = await World.open({ checked });
  const handle = world.client.checked.getOrCreate();
  const error = await assertRefused(
    () => handle.send("jobs", -1),
    "queue/invalid_payload",
  );
  assertEquals(error.metadata, {
    issues: [{ message: "not positive", path: ["n"] }],
  });
  await assertRefused(() => handle.sendOn(-1), "queue/invalid_payload");
  assertEquals(await handle.send("jobs", 2, { wait: true }), {
    status: "completed",
    response: "+5" as never,
  });
  assertEquals(got, ["+2", "queue/invalid_completion_payload"]);
});

test("canPublish decides over each message, with the connection of its sender", async () => {
  const told: string[] = [];
  const guarded = actor({
    createConnState: (_c, params: { isAdmin: boolean } | undefined) =>
      params ?? { isAdmin: false },
    onBeforeConnect(_c, params: { isAdmin: boolean } | undefined) {
      if (params === undefined) throw new UserError("who are you?");
    },
    onDisconnect: () => void told.push("gone"),
    queues: {
      jobs: {
        message: queue<string>(),
        // deno-lint-ignore no-explicit-any -- what is returned is what the test is about
        canPublish: (c): any => {
          const { isAdmin } = c.conn.state as { isAdmin: boolean };
          return isAdmin ? true : "yes";
        },
      },
    },
    actions: {
      count: async (c) => (await c.queue.tryNextBatch({ count: 9 })).length,
    },
  });
  await using world = await World.open({ guarded });
  const { client } = world;
  const as = (isAdmin: boolean) =>
    client.guarded.getOrCreate("a", { params: { isAdmin } });
  await as(true).send("jobs", "a");
  assertEquals(told.splice(0), ["gone"]);
  await assertRefused(() => as(false).send("jobs", "b"), "auth/forbidden");
  assertEquals(told.splice(0), ["gone"]);
  await assertRefused(
    () => client.guarded.getOrCreate("a").send("jobs", "c"),
    "user/user_error",
  );
  assertEquals(await as(true).count(), 1);
});

test("canPublish that takes too long refuses, and what is no boolean is logged", async () => {
  const guarded = actor({
    queues: {
      late: {
        message: queue<string>(),
        canPublish: () => new Promise<boolean>(() => {}),
      },
      odd: { message: queue<string>(), canPublish: () => 1 as never },
    },
  });
  await using world = await World.open({ guarded });
  const { client, clock, log } = world;
  const handle = client.guarded.getOrCreate();
  const late = handle.send("late", "a");
  late.catch(() => {});
  await clock.pass(5_000);
  await assertRefused(() => late, "actor/callback_timed_out");
  await assertRefused(() => handle.send("odd", "a"), "auth/forbidden");
  assert(log.some((line) => line.includes("canPublish has not returned")));
});

test("a schema that never answers refuses a message in time, and the actor sleeps", async () => {
  const stuck = actor({
    queues: {
      checked: {
        "~standard": {
          version: 1,
          vendor: "test",
          validate: () => new Promise<never>(() => {}),
        },
      } as StandardSchema<string, string>,
    },
    actions: {},
    options: { actionTimeout: 2_000, sleepTimeout: 10_000 },
  });
  await using world = await World.open({ stuck });
  const { client, clock, store } = world;
  const handle = client.stuck.getOrCreate("a");
  const sent = handle.send("checked", "hello");
  assertEquals(await state(sent, clock), "pending");
  await clock.pass(2_000);
  await assertRefused(() => sent, "actor/callback_timed_out");
  const { loads } = store;
  await clock.pass(10_000);
  await assertRefused(
    () => handle.action({ name: "none", args: [] }),
    "action/not_found",
  );
  assertEquals(store.loads, loads + 1);
});

test("next() rejects and iter() ends when the instance stops or its signal says so", async () => {
  const told: string[] = [];
  const worker = actor({
    queues: { jobs: queue<string>() },
    async run(c) {
      const own = new AbortController();
      setImmediate(() => own.abort("enough"));
      await c.queue.next({ signal: own.signal }).catch((error) =>
        told.push(`${error.group}/${error.code} ${error.cause}`)
      );
      for await (const _ of c.queue.iter({ signal: own.signal })) {
        told.push("not");
      }
      told.push("iter has ended");
      for await (const _ of c.queue.iter()) told.push("not");
      told.push("iter has ended");
      await c.queue.next().catch((error) => {
        told.push(`${error.group}/${error.code} ${c.aborted}`);
        throw error;
      });
    },
    actions: { sleep: (c) => c.sleep() },
  });
  await using world = await World.open({ worker });
  const { client, clock, log } = world;
  await client.worker.getOrCreate().resolve();
  await clock.settle();
  assertEquals(told.splice(0), ["actor/aborted enough", "iter has ended"]);
  await client.worker.getOrCreate().sleep();
  await clock.settle();
  assertEquals(told, ["iter has ended", "actor/aborted true"]);
  assertEquals(log, []);
});

test("what is no count, timeout, signal or queue name is refused", async () => {
  const asker = actor({
    queues: { jobs: queue<string>() },
    actions: {
      batch: (c, count: number) => c.queue.nextBatch({ count, timeout: 0 }),
      next: (c, timeout: number) => c.queue.next({ timeout }),
      signalled: (c) => c.queue.next({ signal: {} as AbortSignal }),
      named: (c, name: string) => c.queue.tryNext({ names: [name as "jobs"] }),
    },
  });
  await using world = await World.open({ asker }, { exposesErrors: true });
  const handle = world.client.asker.getOrCreate();
  for (const count of [0, -1, 1.5, "2"]) {
    await assertRejects(() => handle.batch(count as number), Error, "count");
  }
  for (const timeout of [-1, NaN, "2"]) {
    await assertRejects(() => handle.next(timeout as number), Error, "timeout");
  }
  await assertRejects(() => handle.signalled(), Error, "signal");
  await assertRefused(() => handle.named("x"), "queue/not_found");
});

test("actor() refuses queues that are none", () => {
  for (
    const [queues, message] of [
      [1, "queues is not an object"],
      [{ jobs: 1 }, "queues.jobs is neither queue()"],
      [{ jobs: { message: 1 } }, "queues.jobs.message is neither"],
      [{ jobs: { message: queue(), complete: 1 } }, "queues.jobs.complete is"],
      [{ jobs: { message: queue(), canPublish: 1 } }, "canPublish is not a"],
      [{ ["x".repeat(257)]: queue() }, "a queue cannot be named"],
      [{ "": queue() }, "a queue cannot be named"],
      [{ "..": queue() }, "a queue cannot be named"],
    ] as const
  ) {
    assertThrows(
      () => actor({ queues: queues as never }),
      TypeError,
      message,
    );
  }
});

test("c.queue.next() of an action that takes too long takes nothing any more", async () => {
  const slow = actor({
    queues: { jobs: queue<string>() },
    actions: {
      wait: async (c) => (await c.queue.next())?.body,
      take: async (c) => (await c.queue.tryNext())?.body,
    },
    options: { actionTimeout: 1_000 },
  });
  await using world = await World.open({ slow });
  const { client, clock } = world;
  const handle = client.slow.getOrCreate();
  const waiting = handle.wait();
  waiting.catch(() => {});
  await clock.pass(1_000);
  await assertRefused(() => waiting, "action/timed_out");
  await handle.send("jobs", "a");
  await clock.settle();
  assertEquals(await handle.take(), "a");
});

test("under durability interval a message is durable before its sender is told, all the same", async () => {
  await using world = await World.open({
    adder: adder({ durability: "interval" }),
  });
  const { client, clock, store } = world;
  const handle = client.adder.getOrCreate();
  await handle.total();
  store.fate = "hangs";
  const sent = handle.send("add", 1);
  assertEquals(await state(sent, clock), "pending");
  store.fate = "works";
  await store.land();
  await sent;
});
