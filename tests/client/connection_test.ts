import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import { ActorError, actorError } from "../../src/errors.ts";
import { Connection, maxQueuedCalls } from "../../src/client/connection.ts";
import { ActorConnDisposed } from "../../src/client/errors.ts";
import type { ActorQuery } from "../../src/protocol/transport.ts";
import { test } from "../harness.ts";
import { FakeTiming, FakeTransport, settle } from "./fake.ts";

const byKey: ActorQuery = { by: "key", name: "room", key: ["a"] };
const creating: ActorQuery = {
  ...byKey,
  create: { input: undefined, region: undefined },
};

function connect(
  query = creating,
  { signal, find, isHeard = true }: {
    signal?: AbortSignal;
    find?: FakeTransport["find"];
    isHeard?: boolean;
  } = {},
) {
  const transport = new FakeTransport();
  if (find !== undefined) transport.find = find;
  const timing = new FakeTiming();
  const connection = new Connection({
    transport,
    query,
    params: { params: { token: 1 }, getParams: undefined },
    signal,
    timing,
    onDispose() {},
  });
  const errors: string[] = [];
  if (isHeard) connection.onError((error) => errors.push(kindOf(error)));
  return { transport, timing, connection, errors };
}

async function connected(query = creating) {
  const parts = connect(query);
  await settle();
  parts.transport.lastLink.open();
  return parts;
}

function kindOf(error: unknown): string {
  assertInstanceOf(error, ActorError);
  return `${error.group}/${error.code}`;
}

async function failureOf(promise: Promise<unknown>): Promise<string> {
  return kindOf(await assertRejects(() => promise));
}

async function withConsole(
  name: "warn" | "error",
  body: () => Promise<void>,
): Promise<unknown[][]> {
  const original = console[name];
  const lines: unknown[][] = [];
  console[name] = (...line: unknown[]) => lines.push(line);
  try {
    await body();
  } finally {
    console[name] = original;
  }
  return lines;
}

test("a connection is open when the actor has said so, and not before", async () => {
  const { transport, connection } = connect();
  const statuses: string[] = [];
  connection.onStatusChange((status) => statuses.push(status));
  connection.onOpen(() => statuses.push("open"));
  assertEquals(connection.connStatus, "connecting");
  await settle();
  assertEquals(connection.isConnected, false);
  assertEquals(connection.connId, undefined);
  const link = transport.lastLink;
  assertEquals([link.actorId, link.params], ["id-1", { token: 1 }]);

  link.open();
  assertEquals(statuses, ["connected", "open"]);
  assertEquals(connection.isConnected, true);
  assertEquals([connection.actorId, connection.connId], ["id-1", "conn-1"]);
});

test("calls made before the opening follow it in their order, after the subscriptions", async () => {
  const { transport, connection } = connect();
  const first = connection.action({ name: "first", args: [1, 2] });
  const second = connection.action({ name: "second" });
  connection.on("changed", () => {});
  await settle();
  const link = transport.lastLink;
  assertEquals(link.sent, []);

  link.open();
  assertEquals(link.sent, ["+changed", "0 first(1,2)", "1 second()"]);
  link.answer(1, "b");
  link.answer(0, "a");
  assertEquals(await Promise.all([first, second]), ["a", "b"]);
});

test("a call rejects with the error that the actor answers, and other calls go on", async () => {
  const { transport, connection, errors } = await connected();
  const bad = connection.action({ name: "bad" });
  const good = connection.action({ name: "good" });
  transport.lastLink.fail(0, "user/room_full", { limit: 8 });
  transport.lastLink.answer(1, "fine");
  transport.lastLink.answer(7, "nobody asked");
  const error = await assertRejects(() => bad, ActorError, "told");
  assertEquals([kindOf(error), error.metadata], ["user/room_full", {
    limit: 8,
  }]);
  assertEquals(await good, "fine");
  assertEquals(errors, []);
});

