// What leaves an actor, and when: steps, committer and outbox through the host.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { actor } from "../../src/definition/actor.ts";
import { ActorError, UserError } from "../../src/errors.ts";
import { json } from "../../src/protocol/json.ts";
import type { Outcome, Step } from "../../src/stores/store.ts";
import { test } from "../harness.ts";
import { FakeStore } from "./fake_store.ts";
import { state, World } from "./world.ts";

interface Counts {
  count: number;
}

const counter = actor({
  state: { count: 0 } as Counts,
  actions: {
    read: (c) => c.state.count,
    add: (c, by: number) => c.state.count += by,
    // deno-lint-ignore require-await -- an action that is async and waits for nothing
    addAsync: async (c, by: number) => c.state.count += by,
    addThenThrow(c, by: number) {
      c.state.count += by;
      throw new UserError("added, and failed");
    },
    addAndTell(c, by: number) {
      c.state.count += by;
      c.broadcast("added", c.state.count);
      return c.state.count;
    },
    tell: (c, text: string) => c.broadcast("told", text),
    addAndSend(c, by: number) {
      c.state.count += by;
      c.conn.send("sent", c.state.count);
    },
    addAndHangUp(c, by: number) {
      c.state.count += by;
      c.conn.disconnect("enough");
    },
    nothing: (c) => c.state.count += 0,
    async save(c, by: number) {
      c.state.count += by;
      await c.saveState();
      return "saved";
    },
  },
});

test("a result waits until the change before it is durable", async () => {
  await using world = await World.open({ counter });
  const { client, store, clock } = world;
  const handle = client.counter.getOrCreate("a");
  await handle.read();
  for (const action of ["add", "addAsync"] as const) {
    store.fate = "hangs";
    const call = handle[action](1);
    assertEquals(await state(call, clock), "pending");
    await store.land();
    await call;
  }
  assertEquals(await handle.read(), 2);
});

test("an error waits until the change before it is durable", async () => {
  await using world = await World.open({ counter });
  const { client, store, clock } = world;
  const handle = client.counter.getOrCreate("a");
  await handle.read();
  store.fate = "hangs";
  const call = handle.addThenThrow(3);
  assertEquals(await state(call, clock), "pending");
  await store.land();
  await assertRejects(() => call, ActorError, "added, and failed");
  assertEquals(await handle.read(), 3);
});

test("events, messages and closes wait for the change before them, and keep their order", async () => {
  await using world = await World.open({ counter });
  const { client, store, clock } = world;
  const id = await client.counter.getOrCreate("a").resolve();
  const peer = await world.connect(id);
  await clock.settle();
  assertEquals(peer.heard, ["init"]);
  for (const event of ["added", "told"]) peer.subscribe(event);
  store.fate = "hangs";
  peer.call(0, "addAndTell", 1);
  await clock.settle();
  peer.call(1, "tell", "after");
  await clock.settle();
  peer.call(2, "addAndSend", 1);
  await clock.settle();
  peer.call(3, "read");
  await clock.settle();
  peer.call(4, "addAndHangUp", 1);
  await clock.settle();
  assertEquals(peer.heard, ["init"]);
  assertEquals(peer.closedWith, undefined);
  store.fate = "works";
  await store.land();
  await clock.settle();
  assertEquals(peer.heard, [
    "init",
    "added(1)",
    "0=1",
    `told("after")`,
    "1=undefined",
    "sent(2)",
    "2=undefined",
    "3=2",
    // An action that does not wait for its caller to be gone still answers.
    "4=undefined",
  ]);
  assertEquals(peer.closedWith, "1000 enough");
});

test("a call to another actor waits for the change before it", async () => {
  const caller = actor({
    state: { count: 0 },
    actions: {
      async pass(c, by: number) {
        c.state.count += by;
        const client = c.client<{ "~actors"?: { counter: typeof counter } }>();
        return await client.counter.getOrCreate("b").add(by);
      },
    },
  });
  await using world = await World.open({ counter, caller });
  const { client, store, clock } = world;
  const id = await client.caller.getOrCreate("a").resolve();
  store.fate = "hangs";
  const call = client.caller.getForId(id).pass(5);
  await clock.settle();
  assertEquals(store.commits.length, 2);
  assertEquals(await store.find("counter", "b"), undefined);
  store.fate = "works";
  await store.land();
  assertEquals(await call, 5);
  assertEquals(await client.counter.get("b").read(), 5);
});

