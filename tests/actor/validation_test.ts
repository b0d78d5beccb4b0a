// What the schemas of a definition let in and out, whoever calls.

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import * as v from "valibot";
import { actor } from "../../src/definition/actor.ts";
import {
  event,
  type StandardResult,
  type StandardSchema,
} from "../../src/definition/schema.ts";
import { ActorError } from "../../src/errors.ts";
import { maxIssues } from "../../src/actor/validation.ts";
import { test } from "../harness.ts";
import { World } from "./world.ts";

/** A schema made by hand. */
function schema<Output>(
  validate: (
    value: unknown,
  ) => StandardResult<Output> | Promise<StandardResult<Output>>,
): StandardSchema<unknown, Output> {
  return { "~standard": { version: 1, vendor: "by hand", validate } };
}

const isText = (value: unknown): StandardResult<string> =>
  typeof value === "string"
    ? { value: value.trim() }
    : { issues: [{ message: "not a text", path: [{ key: "name" }, 0] }] };

async function errorOf(promise: Promise<unknown>): Promise<ActorError> {
  const error = await assertRejects(() => promise);
  assertInstanceOf(error, ActorError);
  return error;
}

const runs: unknown[] = [];
const room = actor({
  state: { names: [] as string[] },
  actionInputSchemas: {
    add: v.tuple([v.pipe(v.string(), v.trim(), v.minLength(1))]),
    users: {
      rename: v.tuple([
        v.object({ from: v.string(), to: v.string() }),
        v.optional(v.number(), 7),
      ]),
    },
    late: schema(async (args) => {
      await Promise.resolve();
      const result = isText((args as unknown[])[0]);
      return result.issues ? result : { value: [result.value, "checked"] };
    }),
    one: schema((args) => ({ value: (args as unknown[]).length })),
    throws: schema(() => {
      throw new Error("the schema has a bug");
    }),
    odd: schema(() => undefined as unknown as StandardResult<unknown>),
    many: schema(() => ({
      issues: Array.from({ length: 500 }, (_, index) => ({
        message: "x".repeat(2000),
        path: Array(100).fill(index),
      })),
    })),
  },
  actions: {
    add: (c, name: string) => {
      c.state.names.push(name);
      return name;
    },
    names: (c) => [...c.state.names],
    users: { rename: (_c, ...args: unknown[]) => args },
    late: (_c, ...args: unknown[]) => args,
    one: (_c, ...args: unknown[]) => args,
    throws: () => runs.push("throws"),
    odd: () => runs.push("odd"),
    many: () => runs.push("many"),
    plan: (c, ...args: unknown[]) => c.schedule.after(10, "add", ...args),
    planNested: (c) => c.schedule.after(10, "users.note", "at noon"),
  },
});

test("an action gets what its schema makes of its arguments", async () => {
  await using world = await World.open({ room });
  const handle = world.client.room.getOrCreate("a");
  assertEquals(await handle.add("  ann "), "ann");
  assertEquals(
    await handle.users.rename({ from: "a", to: "b" }),
    [{ from: "a", to: "b" }, 7],
  );
  assertEquals(await handle.late(" ann "), ["ann", "checked"]);
});

test("an action gets what is no array as its one argument", async () => {
  await using world = await World.open({ room });
  assertEquals(await world.client.room.getOrCreate("a").one(1, 2, 3), [3]);
});

test("an action does not run with arguments that its schema refuses, and the caller is told where and why", async () => {
  await using world = await World.open({ room });
  const handle = world.client.room.getOrCreate("a");
  const error = await errorOf(
    handle.action({ name: "users.rename", args: [{ from: "a", to: 7n }] }),
  );
  assertEquals([error.group, error.code], ["actor", "validation_error"]);
  assertStringIncludes(error.message, "users.rename");
  const { issues } = error.metadata as { issues: unknown[] };
  assertEquals(issues, [{
    message: "Invalid type: Expected string but received 7",
    path: [0, "to"],
  }]);
  assertEquals((await errorOf(handle.add(" "))).code, "validation_error");
  assertEquals(await handle.names(), []);
});

test("an asynchronous schema refuses as well", async () => {
  await using world = await World.open({ room });
  const handle = world.client.room.getOrCreate("a");
  const error = await errorOf(handle.late(7));
  assertEquals([error.code, error.metadata], [
    "validation_error",
    { issues: [{ message: "not a text", path: ["name", 0] }] },
  ]);
});

test("calls of a connection and scheduled calls are checked too", async () => {
  await using world = await World.open({ room });
  const handle = world.client.room.getOrCreate("a");
  const connection = handle.connect();
  assertEquals(await connection.add(" bob "), "bob");
  assertEquals((await errorOf(connection.add(""))).code, "validation_error");
  await handle.plan(" cid ");
  await handle.plan(7);
  await world.clock.pass(20);
  assertEquals(await handle.names(), ["bob", "cid"]);
  assertEquals(world.log.length, 1);
  assertStringIncludes(world.log[0]!, "Action 'add'");
  await connection.dispose();
});