test("a call whose arguments cannot be sent rejects alone", async () => {
  const { transport, connection } = await connected();
  const call = connection.action({ name: "x", args: ["unencodable"] });
  await assertRejects(() => call, TypeError, "unencodable");
  const next = connection.action({ name: "y" });
  transport.lastLink.answer(1, "fine");
  assertEquals(await next, "fine");
});

test("a call in flight rejects when the connection is lost, and is not sent again", async () => {
  const { transport, timing, connection, errors } = await connected();
  const lost = connection.action({ name: "lost" });
  await timing.pass(5000);
  const [first] = transport.links;
  first!.end(1006);
  assertEquals(await failureOf(lost), "client/connection_lost");
  assertEquals(connection.connStatus, "disconnected");
  assertEquals(connection.connId, undefined);
  assertEquals(errors, []);

  const waiting = connection.action({ name: "waiting" });
  await timing.pass(0);
  const second = transport.lastLink;
  second.open("conn-2");
  assertEquals(connection.connId, "conn-2");
  assertEquals(first!.sent, ["0 lost()"]);
  assertEquals(second.sent, ["1 waiting()"]);
  second.answer(1, "late");
  assertEquals(await waiting, "late");
});

test("a call made while the loss is being told belongs to the next opening", async () => {
  const { transport, timing, connection } = await connected();
  let next: Promise<unknown> | undefined;
  connection.onStatusChange((status) => {
    if (status === "disconnected") next = connection.action({ name: "next" });
  });
  await timing.pass(5000);
  transport.lastLink.end();
  await timing.pass(0);
  transport.lastLink.open();
  transport.lastLink.answer(0, "fine");
  assertEquals(await next, "fine");
});

test("a close reason of the form group.code is an error, an open one is not", async () => {
  const { transport, timing, connection, errors } = await connected();
  const first = connection.action({ name: "first" });
  transport.lastLink.end(1011, "message.incoming_too_long#ray-1");
  assertEquals(await failureOf(first), "message/incoming_too_long");
  assertEquals(errors, ["message/incoming_too_long"]);

  await timing.pass(250);
  transport.lastLink.open();
  const second = connection.action({ name: "second" });
  transport.lastLink.end(1000, "Kicked. Bye.");
  assertEquals(await failureOf(second), "client/connection_lost");
  assertEquals(errors.length, 1);
});

test("an error that is told and then repeated as close reason is reported once", async () => {
  const { transport, connection, errors } = await connected();
  const call = connection.action({ name: "x" });
  transport.lastLink.fail(null, "actor/overloaded", "why");
  assertEquals(errors, ["actor/overloaded"]);
  transport.lastLink.end(1011, "actor.overloaded");
  const error = await assertRejects(() => call, ActorError);
  assertEquals([kindOf(error), error.metadata], ["actor/overloaded", "why"]);
  assertEquals(errors, ["actor/overloaded"]);
});

test("a refusal rejects the calls that wait, is reported once, and is tried again", async () => {
  const { transport, timing, connection, errors } = connect();
  const call = connection.action({ name: "x" });
  await settle();
  transport.lastLink.fail(null, "user/unauthorized", { why: "token" });
  transport.lastLink.end(1011, "user.unauthorized");
  const error = await assertRejects(() => call, ActorError);
  assertEquals(error.metadata, { why: "token" });
  assertEquals(errors, ["user/unauthorized"]);
  assertEquals(connection.connStatus, "disconnected");

  await timing.pass(250);
  transport.lastLink.open();
  assertEquals(connection.isConnected, true);
});

test("calls wait while there is no server or the actor is stopping", async () => {
  const { transport, timing, connection, errors } = connect();
  const call = connection.action({ name: "x" });
  await settle();
  transport.lastLink.end(1006);
  await timing.pass(250);
  transport.lastLink.end(1011, "actor.stopping");
  await timing.pass(500);
  transport.lastLink.open();
  transport.lastLink.answer(0, "at last");
  assertEquals(await call, "at last");
  assertEquals(errors, ["client/connection_failed", "actor/stopping"]);
});

