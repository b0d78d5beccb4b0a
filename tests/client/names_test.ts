// Actions by name: each is a function that also has the actions of its group.

import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import type { ActorDefinition } from "../../src/definition/definition.ts";
import type { ActorTypes } from "../../src/definition/types.ts";
import { clientOver } from "../../src/client/client.ts";
import { test } from "../harness.ts";
import { FakeTiming, FakeTransport, settle } from "./fake.ts";

type Say = (c: unknown, ...words: string[]) => string;

interface Registry {
  "~actors"?: {
    room: ActorDefinition<ActorTypes, {
      say: Say;
      users: {
        add: Say;
        name: Say;
        length: Say;
        caller: Say;
        admins: { list: Say };
      };
    }>;
  };
}

function open() {
  const transport = new FakeTransport();
  const client = clientOver<Registry>(transport, new FakeTiming());
  return { transport, client, room: client.room.getOrCreate() };
}

function names({ calls }: FakeTransport): string[] {
  return calls.map(({ name, args }) => `${name}(${args.join()})`);
}

test("a nested action is called by all its names, joined by dots", async () => {
  const { transport, room } = open();
  await room.users.add("ann");
  await room.users.admins.list();
  await room.users.name("a", "b");
  await room.users.length();
  await room.users.caller();
  assertEquals(names(transport), [
    "users.add(ann)",
    "users.admins.list()",
    "users.name(a,b)",
    "users.length()",
    "users.caller()",
  ]);
});

test("a connection has nested actions as well", async () => {
  const { transport, client, room } = open();
  const connection = room.connect();
  await settle();
  transport.lastLink.open();
  const call = connection.users.admins.list("x");
  assertEquals(transport.lastLink.sent, ["0 users.admins.list(x)"]);
  transport.lastLink.answer(0, "done");
  assertEquals(await call, "done");
  const disposed = client.dispose();
  transport.lastLink.end();
  await disposed;
});

test("a name may be an action and a group", async () => {
  const { transport, room } = open();
  const { say } = room as unknown as {
    say: ((word: string) => Promise<string>) & { loud(): Promise<string> };
  };
  await say("a");
  await say.loud();
  assertEquals(names(transport), ["say(a)", "say.loud()"]);
});

test("the functions of a handle are the same each time, and can be passed on", async () => {
  const { transport, room } = open();
  assertStrictEquals(room.users, room.users);
  assertStrictEquals(room.users.admins.list, room.users.admins.list);
  assertEquals(typeof room.users, "function");
  await Promise.all(["a", "b"].map((word) => room.users.add(word)));
  await room.say.call(undefined, "c");
  await room.say.apply(undefined, ["d"]);
  await room.say.bind(undefined, "e")("f");
  assertEquals(names(transport), [
    "users.add(a)",
    "users.add(b)",
    "say(c)",
    "say(d)",
    "say(e,f)",
  ]);
});

test("awaiting, printing or comparing a group calls no actor", async () => {
  const { transport, room } = open();
  const group: unknown = room.users;
  assertStrictEquals(await group, group);
  assertEquals(JSON.stringify({ group }), "{}");
  assertEquals(typeof `${group}`, "string");
  assertEquals(Object.keys(group as object), []);
  assertEquals("then" in (group as object), false);
  const members = group as Record<PropertyKey, unknown>;
  assertEquals(
    ["then", "toJSON", Symbol.iterator, Symbol.toPrimitive]
      .map((name) => members[name]),
    [undefined, undefined, undefined, undefined],
  );
  assertEquals(transport.calls, []);
  assertEquals(transport.queries, []);
});

test("an action named like a member of functions is called through action()", async () => {
  const { transport, room } = open();
  await room.action({ name: "users.call" });
  assertEquals(names(transport), ["users.call()"]);
  transport.run = () => Promise.reject(new Error("no such action"));
  await assertRejects(() => room.action({ name: "users.bind" }), Error, "no");
});
