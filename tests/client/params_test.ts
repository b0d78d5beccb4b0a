// getParams: fresh params for each call, and for each attempt at a connection.

import {
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertThrows,
} from "@std/assert";
import type { ActorDefinition } from "../../src/definition/definition.ts";
import type { ActorTypes } from "../../src/definition/types.ts";
import { ActorError } from "../../src/errors.ts";
import { clientOver } from "../../src/client/client.ts";
import { ActorClientError } from "../../src/client/errors.ts";
import { test } from "../harness.ts";
import { FakeTiming, FakeTransport, settle } from "./fake.ts";

interface Registry {
  "~actors"?: {
    room: ActorDefinition<ActorTypes, { join(c: unknown): string }>;
  };
}

function open() {
  const transport = new FakeTransport();
  const timing = new FakeTiming();
  const client = clientOver<Registry>(transport, timing);
  let count = 0;
  const getParams = () => Promise.resolve({ token: ++count });
  return { transport, timing, client, getParams };
}

test("every call asks for params, after it has found its actor", async () => {
  const { transport, client, getParams } = open();
  const gate = Promise.withResolvers<string>();
  transport.find = () => gate.promise;
  const room = client.room.getOrCreate("a", {
    getParams: () => {
      assertEquals(transport.queries.length, 1);
      return getParams();
    },
  });
  const first = room.join();
  gate.resolve("id-1");
  await first;
  await room.join();
  assertEquals(transport.calls.map(({ params }) => params), [
    { token: 1 },
    { token: 2 },
  ]);
});

test("get(), getForId() and create() take getParams too, which need not be asynchronous", async () => {
  const { transport, client } = open();
  const getParams = () => 7;
  await client.room.get("a", { getParams }).join();
  await client.room.getForId("id-1", { getParams }).join();
  await (await client.room.create("a", { getParams })).join();
  assertEquals(transport.calls.map(({ params }) => params), [7, 7, 7]);
});

test("a call whose params cannot be made rejects, and the next one asks again", async () => {
  const { transport, client } = open();
  const cause = new Error("the session is over");
  let isOver = true;
  const room = client.room.get("a", {
    getParams: () => {
      if (isOver) throw cause;
      return 7;
    },
  });
  const error = await assertRejects(() => room.join());
  assertInstanceOf(error, ActorClientError);
  assertEquals([error.group, error.code, error.cause], [
    "client",
    "get_params_failed",
    cause,
  ]);
  assertEquals(transport.calls, []);
  isOver = false;
  assertEquals(await room.join(), "result");
});

test("an aborted call does not wait for its params", async () => {
  const { transport, client } = open();
  const room = client.room.get("a", { getParams: () => new Promise(() => {}) });
  const control = new AbortController();
  const call = room.action({ name: "join", signal: control.signal });
  await settle();
  control.abort("enough");
  assertEquals(await call.catch((reason) => reason), "enough");
  assertEquals(transport.calls, []);
});

test("every attempt at a connection asks for params", async () => {
  const { transport, timing, client, getParams } = open();
  const connection = client.room.get("a", { getParams }).connect();
  connection.onError(() => {});
  await settle();
  transport.lastLink.end(1011, "user.token_expired");
  await timing.pass(250);
  transport.lastLink.open();
  transport.lastLink.end();
  await timing.pass(250);
  assertEquals(transport.links.map(({ params }) => params), [
    { token: 1 },
    { token: 2 },
    { token: 3 },
  ]);
  const disposed = connection.dispose();
  transport.lastLink.end();
  await disposed;
});

test("a connection whose params cannot be made says so, and tries again with growing pauses", async () => {
  const { transport, timing, client } = open();
  let attempts = 0;
  const connection = client.room.get("a", {
    getParams: () => {
      if (++attempts < 4) return Promise.reject(new Error("no token"));
      return Promise.resolve("token");
    },
  }).connect();
  const errors: unknown[] = [];
  connection.onError((error) => errors.push(error));
  const call = connection.join();
  await settle();
  for (const waitMs of [250, 500, 1000]) {
    assertEquals([timing.waitsMs, connection.connStatus], [
      [waitMs],
      "disconnected",
    ]);
    await timing.pass(waitMs);
  }
  transport.lastLink.open();
  transport.lastLink.answer(0, "joined");
  // A call that waits goes on waiting: nobody has refused it.
  assertEquals(await call, "joined");
  assertEquals(transport.lastLink.params, "token");
  assertEquals(
    errors.map((error) => error instanceof ActorError && error.code),
    ["get_params_failed", "get_params_failed", "get_params_failed"],
  );
});

test("a connection that is disposed while its params are made opens nothing", async () => {
  const { transport, client } = open();
  const gate = Promise.withResolvers<unknown>();
  const connection = client.room.get("a", { getParams: () => gate.promise })
    .connect();
  await settle();
  await connection.dispose();
  gate.resolve("late");
  await settle();
  assertEquals(transport.links, []);
});

test("params and getParams together are refused at once, and so is what is no function", async () => {
  const { transport, client } = open();
  const both = { params: 1, getParams: () => 2 };
  assertThrows(() => client.room.get("a", both), TypeError, "getParams");
  assertThrows(() => client.room.getOrCreate("a", both), TypeError);
  assertThrows(() => client.room.getForId("a", both), TypeError);
  await assertRejects(() => client.room.create("a", both), TypeError);
  const odd = { getParams: 7 } as unknown as { getParams: () => unknown };
  assertThrows(() => client.room.get("a", odd), TypeError, "not a function");
  assertEquals(transport.creations, []);
});
