import {
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertThrows,
} from "@std/assert";
import type { ActorDefinition } from "../../src/definition/definition.ts";
import type { ActorTypes } from "../../src/definition/types.ts";
import { ActorError } from "../../src/errors.ts";
import {
  type ClientOptions,
  createClient,
  MalformedResponseMessage,
} from "../../src/client/mod.ts";
import { setLocalTransport } from "../../src/client/local.ts";
import { encodeCbor } from "../../src/protocol/cbor.ts";
import { test } from "../harness.ts";
import { FakeTransport } from "./fake.ts";
import { type Answer, FakeServer, type Received } from "./server.ts";

interface Registry {
  "~actors"?: {
    room: ActorDefinition<ActorTypes, {
      join(c: unknown, ...names: unknown[]): unknown;
    }>;
  };
}

function clientOf(server: FakeServer, options: ClientOptions = {}) {
  const endpoint = `http://127.0.0.1:${server.port}/api/rivet`;
  return createClient<Registry>({ endpoint, encoding: "json", ...options });
}

function answers(
  answers: Record<string, unknown>,
): (request: Received) => Answer {
  return ({ line }) => {
    const [path = ""] = line.split("?");
    const body = answers[path];
    return body === undefined
      ? { status: 500, body: `unexpected ${line}` }
      : { body: JSON.stringify(body) };
  };
}

const room = { actor_id: "id/1", name: "room", key: "a" };
const put = { "PUT /api/rivet/actors": { actor: room, created: true } };
const join = "POST /api/rivet/gateway/id%2F1/action/join";

async function failureOf(promise: Promise<unknown>): Promise<ActorError> {
  return await assertRejects(() => promise, ActorError);
}

test("a handle creates its actor, then calls the action", async () => {
  await using server = await FakeServer.start();
  server.answer = answers({ ...put, [join]: { output: ["$BigInt", "8"] } });
  const client = clientOf(server, {
    token: "secret",
    namespace: "my space",
    headers: { "x-mine": "1" },
  });
  const handle = client.room.getOrCreate(["a/b", "c"], {
    createWithInput: { size: 3n },
    createInRegion: "here",
    params: { name: "Zoë 😀" },
  });
  assertEquals(await handle.join(7n, "x"), 8n);

  const [created, called] = server.received;
  assertEquals(created!.line, "PUT /api/rivet/actors?namespace=my+space");
  assertEquals(created!.headers.authorization, "Bearer secret");
  assertEquals(created!.headers["content-type"], "application/json");
  assertEquals(created!.headers["x-mine"], "1");
  assertEquals(JSON.parse(created!.body), {
    name: "room",
    key: "a\\/b/c",
    input: encodeCbor({ size: 3n }).toBase64(),
    datacenter: "here",
    runner_name_selector: "default",
    crash_policy: "sleep",
  });
  assertEquals(called!.line, join);
  assertEquals(called!.headers["x-rivet-encoding"], "json");
  assertEquals(called!.headers["x-rivet-token"], "secret");
  assertEquals(called!.headers["x-mine"], "1");
  assertEquals(JSON.parse(`${called!.headers["x-rivet-conn-params"]}`), {
    name: "Zoë 😀",
  });
  assertEquals(JSON.parse(called!.body), { args: [["$BigInt", "7"], "x"] });
});

test("without params, input and token nothing is said about them", async () => {
  await using server = await FakeServer.start();
  server.answer = answers({ ...put, [join]: { output: null } });
  assertEquals(await clientOf(server).room.getOrCreate().join(), null);
  const [created, called] = server.received;
  assertEquals(JSON.parse(created!.body), {
    name: "room",
    key: "/",
    runner_name_selector: "default",
    crash_policy: "sleep",
  });
  assertEquals(created!.headers.authorization, undefined);
  assertEquals(called!.headers["x-rivet-conn-params"], undefined);
  assertEquals(called!.headers["x-rivet-token"], undefined);
});

test("get() looks the actor up by its key, getForId() by its id", async () => {
  await using server = await FakeServer.start();
  server.answer = answers({ "GET /api/rivet/actors": { actors: [room] } });
  const { room: rooms } = clientOf(server);
  assertEquals(await rooms.get("a").resolve(), "id/1");
  assertEquals(await rooms.getForId("id/1").resolve(), "id/1");
  assertEquals(server.received.map(({ line }) => line), [
    "GET /api/rivet/actors?name=room&key=a&namespace=default",
    "GET /api/rivet/actors?actor_ids=id%2F1&namespace=default",
  ]);
});