test("nothing waits when nothing has changed, also while the store hangs for another actor", async () => {
  await using world = await World.open({ counter });
  const { client, store, clock } = world;
  const [a, b] = [
    client.counter.getOrCreate("a"),
    client.counter.getOrCreate("b"),
  ];
  await Promise.all([a.read(), b.read()]);
  const before = store.commits.length;
  store.fate = "hangs";
  const write = a.add(1);
  assertEquals(await state(write, clock), "pending");
  assertEquals(await b.read(), 0);
  assertEquals(await b.nothing(), 0);
  const read = a.read();
  assertEquals(
    await state(read, clock),
    "pending",
    "it shows what is not durable",
  );
  await store.land();
  assertEquals([await write, await read], [1, 1]);
  assertEquals(store.commits.length, before + 1);
});

test("the steps of actors that change at the same time are one commit", async () => {
  await using world = await World.open({ counter });
  const { client, store } = world;
  const handles = Array.from(
    { length: 50 },
    (_, i) => client.counter.getOrCreate(`${i}`),
  );
  await Promise.all(handles.map((handle) => handle.read()));
  const before = store.commits.length;
  await Promise.all(handles.map((handle) => handle.add(1)));
  assertEquals(store.commits.length, before + 1);
  assertEquals(store.commits.at(-1)!.length, 50);
});

test("steps that come while the store is busy are the next commit", async () => {
  await using world = await World.open({ counter });
  const { client, store, clock } = world;
  const handles = Array.from(
    { length: 20 },
    (_, i) => client.counter.getOrCreate(`${i}`),
  );
  await Promise.all(handles.map((handle) => handle.read()));
  const before = store.commits.length;
  store.fate = "hangs";
  const first = handles[0]!.add(1);
  await clock.settle();
  const others = handles.map((handle) => handle.add(1));
  await clock.settle();
  assertEquals(store.commits.length, before + 1);
  store.fate = "works";
  await store.land();
  await Promise.all([first, ...others]);
  assertEquals(store.commits.length, before + 2);
  assertEquals(await handles[0]!.read(), 2);
});

test("all that an action changes is one step", async () => {
  const busy = actor({
    state: { list: [] as number[], at: "" },
    connState: { seen: 0 },
    actions: {
      async work(c) {
        for (let i = 0; i < 5; i++) {
          c.state.list.push(i);
          await new Promise((resolve) => setImmediate(resolve));
        }
        c.conn.state.seen++;
        await c.schedule.after(60_000, "work");
        c.state.at = "end";
      },
      read: (c) => c.state.list.length,
    },
  });
  await using world = await World.open({ busy });
  const { client, store } = world;
  const id = await client.busy.getOrCreate("a").resolve();
  const peer = await world.connect(id);
  await world.clock.settle();
  const before = store.commits.length;
  peer.call(0, "work");
  while (peer.heard.length < 2) await world.clock.settle();
  assertEquals(store.commits.length, before + 1);
  const step = store.steps.at(-1)!;
  assert(step.snapshot ?? step.journal);
  assertEquals(step.addAlarms?.length, 1);
  assertEquals(step.connections?.size, 1);
});

for (
  const [fate, code] of [
    ["fails", "commit_failed"],
    ["revision", "fenced"],
    ["fence", "fenced"],
  ] as const
) {
  test(`when a commit is answered with "${fate}", its calls reject, the instance stops, and the next call sees what is durable`, async () => {
    await using world = await World.open({ counter });
    const { client, store, clock } = world;
    const handle = client.counter.getOrCreate("a");
    await handle.add(1);
    const id = await handle.resolve();
    const peer = await world.connect(id);
    peer.subscribe("added");
    await clock.settle();
    store.fate = fate;
    const calls = [
      handle.add(10),
      handle.addThenThrow(20),
      handle.read(),
      handle.addAndTell(1),
    ];
    for (const call of calls) {
      const error = await assertRejects(() => call, ActorError);
      assertEquals(`${error.group}/${error.code}`, `store/${code}`);
    }
    assertEquals(peer.closedWith, `1011 store.${code}`);
    assertEquals(peer.heard, ["init"]);
    store.fate = "works";
    assertEquals(await handle.add(1), 2);
  });
}

