// `onWebSocket`: what its listeners hear, and when what it sends leaves.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { RawSocket } from "../../src/actor/raw_socket.ts";
import { actor } from "../../src/definition/actor.ts";
import type { UniversalWebSocket } from "../../src/definition/socket.ts";
import { UserError } from "../../src/errors.ts";
import type { Frame } from "../../src/protocol/messages.ts";
import { test } from "../harness.ts";
import { World } from "./world.ts";

function things() {
  const log: string[] = [];
  const sockets: UniversalWebSocket[] = [];
  const gates: (() => void)[] = [];
  const gate = () => new Promise<void>((resolve) => gates.push(resolve));
  const thing = actor({
    state: { n: 0, closed: 0, opened: 0 },
    connState: { seen: 0 },
    onBeforeConnect(_c, params: { name?: string } | undefined) {
      if (params?.name === "mallory") {
        throw new UserError("no", { code: "forbidden" });
      }
    },
    onWake: (c) => {
      if (c.state.n === 666) throw new Error("it is the beast");
    },
    onConnect: (c) => void log.push(`connect ${c.conns.size}`),
    onDisconnect: (c) => void log.push(`disconnect ${c.conns.size}`),
    async onWebSocket(c, socket) {
      const url = new URL(c.request!.url);
      sockets.push(socket);
      c.state.opened++;
      log.push(`handled ${url.pathname}${url.search} ${c.conn.id.length}`);
      if (url.pathname.endsWith("/late")) await gate();
      if (url.pathname.endsWith("/deaf")) return;
      if (url.pathname.endsWith("/user")) {
        throw new UserError("no", { code: "odd" });
      }
      if (url.pathname.endsWith("/bug")) throw new Error("a secret");
      socket.addEventListener("open", () => void log.push("open"));
      socket.onerror = () => void log.push("error");
      socket.addEventListener("close", ({ code, reason }) => {
        c.state.closed++;
        log.push(`close ${code} ${reason}`.trim());
      });
      socket.addEventListener("message", async ({ data }) => {
        if (typeof data !== "string") return socket.send(data);
        switch (data) {
          case "add":
            c.state.n++;
            c.conn.state.seen++;
            return socket.send(`${c.state.n} ${c.conn.state.seen}`);
          case "quiet":
            c.state.n++;
            return;
          case "slow":
            await gate();
            c.state.n++;
            return;
          case "bug":
            throw new Error("a secret");
          case "later bug":
            await gate();
            throw new Error("a secret");
          case "bye":
            c.state.n++;
            return socket.close(4001, "bye");
          case "news":
            c.conn.send("news", 1);
            return;
          case "blob":
            socket.send(new Blob(["a blob"]));
            return socket.send("after");
          case "beast":
            c.state.n = 666;
            return;
          default:
            socket.send(`heard ${data}`);
        }
      });
    },
    actions: {
      get: (c) => ({ ...c.state }),
      conns: (c) =>
        [...c.conns.values()].filter(({ id }) => id !== c.conn.id)
          .map(({ isHibernatable }) => isHibernatable),
      rest: (c) => c.sleep(),
      end: (c) => c.destroy(),
      kick: async (c) => {
        for (const conn of c.conns.values()) {
          if (conn.id !== c.conn.id) await conn.disconnect("kicked");
        }
      },
    },
    options: {
      sleepTimeout: 1_000,
      waitUntilTimeout: 5_000,
      canHibernateWebSocket: (request) => request.url.includes("hibernate"),
    },
  });
  return { log, sockets, gates, definitions: { thing } };
}

type Things = ReturnType<typeof things>;

/** The caller's end of a socket, as an adapter would hold it. */
class Caller {
  readonly heard: string[] = [];
  readonly socket: RawSocket;

  constructor(
    { host }: World<Things["definitions"]>,
    actorId: string,
    path: string,
  ) {
    this.socket = new RawSocket({
      wire: {
        bufferedBytes: 0,
        send: (frame) => this.#hear(frame),
        close: (code, reason) => this.#close(code, reason),
      },
      request: new Request(`http://actors.test/websocket/${path}`),
      protocol: "rivet",
      wake: (socket) => host.wakeFor(actorId, socket),
    });
  }

  say(...frames: Frame[]): void {
    for (const frame of frames) this.socket.received(frame);
  }

  hangUp(code = 1000): void {
    this.socket.closed(code, "");
  }

  #hear(frame: Frame): void {
    this.heard.push(typeof frame === "string" ? frame : `bytes ${frame}`);
  }

  #close(code: number, reason: string): void {
    if (this.socket.closedWith !== undefined) return;
    this.heard.push(`close ${code} ${reason}`.trim());
    queueMicrotask(() => this.socket.closed(code, reason));
  }
}