test("an actor that is not there, or of another kind, is not found", async () => {
  await using server = await FakeServer.start();
  const { room: rooms } = clientOf(server);
  const actors = "GET /api/rivet/actors";
  for (const found of [[], [{ ...room, name: "other" }]]) {
    server.answer = answers({ [actors]: { actors: found } });
    const { group, code, message } = await failureOf(
      rooms.getForId("x").join(),
    );
    assertEquals(`${group}/${code}`, "actor/not_found");
    assertEquals(message, 'There is no "room" with the id "x"');
  }
});

test("create() creates an actor", async () => {
  await using server = await FakeServer.start();
  server.answer = answers({
    "POST /api/rivet/actors": { actor: room },
    [join]: { output: "joined" },
  });
  const handle = await clientOf(server).room.create("a", { input: 0 });
  assertEquals(await handle.join(), "joined");
  assertEquals(
    JSON.parse(server.received[0]!.body).input,
    encodeCbor(0).toBase64(),
  );
  assertEquals(server.received.length, 2);
});

test("a refusal rejects with the error that the server tells", async () => {
  await using server = await FakeServer.start();
  const error = {
    group: "user",
    code: "room_full",
    message: "Full",
    metadata: { limit: ["$BigInt", "8"] },
  };
  // RivetKit's server says that its errors are plain text.
  for (const type of ["application/json; charset=utf-8", "text/plain"]) {
    server.answer = ({ line, ...rest }) =>
      line === join
        ? { status: 400, type, body: JSON.stringify(error) }
        : answers(put)({ line, ...rest });
    const { group, code, message, metadata } = await failureOf(
      clientOf(server).room.getOrCreate().join(),
    );
    assertEquals([group, code, message, metadata], [
      "user",
      "room_full",
      "Full",
      { limit: 8n },
    ]);
  }
});

test("a response that cannot be read is an error with its status", async () => {
  await using server = await FakeServer.start();
  const cases: Answer[] = [
    { status: 502, type: "text/html", body: "<h1>Bad gateway</h1>" },
    { status: 404, body: "{}" },
    { status: 200, body: "<html>" },
    { status: 200, body: '{"actor":{}}' },
    { status: 200, body: '{"actors":{}}' },
  ];
  for (const answer of cases) {
    server.answer = () => answer;
    const { room: rooms } = clientOf(server);
    for (const handle of [rooms.getOrCreate(), rooms.get()]) {
      const { group, code, metadata, cause } = await failureOf(handle.join());
      assertEquals(`${group}/${code}`, "client/malformed_response");
      assertEquals(metadata, { status: answer.status });
      assertInstanceOf(cause, Error);
    }
  }
});

test("a server that is not there is an error with its cause", async () => {
  const server = await FakeServer.start();
  const client = clientOf(server, { disableMetadataLookup: true });
  await server[Symbol.asyncDispose]();
  const { group, code, cause } = await failureOf(client.room.get().join());
  assertEquals(`${group}/${code}`, "client/connection_failed");
  assertInstanceOf(cause, Error);
});

test("an aborted call is aborted on the network too", async () => {
  await using server = await FakeServer.start();
  const controller = new AbortController();
  server.answer = ({ line, ...rest }) => {
    if (line !== join) return answers(put)({ line, ...rest });
    queueMicrotask(() => controller.abort("enough"));
  };
  const call = clientOf(server).room.getOrCreate()
    .action({ name: "join", signal: controller.signal });
  assertEquals(await call.catch((reason) => reason), "enough");
});

test("a connection says its token, encoding and params, calls, and hears", async () => {
  await using server = await FakeServer.start();
  server.answer = answers(put);
  const closed = Promise.withResolvers<string[]>();
  server.accept = (socket) => {
    socket.send(message("Init", { actorId: "id/1", connectionId: "c1" }));
    socket.onMessage = (text) => {
      if (!text.includes("ActionRequest")) return;
      const bytes = new TextEncoder().encode(
        message("Event", { name: "joined", args: ["ann"] }),
      );
      socket.send(bytes);
      const id = ["$BigInt", "0"];
      socket.send(message("ActionResponse", { id, output: "x".repeat(200) }));
      closed.resolve(socket.received);
    };
  };
  const client = clientOf(server, { token: "t/k@1" });
  const connection = client.room
    .getOrCreate("a", { params: { who: "(ann)" } }).connect();
  const heard: unknown[] = [];
  connection.on("joined", (name) => heard.push(name));
  assertEquals(await connection.join("ann"), "x".repeat(200));
  assertEquals(heard, ["ann"]);
  assertEquals([connection.actorId, connection.connId], ["id/1", "c1"]);
  await client.dispose();

  const { line, headers } = server.received[1]!;
  assertEquals(line, "WS /api/rivet/gateway/id%2F1@t%2Fk%401/connect");
  assertEquals(
    headers["sec-websocket-protocol"]?.split(",").map((each) => each.trim()),
    [
      "rivet",
      "rivet_encoding.json",
      "rivet_conn_params.%7B%22who%22%3A%22%28ann%29%22%7D",
    ],
  );
  const received = await closed.promise;
  assertEquals(received.slice(0, 2).map((each) => JSON.parse(each).body), [
    {
      tag: "SubscriptionRequest",
      val: { eventName: "joined", subscribe: true },
    },
    {
      tag: "ActionRequest",
      val: { id: ["$BigInt", "0"], name: "join", args: ["ann"] },
    },
  ]);
  assertEquals(received[2], "close Disposed");
});

