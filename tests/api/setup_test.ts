// `setup()` and the client of the same process, as a user's program has them.

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  actor,
  ActorError,
  createClient,
  setup,
  sqliteStore,
} from "../../mod.ts";
import { test } from "../harness.ts";

const counter = actor({
  state: { count: 0 },
  actions: {
    add: (c, by: number) => c.state.count += by,
    keep(c, value: { list: number[] }) {
      c.vars.kept = value;
      return value;
    },
    kept: (c) => c.vars.kept,
  },
  vars: { kept: undefined as { list: number[] } | undefined },
});

test("setup() refuses what it does not know, and names it", () => {
  const use = { counter };
  const refusals: [config: object, text: string][] = [
    [{}, "use"],
    [{ use: null }, "use"],
    [{ use, stor: "memory" }, "stor"],
    [{ use: { counter: {} } }, "use.counter"],
    [{ use: { counter: undefined } }, "use.counter"],
    [{ use: { ["x".repeat(65)]: counter } }, "longer than 64"],
    [{ use, maxIncomingMessageSize: 0 }, "maxIncomingMessageSize"],
    [{ use, maxOutgoingMessageSize: "1" }, "maxOutgoingMessageSize"],
    [{ use, store: "sqlit" }, "store"],
  ];
  for (const [config, text] of refusals) {
    const error = assertThrows(
      () => setup(config as { use: typeof use }),
      TypeError,
    );
    assert(error.message.includes(text), `${text} in ${error.message}`);
  }
});

test("a client of the same process calls the registry, and shares nothing with it", async () => {
  const registry = setup({ use: { counter }, store: "memory" });
  const client = createClient<typeof registry>();
  const handle = client.counter.getOrCreate(["a", "b"]);
  assertEquals(await handle.add(2), 2);
  const value = { list: [1] };
  const back = await handle.keep(value);
  value.list.push(2);
  back.list.push(3);
  assertEquals(await handle.kept(), { list: [1] });
  await registry.shutdown();
  const error = await assertRejects(() => handle.add(1), ActorError);
  assertEquals(`${error.group}/${error.code}`, "server/shutting_down");
  await registry.shutdown();
});

test("events and results reach a connection of the same process", async () => {
  const room = actor({
    actions: { say: (c, text: string) => c.broadcast("said", text) },
  });
  const registry = setup({ use: { room }, store: "memory" });
  const client = createClient<typeof registry>();
  const connection = client.room.getOrCreate("a").connect();
  const heard: string[] = [];
  connection.on("said", (text: string) => heard.push(text));
  await connection.say("one");
  await client.room.get("a").say("two");
  await connection.say("three");
  assertEquals(heard, ["one", "two", "three"]);
  await client.dispose();
  await registry.shutdown();
});

test("get() of an actor that is not there rejects, and so does a name that is none", async () => {
  const registry = setup({ use: { counter }, store: "memory" });
  const client = createClient<typeof registry>();
  for (
    const call of [
      () => client.counter.get("x").add(1),
      () => client.counter.get("x").resolve(),
    ]
  ) {
    const error = await assertRejects(call, ActorError);
    assertEquals(`${error.group}/${error.code}`, "actor/not_found");
  }
  const other = createClient<typeof registry>() as unknown as Record<
    string,
    typeof client.counter
  >;
  const error = await assertRejects(
    () => other.missing!.getOrCreate("x").add(1),
    ActorError,
  );
  assertEquals(`${error.group}/${error.code}`, "actor/not_registered");
  const action = await assertRejects(
    () => client.counter.getOrCreate("x").action({ name: "missing" }),
    ActorError,
  );
  assertEquals(`${action.group}/${action.code}`, "action/not_found");
  await registry.shutdown();
});

test("the constant and the function of one thing may both be there, and the function wins", async () => {
  const both = actor({
    state: { n: 1 },
    createState: () => ({ n: 2 }),
    vars: { v: 1 },
    createVars: () => ({ v: 2 }),
    connState: { s: 1 },
    createConnState: () => ({ s: 2 }),
    actions: { read: (c) => [c.state.n, c.vars.v, c.conn.state.s] },
  });
  const registry = setup({ use: { both }, store: "memory" });
  const client = createClient<typeof registry>();
  assertEquals(await client.both.getOrCreate().read(), [2, 2, 2]);
  await registry.shutdown();
});

test("a client that is made before its registry reaches it", async () => {
  const client = createClient<
    { readonly "~actors"?: { counter: typeof counter } }
  >();
  const registry = setup({ use: { counter }, store: "memory" });
  assertEquals(await client.counter.getOrCreate("early").add(2), 2);
  await registry.shutdown();
});

test("serve() refuses options that are none, a port that is none, and to serve twice", async () => {
  const registry = setup({
    use: { counter },
    store: "memory",
    noWelcome: true,
  });
  const unknown = { prot: 0 } as Record<string, unknown>;
  assertThrows(() => registry.serve(unknown), TypeError, "prot");
  assertThrows(() => registry.serve({ port: 70_000 }), RangeError, "70000");
  const running = registry.serve({ port: 0, hostname: "127.0.0.1" });
  assertThrows(() => registry.serve({ port: 0 }), TypeError, "already");
  await running.shutdown();
});

test("start() runs what is overdue without any request", async () => {
  const folder = mkdtempSync(join(tmpdir(), "troupe-start-"));
  const now = Date.now;
  try {
    const { promise: rung, resolve } = Promise.withResolvers<void>();
    const bell = actor({
      actions: {
        set: (c) => c.schedule.after(60_000, "ring"),
        ring: () => resolve(),
      },
    });
    const open = () => {
      const store = sqliteStore({ path: join(folder, "actors.sqlite") });
      return setup({ use: { bell }, store });
    };
    const before = open();
    await createClient<typeof before>().bell.getOrCreate().set();
    await before.shutdown();
    Date.now = () => now() + 120_000;
    const after = open();
    await after.start();
    await rung;
    await after.shutdown();
  } finally {
    Date.now = now;
    rmSync(folder, { recursive: true });
  }
});

test("c.runInBackground() is c.waitUntil(): a shutdown waits for the work", async () => {
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  let hasEnded = false;
  const worker = actor({
    onSleep: () => open(),
    actions: {
      work: (c) =>
        c.runInBackground(
          gate.then(() => c.saveState()).then(() => {
            hasEnded = true;
          }),
        ),
    },
  });
  const registry = setup({ use: { worker }, store: "memory" });
  await createClient<typeof registry>().worker.getOrCreate().work();
  assertEquals(hasEnded, false);
  await registry.shutdown();
  assertEquals(hasEnded, true);
});