async function withWorld(
  run: (
    world: World<Things["definitions"]>,
    tools: Things & {
      handle: ReturnType<
        World<Things["definitions"]>["client"]["thing"]["getOrCreate"]
      >;
      /** Opens a socket, and resolves when it has been let in. */
      dial: (path?: string) => Promise<Caller>;
    },
  ) => Promise<void>,
): Promise<void> {
  const parts = things();
  await using world = await World.open(parts.definitions);
  const handle = world.client.thing.getOrCreate("a");
  const actorId = await handle.resolve();
  const dial = async (path = "") => {
    const caller = new Caller(world, actorId, path);
    await world.host.openSocket(actorId, caller.socket, undefined);
    return caller;
  };
  await run(world, { ...parts, handle, dial });
}

test("text stays text, bytes stay bytes, and order stays order", () =>
  withWorld(async ({ clock }, { dial, log }) => {
    const caller = await dial("room/1?x=1");
    caller.say("one", new Uint8Array([1, 2]), "two", new Uint8Array(), "blob");
    await clock.settle();
    assertEquals(caller.heard, [
      "heard one",
      "bytes 1,2",
      "heard two",
      "bytes ",
      "bytes 97,32,98,108,111,98",
      "after",
    ]);
    assertEquals(log.slice(0, 3), [
      "connect 1",
      "handled /websocket/room/1?x=1 36",
      "open",
    ]);
  }));

test("bytes come as a Blob where the handler asks for that", () =>
  withWorld(async ({ clock }, { dial, sockets }) => {
    const caller = await dial();
    sockets[0]!.binaryType = "blob";
    caller.say(new Uint8Array([1, 2]));
    await clock.settle();
    assertEquals(caller.heard, ["bytes 1,2"]);
  }));

test("nothing is sent before the changes before it are durable, and then in order", () =>
  withWorld(async ({ clock, store }, { dial }) => {
    const caller = await dial();
    await clock.settle();
    store.fate = "hangs";
    caller.say("add", "one", new Uint8Array([9]), "bye");
    await clock.settle();
    assertEquals(caller.heard, []);
    store.fate = "works";
    await store.land();
    await clock.settle();
    assertEquals(caller.heard, [
      "1 1",
      "heard one",
      "bytes 9",
      "close 4001 bye",
    ]);
  }));

test("what was sent is as it was when it was sent", () =>
  withWorld(async ({ clock, store }, { dial, sockets }) => {
    const caller = await dial();
    await clock.settle();
    store.fate = "hangs";
    caller.say("quiet");
    const bytes = new Uint8Array([1]);
    sockets[0]!.send(bytes);
    bytes[0] = 9;
    assertEquals(sockets[0]!.bufferedAmount, 1);
    store.fate = "works";
    await store.land();
    await clock.settle();
    assertEquals(caller.heard, ["bytes 1"]);
    assertEquals(sockets[0]!.bufferedAmount, 0);
  }));

test("a change that is not saved closes the socket, and nothing that describes it was sent", () =>
  withWorld(async ({ clock, store }, { dial, handle, log }) => {
    const caller = await dial();
    await clock.settle();
    store.fate = "fails";
    caller.say("add");
    await clock.settle();
    assertEquals(caller.heard, ["close 1011 store.commit_failed"]);
    store.fate = "works";
    assertEquals((await handle.get()).n, 0);
    await clock.settle();
    const ended = log.filter((line) => line.startsWith("disconnect"));
    assertEquals(ended.length, 2, "of the socket, and of the call");
  }));

test("what a listener changes is saved by itself, also after an await", () =>
  withWorld(async ({ clock, store }, { dial, gates }) => {
    const caller = await dial();
    await clock.settle();
    const before = store.commits.length;
    caller.say("quiet");
    await clock.settle();
    assertEquals(store.commits.length, before + 1);
    caller.say("slow");
    await clock.settle();
    assertEquals(store.commits.length, before + 1);
    gates[0]!();
    await clock.settle();
    assertEquals(store.commits.length, before + 2);
  }));

test("what the handler changes before anything is sent is saved", () =>
  withWorld(async ({ clock, store, parts }, { dial }) => {
    await dial("deaf");
    await clock.settle();
    store.fate = "hangs";
    await using again = await World.open(things().definitions, {
      clock: parts.clock,
      store: store,
    });
    store.fate = "works";
    assertEquals((await again.client.thing.get("a").get()).opened, 1);
  }));

