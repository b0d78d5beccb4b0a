// The life of an actor through its host: create, wake, sleep, destroy, and the hooks of each.

import {
  assert,
  assertEquals,
  assertNotEquals,
  assertRejects,
} from "@std/assert";
import { actor } from "../../src/definition/actor.ts";
import type { ActorOptions } from "../../src/definition/config.ts";
import { queue } from "../../src/definition/schema.ts";
import { ActorError, UserError } from "../../src/errors.ts";
import { test } from "../harness.ts";
import { state, World } from "./world.ts";

function macrotask(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** An actor that tells of everything that is done with it. */
function witness(told: string[], options: ActorOptions = {}) {
  return actor({
    createState(_c, input: string | undefined) {
      told.push(`createState ${input}`);
      return { input, wakes: 0 };
    },
    createVars(c) {
      told.push(`createVars ${c.state.input}`);
      return { n: 1 };
    },
    createConnState(_c, params: string | undefined) {
      told.push(`createConnState ${params}`);
      return { params };
    },
    onCreate: (_c, input: string | undefined) =>
      void told.push(`onCreate ${input}`),
    onWake(c) {
      told.push("onWake");
      c.state.wakes++;
    },
    onSleep: () => void told.push("onSleep"),
    onDestroy: () => void told.push("onDestroy"),
    onBeforeConnect: (_c, params) =>
      void told.push(`onBeforeConnect ${params}`),
    onConnect: (c, conn) => void told.push(`onConnect ${c.conns.has(conn.id)}`),
    onDisconnect: (c, conn) =>
      void told.push(
        `onDisconnect ${c.conns.has(conn.id)} ${conn.state.params}`,
      ),
    actions: {
      act(c) {
        told.push(`act ${c.conns.size}`);
        return c.state.wakes;
      },
      sleep: (c) => c.sleep(),
      destroy: (c) => c.destroy(),
    },
    options,
  });
}

test("hooks run in order: create, connect, disconnect, sleep, wake, destroy", async () => {
  const told: string[] = [];
  await using world = await World.open({ witness: witness(told) });
  const handle = world.client.witness.getOrCreate("a", {
    createWithInput: "in",
    params: "p",
  });
  const call = ["onBeforeConnect p", "createConnState p", "onConnect true"];
  const end = ["onDisconnect false p"];
  assertEquals(await handle.act(), 1);
  assertEquals(told.splice(0), [
    "createState in",
    "onCreate in",
    "createVars in",
    "onWake",
    ...call,
    "act 1",
    ...end,
  ]);
  await handle.sleep();
  await world.clock.settle();
  assertEquals(told.splice(0), [...call, ...end, "onSleep"]);
  assertEquals(await handle.act(), 2);
  assertEquals(told.splice(0), [
    "createVars in",
    "onWake",
    ...call,
    "act 1",
    ...end,
  ]);
  await handle.destroy();
  assertEquals(told.splice(0), [...call, ...end, "onDestroy"]);
  await assertRejects(
    () => world.client.witness.get("a").act(),
    ActorError,
    "not found",
  );
  assertEquals(await handle.act(), 1);
});

// What happens at the first start is saved once, however it is cut into steps

for (
  const [name, wait] of [
    ["waits for something", () => macrotask()],
    ["saves", (c: { saveState(): Promise<void> }) => c.saveState()],
  ] as const
) {
  for (const hook of ["onCreate", "createVars", "onWake"] as const) {
    test(`an actor whose ${hook} changes the state and ${name} is created once`, async () => {
      let creations = 0;
      const slow = actor({
        createState: () => ({ creations: ++creations, set: 0 }),
        vars: {},
        [hook]: async (
          c: { state: { set: number }; saveState(): Promise<void> },
        ) => {
          c.state.set++;
          await wait(c);
          for (let i = 0; i < 5; i++) await macrotask();
          return {};
        },
        actions: {
          add: (c) => ++c.state.set,
          read: (c) => c.state.set,
          sleep: (c) => c.sleep(),
        },
      });
      await using world = await World.open({ slow });
      const handle = world.client.slow.getOrCreate("a");
      const before = await handle.add();
      await handle.sleep();
      await world.clock.settle();
      const expected = hook === "onCreate" ? before : before + 1;
      assertEquals(await handle.read(), expected);
      assertEquals(creations, 1);
    });
  }
}

test("a creation that a crash has cut short is begun anew", async () => {
  const { promise: never } = Promise.withResolvers<void>();
  let isFirst = true;
  const slow = actor({
    createState: () => ({ set: 0 }),
    onCreate: async (c) => {
      c.state.set++;
      await c.saveState();
      if (isFirst) await never;
    },
    actions: { read: (c) => c.state.set },
  });
  await using world = await World.open({ slow });
  const call = world.client.slow.getOrCreate("a").read();
  call.catch(() => {});
  await world.clock.settle();
  assertEquals(world.store.commits.length, 1);
  world.kill();
  isFirst = false;
  world.store.fate = "works";
  await using after = await World.open({ slow }, world.parts);
  assertEquals(await after.client.slow.getOrCreate("a").read(), 1);
});

// Hooks that fail at the start

const startHooks = ["createState", "onCreate", "createVars", "onWake"] as const;

for (const hook of startHooks) {
  for (const kind of ["throws", "rejects", "hangs"] as const) {
    test(`a creation whose ${hook} ${kind} leaves nothing behind, and the next one works`, async () => {
      let isBroken = true;
      const fail = (): unknown => {
        if (!isBroken) return { n: 1 };
        if (kind === "throws") throw new Error("broken hook");
        return kind === "rejects"
          ? Promise.reject(new Error("broken hook"))
          : new Promise(() => {});
      };
      const broken = actor({
        state: { n: 1 },
        vars: {},
        [hook]: fail,
        actions: { read: () => "fine" },
      });
      await using world = await World.open({ broken });
      const handle = world.client.broken.getOrCreate("a");
      const calls = [
        handle.read(),
        world.client.broken.getOrCreate("a").read(),
      ];
      const settled = Promise.allSettled(calls);
      if (kind === "hangs") await world.clock.pass(35_000);
      for (const result of await settled) {
        assertEquals(result.status, "rejected");
        const { reason } = result as PromiseRejectedResult;
        assertEquals(
          `${reason.group}/${reason.code}`,
          "internal/internal_error",
        );
        assert(
          !reason.message.includes("broken hook"),
          "the cause is not masked",
        );
      }
      assertEquals(await world.store.find("broken", "a"), undefined);
      assertEquals(await world.store.isEmpty(), true);
      assertNotEquals(world.log.length, 0);
      isBroken = false;
      assertEquals(await handle.read(), "fine");
    });
  }
}

test("a creation that fails after it has saved something leaves nothing behind", async () => {
  const broken = actor({
    state: { n: 1 },
    onCreate: async (c) => {
      c.state.n++;
      await c.schedule.after(1000, "read");
      await c.saveState();
      throw new Error("broken hook");
    },
    actions: { read: (c) => c.state.n },
  });
  await using world = await World.open({ broken });
  await assertRejects(
    () => world.client.broken.getOrCreate("a").read(),
    ActorError,
  );
  assertEquals(await world.store.isEmpty(), true);
  assertEquals(await world.store.alarms({ limit: 1 }), []);
});

for (const hook of ["createVars", "onWake"] as const) {
  test(`an actor whose ${hook} throws at a wake is not lost`, async () => {
    let isBroken = false;
    const broken = actor({
      state: { n: 1 },
      vars: {},
      [hook]: () => {
        if (isBroken) throw new Error("broken hook");
        return {};
      },
      actions: { add: (c) => ++c.state.n, sleep: (c) => c.sleep() },
    });
    await using world = await World.open({ broken });
    const handle = world.client.broken.getOrCreate("a");
    const id = await handle.resolve();
    const peer = await world.connect(id);
    await handle.add();
    await handle.sleep();
    await world.clock.settle();
    isBroken = true;
    await assertRejects(() => handle.add(), ActorError);
    assertEquals(peer.closedWith, "1011 actor.start_failed");
    isBroken = false;
    assertEquals(await handle.add(), 3);
  });
}

test("an actor that is created at the same time by many is created once", async () => {
  const told: string[] = [];
  const options = {};
  await using world = await World.open({ witness: witness(told, options) });
  const { client } = world;
  const ids = await Promise.all(
    Array.from({ length: 20 }, () => client.witness.getOrCreate("a").resolve()),
  );
  assertEquals(new Set(ids).size, 1);
  assertEquals(told.filter((line) => line.startsWith("createState")).length, 1);
  assertEquals(told.filter((line) => line === "onWake").length, 1);
});

test("two hosts that create the same actor at the same time make one", async () => {
  const told: string[] = [];
  const definitions = { witness: witness(told) };
  await using world = await World.open(definitions);
  await using other = await World.open(definitions, world.parts);
  const ids = await Promise.all(
    [world, other].map(({ client }) =>
      client.witness.getOrCreate("a").resolve()
    ),
  );
  assertEquals(ids[0], ids[1]);
});

test("create() of a key that has an actor rejects, also while that is being created", async () => {
  await using world = await World.open({ witness: witness([]) });
  const { client } = world;
  const results = await Promise.allSettled([
    client.witness.create("a"),
    client.witness.create("a"),
    client.witness.getOrCreate("a").resolve(),
  ]);
  assertEquals(results.map(({ status }) => status), [
    "fulfilled",
    "rejected",
    "fulfilled",
  ]);
  for (
    const again of [
      results[1],
      (await Promise.allSettled([client.witness.create("a")]))[0],
    ]
  ) {
    const { reason } = again as PromiseRejectedResult;
    assertEquals(`${reason.group}/${reason.code}`, "actor/duplicate_key");
  }
});

// Ends that are asked for at the start

for (const hook of ["onCreate", "createVars", "onWake"] as const) {
  for (const end of ["sleep", "destroy"] as const) {
    for (const waits of [false, true]) {
      test(`c.${end}() in ${hook}${waits ? ", which goes on to wait," : ""} takes its effect`, async () => {
        let mustEnd = true;
        const short = actor({
          state: { n: 1 },
          vars: {},
          [hook]: async (c: { sleep(): void; destroy(): void }) => {
            if (mustEnd) c[end]();
            if (waits) { for (let i = 0; i < 5; i++) await macrotask(); }
            return {};
          },
          actions: { add: (c) => ++c.state.n },
        });
        await using world = await World.open({ short });
        const handle = world.client.short.getOrCreate("a");
        const call = handle.add().then(
          String,
          (error) => `${error.group}/${error.code}`,
        );
        for (let i = 0; i < 20; i++) await world.clock.settle();
        const answer = await call;
        mustEnd = false;
        if (end === "sleep") {
          assertEquals(answer, "2");
          assertEquals(await handle.add(), 3);
        } else {
          assert(answer === "2" || answer === "actor/not_found", answer);
          assertEquals(await world.store.isEmpty(), true);
          assertEquals(await handle.add(), 2);
        }
        assertEquals(await handle.add(), end === "sleep" ? 4 : 3);
      });
    }
  }
}

// Destroy

test("an action that destroys its actor gets its result when that is durable", async () => {
  const mortal = actor({
    state: { n: 1 },
    onDestroy: (c) => void c.state.n++,
    actions: {
      end(c) {
        c.destroy();
        return "bye";
      },
      endAsync: async (c) => {
        c.destroy();
        await macrotask();
        await macrotask();
        return "bye";
      },
      read: (c) => c.state.n,
    },
  });
  await using world = await World.open({ mortal });
  const { client, store, clock } = world;
  for (const action of ["end", "endAsync"] as const) {
    const handle = client.mortal.getOrCreate("a");
    const id = await handle.resolve();
    const peer = await world.connect(id);
    store.fate = "hangs";
    const call = handle[action]();
    assertEquals(await state(call, clock), "pending");
    const during = client.mortal.getForId(id).read();
    during.catch(() => {});
    store.fate = "works";
    await store.land();
    assertEquals(await call, "bye");
    assertEquals(await store.load(id), undefined);
    assertEquals(store.steps.at(-1)!.destroy, true);
    const error = await assertRejects(() => during, ActorError);
    assertEquals(`${error.group}/${error.code}`, "actor/not_found");
    await clock.settle();
    assertEquals(peer.closedWith, "1000");
  }
  assertEquals(await client.mortal.getOrCreate("a").read(), 1);
});

test("an action that destroys its actor and then disconnects its caller ends at once", async () => {
  const mortal = actor({
    state: { n: 1 },
    onDisconnect: () => {},
    actions: {
      async end(c) {
        c.destroy();
        await c.conn.disconnect("bye");
      },
    },
  });
  await using world = await World.open({ mortal });
  const handle = world.client.mortal.getOrCreate("a");
  const id = await handle.resolve();
  const peer = await world.connect(id);
  peer.call(0, "end");
  await world.clock.settle();
  assertEquals(await world.store.load(id), undefined);
  assertEquals(peer.closedWith, "1000 bye");
  await handle.resolve();
  assertEquals(await state(handle.end(), world.clock), "fulfilled");
  assertEquals(world.log, []);
});

test("a destroy that cannot be saved rejects the call, and the actor lives on", async () => {
  const mortal = actor({
    state: { n: 1 },
    actions: { end: (c) => c.destroy(), read: (c) => c.state.n },
  });
  await using world = await World.open({ mortal });
  const handle = world.client.mortal.getOrCreate("a");
  await handle.read();
  world.store.fate = "fails";
  await assertRejects(() => handle.end(), ActorError);
  world.store.fate = "works";
  assertEquals(await handle.read(), 1);
});

test("a destroyed actor's alarms and connections are gone, and its key is free", async () => {
  const mortal = actor({
    state: { n: 1 },
    onDisconnect: () => {},
    actions: {
      end: (c) => c.destroy(),
      later: (c) => c.schedule.after(1_000, "add"),
      add: (c) => ++c.state.n,
    },
  });
  await using world = await World.open({ mortal });
  const handle = world.client.mortal.getOrCreate("a");
  const before = await handle.resolve();
  await world.connect(before);
  await handle.later();
  assertEquals((await world.store.alarms({ limit: 9 })).length, 1);
  await handle.end();
  assertEquals(await world.store.alarms({ limit: 9 }), []);
  assertEquals(await world.store.isEmpty(), true);
  assertEquals(await handle.add(), 2);
  assertNotEquals(await world.client.mortal.getOrCreate("a").resolve(), before);
  await world.clock.pass(2_000);
  assertEquals(await handle.add(), 3);
  assertEquals(world.log, []);
});

test("onDestroy and onSleep may call other actors", async () => {
  const log = actor({
    state: { lines: [] as string[] },
    actions: {
      add: (c, line: string) => void c.state.lines.push(line),
      read: (c) => [...c.state.lines],
    },
  });
  const tell = async (c: { client(): unknown }, line: string) => {
    const client = c.client() as typeof world.client;
    await client.log.getOrCreate("log").add(line);
  };
  const talker = actor({
    state: { n: 0 },
    onSleep: async (c) => {
      c.state.n++;
      await tell(c, "sleep");
    },
    onDestroy: (c) => tell(c, "destroy"),
    actions: {
      sleep: (c) => c.sleep(),
      end: (c) => c.destroy(),
      read: (c) => c.state.n,
    },
  });
  await using world = await World.open({ log, talker });
  const handle = world.client.talker.getOrCreate("a");
  await handle.sleep();
  await world.clock.settle();
  assertEquals(await handle.read(), 1);
  await handle.end();
  assertEquals(await world.client.log.getOrCreate("log").read(), [
    "sleep",
    "destroy",
  ]);
});

for (const hook of ["onSleep", "onDestroy"] as const) {
  for (const kind of ["throws", "hangs"] as const) {
    test(`an ${hook} that ${kind} is logged, and does not hold up the end`, async () => {
      const stubborn = actor({
        state: { n: 0 },
        [hook]: () => {
          if (kind === "throws") throw new Error("broken hook");
          return new Promise<void>(() => {});
        },
        actions: {
          add: (c) => ++c.state.n,
          end: (c) => hook === "onSleep" ? c.sleep() : c.destroy(),
        },
      });
      await using world = await World.open({ stubborn });
      const handle = world.client.stubborn.getOrCreate("a");
      await handle.add();
      const end = handle.end();
      await world.clock.settle();
      const next = handle.add();
      if (kind === "hangs") {
        assertEquals(await state(next, world.clock), "pending");
        await world.clock.pass(5_000);
      }
      await end;
      assertEquals(await next, hook === "onSleep" ? 2 : 1);
      assert(
        world.log.some((line) => line.includes(hook)),
        world.log.join("\n"),
      );
    });
  }
}

// Sleep

test("an idle actor sleeps after sleepTimeout, and leaves nothing in memory", async () => {
  const told: string[] = [];
  const definitions = { witness: witness(told, { sleepTimeout: 5_000 }) };
  await using world = await World.open(definitions);
  const { client, clock } = world;
  await client.witness.getOrCreate("a").act();
  await clock.pass(4_999);
  assert(!told.includes("onSleep"));
  await client.witness.getOrCreate("a").act();
  await clock.pass(4_999);
  assert(!told.includes("onSleep"));
  await clock.pass(1);
  assertEquals(told.filter((line) => line === "onSleep").length, 1);
  await clock.pass(100_000);
  assertEquals(told.filter((line) => line === "onSleep").length, 1);
  assertEquals(clock.waiting, 0);
});

test("an actor does not sleep while an action, a hook or background work runs", async () => {
  const gates = new Map<string, () => void>();
  const gate = (name: string) =>
    new Promise<void>((resolve) => gates.set(name, resolve));
  let sleeps = 0;
  const busy = actor({
    onSleep: () => void sleeps++,
    onConnect: async (_c, conn) => {
      if (conn.params === "slow") await gate("connect");
    },
    actions: {
      work: () => gate("work"),
      background: (c) => c.waitUntil(gate("background")),
      rejecting: (c) =>
        c.waitUntil(
          gate("background").then(() => Promise.reject(new Error("x"))),
        ),
    },
    options: {
      sleepTimeout: 1_000,
      actionTimeout: 1e9,
      onConnectTimeout: 1e9,
      waitUntilTimeout: 1e9,
    },
  });
  await using world = await World.open({ busy });
  const handle = world.client.busy.getOrCreate("a");
  const id = await handle.resolve();
  for (const name of ["work", "background", "rejecting", "connect"] as const) {
    const before = sleeps;
    const work = name === "connect"
      ? world.connect(id, { params: "slow" })
      : handle[name]();
    await world.clock.pass(10_000);
    assertEquals(sleeps, before, name);
    gates.get(name === "rejecting" ? "background" : name)!();
    await work;
    await world.clock.pass(999);
    assertEquals(sleeps, before, name);
    await world.clock.pass(1);
    assertEquals(sleeps, before + 1, name);
  }
});

test("noSleep keeps an actor in memory, until it asks for sleep", async () => {
  const told: string[] = [];
  await using world = await World.open({
    witness: witness(told, { noSleep: true }),
  });
  const handle = world.client.witness.getOrCreate("a");
  await handle.act();
  await world.clock.pass(1e9);
  assert(!told.includes("onSleep"));
  await handle.sleep();
  await world.clock.settle();
  assert(told.includes("onSleep"));
});

test("calls during a sleep wait for its end and wake the actor", async () => {
  let endSleep = () => {};
  const slow = actor({
    state: { n: 0, sleeps: 0 },
    onSleep: async (c) => {
      await new Promise<void>((resolve) => endSleep = resolve);
      c.state.sleeps++;
    },
    actions: {
      add: (c) => `${++c.state.n} ${c.state.sleeps}`,
      sleep: (c) => c.sleep(),
    },
  });
  await using world = await World.open({ slow });
  const handle = world.client.slow.getOrCreate("a");
  await handle.sleep();
  await world.clock.settle();
  const calls = [handle.add(), handle.add()];
  const connecting = world.connect(await handle.resolve());
  assertEquals(await state(calls[0]!, world.clock), "pending");
  endSleep();
  assertEquals(await Promise.all(calls), ["1 1", "2 1"]);
  assertEquals((await connecting).heard, ["init"]);
  endSleep = () => {};
  const closing = handle.sleep();
  await closing;
});

test("an action that is running when the actor goes to sleep ends, and its result is durable", async () => {
  let end = () => {};
  const slow = actor({
    state: { n: 0 },
    actions: {
      work: async (c) => {
        await new Promise<void>((resolve) => end = resolve);
        return ++c.state.n;
      },
      sleep: (c) => c.sleep(),
      read: (c) => c.state.n,
    },
  });
  await using world = await World.open({ slow });
  const handle = world.client.slow.getOrCreate("a");
  await handle.read();
  const work = handle.work();
  await handle.sleep();
  await world.clock.pass(3_000);
  const read = handle.read();
  assertEquals(await state(read, world.clock), "pending");
  end();
  assertEquals([await work, await read], [1, 1]);
});

test("an action that outlasts the stop is rejected, and what it does later changes nothing", async () => {
  let end = () => {};
  const slow = actor({
    state: { n: 0 },
    connState: {},
    actions: {
      work: async (c) => {
        await new Promise<void>((resolve) => end = resolve);
        c.broadcast("late", ++c.state.n);
        return c.state.n;
      },
      sleep: (c) => c.sleep(),
      read: (c) => `${c.state.n} ${c.conns.size}`,
    },
    options: { waitUntilTimeout: 2_000 },
  });
  await using world = await World.open({ slow });
  const handle = world.client.slow.getOrCreate("a");
  await handle.read();
  const work = handle.work();
  work.catch(() => {});
  await handle.sleep();
  await world.clock.pass(2_000);
  assertEquals(await handle.read(), "0 1");
  end();
  const error = await assertRejects(() => work, ActorError);
  assertEquals(`${error.group}/${error.code}`, "actor/stopping");
  assertEquals(await handle.read(), "0 1");
});

test("c.abortSignal is aborted when the instance stops, and not by c.destroy() itself", async () => {
  let signal!: AbortSignal;
  const told: string[] = [];
  const stopping = actor({
    onSleep: () => void told.push(`onSleep ${signal.aborted}`),
    onDestroy: (c) => void told.push(`onDestroy ${c.abortSignal.aborted}`),
    actions: {
      start: (c) => void (signal = c.abortSignal),
      sleep: (c) => c.sleep(),
      end(c) {
        c.destroy();
        told.push(`end ${c.abortSignal.aborted}`);
      },
    },
  });
  await using world = await World.open({ stopping });
  const handle = world.client.stopping.getOrCreate("a");
  await handle.start();
  assertEquals(signal.aborted, false);
  await handle.sleep();
  await world.clock.settle();
  await handle.end();
  assertEquals(told, ["onSleep true", "end false", "onDestroy true"]);
});

// Connections

const room = (told: string[]) =>
  actor({
    state: { n: 0 },
    createConnState: (_c, params: string) => ({ name: params, seen: 0 }),
    onDisconnect: (_c, conn) =>
      void told.push(`left ${conn.state.name} ${conn.state.seen}`),
    actions: {
      say(c, text: string) {
        c.conn.state.seen++;
        c.broadcast("said", text, c.conn.state.name);
        return c.conn.id;
      },
      who: (c) =>
        Array.from(c.conns.values(), (conn) => conn.state.name).sort().join(),
      sleep: (c) => c.sleep(),
    },
    options: { sleepTimeout: 1_000 },
  });

test("a connection outlives the sleep of its actor, with its id, state and subscriptions", async () => {
  const told: string[] = [];
  await using world = await World.open({ room: room(told) });
  const id = await world.client.room.getOrCreate("a").resolve();
  const [ann, bob] = [
    await world.connect(id, { params: "ann" }),
    await world.connect(id, { params: "bob" }),
  ];
  bob.subscribe("said");
  ann.call(0, "say", "one");
  await world.clock.pass(60_000);
  assertEquals(world.clock.waiting, 0, "it sleeps");
  const loads = world.store.loads;
  // Messages that wake it keep their order.
  ann.call(1, "say", "two");
  ann.call(2, "who");
  ann.subscribe("said");
  ann.call(3, "say", "three");
  await world.clock.settle();
  assertEquals(world.store.loads, loads + 1);
  const connId = JSON.stringify(ann.connection.id);
  assertEquals(bob.heard.slice(1), [
    `said("one","ann")`,
    `said("two","ann")`,
    `said("three","ann")`,
  ]);
  assertEquals(ann.heard.filter((text) => text.includes("=")), [
    `0=${connId}`,
    `1=${connId}`,
    `2="ann,bob"`,
    `3=${connId}`,
  ]);
  assert(ann.heard.includes(`said("three","ann")`));
  await world.clock.pass(10_000);
  await ann.hangUp();
  assertEquals(told, ["left ann 3"]);
  assertEquals(
    await world.client.room.getForId(id, { params: "cat" }).who(),
    "bob,cat",
  );
});

test("connections that were lost in a crash run onDisconnect at the next wake", async () => {
  const told: string[] = [];
  await using world = await World.open({ room: room(told) });
  const id = await world.client.room.getOrCreate("a").resolve();
  const ann = await world.connect(id, { params: "ann" });
  ann.call(0, "say", "one");
  await world.clock.settle();
  world.kill();
  world.store.fate = "works";
  await using after = await World.open({ room: room(told) }, world.parts);
  assertEquals(told, []);
  assertEquals(
    await after.client.room.getForId(id, { params: "bob" }).who(),
    "bob",
  );
  await after.clock.settle();
  assertEquals(told, ["left ann 1", "left bob 0"]);
  told.length = 0;
  await using last = await World.open({ room: room(told) }, world.parts);
  await last.client.room.getForId(id, { params: "cat" }).who();
  assertEquals(told, ["left cat 0"]);
});

test("a connection that its onDisconnect changes is forgotten all the same", async () => {
  const told: string[] = [];
  const room = actor({
    createConnState: () => ({ isGone: false }),
    onDisconnect(_c, conn) {
      conn.state.isGone = true;
      told.push(conn.id);
    },
    actions: {},
    options: { sleepTimeout: 10_000 },
  });
  await using world = await World.open({ room });
  const id = await world.client.room.getOrCreate("a").resolve();
  const ann = await world.connect(id);
  await world.clock.settle();
  await ann.hangUp();
  await world.clock.pass(10_000);
  const bob = await world.connect(id);
  await world.clock.settle();
  assertEquals(told, [ann.connection.id]);
  const stored = await world.store.inner.load(id);
  assertEquals([...stored!.connections.keys()], [bob.connection.id]);
});

test("onDisconnect that throws or hangs harms nobody", async () => {
  let isHanging = false;
  const grumpy = actor({
    state: { n: 0 },
    onDisconnect() {
      if (isHanging) return new Promise<void>(() => {});
      throw new Error("broken hook");
    },
    actions: {
      add: (c) => ++c.state.n,
      sleep: (c) => c.sleep(),
      end: (c) => c.destroy(),
    },
    options: { sleepTimeout: 1_000 },
  });
  await using world = await World.open({ grumpy });
  const handle = world.client.grumpy.getOrCreate("a");
  assertEquals(await handle.add(), 1);
  const peer = await world.connect(await handle.resolve());
  await peer.hangUp();
  isHanging = true;
  const call = handle.add();
  await world.clock.pass(5_000);
  assertEquals(await call, 2);
  isHanging = false;
  await world.connect(await handle.resolve());
  await handle.end();
  assertEquals(await handle.add(), 1);
  await world.clock.pass(60_000);
  assertEquals(world.clock.waiting, 0, "it sleeps");
});

for (
  const hook of ["onBeforeConnect", "createConnState", "onConnect"] as const
) {
  for (const kind of ["throws", "hangs"] as const) {
    test(`an ${hook} that ${kind} refuses the connection, and the call`, async () => {
      let connected = -1;
      const strict = actor({
        state: { n: 0 },
        connState: {},
        onDisconnect: (_c, _conn: { params: string | undefined }) => {},
        [hook]: (_c: unknown, given: unknown) => {
          const params = hook === "onConnect"
            ? (given as { params: unknown }).params
            : given;
          if (params !== "bad") return {};
          if (kind === "throws") {
            throw new UserError("go away", { code: "refused" });
          }
          return new Promise<never>(() => {});
        },
        actions: {
          add(c) {
            connected = c.conns.size;
            return ++c.state.n;
          },
        },
      });
      await using world = await World.open({ strict });
      const id = await world.client.strict.getOrCreate("a").resolve();
      const code = kind === "throws"
        ? "user/refused"
        : "actor/callback_timed_out";
      const call = world.client.strict.getForId(id, { params: "bad" }).add();
      const connecting = world.connect(id, { params: "bad" });
      const results = Promise.allSettled([call, connecting]);
      if (kind === "hangs") await world.clock.pass(5_000);
      for (const result of await results) {
        assertEquals(result.status, "rejected");
        const { reason } = result as PromiseRejectedResult;
        assertEquals(`${reason.group}/${reason.code}`, code);
      }
      assertEquals(await world.client.strict.getForId(id).add(), 1);
      assertEquals(connected, 1);
      assertEquals((await world.store.load(id))!.connections.size, 0);
    });
  }
}

test("conn.disconnect() closes one connection, and onDisconnect has run when it resolves", async () => {
  const told: string[] = [];
  const host = actor({
    onDisconnect: (c, conn) =>
      void told.push(`left ${conn.params} ${c.conns.size}`),
    actions: {
      kick: async (c, name: string) => {
        for (const conn of c.conns.values()) {
          if (conn.params === name) await conn.disconnect("kicked");
        }
        told.push("kicked");
        return c.conns.size;
      },
    },
  });
  await using world = await World.open({ host });
  const id = await world.client.host.getOrCreate("a").resolve();
  const [ann, bob] = [
    await world.connect(id, { params: "ann" }),
    await world.connect(id, { params: "bob" }),
  ];
  ann.call(0, "kick", "bob");
  await world.clock.settle();
  assertEquals(told, ["left bob 1", "kicked"]);
  assertEquals(bob.closedWith, "1000 kicked");
  assertEquals(ann.heard, ["init", "0=1"]);
  ann.call(1, "kick", "ann");
  await world.clock.settle();
  assertEquals(told.slice(2), ["left ann 0", "kicked"]);
  assertEquals(ann.closedWith, "1000 kicked");
  assertEquals(world.log, []);
});

test("nothing grows with the number of sleeping actors", async () => {
  const small = actor({
    state: { n: 0 },
    onDisconnect: () => {},
    actions: { add: (c) => ++c.state.n },
    options: { sleepTimeout: 100 },
  });
  await using world = await World.open({ small });
  const ids: string[] = [];
  for (let i = 0; i < 300; i++) {
    const handle = world.client.small.getOrCreate(`${i}`);
    await handle.add();
    ids.push(await handle.resolve());
  }
  await world.clock.pass(60_000);
  assertEquals(world.clock.waiting, 0);
  const loads = world.store.loads;
  for (const id of ids) await world.client.small.getForId(id).add();
  assertEquals(
    world.store.loads,
    loads + 300,
    "each was loaded again, so none was in memory",
  );
});

test("a closed host has told every caller, refuses new ones, and logs nothing", async () => {
  let end = () => {};
  const told: string[] = [];
  const slow = actor({
    state: { n: 0 },
    onSleep: () => void told.push("onSleep"),
    onDisconnect: () => void told.push("onDisconnect"),
    actions: {
      work: async (c) => {
        await new Promise<void>((resolve) => end = resolve);
        return ++c.state.n;
      },
      read: (c) => c.state.n,
    },
  });
  await using world = await World.open({ slow });
  const handle = world.client.slow.getOrCreate("a");
  const id = await handle.resolve();
  const peer = await world.connect(id);
  const work = handle.work();
  await world.clock.settle();
  const closing = world.host.close();
  await world.clock.settle();
  const late = await assertRejects(() => handle.read(), ActorError);
  assertEquals(`${late.group}/${late.code}`, "server/shutting_down");
  end();
  assertEquals(await work, 1);
  await closing;
  await world.clock.settle();
  assertEquals(peer.closedWith, "1001 ws.going_away");
  assertEquals(told.sort(), ["onDisconnect", "onDisconnect", "onSleep"].sort());
  assertEquals(world.log, []);
  await using after = await World.open({ slow }, world.parts);
  assertEquals(await after.client.slow.getForId(id).read(), 1);
});

test("while a host closes, what comes late on a connection is refused alone, and the running action gets its result", async () => {
  let end = () => {};
  const slow = actor({
    state: { n: 0 },
    actions: {
      work: async (c) => {
        await new Promise<void>((resolve) => end = resolve);
        return ++c.state.n;
      },
      read: (c) => c.state.n,
    },
  });
  await using world = await World.open({ slow });
  const id = await world.client.slow.getOrCreate("a").resolve();
  const peer = await world.connect(id);
  peer.call(0, "work");
  await world.clock.settle();
  const closing = world.host.close();
  await world.clock.settle();
  peer.call(1, "read");
  peer.subscribe("told");
  await world.clock.settle();
  assertEquals(peer.heard, ["init", "1!actor/stopping"]);
  assertEquals(peer.closedWith, undefined);
  end();
  await closing;
  await world.clock.settle();
  assertEquals(peer.heard, ["init", "1!actor/stopping", "0=1"]);
  assertEquals(peer.closedWith, "1001 ws.going_away");
  assertEquals(world.log, []);
});

test("background work that is begun while the instance stops is waited for", async () => {
  const gates: (() => void)[] = [];
  const gate = () => new Promise<void>((resolve) => gates.push(resolve));
  const late = actor({
    state: { n: 0 },
    onSleep(c) {
      c.waitUntil(
        gate().then(() => {
          c.state.n++;
          c.waitUntil(gate().then(() => void c.state.n++));
        }),
      );
    },
    actions: { read: (c) => c.state.n, sleep: (c) => c.sleep() },
  });
  await using world = await World.open({ late });
  const handle = world.client.late.getOrCreate("a");
  await handle.sleep();
  await world.clock.settle();
  const read = handle.read();
  for (let i = 0; i < 2; i++) {
    assertEquals(await state(read, world.clock), "pending");
    gates[i]!();
  }
  assertEquals(await read, 2);
});

test("a scheduled action that never ends does not keep a host open", async () => {
  const endless = actor({
    actions: {
      endless: () => new Promise<void>(() => {}),
      later: (c) => c.schedule.after(10, "endless"),
    },
  });
  await using world = await World.open({ endless });
  await world.client.endless.getOrCreate("a").later();
  await world.clock.pass(1_000);
  const closing = world.host.close();
  await world.clock.pass(60_000);
  assertEquals(await state(closing, world.clock), "fulfilled");
});

test("a hook that changes the state without end is told of each change but its own", async () => {
  const told: number[] = [];
  const watched = actor({
    state: { n: 0, changes: 0 },
    onCreate: (c) => void c.state.n++,
    onWake: (c) => void c.state.n++,
    onStateChange(c, newState) {
      told.push(newState.n);
      c.state.changes++;
      if (newState.n === 5) throw new Error("broken hook");
    },
    actions: {
      add(c, times: number) {
        for (let i = 0; i < times; i++) c.state.n++;
        return c.state.changes;
      },
      read: (c) => c.state.n,
    },
  });
  await using world = await World.open({ watched });
  const handle = world.client.watched.getOrCreate("a");
  assertEquals(await handle.read(), 2);
  assertEquals(told, []);
  assertEquals(await handle.add(3), 3);
  assertEquals(told, [3, 4, 5]);
  assertEquals(world.log.length, 1);
  assertEquals(await handle.add(1), 4);
});

test("onBeforeActionResponse replaces the output; when it throws, the original is sent", async () => {
  const polite = actor({
    state: { n: 0 },
    onBeforeActionResponse(_c, name, args, output) {
      if (name === "boom") throw new Error("broken hook");
      return Promise.resolve(`${name}(${args}) is ${output}`);
    },
    actions: { add: (c, by: number) => c.state.n += by, boom: () => "boom" },
  });
  await using world = await World.open({ polite });
  const handle = world.client.polite.getOrCreate("a");
  assertEquals(await handle.add(2) as unknown, "add(2) is 2");
  assertEquals(await handle.boom(), "boom");
  assertEquals(world.log.length, 1);
});

test("an action that takes too long is rejected, and the actor lives on", async () => {
  let end = () => {};
  const slow = actor({
    state: { n: 0 },
    actions: {
      work: async (c) => {
        await new Promise<void>((resolve) => end = resolve);
        return ++c.state.n;
      },
      read: (c) => c.state.n,
    },
    options: { actionTimeout: 1_000 },
  });
  await using world = await World.open({ slow });
  const handle = world.client.slow.getOrCreate("a");
  await handle.read();
  const work = handle.work();
  work.catch(() => {});
  await world.clock.pass(999);
  assertEquals(await state(work, world.clock), "pending");
  await world.clock.pass(1);
  const error = await assertRejects(() => work, ActorError, "Action timed out");
  assertEquals(`${error.group}/${error.code}`, "action/timed_out");
  end();
  await world.clock.settle();
  assertEquals(await handle.read(), 1);
});

// Whatever is thrown

const cyclic = new Error("cyclic");
cyclic.cause = { again: cyclic };
const revoked = Proxy.revocable({}, {});
revoked.revoke();
const thrown: Record<string, unknown> = {
  "an error with a cyclic cause": cyclic,
  "an object without a prototype": Object.assign(Object.create(null), {
    n: 1n,
  }),
  "an error whose stack throws": Object.defineProperty(
    new Error("x"),
    "stack",
    {
      get() {
        throw new Error("no stack");
      },
    },
  ),
  "a revoked proxy": revoked.proxy,
  undefined,
  null: null,
  "a symbol": Symbol("s"),
  "an error whose code is a symbol": new UserError("x", {
    // deno-lint-ignore no-explicit-any -- a program without types may do so
    code: Symbol("code") as any,
  }),
};

for (const [name, value] of Object.entries(thrown)) {
  test(`an actor goes on, and sleeps, when its action, hook or scheduled call throws ${name}`, async () => {
    let failing = "";
    const calls: string[] = [];
    const fail = (place: string) => {
      if (failing !== place) return;
      calls.push(place);
      throw value;
    };
    const wild = actor({
      state: { n: 0 },
      onWake: () => fail("onWake"),
      onStateChange: () => fail("onStateChange"),
      onConnect: () => fail("onConnect"),
      onDisconnect: () => fail("onDisconnect"),
      onSleep: () => fail("onSleep"),
      onBeforeActionResponse(_c, _name, _args, output) {
        fail("onBeforeActionResponse");
        return output;
      },
      actions: {
        add: (c) => ++c.state.n,
        action: () => fail("action"),
        asyncAction: async () => {
          await macrotask();
          fail("asyncAction");
        },
        background: (c) => c.waitUntil(Promise.reject(value)),
        later: (c) => c.schedule.after(10, "scheduled"),
        scheduled: () => fail("scheduled"),
      },
      options: { sleepTimeout: 1_000 },
    });
    await using world = await World.open({ wild });
    const { client, clock, store } = world;
    const handle = client.wild.getOrCreate("a");
    await handle.resolve();
    const check = async () => {
      failing = "";
      const before = store.loads;
      await clock.pass(5_000);
      await handle.add();
      assertEquals(store.loads, before + 1, "it had gone to sleep");
    };
    for (failing of ["action", "asyncAction"] as const) {
      const place = failing as "action" | "asyncAction";
      const call = handle[place]();
      call.catch(() => {});
      assertEquals(await state(call, clock), "rejected");
      await check();
    }
    failing = "onConnect";
    await assertRejects(() => handle.add());
    await check();
    for (
      const place of ["onStateChange", "onDisconnect", "onBeforeActionResponse"]
    ) {
      failing = place;
      await handle.add();
      await check();
    }
    await handle.background();
    await check();
    await handle.later();
    failing = "scheduled";
    await clock.pass(20);
    assertEquals(await store.alarms({ limit: 9 }), []);
    await check();
    failing = "onSleep";
    await clock.pass(5_000);
    failing = "onWake";
    await assertRejects(() => handle.add());
    await check();
    assertEquals(new Set(calls).size, 8, calls.join());
  });
}

test("what fails while nobody waits for it is logged, and harms nobody else", async () => {
  const later = Promise.withResolvers<void>();
  const careless = actor({
    state: { n: 0 },
    queues: { jobs: queue<number>() },
    actions: {
      put(c) {
        c.kv.put("key", 1 as unknown as string);
        c.kv.delete(1 as unknown as string);
        c.kv.deleteRange("a", 1 as unknown as string);
      },
      send(c) {
        c.queue.send("jobs", 1);
        c.queue.send("jobs", 2);
      },
      async complete(c) {
        const message = await c.queue.next({ completable: true });
        message!.complete();
        message!.complete();
      },
      change(c) {
        c.state.n++;
        c.saveState();
      },
      async outlast(c) {
        await later.promise;
        c.kv.put("key", "value");
        c.queue.send("jobs", 3);
        c.saveState();
      },
    },
    options: { maxQueueSize: 1 },
  });
  await using world = await World.open({ careless });
  const { client, clock, store, log } = world;
  const handle = client.careless.getOrCreate("a");
  const told = () => log.splice(0).map((line) => /msg="(.*?)"/.exec(line)![1]);
  await handle.put();
  assertEquals(told(), Array(3).fill("c.kv refused to write"));
  await handle.action({ name: "send", args: [] });
  await handle.complete();
  await clock.settle();
  const refused = "refused to send or complete a message";
  assertEquals(told(), [refused, refused]);
  const outlasting = assertRejects(() => handle.outlast(), ActorError);
  await clock.settle();
  store.fate = "fails";
  await assertRejects(() => handle.change(), ActorError);
  later.resolve();
  await outlasting;
  await clock.settle();
  // It is one failure, whoever comes to know of it.
  assertEquals(told(), ["stopped: a change was not saved"]);
  store.fate = "works";
  assertEquals((await handle.change()) === undefined, true);
});
