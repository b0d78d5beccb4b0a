// `setup()` and the client of the same process, as a user's program has them.

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { actor, ActorError, createClient, setup } from "../../mod.ts";
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

test("what is not enabled says so when it is read", async () => {
  const bare = actor({
    actions: {
      state: (c) => c.state,
      vars: (c) => c.vars,
      conn: (c) => c.conn.state,
    },
  });
  const registry = setup({
    use: { bare },
    store: "memory",
    logging: { level: "silent" },
  });
  const client = createClient<typeof registry>();
  for (const name of ["state", "vars", "conn"] as const) {
    const error = await assertRejects(
      () => client.bare.getOrCreate()[name](),
      ActorError,
    );
    assertEquals(error.code, "internal_error");
  }
  await registry.shutdown();
});