test("a schema that throws, or does not answer as it must, is an error of the server", async () => {
  await using world = await World.open({ room });
  const handle = world.client.room.getOrCreate("a");
  for (const name of ["throws", "odd"] as const) {
    assertEquals((await errorOf(handle[name]())).code, "internal_error");
  }
  assertEquals(runs, []);
});

test("what an error tells of issues is bounded", async () => {
  await using world = await World.open({ room });
  const error = await errorOf(world.client.room.getOrCreate("a").many());
  const { issues } = error.metadata as {
    issues: { message: string; path: unknown[] }[];
  };
  assertEquals(issues.length, maxIssues);
  assertEquals([issues[0]!.message.length, issues[0]!.path.length], [501, 32]);
});

test("a schema that does not answer is given up with the action", async () => {
  const stuck = actor({
    options: { actionTimeout: 100 },
    actionInputSchemas: { read: schema(() => new Promise<never>(() => {})) },
    actions: { read: () => 1 },
  });
  await using world = await World.open({ stuck });
  const handle = world.client.stuck.getOrCreate("a");
  await handle.resolve();
  const failure = errorOf(handle.read());
  await world.clock.settle();
  await world.clock.pass(100);
  assertEquals((await failure).code, "timed_out");
});

const nested = actor({
  state: { notes: [] as string[] },
  actions: {
    users: {
      note: (c, text: string) => c.state.notes.push(text),
      admins: { list: (c) => [...c.state.notes] },
    },
    plan: (c) => c.schedule.after(10, "users.note", "at noon"),
  },
});

test("nested actions are called by their names, by the dotted name, and on time", async () => {
  await using world = await World.open({ nested });
  const handle = world.client.nested.getOrCreate("a");
  await handle.users.note("one");
  await handle.action({ name: "users.note", args: ["two"] });
  const connection = handle.connect();
  await connection.users.note("three");
  await handle.plan();
  await world.clock.pass(20);
  assertEquals(await connection.users.admins.list(), [
    "one",
    "two",
    "three",
    "at noon",
  ]);
  await connection.dispose();
});

test("an action's own name may have dots", async () => {
  const dotted = actor({
    actions: { "users.add": (_c, name: string) => name },
  });
  await using world = await World.open({ dotted });
  const handle = world.client.dotted.getOrCreate("a");
  assertEquals(await handle["users.add"]("ada"), "ada");
});

test("a group is no action, and what objects inherit is none", async () => {
  await using world = await World.open({ nested });
  const handle = world.client.nested.getOrCreate("a");
  for (
    const name of [
      "users",
      "users.",
      ".users",
      "users.admins",
      "users.note.call",
      "users.toString",
      "users.__proto__",
      "users.constructor",
      "__proto__",
      "constructor",
      "toString",
      "",
    ]
  ) {
    const { group, code } = await errorOf(handle.action({ name }));
    assertEquals([name, group, code], [name, "action", "not_found"]);
  }
});

const seen: unknown[] = [];
const guarded = actor({
  connParamsSchema: v.object({
    token: v.pipe(v.string(), v.transform((text) => text.toUpperCase())),
    at: v.optional(v.date(), new Date(0)),
  }),
  onBeforeConnect: (_c, params) => void seen.push(params),
  createConnState: (_c, params) => ({ token: params.token }),
  onDisconnect: (_c, conn) => void seen.push(conn.params),
  actions: { who: (c) => [c.conn.params, c.conn.state] },
});

test("hooks and conn.params have what connParamsSchema makes of the params", async () => {
  await using world = await World.open({ guarded });
  const params = { token: "abc", at: new Date(0) };
  const handle = world.client.guarded.getOrCreate("a", { params });
  const made = { token: "ABC", at: new Date(0) };
  seen.length = 0;
  assertEquals(await handle.who(), [made, { token: "ABC" }]);
  const connection = handle.connect();
  assertEquals(await connection.who(), [made, { token: "ABC" }]);
  await connection.dispose();
  await world.clock.settle();
  assertEquals(seen, [made, made, made, made]);
});

test("params that connParamsSchema refuses refuse the call and the connection, before any hook", async () => {
  await using world = await World.open({ guarded });
  seen.length = 0;
  // deno-lint-ignore no-explicit-any -- what a program without types may pass
  for (const params of [undefined, { token: 7 }] as any[]) {
    const handle = world.client.guarded.getOrCreate("a", { params });
    const error = await errorOf(handle.who());
    assertEquals([error.group, error.code], ["params", "invalid"]);
    const connection = handle.connect();
    const told: unknown[] = [];
    connection.onError((error) => told.push(error));
    assertEquals(
      (await errorOf(connection.who())).metadata,
      error.metadata,
    );
    assertEquals((told[0] as ActorError).metadata, error.metadata);
    assert((error.metadata as { issues: unknown[] }).issues.length === 1);
    await connection.dispose();
  }
  assertEquals(seen, []);
});

