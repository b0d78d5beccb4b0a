// What `handle.fetch()` makes of its arguments, and what it sends.

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { clientOver, createClient } from "../../src/client/client.ts";
import { pathOf, readRequest } from "../../src/client/raw.ts";
import type { ActorDefinition } from "../../src/definition/definition.ts";
import { test } from "../harness.ts";
import { FakeTiming, FakeTransport } from "./fake.ts";
import { FakeServer } from "./server.ts";

interface Registry {
  readonly "~actors"?: { thing: ActorDefinition };
}

const paths: [input: string | URL, path: string][] = [
  ["", "/"],
  ["/", "/"],
  ["hello", "/hello"],
  ["/hello", "/hello"],
  ["//hello", "/hello"],
  ["a//b", "/a/b"],
  ["hello/", "/hello/"],
  ["?x=1", "/?x=1"],
  ["hello?x=1&y=a%20b+c#part", "/hello?x=1&y=a%20b+c"],
  ["a%2Fb%20c", "/a%2Fb%20c"],
  ["ä", "/%C3%A4"],
  ["../../action/x", "/action/x"],
  ["a/%2e%2e/%2E%2e/connect", "/connect"],
  ["x:y", "/x:y"],
  [new URL("https://any.test/path/x?q=1#part"), "/path/x?q=1"],
  ["https://any.test/path", "/path"],
];

for (const [input, path] of paths) {
  test(`the input "${input}" means the path ${path}`, () => {
    assertEquals(pathOf(input), path);
  });
}

test("a Request gives path, method, headers and body, which the init overrides", async () => {
  const request = new Request("http://any.test/x?y=1", {
    method: "PUT",
    headers: { "x-a": "request", "x-b": "request", "host": "any.test" },
    body: "text",
  });
  const { path, init, isRepeatable } = readRequest(request, {
    headers: { "x-b": "init", "x-c": "init" },
  });
  assertEquals(path, "/x?y=1");
  assertEquals(init.method, "PUT");
  const headers = new Headers(init.headers);
  headers.delete("content-type");
  assertEquals(Object.fromEntries(headers), {
    "x-a": "request",
    "x-b": "init",
    "x-c": "init",
  });
  assertEquals(isRepeatable, false);
  assertEquals(await new Response(init.body).text(), "text");
});

test("a Request may be the init", () => {
  const init = new Request("http://any.test/other", {
    method: "DELETE",
    headers: { "x-a": "1" },
  });
  const read = readRequest("x", init);
  assertEquals(read.path, "/x");
  assertEquals(read.init.method, "DELETE");
  assertEquals(new Headers(read.init.headers).get("x-a"), "1");
  assert(read.isRepeatable);
});

test("fetch() sends params, token and its own headers with any method, and returns any status", async () => {
  await using server = await FakeServer.start();
  server.answer = ({ line }) =>
    line.includes("/actors?")
      ? {
        body: JSON.stringify({ actors: [{ actor_id: "i/d", name: "thing" }] }),
      }
      : { status: 418, type: "text/plain", body: "tea" };
  const client = createClient<Registry>({
    endpoint: `http://127.0.0.1:${server.port}/api/rivet`,
    token: "s",
    headers: { "x-all": "client", "x-own": "client" },
  });
  const handle = client.thing.get("a", { params: { name: "ä" } });
  const response = await handle.fetch("x?y=1", {
    method: "PATCH",
    headers: { "x-own": "call" },
    body: "text",
  });
  assertEquals(response.status, 418);
  assertEquals(await response.text(), "tea");
  const { line, headers, body } = server.received.at(-1)!;
  assertEquals(line, "PATCH /api/rivet/gateway/i%2Fd/request/x?y=1");
  assertEquals(headers["x-rivet-conn-params"], '{"name":"\\u00e4"}');
  assertEquals(headers["x-rivet-token"], "s");
  assertEquals(headers["x-all"], "client");
  assertEquals(headers["x-own"], "call");
  assertEquals(body, "text");
  assertEquals(
    await handle.getGatewayUrl(),
    `http://127.0.0.1:${server.port}/api/rivet/gateway/i%2Fd@s`,
  );
});

test("fetch() to a server that is not there rejects with an error of this side", async () => {
  const client = createClient<Registry>({
    endpoint: "http://127.0.0.1:1",
    disableMetadataLookup: true,
  });
  const error = await assertRejects(() => client.thing.get("a").fetch("x"));
  assertEquals((error as { group?: string }).group, "client");
});

const gone = () =>
  Response.json({ group: "actor", code: "not_found", message: "gone" }, {
    status: 404,
  });

async function fetchTwice(
  ids: string[],
  init?: RequestInit,
): Promise<[status: number, asked: string[]]> {
  const transport = new FakeTransport();
  transport.find = () => Promise.resolve(ids.shift()!);
  transport.answer = ({ actorId }) =>
    Promise.resolve(actorId === "new" ? new Response("found") : gone());
  const client = clientOver<Registry>(transport, new FakeTiming());
  const handle = client.thing.getOrCreate("a");
  const response = await handle.fetch("x", init);
  await response.body?.cancel();
  const asked = transport.fetches.map(({ actorId }) => actorId);
  return [response.status, asked];
}