test("a read that does not answer is given up after the time limit, and the next call wakes the actor", async () => {
  const before = await World.open({ counter });
  const { parts } = before;
  const actorId = await before.client.counter.getOrCreate("a").resolve();
  await before.client.counter.getForId(actorId).add(1);
  before.kill();
  parts.store.fate = "works";

  await using world = await World.open({ counter }, parts);
  const { client, store, clock } = world;
  const handle = client.counter.getForId(actorId);
  store.loadHangs = true;
  const call = handle.read();
  assertEquals(await state(call, clock), "pending");
  const failure = assertRejects(() => call, ActorError, "does not answer");
  await clock.pass(10_000);
  const { group, code } = await failure;
  assertEquals(`${group}/${code}`, "store/unavailable");
  store.loadHangs = false;
  assertEquals(await handle.read(), 1);
});

test("a commit that does not answer is given up after the time limit, and may land later", async () => {
  await using world = await World.open({ counter });
  const { client, store, clock } = world;
  const handle = client.counter.getOrCreate("a");
  await handle.add(1);
  store.fate = "hangs";
  const call = handle.add(10);
  const read = handle.read();
  const failures = Promise.allSettled([call, read]);
  await clock.settle();
  await clock.pass(9_999);
  assertEquals(await state(call, clock), "pending");
  await clock.pass(1);
  for (const result of await failures) {
    assertEquals(result.status, "rejected");
    const { reason } = result as PromiseRejectedResult;
    assertEquals(`${reason.group}/${reason.code}`, "store/commit_failed");
  }
  store.fate = "works";
  assertEquals(await handle.read(), 1, "it has not landed");
  await store.land();
  // The instance that woke before the commit landed knows nothing of it, and is refused.
  const error = await assertRejects(() => handle.add(1), ActorError);
  assertEquals(`${error.group}/${error.code}`, "store/fenced");
  assertEquals(await handle.read(), 11);
  assertEquals(await handle.add(1), 12);
});

test("a store that comes back after many commits have hung works again", async () => {
  await using world = await World.open({ counter });
  const { client, store, clock } = world;
  const handle = client.counter.getOrCreate("a");
  await handle.add(1);
  store.fate = "hangs";
  for (let i = 0; i < 7; i++) {
    const call = handle.add(1);
    call.catch(() => {});
    await clock.pass(10_000);
    assertEquals(await state(call, clock), "rejected");
  }
  store.fate = "works";
  await store.land();
  await clock.settle();
  const total = await handle.add(1).catch(() => handle.add(1));
  assert(total >= 2);
  assertEquals(await handle.read(), total);
});

test("a change outside of any call is saved", async () => {
  let later = () => {};
  const timed = actor({
    state: { count: 0 },
    onWake(c) {
      later = () => void c.state.count++;
    },
    actions: { read: (c) => c.state.count },
  });
  await using world = await World.open({ timed });
  const handle = world.client.timed.getOrCreate("a");
  assertEquals(await handle.read(), 0);
  const before = world.store.commits.length;
  later();
  later();
  await world.clock.settle();
  assertEquals(world.store.commits.length, before + 1);
  later();
  await world.clock.settle();
  assertEquals(world.store.commits.length, before + 2);
});

test("saveState() resolves when the change is durable", async () => {
  await using world = await World.open({ counter });
  const { client, store, clock } = world;
  const handle = client.counter.getOrCreate("a");
  await handle.read();
  store.fate = "hangs";
  const call = handle.save(7);
  assertEquals(await state(call, clock), "pending");
  store.fate = "works";
  await store.land();
  assertEquals(await call, "saved");
});

test("saveState() rejects in the action when the change cannot be saved", async () => {
  let caught: unknown;
  const saver = actor({
    state: { count: 0 },
    actions: {
      async save(c) {
        c.state.count++;
        await c.saveState().catch((error) => caught = error);
      },
    },
  });
  await using world = await World.open({ saver });
  const handle = world.client.saver.getOrCreate("a");
  await handle.resolve();
  world.store.fate = "fails";
  await assertRejects(() => handle.save(), ActorError);
  assert(caught instanceof ActorError);
  assertEquals(`${caught.group}/${caught.code}`, "store/commit_failed");
});

// Durability "interval"

function lazy(stateSaveInterval: number) {
  return actor({
    state: { count: 0 },
    options: { durability: "interval", stateSaveInterval },
    actions: {
      add(c, by: number) {
        c.state.count += by;
        c.broadcast("added", c.state.count);
        return c.state.count;
      },
      read: (c) => c.state.count,
      async save(c, options: { immediate?: boolean; maxWait?: number } = {}) {
        c.state.count++;
        await c.saveState(options);
      },
      later: (c, ms: number) => c.schedule.after(ms, "add", 100),
    },
  });
}