test("listeners that are added late hear open and every message, in order", () =>
  withWorld(async ({ clock }, { dial, gates, log }) => {
    const caller = await dial("late");
    caller.say("one", "two");
    await clock.settle();
    assertEquals(caller.heard, []);
    assert(!log.includes("open"));
    gates[0]!();
    await clock.settle();
    assertEquals(caller.heard, ["heard one", "heard two"]);
    assertEquals(log.filter((line) => line === "open"), ["open"]);
  }));

test("listeners that are added late hear of a close, after the messages before it", () =>
  withWorld(async ({ clock }, { dial, gates, log, sockets, handle }) => {
    const caller = await dial("late");
    caller.say("quiet");
    caller.hangUp();
    await clock.settle();
    assertEquals(sockets[0]!.readyState, 3);
    assertEquals(await handle.conns(), [], "it is not in c.conns any more");
    gates[0]!();
    await clock.settle();
    const own = log.filter((line) => /^(open|close|quiet)/.test(line));
    assertEquals(own, ["open", "close 1000"]);
    assertEquals((await handle.get()).n, 1);
  }));

for (
  const [name, frames] of [
    ["many messages", Array.from({ length: 1_001 }, () => "x")],
    ["many bytes", Array.from({ length: 5 }, () => "x".repeat(1024 * 1024))],
  ] as const
) {
  test(`too ${name} before there is a listener close the socket`, () =>
    withWorld(async ({ clock }, { dial, gates }) => {
      const caller = await dial("late");
      caller.say(...frames);
      assertEquals(caller.heard, ["close 1011 message.incoming_too_long"]);
      gates[0]!();
      await clock.settle();
    }));
}

test("messages that nobody listens to are dropped once the handler has ended", () =>
  withWorld(async ({ clock }, { dial }) => {
    const caller = await dial("deaf");
    for (let i = 0; i < 3; i++) {
      caller.say(...Array.from({ length: 900 }, () => "x"));
      await clock.settle();
    }
    assertEquals(caller.heard, []);
    assertEquals(caller.socket.waiting, 0);
  }));

test("a listener that throws is logged, told to onerror, and leaves the socket open", () =>
  withWorld(async ({ clock, log: logged }, { dial, gates, log }) => {
    const caller = await dial();
    caller.say("bug", "one", "later bug");
    await clock.settle();
    gates[0]!();
    await clock.settle();
    assertEquals(caller.heard, ["heard one"]);
    assertEquals(log.filter((line) => line === "error").length, 2);
    assertEquals(logged.filter((line) => line.includes("a secret")).length, 2);
  }));

for (
  const [path, reason] of [
    ["user", "user.odd"],
    ["bug", "internal.internal_error"],
  ]
) {
  test(`a handler that throws closes the socket with 1011 ${reason}`, () =>
    withWorld(async ({ clock }, { dial, handle }) => {
      const caller = await dial(path);
      await clock.settle();
      assertEquals(caller.heard, [`close 1011 ${reason}`]);
      assertEquals(await handle.conns(), []);
    }));
}

test("an open socket keeps its actor awake, and is in c.conns until it closes", () =>
  withWorld(async ({ clock, store }, { dial, handle, log }) => {
    const caller = await dial();
    await clock.pass(60_000);
    const { loads } = store;
    assertEquals(await handle.conns(), [false]);
    assertEquals(store.loads, loads);
    log.length = 0;
    caller.hangUp(1006);
    await clock.settle();
    assertEquals(log, ["close 1006", "disconnect 0"]);
    await clock.pass(2_000);
    assertEquals(await handle.conns(), []);
    assertEquals(store.loads, loads + 1);
    assertEquals((await handle.get()).closed, 1);
  }));

test("a sleep closes a socket that does not hibernate, and what its listeners change is saved", () =>
  withWorld(async ({ clock, store }, { dial, handle, log }) => {
    const caller = await dial();
    await clock.settle();
    const { loads } = store;
    await handle.rest();
    await clock.settle();
    assertEquals(caller.heard, ["close 1000"]);
    assert(log.indexOf("close 1000") < log.lastIndexOf("disconnect 0"));
    assertEquals((await handle.get()).closed, 1);
    assertEquals(store.loads, loads + 1);
  }));

test("a stop waits for handlers that go on after their close, for a time", () =>
  withWorld(async ({ clock, store }, { dial, handle, gates }) => {
    const caller = await dial("late");
    const { loads } = store;
    await handle.rest();
    await clock.pass(1_000);
    assertEquals(caller.heard, []);
    await clock.pass(1_000);
    assertEquals(caller.heard, ["close 1000"]);
    await handle.get();
    assertEquals(store.loads, loads + 1);
    gates[0]!();
  }));