test("attempts that fail are 250 ms apart, then twice that, up to 30 s, until one succeeds", async () => {
  const { transport, timing } = connect();
  await settle();
  const waitsMs: number[] = [];
  for (let attempt = 0; attempt < 9; attempt++) {
    transport.lastLink.end();
    waitsMs.push(...timing.waitsMs);
    await timing.pass(timing.waitsMs[0]!);
  }
  assertEquals(
    waitsMs,
    [250, 500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000],
  );

  transport.lastLink.open();
  await timing.pass(60_000);
  transport.lastLink.end();
  await timing.pass(0);
  assertEquals(transport.links.length, 11);
  transport.lastLink.end();
  assertEquals(timing.waitsMs, [250]);
});

test("an attempt that cannot find the actor counts like any other", async () => {
  const { transport, timing, connection, errors } = connect();
  await settle();
  transport.find = () => Promise.reject(new ActorError("x", "y", "no"));
  transport.lastLink.end();
  await timing.pass(250);
  assertEquals(connection.connStatus, "disconnected");
  assertEquals(timing.waitsMs, [500]);
  transport.find = () => Promise.reject(new TypeError("not an ActorError"));
  await timing.pass(500);
  assertEquals(errors, [
    "client/connection_failed",
    "x/y",
    "client/connection_failed",
  ]);
});

test("a connection that is lost right after it opened pauses before the next attempt", async () => {
  const { transport, timing } = await connected();
  await timing.pass(999);
  transport.lastLink.end();
  assertEquals(timing.waitsMs, [250]);
});

test("a connection that may not create its actor reports that there is none, and asks again", async () => {
  const { transport, timing, connection, errors } = connect(byKey, {
    find: () => Promise.reject(actorError("actor/not_found", "none")),
  });
  const call = connection.action({ name: "x" });
  assertEquals(await failureOf(call), "actor/not_found");
  assertEquals(errors, ["actor/not_found"]);

  transport.find = () => Promise.resolve("id-2");
  await timing.pass(250);
  transport.lastLink.open();
  assertEquals(connection.actorId, "id-2");
});

test("a connection that may create its actor does so again when the actor has gone", async () => {
  const { transport, timing, connection, errors } = await connected();
  await timing.pass(5000);
  transport.lastLink.end(1000);
  const call = connection.action({ name: "x" });
  await timing.pass(0);
  transport.lastLink.end(1011, "actor.not_found");
  transport.find = () => Promise.resolve("id-2");
  await timing.pass(250);
  transport.lastLink.open();
  transport.lastLink.answer(0, "recreated");
  assertEquals(await call, "recreated");
  assertEquals(connection.actorId, "id-2");
  assertEquals(transport.queries, [creating, creating, creating]);
  assertEquals(errors, []);
});

test("a subscription begins with the first listener and ends with the last", async () => {
  const { transport, connection } = await connected();
  const heard: string[] = [];
  const end1 = connection.on("said", (text) => heard.push(`1 ${text}`));
  const end2 = connection.on("said", (text) => heard.push(`2 ${text}`));
  transport.lastLink.event("said", "hi");
  end1();
  end1();
  transport.lastLink.event("said", "ho");
  assertEquals(transport.lastLink.sent, ["+said"]);
  end2();
  transport.lastLink.event("said", "unheard");
  assertEquals(transport.lastLink.sent, ["+said", "-said"]);
  assertEquals(heard, ["1 hi", "2 hi", "2 ho"]);
});

test("once() hears one event, and ends its subscription", async () => {
  const { transport, connection } = await connected();
  const heard: unknown[] = [];
  connection.once("said", (...args) => heard.push(args));
  transport.lastLink.event("said", 1, 2);
  transport.lastLink.event("said", 3);
  assertEquals(heard, [[1, 2]]);
  assertEquals(transport.lastLink.sent, ["+said", "-said"]);
  connection.once("said", () => {})();
  assertEquals(transport.lastLink.sent.slice(2), ["+said", "-said"]);
});

