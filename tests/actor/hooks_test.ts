// The hooks of an actor: what each is given, how long it may take, and who waits for it.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { actor } from "../../src/definition/actor.ts";
import type { ActorOptions } from "../../src/definition/config.ts";
import { ActorError, UserError } from "../../src/errors.ts";
import { test } from "../harness.ts";
import { state, World } from "./world.ts";

/** Something that is waited for until it is opened. */
class Gate {
  readonly #opened = Promise.withResolvers<void>();
  readonly opened: Promise<void> = this.#opened.promise;

  open(): void {
    this.#opened.resolve();
  }
}

function macrotask(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

async function kindOf(call: Promise<unknown>): Promise<string> {
  const { group, code } = await assertRejects(() => call, ActorError);
  return `${group}/${code}`;
}

// Time

const times = {
  createVarsTimeout: 1_100,
  onBeforeConnectTimeout: 1_200,
  createConnStateTimeout: 1_300,
  onConnectTimeout: 1_400,
  onSleepTimeout: 1_500,
  onDestroyTimeout: 1_600,
  waitUntilTimeout: 1_700,
  actionTimeout: 1_800,
} satisfies ActorOptions;

const timed: [hook: string, option: keyof typeof times][] = [
  ["createVars", "createVarsTimeout"],
  ["onBeforeConnect", "onBeforeConnectTimeout"],
  ["createConnState", "createConnStateTimeout"],
  ["onConnect", "onConnectTimeout"],
  ["onDisconnect", "onConnectTimeout"],
  ["onSleep", "onSleepTimeout"],
  ["onDestroy", "onDestroyTimeout"],
  ["onBeforeActionResponse", "actionTimeout"],
];

for (const [hook, option] of timed) {
  test(`${hook} may take options.${option}, and no longer`, async () => {
    let isHanging = hook === "createVars";
    const slow = actor({
      state: { n: 0 },
      vars: {},
      connState: {},
      [hook]: (...args: unknown[]) =>
        isHanging
          ? new Promise<never>(() => {})
          : hook === "onBeforeActionResponse"
          ? args.at(-1)
          : {},
      actions: {
        add: (c) => ++c.state.n,
        end: (c) => hook === "onDestroy" ? c.destroy() : c.sleep(),
      },
      options: times,
    });
    await using world = await World.open({ slow });
    const handle = world.client.slow.getOrCreate("a");
    let call: Promise<unknown>;
    if (isHanging) call = handle.add();
    else {
      await handle.add();
      isHanging = true;
      const isLast = hook === "onSleep" || hook === "onDestroy";
      if (isLast) handle.end();
      await world.clock.settle();
      call = handle.add();
    }
    call.catch(() => {});
    await world.clock.pass(times[option] - 1);
    assertEquals(await state(call, world.clock), "pending");
    await world.clock.pass(1);
    assert(await state(call, world.clock) !== "pending");
    isHanging = false;
    assert(await handle.add() as number > 0);
  });
}

test("createVars may take longer than all other hooks of a start, if its option says so", async () => {
  const gate = new Gate();
  const slow = actor({
    createVars: () => gate.opened,
    actions: { read: () => "fine" },
    options: { createVarsTimeout: 60_000 },
  });
  await using world = await World.open({ slow });
  const call = world.client.slow.getOrCreate("a").read();
  await world.clock.pass(59_000);
  gate.open();
  assertEquals(await call, "fine");
});

test("c.waitUntil() holds up a stop for options.waitUntilTimeout, and no longer", async () => {
  const busy = actor({
    actions: {
      work: (c) => {
        c.waitUntil(new Promise(() => {}));
        c.sleep();
      },
      read: () => "awake again",
    },
    options: times,
  });
  await using world = await World.open({ busy });
  const handle = world.client.busy.getOrCreate("a");
  await handle.work();
  await world.clock.settle();
  const call = handle.read();
  await world.clock.pass(1_699);
  assertEquals(await state(call, world.clock), "pending");
  await world.clock.pass(1);
  assertEquals(await call, "awake again");
});

// Start and wake

test("createState has neither state nor vars, and may be asynchronous", async () => {
  let members: string[] = [];
  const made = actor({
    createState: async (c) => {
      members = ["state", "vars", "conns", "broadcast"].filter((key) =>
        key in c
      );
      await macrotask();
      return { n: 1 };
    },
    vars: {},
    actions: { read: (c) => c.state.n },
  });
  await using world = await World.open({ made });
  assertEquals(await world.client.made.getOrCreate("a").read(), 1);
  assertEquals(members, []);
});

test("createVars runs at every start, may be asynchronous, knows the state and no driver, and its vars are gone after sleep", async () => {
  const given: unknown[] = [];
  const made = actor({
    state: { n: 7 },
    createVars: async (c, driver) => {
      given.push([c.state.n, c.vars, driver]);
      await macrotask();
      return { made: given.length, live: new Map([["kept", () => 1]]) };
    },
    actions: {
      read: (c) => {
        c.state.n++;
        return `${c.vars.made} ${c.vars.live.delete("kept")}`;
      },
      sleep: (c) => c.sleep(),
    },
  });
  await using world = await World.open({ made });
  const handle = world.client.made.getOrCreate("a");
  assertEquals(await handle.read(), "1 true");
  assertEquals(await handle.read(), "1 false");
  await handle.sleep();
  await world.clock.settle();
  assertEquals(await handle.read(), "2 true");
  assertEquals(given, [[7, undefined, undefined], [9, undefined, undefined]]);
});

test("constant vars are made anew at every wake", async () => {
  const bag = actor({
    vars: { list: [] as number[] },
    actions: { add: (c) => c.vars.list.push(1), sleep: (c) => c.sleep() },
  });
  await using world = await World.open({ bag });
  const handle = world.client.bag.getOrCreate("a");
  assertEquals([await handle.add(), await handle.add()], [1, 2]);
  await handle.sleep();
  await world.clock.settle();
  assertEquals(await handle.add(), 1);
});

test("calls and connections that come during onWake wait until it has ended", async () => {
  const gate = new Gate();
  const told: string[] = [];
  const slow = actor({
    state: { n: 0 },
    onWake: async (c) => {
      await gate.opened;
      c.state.n = 5;
      told.push("awake");
    },
    onBeforeConnect: () => void told.push("onBeforeConnect"),
    actions: { read: (c) => c.state.n },
  });
  await using world = await World.open({ slow });
  const handle = world.client.slow.getOrCreate("a");
  const call = handle.read();
  const connection = handle.connect();
  const connected = connection.read();
  assertEquals(await state(call, world.clock), "pending");
  assertEquals(connection.isConnected, false);
  assertEquals(told, []);
  gate.open();
  assertEquals([await call, await connected], [5, 5]);
  assertEquals(told[0], "awake");
});

test("at a wake connections and subscriptions are there before createVars and onWake, and overdue calls run after", async () => {
  const told: string[] = [];
  const room = actor({
    state: { n: 0 },
    connState: { name: "" },
    createVars: (c) => void told.push(`createVars ${c.conns.size}`),
    onWake: async (c) => {
      told.push(`onWake ${c.conns.size}`);
      c.broadcast("woken", c.conns.size);
      await macrotask();
      told.push("awake");
    },
    actions: {
      later: (c) => c.schedule.after(100, "ring"),
      ring: () => void told.push("ring"),
    },
    options: { sleepTimeout: 10 },
  });
  await using world = await World.open({ room });
  const handle = world.client.room.getOrCreate("a");
  const peer = await world.connect(await handle.resolve());
  peer.subscribe("woken");
  await handle.later();
  await world.clock.pass(50);
  assertEquals(world.host.names, ["room"]);
  told.length = 0;
  await world.clock.pass(50);
  for (let i = 0; i < 5; i++) await world.clock.settle();
  assertEquals(told, ["createVars 1", "onWake 1", "awake", "ring"]);
  assertEquals(peer.heard, ["init", "woken(1)"]);
});

test("a creation that a crash has cut short is begun anew with the input it was given", async () => {
  const inputs: unknown[] = [];
  let isFirst = true;
  const slow = actor({
    createState: (_c, input: { n: number }) => ({ n: input.n }),
    onCreate: async (c, input) => {
      inputs.push(input);
      await c.saveState();
      if (isFirst) await new Promise(() => {});
    },
    actions: { read: (c) => c.state.n },
  });
  await using world = await World.open({ slow });
  const options = { createWithInput: { n: 7 } };
  world.client.slow.getOrCreate("a", options).read().catch(() => {});
  await world.clock.settle();
  world.kill();
  isFirst = false;
  world.store.fate = "works";
  await using after = await World.open({ slow }, world.parts);
  assertEquals(await after.client.slow.get("a").read(), 7);
  assertEquals(inputs, [{ n: 7 }, { n: 7 }]);
});

test("a crash runs no onSleep, and the next start is a wake", async () => {
  const told: string[] = [];
  const note = (line: string) => () => void told.push(line);
  const mortal = actor({
    createState: () => {
      told.push("createState");
      return { n: 0 };
    },
    onCreate: note("onCreate"),
    createVars: note("createVars"),
    onWake: note("onWake"),
    onSleep: note("onSleep"),
    actions: { add: (c) => ++c.state.n },
  });
  await using world = await World.open({ mortal });
  assertEquals(await world.client.mortal.getOrCreate("a").add(), 1);
  assertEquals(told.splice(0), [
    "createState",
    "onCreate",
    "createVars",
    "onWake",
  ]);
  world.kill();
  world.store.fate = "works";
  await using after = await World.open({ mortal }, world.parts);
  assertEquals(await after.client.mortal.get("a").add(), 2);
  assertEquals(told, ["createVars", "onWake"]);
});

for (const hook of ["createState", "onCreate", "createVars", "onWake"]) {
  test(`an error in ${hook} is masked, a user's too, and shown where errors are exposed`, async () => {
    for (const exposesErrors of [false, true]) {
      const broken = actor({
        state: {},
        [hook]: () => {
          throw new UserError("the text of the hook");
        },
        actions: { read: () => {} },
      });
      await using world = await World.open({ broken }, { exposesErrors });
      const { group, code, message } = await assertRejects(
        () => world.client.broken.getOrCreate("a").read(),
        ActorError,
      );
      assertEquals(`${group}/${code}`, "internal/internal_error");
      assertEquals(message.includes("the text of the hook"), exposesErrors);
      assert(world.log.some((line) => line.includes("the text of the hook")));
    }
  });
}

// Connections and calls without one

test("each hook of a call without a connection is awaited, in order, and done before the caller has its result", async () => {
  const told: string[] = [];
  const note = async (line: string) => {
    told.push(`${line} begins`);
    await macrotask();
    told.push(`${line} ends`);
  };
  const polite = actor({
    state: { calls: 0, left: 0 },
    onBeforeConnect: () => note("onBeforeConnect"),
    createConnState: async () => {
      await note("createConnState");
      return {};
    },
    onConnect: () => note("onConnect"),
    onBeforeActionResponse: async (_c, _name, _args, output) => {
      await note("onBeforeActionResponse");
      return output;
    },
    onDisconnect: async (c) => {
      await note("onDisconnect");
      c.state.left++;
    },
    actions: {
      act: async (c) => {
        await note("act");
        return [++c.state.calls, c.state.left];
      },
    },
  });
  await using world = await World.open({ polite });
  const handle = world.client.polite.getOrCreate("a");
  assertEquals(await handle.act(), [1, 0]);
  const order = [
    "onBeforeConnect",
    "createConnState",
    "onConnect",
    "act",
    "onBeforeActionResponse",
    "onDisconnect",
  ];
  assertEquals(
    told,
    order.flatMap((hook) => [`${hook} begins`, `${hook} ends`]),
  );
  assertEquals(await handle.act(), [2, 1]);
});

test("onDisconnect runs once when an action disconnects its own caller", async () => {
  const told: string[] = [];
  const rude = actor({
    onDisconnect: (c) => void told.push(`left ${c.conns.size}`),
    actions: { kick: (c) => c.conn.disconnect("go") },
  });
  await using world = await World.open({ rude });
  const handle = world.client.rude.getOrCreate("a");
  await handle.kick();
  assertEquals(told, ["left 0"]);
  const peer = await world.connect(await handle.resolve());
  peer.call(0, "kick");
  await world.clock.settle();
  assertEquals(told, ["left 0", "left 0"]);
});

test("onDisconnect runs once for a caller whose action outlasts the end of the actor", async () => {
  const gate = new Gate();
  let left = 0;
  const slow = actor({
    onDisconnect: () => void left++,
    actions: { work: () => gate.opened, end: (c) => c.destroy() },
    options: { waitUntilTimeout: 1_000 },
  });
  await using world = await World.open({ slow });
  const handle = world.client.slow.getOrCreate("a");
  await handle.resolve();
  const work = handle.work();
  await world.clock.settle();
  const end = handle.end();
  await world.clock.pass(1_000);
  await end;
  assertEquals(left, 2);
  gate.open();
  assertEquals(await kindOf(work), "actor/stopping");
  assertEquals(left, 2);
});

test("what onDisconnect begins when a host closes is waited for", async () => {
  const gate = new Gate();
  const room = actor({
    state: { left: 0 },
    onDisconnect: (c) =>
      c.waitUntil(gate.opened.then(() => void c.state.left++)),
    actions: { read: (c) => c.state.left },
  });
  await using world = await World.open({ room });
  const id = await world.client.room.getOrCreate("a").resolve();
  await world.connect(id);
  const closing = world.host.close();
  assertEquals(await state(closing, world.clock), "pending");
  gate.open();
  await closing;
  await using after = await World.open({ room }, world.parts);
  assertEquals(await after.client.room.getForId(id).read(), 1);
});

test("onBeforeConnect has state and key and no connection, its result is ignored, and what it throws is told or masked", async () => {
  const seen: unknown[] = [];
  const strict = actor({
    state: { secret: "s" },
    onBeforeConnect: (c, params: string) => {
      seen.push([c.state.secret, c.key, "conn" in c && c.conn, c.conns.size]);
      if (params === "user") {
        throw new UserError("Who are you?", {
          code: "unknown",
          metadata: { realm: 1 },
        });
      }
      if (params === "bug") throw new Error("the text of a bug");
      return { state: "ignored" };
    },
    actions: { read: (c) => c.state.secret },
  });
  await using world = await World.open({ strict });
  const open = (params: string) =>
    world.client.strict.getOrCreate(["a", "b"], { params });
  assertEquals(await open("fine").read(), "s");
  assertEquals(seen, [["s", ["a", "b"], undefined, 0]]);
  for (
    const call of [
      () => open("user").read(),
      () => firstError(open("user").connect()),
    ]
  ) {
    const { group, code, message, metadata } = await assertRejects(
      call,
      ActorError,
    );
    assertEquals([group, code, message, metadata], [
      "user",
      "unknown",
      "Who are you?",
      { realm: 1 },
    ]);
  }
  for (
    const call of [
      () => open("bug").read(),
      () => firstError(open("bug").connect()),
    ]
  ) {
    const error = await assertRejects(call, ActorError);
    assertEquals(error.code, "internal_error");
    assert(!error.message.includes("the text of a bug"));
  }
});

// What a connection is told first; it is disposed of then.
function firstError(
  connection: {
    onError(callback: (error: Error) => void): void;
    dispose(): Promise<void>;
  },
): Promise<never> {
  return new Promise((_resolve, reject) =>
    connection.onError((error) => {
      connection.dispose();
      reject(error);
    })
  );
}

test("createConnState and onConnect: the connection is in c.conns from onConnect on, which may send to it", async () => {
  const told: string[] = [];
  const room = actor({
    createConnState: (c, params: string) => {
      told.push(`createConnState ${c.conns.size}`);
      return { name: params };
    },
    onConnect: (c, conn) => {
      told.push(`onConnect ${c.conns.get(conn.id) === c.conn} ${c.conns.size}`);
      conn.send("welcome", conn.state.name);
      c.broadcast("joined", conn.state.name);
    },
    actions: {},
  });
  await using world = await World.open({ room });
  const id = await world.client.room.getOrCreate("a").resolve();
  const ann = await world.connect(id, { params: "ann" });
  ann.subscribe("joined");
  const bob = await world.connect(id, { params: "bob" });
  await world.clock.settle();
  assertEquals(told, [
    "createConnState 0",
    "onConnect true 1",
    "createConnState 1",
    "onConnect true 2",
  ]);
  assertEquals(ann.heard, ["init", 'welcome("ann")', 'joined("bob")']);
  assertEquals(bob.heard, ["init", 'welcome("bob")']);
});

test("a call without a connection has a conn of its own in c.conns, and only as long as it runs", async () => {
  let late: () => unknown = () => {};
  const plain = actor({
    actions: {
      leave: (c) => void (late = () => c.conns.size),
      look: (c) => {
        const { size } = c.conns;
        late = () => [c.conn.id.length, c.conns.size];
        return [size, c.conns.has(c.conn.id), c.conn.params];
      },
      count: (c) => c.conns.size,
      scheduled: (c) => c.schedule.after(0, "tell"),
      tell: (c) => c.broadcast("told", c.conns.size, c.conn === undefined),
    },
  });
  await using world = await World.open({ plain });
  const handle = world.client.plain.getOrCreate("a");
  assertEquals(await handle.look(), [1, true, undefined]);
  assertEquals(late(), [36, 0]);
  await handle.leave();
  assertEquals([late(), await handle.count()], [0, 1]);
  assertEquals([await handle.count(), await handle.count()], [1, 1]);
  const peer = await world.connect(await handle.resolve());
  peer.subscribe("told");
  assertEquals(await handle.count(), 2);
  await handle.scheduled();
  await world.clock.pass(10);
  assertEquals(peer.heard.at(-1), "told(1,true)");
});

test("the params of a connection are undefined when none are passed, also after a crash", async () => {
  const seen: unknown[] = [];
  const open = actor({
    connState: {},
    onBeforeConnect: (_c, params) => void seen.push(params),
    onConnect: (_c, conn) => void seen.push(conn.params),
    onDisconnect: (_c, conn) => void seen.push(conn.params),
    actions: { read: () => {} },
  });
  await using world = await World.open({ open });
  const handle = world.client.open.getOrCreate("a");
  await handle.read();
  await world.connect(await handle.resolve());
  await world.clock.settle();
  assertEquals(seen.splice(0), Array(5).fill(undefined));
  world.kill();
  world.store.fate = "works";
  await using after = await World.open({ open }, world.parts);
  await after.client.open.get("a").read();
  await after.clock.settle();
  assertEquals(seen, Array(4).fill(undefined));
});

// onBeforeActionResponse

test("onBeforeActionResponse sees the call, and neither a failed one nor a scheduled one, which nobody answers", async () => {
  const told: unknown[] = [];
  const polite = actor({
    state: { n: 0 },
    onBeforeActionResponse: (c, name, args, output) => {
      told.push([name, args, output, c.conn.params]);
      return { wrapped: output };
    },
    actions: {
      add: (c, by: number) => c.state.n += by,
      later: (c) => c.schedule.after(0, "add", 5),
      fail: () => {
        throw new UserError("no");
      },
      nothing: () => {},
    },
  });
  await using world = await World.open({ polite });
  const handle = world.client.polite.getOrCreate("a", { params: "p" });
  assertEquals(await handle.add(2) as unknown, { wrapped: 2 });
  const peer = await world.connect(await handle.resolve(), { params: "q" });
  peer.call(0, "add", 3);
  await world.clock.settle();
  assertEquals(peer.heard, ["init", '0={"wrapped":5}']);
  await handle.later();
  await world.clock.pass(10);
  await assertRejects(() => handle.fail(), ActorError, "no");
  assertEquals(await handle.nothing() as unknown, { wrapped: undefined });
  assertEquals(
    told.filter((line) => (line as unknown[])[0] !== "later"),
    [["add", [2], 2, "p"], ["add", [3], 5, "q"], [
      "nothing",
      [],
      undefined,
      "p",
    ]],
  );
  assertEquals(await handle.add(0) as unknown, { wrapped: 10 });
});

test("a user's error in onBeforeActionResponse is not told either: the original is sent", async () => {
  const polite = actor({
    onBeforeActionResponse: () => Promise.reject(new UserError("no")),
    actions: { read: () => "original" },
  });
  await using world = await World.open({ polite });
  assertEquals(await world.client.polite.getOrCreate("a").read(), "original");
  assertEquals(world.log.length, 1);
});

// onStateChange

test("a promise of onStateChange keeps the actor awake, and its rejection is logged", async () => {
  const gate = new Gate();
  let sleeps = 0;
  const watched = actor({
    state: { n: 0 },
    onStateChange: (): void | Promise<void> =>
      gate.opened.then(() => Promise.reject(new Error("the text of a bug"))),
    onSleep: () => void sleeps++,
    actions: { add: (c) => ++c.state.n },
    options: { sleepTimeout: 1_000 },
  });
  await using world = await World.open({ watched });
  assertEquals(await world.client.watched.getOrCreate("a").add(), 1);
  await world.clock.pass(5_000);
  assertEquals(sleeps, 0);
  assertEquals(world.log, []);
  gate.open();
  await world.clock.pass(1_000);
  assertEquals(sleeps, 1);
  assert(world.log.join().includes("the text of a bug"));
});

test("onStateChange is not told of what the hooks of a start change, at any start", async () => {
  const told: number[] = [];
  const watched = actor({
    state: { n: 0 },
    onCreate: (c) => void c.state.n++,
    createVars: (c) => void c.state.n++,
    onWake: (c) => void c.state.n++,
    onStateChange: (_c, { n }) => void told.push(n),
    actions: { add: (c) => ++c.state.n, sleep: (c) => c.sleep() },
  });
  await using world = await World.open({ watched });
  const handle = world.client.watched.getOrCreate("a");
  assertEquals(await handle.add(), 4);
  await handle.sleep();
  await world.clock.settle();
  assertEquals(await handle.add(), 7);
  assertEquals(told, [4, 7]);
});

// The end

test("c.sleep() twice sleeps once, and returns before onSleep", async () => {
  const told: string[] = [];
  const sleepy = actor({
    onWake: () => void told.push("onWake"),
    onSleep: (c) => {
      told.push("onSleep");
      c.sleep();
    },
    actions: {
      sleep: (c) => {
        c.sleep();
        c.sleep();
        told.push("asked");
      },
      read: () => {},
    },
  });
  await using world = await World.open({ sleepy });
  const handle = world.client.sleepy.getOrCreate("a");
  await handle.sleep();
  await world.clock.pass(1_000);
  await handle.read();
  await world.clock.pass(1_000);
  assertEquals(told, ["onWake", "asked", "onSleep", "onWake"]);
});

const lateEnds: [where: string, told: string[]][] = [
  ["the action that asks for sleep", ["onDestroy 1", "left 0"]],
  ["onSleep", ["onSleep", "onDestroy 1", "left 0"]],
  [
    "background work that a sleep waits for",
    ["onSleep", "onDestroy 1", "left 0"],
  ],
];

for (const [where, expected] of lateEnds) {
  test(`c.destroy() in ${where} destroys the actor: first onDestroy, then the connections end`, async () => {
    const told: string[] = [];
    const gate = new Gate();
    const mortal = actor({
      state: { n: 0 },
      onSleep: (c) => {
        told.push("onSleep");
        if (where === "onSleep") c.destroy();
      },
      onDestroy: (c) => void told.push(`onDestroy ${c.conns.size}`),
      onDisconnect: (c, conn: { params: unknown }) => {
        if (conn.params === "stays") told.push(`left ${c.conns.size}`);
      },
      actions: {
        sleep: (c) => {
          c.sleep();
          if (where.startsWith("the action")) c.destroy();
          if (where.startsWith("background")) {
            c.waitUntil(gate.opened.then(() => c.destroy()));
          }
        },
        add: (c) => ++c.state.n,
      },
    });
    await using world = await World.open({ mortal });
    const handle = world.client.mortal.getOrCreate("a");
    const id = await handle.resolve();
    await handle.add();
    const peer = await world.connect(id, { params: "stays" });
    await handle.sleep();
    await world.clock.settle();
    gate.open();
    await world.clock.settle();
    assertEquals(told, expected);
    assertEquals(peer.closedWith, "1000");
    assertEquals(
      await kindOf(world.client.mortal.getForId(id).add()),
      "actor/not_found",
    );
    assertEquals(await handle.add(), 1);
  });
}

test("onDestroy ends before connections close, and what it sends and changes still reaches them", async () => {
  const gate = new Gate();
  const told: string[] = [];
  const mortal = actor({
    state: { n: 0 },
    onDestroy: async (c) => {
      await gate.opened;
      c.broadcast("bye", ++c.state.n);
      told.push(`onDestroy ${c.conns.size}`);
      c.waitUntil(macrotask().then(() => void told.push("background")));
    },
    onDisconnect: (c) => void told.push(`onDisconnect ${c.conns.size}`),
    actions: { end: (c) => c.destroy() },
  });
  await using world = await World.open({ mortal });
  const id = await world.client.mortal.getOrCreate("a").resolve();
  const peer = await world.connect(id);
  peer.subscribe("bye");
  peer.call(0, "end");
  await world.clock.settle();
  assertEquals([peer.heard, peer.closedWith], [["init"], undefined]);
  gate.open();
  for (let i = 0; i < 5; i++) await macrotask();
  await world.clock.settle();
  assertEquals(told, ["onDestroy 1", "background", "onDisconnect 0"]);
  assertEquals([...peer.heard].sort(), ["0=undefined", "bye(1)", "init"]);
  assertEquals(peer.closedWith, "1000");
});

test("background work may use c to the end: what it sends while the actor goes to sleep arrives", async () => {
  const gate = new Gate();
  const worker = actor({
    state: { done: 0 },
    vars: { name: "w" },
    actions: {
      begin: (c) => {
        c.waitUntil(
          gate.opened.then(() =>
            c.broadcast("done", c.vars.name, ++c.state.done)
          ),
        );
        c.sleep();
      },
      read: (c) => c.state.done,
    },
  });
  await using world = await World.open({ worker });
  const handle = world.client.worker.getOrCreate("a");
  const peer = await world.connect(await handle.resolve());
  peer.subscribe("done");
  await handle.begin();
  await world.clock.settle();
  gate.open();
  await world.clock.settle();
  assertEquals(peer.heard, ["init", 'done("w",1)']);
  assertEquals(await handle.read(), 1);
});

// Sleep

test("a call due before the sleep keeps the actor awake, and one due after it wakes it again", async () => {
  let [starts, sleeps] = [0, 0];
  const bell = actor({
    onWake: () => void starts++,
    onSleep: () => void sleeps++,
    actions: {
      after: (c, ms: number) => c.schedule.after(ms, "ring"),
      ring: () => {},
    },
    options: { sleepTimeout: 1_000 },
  });
  await using world = await World.open({ bell });
  const handle = world.client.bell.getOrCreate("a");
  await handle.after(700);
  await world.clock.pass(1_500);
  assertEquals([starts, sleeps], [1, 0]);
  await world.clock.pass(200);
  assertEquals([starts, sleeps], [1, 1]);
  await handle.after(3_000);
  assertEquals([starts, sleeps], [2, 1]);
  await world.clock.pass(2_999);
  assertEquals([starts, sleeps], [2, 2]);
  await world.clock.pass(1);
  assertEquals([starts, sleeps], [3, 2]);
  await world.clock.pass(1_000);
  assertEquals([starts, sleeps], [3, 3]);
});

test("a scheduled action may take longer than actionTimeout", async () => {
  const gate = new Gate();
  const slow = actor({
    state: { n: 0 },
    actions: {
      later: (c) => c.schedule.after(0, "work"),
      work: async (c) => {
        await gate.opened;
        c.state.n++;
      },
      read: (c) => c.state.n,
    },
    options: { actionTimeout: 100 },
  });
  await using world = await World.open({ slow });
  const handle = world.client.slow.getOrCreate("a");
  await handle.later();
  await world.clock.pass(5_000);
  gate.open();
  await world.clock.settle();
  assertEquals(await handle.read(), 1);
  assertEquals(world.log, []);
});

// Actions

test("actions interleave where they wait, and those of one connection begin in their order", async () => {
  const told: string[] = [];
  const gates = [new Gate(), new Gate()];
  const busy = actor({
    actions: {
      work: async (_c, n: number) => {
        told.push(`${n} begins`);
        await gates[n]!.opened;
        told.push(`${n} ends`);
        return n;
      },
    },
  });
  await using world = await World.open({ busy });
  const handle = world.client.busy.getOrCreate("a");
  const peer = await world.connect(await handle.resolve());
  peer.call(0, "work", 0);
  peer.call(1, "work", 1);
  await world.clock.settle();
  gates[1]!.open();
  await world.clock.settle();
  gates[0]!.open();
  await world.clock.settle();
  assertEquals(told, ["0 begins", "1 begins", "1 ends", "0 ends"]);
  assertEquals(peer.heard, ["init", "1=1", "0=0"]);
});
