// What `handle.fetch()` makes of its arguments, and what it sends.

import { assert, assertEquals, assertRejects } from "@std/assert";
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