test("a destroyed actor tells its sockets, and closes them when it is gone", () =>
  withWorld(async ({ clock }, { dial, handle, log }) => {
    const callers = [await dial(), await dial("hibernate")];
    await clock.settle();
    await handle.end();
    await clock.settle();
    for (const { heard } of callers) assertEquals(heard, ["close 1000"]);
    assertEquals(log.filter((line) => line === "close 1000").length, 2);
  }));

test("a shutdown closes every socket with 1001", async () => {
  await withWorld(async (world, { dial, handle }) => {
    const open = await dial();
    const asleep = await dial("hibernate");
    const closing = world.host.close();
    await world.clock.settle();
    await closing;
    assertEquals(open.heard, ["close 1001 ws.going_away"]);
    assertEquals(asleep.heard, ["close 1001 ws.going_away"]);
    void handle;
  });
});

test("a connection that the actor disconnects closes with its reason", () =>
  withWorld(async ({ clock }, { dial, handle }) => {
    const caller = await dial();
    await handle.kick();
    await clock.settle();
    assertEquals(caller.heard, ["close 1000 kicked"]);
    assertEquals(await handle.conns(), []);
  }));

test("a socket hears no events, and the log says so", () =>
  withWorld(async ({ clock, log }, { dial }) => {
    const caller = await dial();
    caller.say("news");
    await clock.settle();
    assertEquals(caller.heard, []);
    assertEquals(log.filter((line) => line.includes("hears no")).length, 1);
  }));

test("what is wrong with send() and close() is told at once", () =>
  withWorld(async ({ clock }, { dial, sockets }) => {
    const caller = await dial();
    const socket = sockets[0]!;
    assertThrows(() => socket.send(5 as never), TypeError, "Cannot send");
    for (const code of [0, 999, 1005, 1006, 1015, 2000, 5000, 1000.5]) {
      assertThrows(() => socket.close(code), RangeError, "Cannot close");
    }
    assertEquals(socket.readyState, 1);
    socket.close(1000, "ä".repeat(100));
    assertEquals(socket.readyState >= 2, true);
    socket.send("after the close");
    await clock.settle();
    assertEquals(caller.heard, [`close 1000 ${"ä".repeat(61)}`]);
    assertEquals(socket.readyState, 3);
  }));

test("an actor that sends more than can wait for its commit loses the caller", () =>
  withWorld(async ({ clock, store }, { dial, sockets }) => {
    const caller = await dial();
    await clock.settle();
    store.fate = "hangs";
    caller.say("quiet");
    for (let i = 0; i < 17; i++) sockets[0]!.send("x".repeat(1024 * 1024));
    assertEquals(caller.heard, ["close 1013 ws.slow_consumer"]);
    store.fate = "works";
    await store.land();
    await clock.settle();
  }));

test("a hibernating socket stays open while its actor sleeps, and a message wakes it", () =>
  withWorld(async ({ clock, store }, { dial, handle, log, sockets }) => {
    const caller = await dial("hibernate?x=1");
    caller.say("add");
    await clock.settle();
    assertEquals(await handle.conns(), [true]);
    const { loads } = store;
    await clock.pass(2_000);
    assertEquals(caller.heard, ["1 1"]);
    assertEquals(sockets[0]!.readyState, 3, "the old view of it is dead");
    log.length = 0;
    caller.say("add", "one", "add");
    await clock.settle();
    assertEquals(store.loads, loads + 1, "it has slept");
    assertEquals(caller.heard.slice(1), ["2 2", "heard one", "3 3"]);
    assertEquals(log, ["handled /websocket/hibernate?x=1 36"]);
    sockets[0]!.send("from the dead");
    assertEquals(caller.heard.length, 4);
    assertEquals(await handle.conns(), [true]);
  }));