test("fetch() finds an actor anew that is gone, and sends the request again", async () => {
  assertEquals(await fetchTwice(["old", "new"], { body: "x", method: "PUT" }), [
    200,
    ["old", "new"],
  ]);
});

test("fetch() does not send again what the actor itself has answered", async () => {
  assertEquals(await fetchTwice(["old", "old"]), [404, ["old"]]);
});

test("fetch() does not send a body again that is read only once", async () => {
  const init = { method: "PUT", body: new Blob(["x"]).stream() };
  assertEquals(await fetchTwice(["old", "new"], init), [404, ["old"]]);
});

test("fetch() with a signal that is aborted does nothing", async () => {
  const transport = new FakeTransport();
  const client = clientOver<Registry>(transport, new FakeTiming());
  const signal = AbortSignal.abort(new Error("no"));
  const handle = client.thing.get("a");
  await assertRejects(() => handle.fetch("x", { signal }), Error, "no");
  assertEquals(transport.queries, []);
});

test("webSocket() sends path, query, params, token and sub-protocols, and passes frames through", async () => {
  await using server = await FakeServer.start();
  server.accept = (socket) => {
    socket.onMessage = (text) => socket.send(`heard ${text}`);
    socket.send("early");
    socket.send(new Uint8Array([1, 2]));
  };
  const client = createClient<Registry>({
    endpoint: `http://127.0.0.1:${server.port}/api/rivet`,
    token: "s",
    disableMetadataLookup: true,
  });
  server.answer = () => ({
    body: JSON.stringify({ actors: [{ actor_id: "id", name: "thing" }] }),
  });
  const handle = client.thing.get("a", { params: { name: "ann" } });
  const socket = await handle.websocket("/chat//room?x=1", "own");
  const heard: unknown[] = [];
  const closed = new Promise<CloseEvent>((resolve) => socket.onclose = resolve);
  const open = new Promise((resolve) => socket.onopen = resolve);
  assertEquals(socket.readyState, 0);
  await open;
  assertEquals([socket.readyState, socket.protocol], [1, "rivet"]);
  socket.send("hello");
  await new Promise<void>((resolve) => {
    socket.addEventListener("message", ({ data }) => {
      heard.push(
        typeof data === "string" ? data : new Uint8Array(data as ArrayBuffer),
      );
      if (heard.length === 3) resolve();
    });
  });
  assertEquals(heard, ["early", new Uint8Array([1, 2]), "heard hello"]);
  socket.close(4001, "bye");
  const { code, reason, wasClean } = await closed;
  assertEquals([code, reason, wasClean], [4001, "bye", true]);
  const { line, headers } = server.received.find(({ line }) =>
    line.startsWith("WS")
  )!;
  assertEquals(line, "WS /api/rivet/gateway/id@s/websocket/chat/room?x=1");
  const offered = headers["sec-websocket-protocol"]!.split(",")
    .map((item) => item.trim());
  assertEquals([offered[0], offered.at(-1)], ["rivet", "own"]);
  assert(offered.some((item) => item.startsWith("rivet_conn_params.")));
});

/** A socket over a transport that a test plays the other end of. */
async function dialled() {
  const transport = new FakeTransport();
  const ids = ["old", "new"];
  transport.find = () => Promise.resolve(ids.shift()!);
  const client = clientOver<Registry>(transport, new FakeTiming());
  const handle = client.thing.get("a");
  const socket = await handle.webSocket("x");
  return { transport, handle, socket, events: transport.dials[0]!.events };
}

test("messages wait for the first listener, within a bound", async () => {
  const { socket, events } = await dialled();
  events.open("rivet");
  events.message("one");
  const heard: unknown[] = [];
  socket.addEventListener("message", ({ data }) => heard.push(data));
  events.message("two");
  await Promise.resolve();
  events.message("three");
  assertEquals(heard, ["one", "two", "three"]);
  const deaf = await dialled();
  deaf.events.open("rivet");
  for (let i = 0; i <= 1_000; i++) deaf.events.message("x");
  assertEquals(deaf.socket.readyState, 2);
});

test("a socket is closed once, and an abnormal close is an error before", async () => {
  const { socket, events } = await dialled();
  const heard: string[] = [];
  socket.onerror = () => heard.push("error");
  socket.onclose = ({ code, wasClean }) => heard.push(`${code} ${wasClean}`);
  events.close(1006, "");
  events.close(1000, "");
  assertEquals(heard, ["error", "1006 false"]);
  assertEquals(socket.readyState, 3);
});

test("a socket refuses what a browser's would", async () => {
  const { socket, events } = await dialled();
  assertThrows(() => socket.send("x"), DOMException);
  events.open("rivet");
  assertThrows(() => socket.send(5 as never), TypeError);
  assertThrows(() => socket.close(1001), DOMException);
  assertEquals(socket.readyState, 1);
});

test("a socket whose actor is gone makes the handle find it anew", async () => {
  const { transport, handle, events } = await dialled();
  assertEquals(await handle.resolve(), "old");
  events.close(1011, "actor.not_found");
  assertEquals(await handle.resolve(), "new");
  assertEquals(transport.queries.length, 2);
});