test('with durability "interval" an actor answers at once and saves within the interval', async () => {
  await using world = await World.open({ lazy: lazy(3_000) });
  const { client, store, clock } = world;
  const handle = client.lazy.getOrCreate("a");
  const id = await handle.resolve();
  const peer = await world.connect(id);
  peer.subscribe("added");
  await clock.settle();
  const before = store.commits.length;
  store.fate = "hangs";
  assertEquals(await handle.add(1), 1);
  assertEquals(peer.heard, ["init", "added(1)"]);
  await clock.pass(2_000);
  assertEquals(await handle.add(1), 2);
  await clock.pass(999);
  assertEquals(store.commits.length, before);
  store.fate = "works";
  await clock.pass(1);
  assertEquals(store.commits.length, before + 1);
  assertEquals(await handle.add(1), 3);
  await clock.pass(3_000);
  assertEquals(store.commits.length, before + 2);
});

test("each kind of actor has its own save interval", async () => {
  await using world = await World.open({
    slow: lazy(10_000),
    quick: lazy(1_000),
  });
  const { client, store, clock } = world;
  const [slow, quick] = [
    client.slow.getOrCreate("a"),
    client.quick.getOrCreate("a"),
  ];
  await Promise.all([slow.resolve(), quick.resolve()]);
  const before = store.commits.length;
  await slow.add(1);
  await quick.add(1);
  await clock.pass(1_000);
  assertEquals(store.commits.length, before + 1);
  assertEquals(store.steps.at(-1)!.actorId, await quick.resolve());
  await clock.pass(9_000);
  assertEquals(store.commits.length, before + 2);
});

const saves: [
  options: { immediate?: boolean; maxWait?: number },
  ms: number,
][] = [
  [{}, 3_000],
  [{ maxWait: 500 }, 500],
  [{ maxWait: 9_000 }, 3_000],
  [
    { maxWait: 0 },
    0,
  ],
  [{ immediate: true }, 0],
  [{ immediate: true, maxWait: 500 }, 0],
];

for (const [options, ms] of saves) {
  test(`with durability "interval" saveState(${JSON.stringify(options)}) saves and resolves after ${ms} ms`, async () => {
    await using world = await World.open({ lazy: lazy(3_000) });
    const handle = world.client.lazy.getOrCreate("a");
    await handle.resolve();
    const before = world.store.commits.length;
    const call = handle.save(options);
    if (ms > 0) {
      await world.clock.pass(ms - 1);
      assertEquals(await state(call, world.clock), "pending");
      assertEquals(world.store.commits.length, before);
      await world.clock.pass(1);
    }
    await call;
    assertEquals(world.store.commits.length, before + 1);
  });
}

test("saveState() refuses a maxWait that is none, and saves nothing where nothing has changed", async () => {
  let message = "";
  const saver = actor({
    state: { count: 0 },
    actions: {
      idle: (c) => c.saveState({ immediate: true }),
      wrong: (c) =>
        c.saveState({ maxWait: -1 }).catch((error) => {
          message = `${error.name}: ${error.message}`;
        }),
    },
  });
  await using world = await World.open({ saver });
  const handle = world.client.saver.getOrCreate("a");
  await handle.resolve();
  const before = world.store.commits.length;
  await handle.idle();
  assertEquals(world.store.commits.length, before);
  await handle.wrong();
  assert(
    message.startsWith("RangeError: Cannot save the state: maxWait is -1"),
  );
});

test('with durability "interval" saveState() still resolves when durable', async () => {
  await using world = await World.open({ lazy: lazy(3_000) });
  const handle = world.client.lazy.getOrCreate("a");
  await handle.resolve();
  world.store.fate = "hangs";
  const call = handle.save({ immediate: true });
  assertEquals(await state(call, world.clock), "pending");
  world.store.fate = "works";
  await world.store.land();
  await call;
});

for (const end of ["sleep", "shutdown", "shutdown during a call"] as const) {
  test(`with durability "interval" what has changed is saved at once by a ${end}`, async () => {
    const lazy = actor({
      state: { count: 0 },
      options: { durability: "interval" },
      actions: {
        add: (c, by: number) => c.state.count += by,
        addAndSave: async (c, by: number) => {
          for (let i = 0; i < 2; i++) {
            c.state.count += by;
            await c.saveState();
          }
        },
        sleep: (c) => c.sleep(),
        read: (c) => c.state.count,
      },
    });
    await using world = await World.open({ lazy });
    const handle = world.client.lazy.getOrCreate("a");
    await handle.add(1);
    if (end === "sleep") {
      await handle.sleep();
      await world.clock.settle();
      assertEquals(await handle.read(), 1);
      return;
    }
    const call = end === "shutdown" ? undefined : handle.addAndSave(1);
    await world.clock.settle();
    await world.host.close();
    await call;
    await using after = await World.open({ lazy }, world.parts);
    const count = await after.client.lazy.get("a").read();
    assertEquals(count, call === undefined ? 1 : 3);
  });
}