test("connParamsSchema may be asynchronous, for as long as onBeforeConnect", async () => {
  const slow = actor({
    options: { onBeforeConnectTimeout: 100 },
    connParamsSchema: schema(async (value) => {
      if (value === "stuck") await new Promise(() => {});
      return { value: await Promise.resolve(`${value}!`) };
    }),
    actions: { who: (c) => c.conn.params },
  });
  await using world = await World.open({ slow });
  const of = (params: string) => world.client.slow.getOrCreate("a", { params });
  assertEquals(await of("ann").who(), "ann!");
  const failure = errorOf(of("stuck").who());
  await world.clock.settle();
  await world.clock.pass(100);
  assertEquals((await failure).code, "callback_timed_out");
});

test("params that cannot be saved refuse the connection", async () => {
  const odd = actor({
    connParamsSchema: schema(() => ({ value: { call() {} } })),
    actions: { who: (c) => typeof c.conn.params.call },
  });
  await using world = await World.open({ odd });
  const error = await errorOf(world.client.odd.getOrCreate("a").who());
  assertEquals(error.code, "internal_error");
  assertStringIncludes(world.log.join(), "conn.params.call");
});

// As a program without types sees it: names and payloads may be anything.
// deno-lint-ignore no-explicit-any
type Untyped = any;

const Moved = v.object({
  x: v.number(),
  y: v.optional(v.number(), 0),
});
const board = actor({
  state: { last: { x: 1 } as { x: number } },
  events: {
    moved: { schema: Moved },
    pair: v.tuple([v.string(), v.pipe(v.string(), v.trim())]),
    tick: v.optional(v.undefined()),
    late: schema((value) => Promise.resolve({ value })),
    free: event<string>(),
  },
  actions: {
    emit: (c, event: string, ...args: unknown[]) =>
      (c as Untyped).broadcast(event, ...args),
    tell: (c, event: string, ...args: unknown[]) =>
      (c.conn as Untyped).send(event, ...args),
    sendState: (c) => c.broadcast("moved", c.state.last as { x: 1; y: 1 }),
    trySend: (c, payload: unknown) => {
      try {
        (c as Untyped).broadcast("moved", payload);
      } catch (error) {
        assertInstanceOf(error, ActorError);
        return [error.group, error.code, error.message, error.metadata];
      }
    },
  },
});

test("an event is sent as its schema has made it", async () => {
  await using world = await World.open({ board });
  const handle = world.client.board.getOrCreate("a");
  const peer = await world.connect(await handle.resolve());
  for (const name of ["moved", "pair", "tick", "free"]) peer.subscribe(name);
  await handle.emit("moved", { x: 1, color: "red" });
  await handle.sendState();
  await handle.emit("pair", "a", " b ");
  await handle.emit("tick");
  await handle.emit("free", 7);
  peer.call(0, "tell", "moved", { x: 2 });
  await world.clock.settle();
  assertEquals(peer.heard, [
    "init",
    `moved({"x":1,"y":0})`,
    `moved({"x":1,"y":0})`,
    `pair("a","b")`,
    `tick()`,
    `free(7)`,
    `moved({"x":2,"y":0})`,
    `0=undefined`,
  ]);
});

test("an event that its schema refuses is not sent, and throws where it should have been", async () => {
  await using world = await World.open({ board });
  const handle = world.client.board.getOrCreate("a");
  const peer = await world.connect(await handle.resolve());
  peer.subscribe("moved");
  assertEquals(await handle.trySend({ x: "far" }), [
    "event",
    "invalid_payload",
    `Cannot send event "moved": x: Invalid type: Expected number but received "far"`,
    {
      issues: [{
        message: `Invalid type: Expected number but received "far"`,
        path: ["x"],
      }],
    },
  ]);
  // It is a mistake of the actor, and none that its caller should read of.
  assertEquals((await errorOf(handle.emit("moved", 7))).code, "internal_error");
  peer.call(0, "tell", "pair", "a");
  await world.clock.settle();
  assertEquals(peer.heard, ["init", "0!internal/internal_error"]);
});

test("an event is checked also when nobody listens", async () => {
  await using world = await World.open({ board });
  const handle = world.client.board.getOrCreate("a");
  assertEquals((await errorOf(handle.emit("moved", 7))).code, "internal_error");
});

test("an event with an asynchronous schema cannot be sent", async () => {
  await using world = await World.open({ board });
  const handle = world.client.board.getOrCreate("a");
  await errorOf(handle.emit("late", 7));
  assertStringIncludes(world.log.join(), "its schema is asynchronous");
});

test("an event that is not declared is sent, with a warning", async () => {
  await using world = await World.open({ board });
  const handle = world.client.board.getOrCreate("a");
  const peer = await world.connect(await handle.resolve());
  for (const name of ["other", "toString"]) {
    peer.subscribe(name);
    await handle.emit(name, 1);
  }
  assertEquals(peer.heard, ["init", "other(1)", "toString(1)"]);
  assertEquals(world.log.length, 2);
  assertStringIncludes(world.log[0]!, "not declared");
  assertStringIncludes(world.log[0]!, "other");
});