test("every opening subscribes to what is listened to at that time", async () => {
  const { transport, timing, connection } = await connected();
  connection.on("stays", () => {});
  const end = connection.on("goes", () => {});
  await timing.pass(5000);
  transport.lastLink.end();
  end();
  connection.on("comes", () => {});
  await timing.pass(0);
  assertEquals(transport.lastLink.sent, []);
  transport.lastLink.open();
  assertEquals(transport.lastLink.sent, ["+stays", "+comes"]);
});

test("on(\"error\") hears the connection's errors and the actor's events of that name", async () => {
  const { transport, connection } = await connected();
  const heard: unknown[] = [];
  connection.on("error", (what) => heard.push(what));
  transport.lastLink.event("error", "an event");
  transport.lastLink.fail(null, "user/kicked");
  assertEquals(heard.length, 2);
  assertEquals(heard[0], "an event");
  assertEquals(kindOf(heard[1]), "user/kicked");
});

test("ready resolves at the next opening, at once when it is open, and rejects when disposed", async () => {
  const { transport, timing, connection } = connect();
  const { ready } = connection;
  await settle();
  transport.lastLink.end(1011, "user.forbidden");
  await timing.pass(250);
  assertStrictEquals(connection.ready, ready);
  transport.lastLink.open();
  await ready;
  await connection.ready;
  transport.lastLink.end();
  const again = connection.ready;
  const disposed = connection.dispose();
  for (const promise of [again, connection.ready]) {
    const error = await assertRejects(() => promise);
    assertInstanceOf(error, ActorConnDisposed);
  }
  await disposed;
});

test("a subscription that is refused is reported, and the connection goes on", async () => {
  const { transport, connection, errors } = await connected();
  connection.on("secret", () => {});
  transport.lastLink.fail(null, "auth/forbidden", { event: "secret" });
  assertEquals(errors, ["auth/forbidden"]);
  assertEquals(connection.connStatus, "connected");
  const call = connection.action({ name: "add" });
  transport.lastLink.answer(0, 7);
  assertEquals(await call, 7);
});

test("a failure that nobody listens for is written to the console", async () => {
  const lines = await withConsole("warn", async () => {
    const { transport, connection } = connect(creating, { isHeard: false });
    await settle();
    transport.lastLink.end(1011, "user.unauthorized");
    await connection.dispose();
  });
  assertEquals(lines.map(([, error]) => kindOf(error)), ["user/unauthorized"]);
});

test("a listener that throws is written to the console, and the others run", async () => {
  const { transport, connection } = await connected();
  const heard: string[] = [];
  const failure = new Error("mine");
  connection.on("said", () => {
    throw failure;
  });
  connection.on("said", () => heard.push("second"));
  const lines = await withConsole("error", () => {
    transport.lastLink.event("said");
    return Promise.resolve();
  });
  assertEquals(heard, ["second"]);
  assertEquals(lines.map(([, error]) => error === failure), [true]);
});

test("a listener that is removed by an earlier one is not called", async () => {
  const { transport, connection } = await connected();
  const heard: string[] = [];
  connection.on("said", () => end());
  const end = connection.on("said", () => heard.push("removed"));
  transport.lastLink.event("said");
  assertEquals(heard, []);
});

test(`at most ${maxQueuedCalls} calls wait for the opening`, async () => {
  const { transport, connection } = connect();
  await settle();
  const calls = Array.from(
    { length: maxQueuedCalls },
    () => connection.action({ name: "x" }),
  );
  assertEquals(
    await failureOf(connection.action({ name: "x" })),
    "client/queue_full",
  );
  transport.lastLink.open();
  calls.forEach((_, id) => transport.lastLink.answer(id, id));
  assertEquals((await Promise.all(calls)).at(-1), maxQueuedCalls - 1);
});

test("a call that is aborted rejects with the reason; one that still waits is not sent", async () => {
  const { transport, connection } = connect();
  await settle();
  const signal = AbortSignal.abort("before");
  await assertRejectsWith("before", connection.action({ name: "x", signal }));

  const waiting = new AbortController();
  const first = connection.action({ name: "first", signal: waiting.signal });
  waiting.abort("waiting");
  await assertRejectsWith("waiting", first);

  transport.lastLink.open();
  const flying = new AbortController();
  const second = connection.action({ name: "second", signal: flying.signal });
  flying.abort("flying");
  await assertRejectsWith("flying", second);
  transport.lastLink.answer(1, "too late");
  assertEquals(transport.lastLink.sent, ["1 second()"]);
});