test('with durability "interval" a scheduled call is not later than its time', async () => {
  await using world = await World.open({ lazy: lazy(10_000) });
  const handle = world.client.lazy.getOrCreate("a");
  await handle.resolve();
  await handle.later(500);
  await world.clock.pass(500);
  assertEquals(await handle.read(), 100);
});

test('with durability "interval" a failed save stops the instance', async () => {
  await using world = await World.open({ lazy: lazy(1_000) });
  const { client, store, clock } = world;
  const handle = client.lazy.getOrCreate("a");
  await handle.resolve();
  store.fate = "fails";
  assertEquals(await handle.add(5), 5);
  await clock.pass(1_000);
  store.fate = "works";
  assertEquals(await handle.read(), 0);
});

// What is done to an object past its proxy

const padding = "x".repeat(5_000);
type Player = { score: number; note?: unknown };
const game = actor({
  state: { padding, players: {} as Record<string, Player> },
  actions: {
    async join(c, waits: boolean, alsoSchedules: boolean) {
      const player: Player = { score: 0 };
      c.state.players["p"] = player;
      if (waits) await c.saveState();
      if (alsoSchedules) await c.schedule.after(1e9, "read");
      player.score += 10;
    },
    spoil(c) {
      const player: Player = { score: 0 };
      c.state.players["p"] = player;
      player.note = () => {};
    },
    read: (c) => c.state.players["p"]?.score,
  },
});

for (const waits of [false, true]) {
  for (const alsoSchedules of [false, true]) {
    test(`what is done to an assigned object later in the action is durable${waits ? ", also after a commit" : ""}${alsoSchedules ? ", also when the action has changed more" : ""}`, async () => {
      await using world = await World.open({ game });
      const handle = world.client.game.getOrCreate("a");
      await handle.resolve();
      await handle.join(waits, alsoSchedules);
      assertEquals(await handle.read(), 10);
      await using after = await World.open({ game }, world.parts);
      assertEquals(await after.client.game.get("a").read(), 10);
    });
  }
}

test("a value that cannot be saved, put into an assigned object, rejects the call and saves nothing", async () => {
  await using world = await World.open({ game });
  const handle = world.client.game.getOrCreate("a");
  await handle.resolve();
  await assertRejects(() => handle.spoil(), ActorError);
  assert(
    world.log.some((line) => line.includes("state.players.p")),
    world.log.join(),
  );
  assertEquals(await handle.read(), undefined);
  await handle.join(false, false);
  assertEquals(await handle.read(), 10);
});

// What cannot be sent

const odd = actor({
  state: { count: 0 },
  actions: {
    fail(c, kind: string) {
      c.state.count++;
      const cycle: Record<string, unknown> = {};
      cycle.cycle = cycle;
      const metadata = kind === "cycle" ? cycle : { f() {}, big: 1n };
      throw new UserError("no", { metadata });
    },
    failOnly() {
      throw new UserError("no", { metadata: { f() {} } });
    },
    odd(c) {
      c.state.count++;
      return () => {};
    },
    cyclic() {
      const cycle: Record<string, unknown> = {};
      cycle.cycle = cycle;
      return cycle;
    },
    big: () => "x".repeat(2_000_000),
    read: (c) => c.state.count,
  },
});

for (
  const [name, encoding] of [["copied", undefined], ["json", json]] as const
) {
  test(`what cannot be sent is an error of its own call, and of no other (${name})`, async () => {
    await using world = await World.open({ odd });
    const { clock, client } = world;
    const id = await client.odd.getOrCreate("a").resolve();
    const peer = await world.connect(
      id,
      encoding === undefined ? {} : { encoding },
    );
    peer.call(0, "fail", "cycle");
    peer.call(1, "fail", "function");
    peer.call(2, "failOnly");
    peer.call(3, "odd");
    peer.call(4, "cyclic");
    peer.call(5, "read");
    await clock.settle();
    await clock.settle();
    const answers = peer.heard.slice(1).map((text) =>
      text.replace(/[/].*/, "")
    );
    assertEquals(answers.length, 6, peer.heard.join());
    assertEquals(peer.closedWith, undefined);
    assertEquals(await client.odd.getForId(id).read(), 3);
  });
}

