// `c` and what hangs on it, through the public API.

import { assertEquals, assertRejects } from "@std/assert";
import {
  actor,
  ActorError,
  createClient,
  type Registry,
  setup,
} from "../../mod.ts";
import { test } from "../harness.ts";

const quiet = {
  store: "memory",
  noWelcome: true,
  logging: { level: "silent" },
} as const;

test("a constant state, vars or connection state is copied, and leaks into no other actor", async () => {
  const first = { list: [0], nested: { n: 0 } };
  const bag = actor({
    state: first,
    vars: first,
    connState: first,
    actions: {
      change: (c) => {
        for (const each of [c.state, c.vars, c.conn.state]) {
          each.list.push(1);
          each.nested.n++;
        }
        return [c.state, c.vars, c.conn.state].map(({ list }) => list.length);
      },
      read: (c) => [c.state.nested.n, c.vars.nested.n, c.conn.state.nested.n],
    },
  });
  const registry = setup({ use: { bag }, ...quiet });
  const client = createClient<typeof registry>();
  assertEquals(await client.bag.getOrCreate("a").change(), [2, 2, 2]);
  assertEquals(await client.bag.getOrCreate("a").read(), [1, 1, 0]);
  assertEquals(await client.bag.getOrCreate("b").read(), [0, 0, 0]);
  assertEquals(first, { list: [0], nested: { n: 0 } });
  await registry.shutdown();
});

test("an actor knows its id, kind, key and region, and a key cannot be changed", async () => {
  const who = actor({
    createState: (c) => ({ atCreation: [c.name, ...c.key] }),
    actions: {
      tell: (c) => {
        c.key.push("changed");
        const { actorId, name, key, region, state } = c;
        return { actorId, name, key, region, atCreation: state.atCreation };
      },
    },
  });
  const registry = setup({ use: { who }, ...quiet });
  const client = createClient<typeof registry>();
  const handle = client.who.getOrCreate(["a", "b"]);
  assertEquals(await handle.tell(), {
    actorId: await handle.resolve(),
    name: "who",
    key: ["a", "b"],
    region: "local",
    atCreation: ["who", "a", "b"],
  });
  await registry.shutdown();
});

test("input reaches createState and onCreate alone, only when the call creates, and is undefined when none is given", async () => {
  const seen: unknown[] = [];
  const made = actor({
    createState: (_c, input: { n: number } | undefined) => {
      seen.push(["createState", input]);
      return { n: input?.n ?? 0 };
    },
    onCreate: (_c, input) => void seen.push(["onCreate", input]),
    actions: { read: (c) => c.state.n },
  });
  const registry = setup({ use: { made }, ...quiet });
  const client = createClient<typeof registry>();
  const create = (n: number) => ({ createWithInput: { n } });
  assertEquals(await client.made.getOrCreate("a", create(1)).read(), 1);
  assertEquals(await client.made.getOrCreate("a", create(2)).read(), 1);
  const b = await client.made.create("b", { input: { n: 3 } });
  assertEquals(await b.read(), 3);
  assertEquals(await client.made.getOrCreate("c").read(), 0);
  assertEquals(seen, [
    ["createState", { n: 1 }],
    ["onCreate", { n: 1 }],
    ["createState", { n: 3 }],
    ["onCreate", { n: 3 }],
    ["createState", undefined],
    ["onCreate", undefined],
  ]);
  await registry.shutdown();
});

test("c.conns is a Map of all connections, a connection tells its params, state and subscriptions, and both can be assigned to", async () => {
  const room = actor({
    state: { n: 0 },
    createConnState: (_c, params: { name: string }) => ({ name: params.name }),
    actions: {
      rename: (c, name: string) => {
        c.conn.state = { name };
        c.state = { n: c.state.n + 1 };
        return c.state.n;
      },
      list: (c) =>
        c.conns.entries().map(([id, conn]) => ({
          isOwnId: id === conn.id,
          name: conn.state.name,
          params: conn.params,
          subscriptions: [...conn.subscriptions],
          isHibernatable: conn.isHibernatable,
        })).toArray(),
    },
  });
  const registry = setup({ use: { room }, ...quiet });
  const client = createClient<typeof registry>();
  const handle = client.room.getOrCreate("a", { params: { name: "ada" } });
  const connection = handle.connect();
  connection.on("said", () => {});
  assertEquals(await connection.rename("bob"), 1);
  assertEquals(await connection.list(), [{
    isOwnId: true,
    name: "bob",
    params: { name: "ada" },
    subscriptions: ["said"],
    isHibernatable: true,
  }]);
  // A call without a connection has one of its own, which ends with it.
  const both = await client.room.get("a", { params: { name: "eve" } }).list();
  assertEquals(both.map(({ name }) => name), ["bob", "eve"]);
  assertEquals((await connection.list()).length, 1);
  await client.dispose();
  await registry.shutdown();
});

test("a broadcast reaches those who have subscribed, conn.send() its connection, and what is too long throws at the call", async () => {
  const room = actor({
    actions: {
      say: (c, text: string) => c.broadcast("said", text, 2),
      whisper: (c) => c.conn.send("whispered", 1),
      shout: (c) => c.broadcast("said", "x".repeat(2000)),
    },
  });
  const registry = setup({
    use: { room },
    ...quiet,
    maxOutgoingMessageSize: 1000,
  });
  const server = registry.serve({ port: 0, hostname: "127.0.0.1" });
  const client = createClient<typeof registry>(server.url);
  const one = client.room.getOrCreate("a").connect();
  const two = client.room.getOrCreate("a").connect();
  const heard: unknown[] = [];
  one.on("said", (...args) => heard.push(["one", ...args]));
  two.on("whispered", (...args) => heard.push(["two", ...args]));
  await one.say("hi");
  await two.say("ho");
  await two.whisper();
  await one.say("end");
  const error = await assertRejects(() => one.shout(), ActorError);
  assertEquals(`${error.group}/${error.code}`, "message/outgoing_too_long");
  assertEquals(heard, [
    ["one", "hi", 2],
    ["one", "ho", 2],
    ["two", 1],
    ["one", "end", 2],
  ]);
  await client.dispose();
  await server.shutdown();
});

