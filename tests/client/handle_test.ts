import {
  assertEquals,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import type { ActorDefinition } from "../../src/definition/definition.ts";
import type { QueueType } from "../../src/definition/schema.ts";
import type { ActorTypes, Bag } from "../../src/definition/types.ts";
import { ActorError, actorError } from "../../src/errors.ts";
import { clientOver } from "../../src/client/client.ts";
import { test } from "../harness.ts";
import { FakeTiming, FakeTransport, settle } from "./fake.ts";

interface Registry {
  "~actors"?: {
    room: ActorDefinition<ActorTypes, {
      join(c: unknown, ...names: string[]): string;
      connect(c: unknown): string;
      send(c: unknown, who: string, text: string): string;
    }>;
    worker: ActorDefinition<
      Bag<unknown, unknown, unknown, unknown, unknown, unknown, unknown, {
        jobs: QueueType<number, string>;
      }>,
      Record<never, never>
    >;
  };
}

function open() {
  const transport = new FakeTransport();
  const client = clientOver<Registry>(transport, new FakeTiming());
  return { transport, client };
}

const notFound = () => Promise.reject(actorError("actor/not_found", "gone"));

test("a handle finds its actor once, also for calls that start together", async () => {
  const { transport, client } = open();
  const room = client.room.getOrCreate(["a", "b"], {
    createWithInput: 7,
    createInRegion: "here",
    params: { token: 1 },
  });
  assertEquals(transport.queries, []);
  await Promise.all([room.join("ann"), room.join("bob"), room.resolve()]);
  assertEquals(await room.resolve(), "id-1");
  assertEquals(transport.queries, [{
    by: "key",
    name: "room",
    key: ["a", "b"],
    create: { input: 7, region: "here" },
  }]);
  assertEquals(
    transport.calls.map(({ actorId, name, args, params }) => [
      actorId,
      name,
      args,
      params,
    ]),
    [
      ["id-1", "join", ["ann"], { token: 1 }],
      ["id-1", "join", ["bob"], { token: 1 }],
    ],
  );
});

test("a search that failed is made again by the next call", async () => {
  const { transport, client } = open();
  transport.find = notFound;
  const room = client.room.get("a");
  await assertRejects(() => room.join("ann"), ActorError, "gone");
  await assertRejects(() => room.resolve(), ActorError, "gone");
  transport.find = () => Promise.resolve("id-2");
  assertEquals(await room.join("ann"), "result");
});

test("a call that finds its actor gone finds it anew, and tries once more", async () => {
  const { transport, client } = open();
  const room = client.room.getOrCreate();
  await room.join("ann");
  transport.find = () => Promise.resolve("id-2");
  transport.run = ({ actorId }) =>
    actorId === "id-1" ? notFound() : Promise.resolve("second");
  assertEquals(
    await Promise.all([room.join("bob"), room.join("cleo")]),
    ["second", "second"],
  );
  assertEquals(transport.queries.length, 2);

  transport.run = notFound;
  transport.find = () => Promise.resolve("id-3");
  await assertRejects(() => room.join("dan"), ActorError, "gone");
  assertEquals(transport.calls.slice(5).map(({ actorId }) => actorId), [
    "id-2",
    "id-3",
  ]);
});

test("an action that itself has not found an actor does not run twice", async () => {
  const { transport, client } = open();
  transport.run = notFound;
  await assertRejects(() => client.room.get().join("ann"), ActorError, "gone");
  assertEquals(transport.calls.length, 1);
});

test("a handle by id does not look for another actor", async () => {
  const { transport, client } = open();
  const room = client.room.getForId("id-1");
  await room.join("ann");
  transport.run = notFound;
  await assertRejects(() => room.join("bob"), ActorError, "gone");
  assertEquals(transport.queries, [
    { by: "id", name: "room", actorId: "id-1" },
  ]);
});

test("create() resolves to a handle that knows its actor", async () => {
  const { transport, client } = open();
  const room = await client.room.create("a", { input: 7 });
  await room.join("ann");
  assertEquals(transport.creations, [
    { name: "room", key: ["a"], input: 7, region: undefined },
  ]);
  assertEquals(transport.queries, []);
  assertEquals(transport.calls[0]!.actorId, "created");
});

test("a key that is no key is refused at once", () => {
  const { client } = open();
  const error = assertThrows(
    () => client.room.get([1] as unknown as string[]),
    ActorError,
  );
  assertEquals(error.group, "key");
});

test("an aborted call rejects with the reason of its signal", async () => {
  const { transport, client } = open();
  const room = client.room.get();
  const reasonOf = (promise: Promise<unknown>) =>
    promise.then(() => "resolved", (reason) => reason);
  const before = room.action({
    name: "join",
    signal: AbortSignal.abort("before"),
  });
  assertEquals(await reasonOf(before), "before");
  assertEquals(transport.queries, []);

  const finding = new AbortController();
  transport.find = () => new Promise(() => {});
  const first = room.action({ name: "join", signal: finding.signal });
  const search = room.resolve({ signal: finding.signal });
  finding.abort("finding");
  assertEquals(await reasonOf(first), "finding");
  assertEquals(await reasonOf(search), "finding");

  const running = new AbortController();
  transport.run = () => new Promise(() => {});
  const second = client.room.getForId("id-1");
  transport.find = () => Promise.resolve("id-1");
  const call = second.action({ name: "join", signal: running.signal });
  await settle();
  running.abort("running");
  assertEquals(await reasonOf(call), "running");
  assertStrictEquals(transport.calls.at(-1)!.signal, running.signal);
});

test("awaiting or printing a client, a handle or a connection calls no actor", async () => {
  const { transport, client } = open();
  const room = client.room.get();
  const connection = room.connect();
  for (const each of [client, client.room, room, connection]) {
    assertStrictEquals(await each, each);
    assertStrictEquals(Reflect.get(each, Symbol.iterator), undefined);
    assertEquals(typeof JSON.stringify(each), "string");
    assertEquals(`${each}`, "[object Object]");
  }
  assertStrictEquals(room.join, room.join);
  assertEquals(transport.calls, []);
  const disposal = connection.dispose();
  transport.lastLink.end();
  await disposal;
});

test("an action named like a member of the handle is called through action()", async () => {
  const { transport, client } = open();
  assertEquals(
    await client.room.get().action({ name: "connect", args: [1] }),
    "result",
  );
  const [call] = transport.calls;
  assertEquals([call!.name, call!.args], ["connect", [1]]);
});

test("a connection has the actions of its actor", async () => {
  const { transport, client } = open();
  const connection = client.room.get("a", { params: 1 }).connect();
  const result = connection.join("ann", "bob");
  await settle();
  assertEquals(transport.lastLink.params, 1);
  transport.lastLink.open();
  assertEquals(transport.lastLink.sent, ["0 join(ann,bob)"]);
  transport.lastLink.answer(0, "joined");
  assertEquals(await result, "joined");
  assertEquals(connection.connStatus, "connected");
  const disposal = connection.dispose();
  transport.lastLink.end();
  await disposal;
});

test("dispose() of a client closes its connections, and it opens no more", async () => {
  const { transport, client } = open();
  const room = client.room.get();
  const connections = [room.connect(), room.connect()];
  await settle();
  for (const link of transport.links) link.open();
  const disposal = client.dispose();
  assertEquals(
    transport.links.map(({ closedWith }) => closedWith),
    ["1000 Disposed", "1000 Disposed"],
  );
  for (const link of transport.links) link.end();
  await disposal;
  assertEquals(connections.map((each) => each.connStatus), ["idle", "idle"]);
  const error = assertThrows(() => room.connect(), ActorError);
  assertEquals(error.code, "disposed");
});

test("send() resolves to nothing, or with wait to what became of the message", async () => {
  const { transport, client } = open();
  const worker = client.worker.get("a", { params: { token: 1 } });
  assertEquals(await worker.send("jobs", 1), undefined);
  const sent = { status: "completed", response: "done" } as const;
  transport.queue = () => Promise.resolve(sent);
  assertEquals(
    await worker.send("jobs", 2, { wait: true, timeout: 500 }),
    sent,
  );
  transport.queue = () => Promise.resolve({ status: "timedOut" });
  assertEquals(
    await worker.send("jobs", 3, { wait: true }),
    { status: "timedOut" },
  );
  assertEquals(
    transport.sent.map(({ signal: _, ...message }) => message),
    [
      { body: 1, wait: false, timeout: undefined },
      { body: 2, wait: true, timeout: 500 },
      { body: 3, wait: true, timeout: undefined },
    ].map((message) => ({
      ...message,
      name: "jobs",
      actorId: "id-1",
      params: { token: 1 },
    })),
  );
});

test("send() finds the actor of its key again when the one that it knew is gone", async () => {
  const { transport, client } = open();
  const worker = client.worker.get("a");
  await worker.send("jobs", 1);
  transport.find = () => Promise.resolve("id-2");
  transport.queue = ({ actorId }) =>
    actorId === "id-1"
      ? Promise.reject(actorError("actor/not_found", "gone"))
      : Promise.resolve({ status: "completed" });
  await worker.send("jobs", 2);
  assertEquals(
    transport.sent.map(({ actorId }) => actorId),
    ["id-1", "id-1", "id-2"],
  );
});

test("send() ends its wait when its signal says so", async () => {
  const { transport, client } = open();
  transport.queue = () => new Promise(() => {});
  const abort = new AbortController();
  const sent = client.worker.get("a").send("jobs", 1, {
    wait: true,
    signal: abort.signal,
  });
  await settle();
  abort.abort(new Error("enough"));
  await assertRejects(() => sent, Error, "enough");
});

test("send() of an actor without queues is its action of that name", async () => {
  const { transport, client } = open();
  transport.queue = () =>
    Promise.reject(actorError("queue/not_found", "The actor has no queues", {
      metadata: { action: "send" },
    }));
  const room = client.room.get("a");
  assertEquals(await room.send("ann", "hello"), "result");
  assertEquals(await room.send("bob", "hi"), "result");
  // It is found out once.
  assertEquals(transport.sent.length, 1);
  assertEquals(
    transport.calls.map(({ name, args }) => [name, args]),
    [["send", ["ann", "hello"]], ["send", ["bob", "hi"]]],
  );
  // What may be a text is never taken for the name of a queue.
  await client.room.get("c").send("hello, world", "");
  assertEquals(transport.sent.length, 1);
  transport.queue = () =>
    Promise.reject(actorError("queue/not_found", "There is no such queue"));
  await assertRejects(
    () => client.room.get("b").send("ann", "hello"),
    ActorError,
    "no such queue",
  );
});

test("send() reaches a queue of any name", async () => {
  const { transport, client } = open();
  transport.run = () =>
    Promise.reject(actorError("action/not_found", "There is no such action"));
  const worker = client.worker.get("a");
  await worker.send("all jobs!" as "jobs", 1);
  assertEquals(transport.sent.map(({ name }) => name), ["all jobs!"]);
});

test("send() refuses a timeout that is none", async () => {
  const { client } = open();
  for (const timeout of [-1, NaN, "5"]) {
    await assertRejects(
      () =>
        client.worker.get("a").send("jobs", 1, {
          wait: true,
          timeout: timeout as number,
        }),
      RangeError,
      "timeout",
    );
  }
});