test("an answer that is too long is an error of its own call", async () => {
  await using world = await World.open({ odd });
  const id = await world.client.odd.getOrCreate("a").resolve();
  const peer = await world.connect(id, { encoding: json });
  peer.call(0, "big");
  peer.call(1, "read");
  await world.clock.settle();
  assertEquals(peer.heard, ["init", "0!message/outgoing_too_long", "1=0"]);
});

// Too much

test("of 12,000 calls at once an actor takes 10,000 on and keeps all of them; the others have not run", async () => {
  let wakes = 0;
  const busy = actor({
    state: { count: 0 },
    onWake: () => void wakes++,
    actions: { add: (c) => ++c.state.count, read: (c) => c.state.count },
  });
  await using world = await World.open({ busy });
  const { client, store, clock } = world;
  const id = await client.busy.getOrCreate("a").resolve();
  const handle = client.busy.getForId(id);
  store.fate = "hangs";
  const calls = Promise.allSettled(
    Array.from({ length: 12_000 }, () => handle.add()),
  );
  await clock.settle();
  store.fate = "works";
  await store.land();
  const refused = (await calls).filter(({ status }) => status === "rejected");
  for (const { reason } of refused as PromiseRejectedResult[]) {
    assertEquals(`${reason.group}/${reason.code}`, "actor/overloaded");
  }
  assertEquals(refused.length, 2_000);
  assertEquals(await handle.read(), 10_000);
  assertEquals(wakes, 1);
  await using after = await World.open({ busy }, world.parts);
  assertEquals(await after.client.busy.getForId(id).read(), 10_000);
});

test("11,000 events of one action reach their subscriber, and the actor lives on", async () => {
  const loud = actor({
    state: { count: 0 },
    actions: {
      shout(c) {
        c.state.count++;
        for (let i = 0; i < 11_000; i++) c.broadcast("told", i);
      },
      read: (c) => c.state.count,
    },
  });
  await using world = await World.open({ loud });
  const id = await world.client.loud.getOrCreate("a").resolve();
  const peer = await world.connect(id);
  peer.subscribe("told");
  peer.call(0, "shout");
  await world.clock.settle();
  assertEquals(peer.frames.length, 11_002);
  assertEquals(peer.heard.at(-2), "told(10999)");
  assertEquals(await world.client.loud.getForId(id).read(), 1);
  assertEquals(world.log, []);
});

// A store that breaks its contract

class BrokenStore extends FakeStore {
  breaks: "throws" | "answers too little" | undefined;

  override commit(steps: readonly Step[]): Promise<Outcome[]> {
    if (this.breaks === "throws") throw new Error("thrown at once");
    if (this.breaks !== undefined) return Promise.resolve([]);
    return super.commit(steps);
  }
}

for (const breaks of ["throws", "answers too little"] as const) {
  test(`a store whose commit() ${breaks} fails those calls, and later commits work`, async () => {
    const store = new BrokenStore();
    await using world = await World.open({ counter }, { store });
    const handles = ["a", "b"].map((key) =>
      world.client.counter.getOrCreate(key)
    );
    for (const handle of handles) await handle.add(1);
    store.breaks = breaks;
    const calls = handles.map((handle) => handle.add(10));
    for (const call of calls) {
      const error = await assertRejects(() => call, ActorError);
      assertEquals(`${error.group}/${error.code}`, "store/commit_failed");
    }
    store.breaks = undefined;
    for (const handle of handles) assertEquals(await handle.add(1), 2);
  });
}

test("one connection may have 2,000 calls under way, and what is more is refused without harm to others", async () => {
  await using world = await World.open({ counter });
  const { client, store, clock } = world;
  const handle = client.counter.getOrCreate("a");
  const connection = handle.connect();
  await connection.read();
  store.fate = "hangs";
  const calls = Promise.allSettled(
    Array.from({ length: 2_100 }, () => connection.add(1)),
  );
  await clock.settle();
  const other = handle.add(1);
  store.fate = "works";
  await store.land();
  await clock.settle();
  const refused = (await calls).filter(({ status }) => status === "rejected");
  assertEquals(refused.length, 100);
  for (const { reason } of refused as PromiseRejectedResult[]) {
    assertEquals(`${reason.group}/${reason.code}`, "actor/overloaded");
  }
  assertEquals(await other, 2_001);
});