test("onStateChange is told of each mutation, at once, and of nothing else", async () => {
  const told: number[] = [];
  const counter = actor({
    state: { n: 0 },
    vars: { v: 0 },
    connState: { s: 0 },
    onCreate: (c) => void c.state.n++,
    onWake: (c) => void c.state.n++,
    onStateChange: (_c, state) => void told.push(state.n),
    actions: {
      mutate: (c) => {
        c.state.n++;
        c.state.n++;
        c.state.n++;
        return told.length;
      },
      other: (c) => {
        c.vars.v++;
        c.conn.state.s++;
        return c.state.n;
      },
    },
  });
  const registry = setup({ use: { counter }, ...quiet });
  const handle = createClient<typeof registry>().counter.getOrCreate("a");
  assertEquals(await handle.mutate(), 3);
  assertEquals(told, [3, 4, 5]);
  assertEquals(await handle.other(), 5);
  assertEquals(told.length, 3);
  await registry.shutdown();
});

test("onStateChange that throws or rejects is logged, and the change stands", async () => {
  const counter = actor({
    state: { n: 0 },
    onStateChange: (_c, { n }): void | Promise<void> => {
      if (n === 1) throw new Error("no");
      return Promise.reject(new Error("no"));
    },
    actions: { add: (c) => ++c.state.n },
  });
  const registry = setup({ use: { counter }, ...quiet });
  const handle = createClient<typeof registry>().counter.getOrCreate("a");
  assertEquals(await handle.add(), 1);
  assertEquals(await handle.add(), 2);
  await registry.shutdown();
});

test("c.client() has all of a client: calls, connections, events, ids and creation", async () => {
  const room = actor({
    state: { said: 0 },
    actions: {
      say: (c, text: string) => {
        c.broadcast("said", text);
        return ++c.state.said;
      },
    },
  });
  const guest = actor({
    actions: {
      visit: async (c) => {
        const client = c.client<typeof registry>();
        const handle = await client.room.create("a");
        const connection = handle.connect();
        const heard: string[] = [];
        connection.on("said", (text: string) => heard.push(text));
        await connection.say("hi");
        await client.room.getForId(await handle.resolve()).say("ho");
        const said = await connection.say("end");
        await connection.dispose();
        return { heard, said };
      },
      missing: (c) => c.client<typeof registry>().room.get("nowhere").say(""),
    },
  });
  const registry: Registry<{ room: typeof room; guest: typeof guest }> = setup({
    use: { room, guest },
    ...quiet,
  });
  const handle = createClient<typeof registry>().guest.getOrCreate("g");
  assertEquals(await handle.visit() as unknown, {
    heard: ["hi", "ho", "end"],
    said: 3,
  });
  const error = await assertRejects(() => handle.missing(), ActorError);
  assertEquals(`${error.group}/${error.code}`, "actor/not_found");
  await registry.shutdown();
});

test("a call that is given c.abortSignal is given up when the actor stops", async () => {
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  const slow = actor({
    actions: {
      wait: () => {
        begin();
        return gate;
      },
    },
  });
  let told = "";
  const asker = actor({
    actions: {
      ask: async (c) => {
        const controller = new AbortController();
        c.abortSignal.addEventListener("abort", () => controller.abort());
        const slow = c.client<typeof registry>().slow.getOrCreate("a");
        const { signal } = controller;
        await slow.action({ name: "wait", signal }).catch((error) => {
          told = error.name;
        });
        return told;
      },
      sleep: (c) => c.sleep(),
    },
  });
  const registry: Registry<{ slow: typeof slow; asker: typeof asker }> = setup({
    use: { slow, asker },
    ...quiet,
  });
  const handle = createClient<typeof registry>().asker.getOrCreate("a");
  const call = handle.ask();
  await begun;
  await handle.sleep();
  assertEquals(await call, "AbortError");
  open();
  await registry.shutdown();
});

test("over a server the hooks of a connection read its request, also after its socket is open", async () => {
  const curious = actor({
    createConnState: async (c) => {
      await new Promise((resolve) => setTimeout(resolve, 1));
      const { request } = c;
      return {
        path: request && new URL(request.url).pathname,
        upgrade: request?.headers.get("upgrade"),
      };
    },
    actions: { read: (c) => c.conn.state },
  });
  const registry = setup({ use: { curious }, ...quiet });
  const server = registry.serve({ port: 0, hostname: "127.0.0.1" });
  const client = createClient<typeof registry>(server.url);
  const handle = client.curious.getOrCreate("a");
  const id = await handle.resolve();
  const base = new URL(server.url).pathname.replace(/\/$/, "");
  const call = await handle.read();
  assertEquals(call.path, `${base}/gateway/${id}/action/read`);
  const { path, upgrade } = await handle.connect().read();
  assertEquals(path, `${base}/gateway/${id}/connect`);
  assertEquals(upgrade?.toLowerCase(), "websocket");
  await client.dispose();
  await server.shutdown();
});