test("messages that come while the actor falls asleep reach the next instance, in order", () =>
  withWorld(async ({ clock, store }, { dial, handle }) => {
    const caller = await dial("hibernate");
    await clock.settle();
    const { loads } = store;
    await handle.rest();
    for (let i = 0; i < 20; i++) {
      caller.say(`${i}`);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await clock.settle();
    assertEquals(
      caller.heard,
      Array.from({ length: 20 }, (_, i) => `heard ${i}`),
    );
    assertEquals(store.loads, loads + 1);
  }));

test("a close while the actor sleeps wakes it, and is told once", () =>
  withWorld(async ({ clock }, { dial, handle, log }) => {
    const caller = await dial("hibernate");
    await clock.pass(2_000);
    log.length = 0;
    caller.hangUp(4000);
    await clock.settle();
    assertEquals(log, [
      "handled /websocket/hibernate 36",
      "close 4000",
      "disconnect 0",
    ]);
    assertEquals(await handle.conns(), []);
    assertEquals((await handle.get()).closed, 1);
  }));

test("too much that comes while the actor wakes closes the socket", () =>
  withWorld(async ({ clock, store }, { dial }) => {
    const caller = await dial("hibernate");
    await clock.pass(2_000);
    store.loadHangs = true;
    caller.say(...Array.from({ length: 1_001 }, () => "x"));
    assertEquals(caller.heard, ["close 1011 message.incoming_too_long"]);
    await clock.pass(20_000);
    store.loadHangs = false;
  }));

test("a socket whose actor cannot wake is closed, and told why", () =>
  withWorld(async ({ clock }, { dial }) => {
    const caller = await dial("hibernate");
    caller.say("beast");
    await clock.pass(2_000);
    caller.say("one");
    await clock.settle();
    assertEquals(caller.heard, ["close 1011 actor.start_failed"]);
  }));

test("a call wakes an actor with hibernating sockets, whose handler may send at once", () =>
  withWorld(async ({ clock }, { dial, handle, sockets }) => {
    const caller = await dial("hibernate");
    await clock.pass(2_000);
    await handle.get();
    sockets[1]!.send("awake");
    await clock.settle();
    assertEquals(caller.heard, ["awake"]);
  }));

test("an actor without onWebSocket refuses a socket, and no hook runs", async () => {
  let connects = 0;
  const silent = actor({
    onBeforeConnect: () => void connects++,
    actions: {},
  });
  await using world = await World.open({ silent });
  const socket = await world.client.silent.getOrCreate("a").webSocket("x");
  const closed = new Promise<CloseEvent>((resolve) => socket.onclose = resolve);
  const { code, reason } = await closed;
  assertEquals(`${code} ${reason}`, "1011 handler.websocket_not_defined");
  assertEquals(connects, 0);
});

test("a socket with params that a hook refuses is closed with its error", () =>
  withWorld(async ({ client }, { log }) => {
    const socket = await client.thing.get("a", {
      params: { name: "mallory" },
    }).webSocket();
    const closed = new Promise<CloseEvent>((resolve) =>
      socket.onclose = resolve
    );
    const { code, reason } = await closed;
    assertEquals(`${code} ${reason}`, "1011 user.forbidden");
    assertEquals(log, []);
  }));

test("a socket within the process works like one over the network", () =>
  withWorld(async ({ clock }, { handle }) => {
    const socket = await handle.webSocket("room?x=1", "own");
    const heard: unknown[] = [];
    socket.addEventListener("open", () => heard.push("open"));
    socket.onmessage = ({ data }) => heard.push(data);
    socket.onclose = ({ code, reason }) => heard.push(`${code} ${reason}`);
    assertEquals(socket.readyState, 0);
    assertThrows(() => socket.send("too early"), DOMException);
    await clock.settle();
    assertEquals([socket.readyState, socket.protocol], [1, "rivet"]);
    socket.send("add");
    socket.send("bye");
    await clock.settle();
    assertEquals(heard, ["open", "1 1", "4001 bye"]);
    assertEquals(socket.readyState, 3);
  }));

test("what an actor sends over a socket to another leaves when its own changes are durable", async () => {
  const heard: string[] = [];
  const listener = actor({
    onWebSocket(_c, socket) {
      heard.push("opened");
      socket.onmessage = ({ data }) => void heard.push(String(data));
      socket.onclose = ({ code }) => void heard.push(`close ${code}`);
    },
    actions: {},
  });
  const speaker = actor({
    state: { n: 0 },
    actions: {
      speak: async (c) => {
        c.state.n++;
        const client = c.client<{ "~actors"?: typeof definitions }>();
        const handle = client.listener.getOrCreate("b");
        const socket = await handle.webSocket();
        await new Promise((resolve) => socket.onopen = resolve as () => void);
        c.state.n++;
        socket.send("hello");
        socket.close();
        return "spoken";
      },
    },
  });
  const definitions = { listener, speaker };
  await using world = await World.open(definitions);
  const { clock, store, client } = world;
  await client.listener.getOrCreate("b").resolve();
  const handle = client.speaker.getOrCreate("a");
  await handle.resolve();
  store.fate = "hangs";
  const spoken = handle.speak();
  await clock.settle();
  assertEquals(heard, []);
  await store.land();
  await clock.settle();
  assertEquals(heard, ["opened"]);
  store.fate = "works";
  await store.land();
  assertEquals(await spoken, "spoken");
  await clock.settle();
  assertEquals(heard, ["opened", "hello", "close 1000"]);
});