async function assertRejectsWith(
  reason: unknown,
  promise: Promise<unknown>,
): Promise<void> {
  assertEquals(await promise.then(() => "resolved", (e) => e), reason);
}

test("dispose() closes for good, and resolves when the socket has closed", async () => {
  const { transport, timing, connection } = await connected();
  const told: string[] = [];
  connection.onClose(() => told.push("close"));
  connection.onStatusChange((status) => told.push(status));
  const call = connection.action({ name: "x" });
  const link = transport.lastLink;
  let isDone = false;
  const done = connection.dispose().then(() => isDone = true);
  assertStrictEquals(connection.dispose(), connection.dispose());
  assertEquals(await failureOf(call), "client/disposed");
  assertEquals(told, ["idle", "close"]);
  assertEquals(link.closedWith, "1000 Disposed");
  await settle();
  assertEquals(isDone, false);

  link.event("said");
  link.end(1000, "Disposed");
  await done;
  assertEquals(timing.waitsMs, []);
  assertEquals(told, ["idle", "close"]);
  assertEquals(connection.connId, undefined);
  assertEquals(
    await failureOf(connection.action({ name: "x" })),
    "client/disposed",
  );
});

test("dispose() gives the socket 5 s to close", async () => {
  const { timing, connection } = await connected();
  const done = connection.dispose();
  assertEquals(timing.waitsMs, [5000]);
  await timing.pass(5000);
  await done;
});

test("dispose() while finding the actor gives up finding", async () => {
  const { promise, resolve } = Promise.withResolvers<string>();
  let signal: AbortSignal | undefined;
  const { transport, connection, errors } = connect(creating, {
    find: (_, given) => {
      signal = given;
      return promise;
    },
  });
  await connection.dispose();
  assertEquals(signal?.aborted, true);
  resolve("too late");
  await settle();
  assertEquals(transport.links, []);
  assertEquals(errors, []);
});

test("dispose() while waiting for the next attempt leaves no timer", async () => {
  const { transport, timing, connection } = connect();
  let closes = 0;
  connection.onClose(() => closes++);
  await settle();
  transport.lastLink.end();
  assertEquals(timing.waitsMs, [250]);
  await connection.dispose();
  assertEquals(timing.waitsMs, []);
  assertEquals(closes, 0);
  assertEquals(connection.connStatus, "idle");
});

test("a listener may dispose the connection at any turn", async () => {
  for (const status of ["connected", "disconnected"]) {
    const { transport, timing, connection } = connect();
    const told: string[] = [];
    connection.onStatusChange((current) => {
      if (current === status) connection.dispose();
    });
    connection.onOpen(() => told.push("open"));
    connection.onClose(() => told.push("close"));
    await settle();
    const link = transport.lastLink;
    link.open();
    await timing.pass(5000);
    link.end();
    await timing.pass(60_000);
    assertEquals(connection.connStatus, "idle");
    assertEquals(transport.links.length, 1);
    assertEquals(timing.waitsMs, []);
    assertEquals(told.at(-1), "close");
    assertEquals(told.filter((each) => each === "close").length, 1);
  }
});

test("the signal of a handle ends a connection that has not been open, and no other", async () => {
  const early = new AbortController();
  const never = connect(creating, { signal: early.signal });
  await settle();
  early.abort();
  never.transport.lastLink.end();
  assertEquals(never.connection.connStatus, "idle");

  const late = new AbortController();
  const lasting = connect(creating, { signal: late.signal });
  await settle();
  lasting.transport.lastLink.open();
  late.abort();
  await lasting.timing.pass(5000);
  lasting.transport.lastLink.end();
  await lasting.timing.pass(0);
  lasting.transport.lastLink.open();
  assert(lasting.connection.isConnected);
});