test("a connection survives the restart of its server", async () => {
  const first = await FakeServer.start();
  const { port } = first;
  first.answer = answers(put);
  first.accept = (socket) =>
    socket.send(message("Init", { actorId: "id/1", connectionId: "c1" }));
  const client = clientOf(first);
  const connection = client.room.getOrCreate().connect();
  const statuses: string[] = [];
  connection.onStatusChange((status) => statuses.push(status));
  connection.onError(() => {});
  await new Promise<void>((resolve) => connection.onOpen(resolve));
  const lost = failureOf(connection.join());
  await first[Symbol.asyncDispose]();
  const { group, code } = await lost;
  assertEquals(`${group}/${code}`, "client/connection_lost");

  await using second = await FakeServer.start(port);
  second.answer = answers(put);
  second.accept = (socket) => {
    socket.send(message("Init", { actorId: "id/1", connectionId: "c2" }));
    socket.onMessage = () => {
      const id = ["$BigInt", "1"];
      socket.send(message("ActionResponse", { id, output: "again" }));
    };
  };
  assertEquals(await connection.join(), "again");
  assertEquals(connection.connId, "c2");
  assertEquals(statuses.slice(0, 3), [
    "connected",
    "disconnected",
    "connecting",
  ]);
  await client.dispose();
});

test("a message that cannot be read ends the connection", async () => {
  await using server = await FakeServer.start();
  server.answer = answers(put);
  server.accept = (socket) => socket.send("{");
  const client = clientOf(server);
  const connection = client.room.getOrCreate().connect();
  const failure = Promise.withResolvers<Error>();
  connection.onError(failure.resolve);
  const { group, code } = await failureOf(connection.join());
  assertEquals(`${group}/${code}`, "client/malformed_response");
  assertInstanceOf(await failure.promise, MalformedResponseMessage);
  await client.dispose();
});

test("a handshake that fails without a close is tried again", async () => {
  await using server = await FakeServer.start();
  server.answer = answers(put);
  server.accept = (socket) =>
    socket.send(message("Init", { actorId: "id/1", connectionId: "c1" }));
  const { WebSocket } = globalThis;
  // As that of Node, which tells of an error alone.
  class Refused extends EventTarget {
    static readonly CLOSED = 3;
    readonly readyState = 3;
    onerror: (() => void) | undefined;
    constructor() {
      super();
      globalThis.WebSocket = WebSocket;
      queueMicrotask(() => this.onerror?.());
    }
  }
  globalThis.WebSocket = Refused as unknown as typeof WebSocket;
  const client = clientOf(server);
  const connection = client.room.getOrCreate().connect();
  const told: Error[] = [];
  connection.onError((error) => told.push(error));
  await connection.ready;
  assertEquals(told.map((error) => (error as ActorError).code), [
    "connection_failed",
  ]);
  await client.dispose();
});

test("params that are no JSON are an error of the connection", async () => {
  await using server = await FakeServer.start();
  server.answer = answers(put);
  const client = clientOf(server);
  const handle = client.room.getOrCreate("a", { params: 1n });
  const connection = handle.connect();
  connection.onError(() => {});
  const { group, code } = await failureOf(connection.join());
  assertEquals(`${group}/${code}`, "params/invalid");
  await assertRejects(() => handle.join(), TypeError);
  await client.dispose();
});

test("a connection can be disposed while its socket opens", async () => {
  await using server = await FakeServer.start();
  server.answer = answers(put);
  const client = clientOf(server);
  const accepted = Promise.withResolvers<void>();
  server.accept = () => accepted.resolve();
  client.room.getOrCreate().connect();
  await accepted.promise;
  await client.dispose();
});

test("without an endpoint, a client uses the registry of its own process", async () => {
  const local = new FakeTransport();
  setLocalTransport(local);
  try {
    assertEquals(await createClient<Registry>().room.get().join(), "result");
    assertEquals(local.calls.length, 1);
  } finally {
    setLocalTransport(undefined);
  }
});

test("an encoding that is not there is refused at once", () => {
  const encoding = "xml" as "json";
  const make = () => createClient<Registry>({ encoding });
  const { group, code } = assertThrows(make, ActorError);
  assertEquals(`${group}/${code}`, "encoding/invalid");
});

function message(tag: string, val: unknown): string {
  return JSON.stringify({ body: { tag, val } });
}
