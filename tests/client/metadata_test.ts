// What a client asks its server before anything else.

import {
  assert,
  assertEquals,
  assertFalse,
  assertRejects,
  assertThrows,
} from "@std/assert";
import process from "node:process";
import type { Endpoint } from "../../src/client/endpoint.ts";
import { lookUp } from "../../src/client/metadata.ts";
import { type ClientOptions, createClient } from "../../src/client/mod.ts";
import type { ActorDefinition } from "../../src/definition/definition.ts";
import type { ActorTypes } from "../../src/definition/types.ts";
import { ActorError } from "../../src/errors.ts";
import { test } from "../harness.ts";
import { FakeTiming } from "./fake.ts";
import { type Answer, FakeServer } from "./server.ts";

interface Registry {
  "~actors"?: {
    room: ActorDefinition<ActorTypes, { join(c: unknown): unknown }>;
  };
}

const actor = { actor_id: "id", name: "room", key: "/" };

/** A server of one actor, whose action answers `output`. */
async function roomServer(output: string): Promise<FakeServer> {
  const server = await FakeServer.start();
  server.answer = ({ line }) => ({
    body: JSON.stringify(
      line.startsWith("PUT") ? { actor, created: true } : { output },
    ),
  });
  server.accept = (socket) => {
    const val = { actorId: "id", connectionId: "c1" };
    socket.send(JSON.stringify({ body: { tag: "Init", val } }));
  };
  return server;
}

function urlOf(server: FakeServer): string {
  return `http://127.0.0.1:${server.port}`;
}

function clientOf(server: FakeServer, options: ClientOptions = {}) {
  return createClient<Registry>({
    endpoint: urlOf(server),
    encoding: "json",
    ...options,
  });
}

// Each question is another's: what the first has found out must not answer the second.
function fresh(server: FakeServer): Endpoint {
  const namespace = crypto.randomUUID();
  return { url: urlOf(server), namespace, token: undefined };
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve));
}

test("a client goes where the metadata of its server lead, with calls and with sockets", async () => {
  await using front = await roomServer("front");
  await using back = await roomServer("back");
  front.metadata = () => ({
    body: JSON.stringify({
      clientEndpoint: `${urlOf(back)}/base/`,
      clientNamespace: "their own",
      clientToken: "public",
    }),
  });
  const client = clientOf(front, {
    namespace: "mine",
    token: "secret",
    headers: { "x-mine": "1" },
  });
  assertEquals(await client.room.getOrCreate().join(), "back");
  const connection = client.room.getOrCreate().connect();
  await new Promise<void>((resolve) => connection.onOpen(resolve));
  await client.dispose();

  assertEquals(front.received, []);
  const [lookup] = front.lookups;
  assertEquals(lookup!.line, "GET /metadata?namespace=mine");
  assertEquals(lookup!.headers.authorization, "Bearer secret");
  assertEquals(lookup!.headers["x-mine"], "1");
  assertEquals(back.received.map(({ line }) => line), [
    "PUT /base/actors?namespace=their+own",
    "POST /base/gateway/id/action/join",
    "PUT /base/actors?namespace=their+own",
    "WS /base/gateway/id@public/connect",
  ]);
  assertEquals(back.received[0]!.headers.authorization, "Bearer public");
  assertEquals(back.received[1]!.headers["x-rivet-token"], "public");
});

test("a server is asked once, whatever the number of calls and clients", async () => {
  await using server = await roomServer("here");
  const { room } = clientOf(server);
  await Promise.all([room.getOrCreate("a").join(), room.getOrCreate().join()]);
  await clientOf(server).room.getOrCreate().join();
  assertEquals(server.lookups.length, 1);
  await clientOf(server, { namespace: "other" }).room.getOrCreate().join();
  assertEquals(server.lookups.length, 2);
});

test("with disableMetadataLookup a server is not asked", async () => {
  await using server = await roomServer("here");
  const client = clientOf(server, { disableMetadataLookup: true });
  assertEquals(await client.room.getOrCreate().join(), "here");
  assertEquals(server.lookups, []);
});

test("a server that has nothing to say of itself is taken as it is", async () => {
  await using server = await roomServer("here");
  const answers: Answer[] = [
    { body: "{}" },
    { body: "null" },
    { body: "7" },
    { body: '{"clientEndpoint":""}' },
    { body: "<html>", type: "text/html" },
    { status: 404, body: "Not found" },
    { status: 401, body: "{}" },
  ];
  for (const answer of answers) {
    server.metadata = () => answer;
    const client = clientOf(server, { namespace: crypto.randomUUID() });
    assertEquals(await client.room.getOrCreate().join(), "here");
  }
});

test("a server that is not well is asked again, later each time, until it is", async () => {
  await using server = await FakeServer.start();
  const timing = new FakeTiming();
  server.metadata = () => ({ status: 503, body: "" });
  const warnings: unknown[] = [];
  const { warn } = console;
  console.warn = (line) => warnings.push(line);
  try {
    const endpoint = fresh(server);
    const found = lookUp(
      endpoint,
      { headers: {}, timing },
      new AbortController().signal,
    );
    for (const ms of [500, 1000, 2000, 4000, 8000, 15_000, 15_000]) {
      await until(() => timing.waitsMs.includes(ms));
      if (server.lookups.length === 7) server.metadata = () => ({ body: "{}" });
      await timing.pass(ms);
    }
    assertEquals(await found, { ...endpoint, line: undefined });
    assertEquals(server.lookups.length, 8);
    assertEquals(warnings.length, 1);
    assert(`${warnings[0]}`.includes("does not answer"));
    assertEquals(timing.waitsMs, []);
  } finally {
    console.warn = warn;
  }
});

test("a server that takes the question and is silent is asked again after 10 s", async () => {
  await using server = await FakeServer.start();
  const timing = new FakeTiming();
  server.metadata = () => undefined;
  const endpoint = fresh(server);
  const found = lookUp(
    endpoint,
    { headers: {}, timing },
    new AbortController().signal,
  );
  await until(() => server.lookups.length === 1);
  server.metadata = () => ({ body: "{}" });
  assertEquals(timing.waitsMs, [10_000]);
  await timing.pass(10_000);
  await until(() => timing.waitsMs.includes(500));
  await timing.pass(500);
  assertEquals(await found, { ...endpoint, line: undefined });
});

test("who gives up no longer waits; when nobody does, the server is asked no more", async () => {
  await using server = await FakeServer.start();
  const timing = new FakeTiming();
  server.metadata = () => ({ status: 500, body: "" });
  const endpoint = fresh(server);
  const [one, other] = [new AbortController(), new AbortController()];
  const options = { headers: {}, timing };
  const first = lookUp(endpoint, options, one.signal).catch((why) => why);
  const second = lookUp(endpoint, options, other.signal).catch((why) => why);
  await until(() => timing.waitsMs.includes(500));
  one.abort("enough");
  assertEquals(await first, "enough");
  await timing.pass(500);
  await until(() => timing.waitsMs.includes(1000));
  other.abort("me too");
  assertEquals(await second, "me too");
  assertEquals(timing.waitsMs, []);

  server.metadata = () => ({ body: "{}" });
  const { signal } = new AbortController();
  const found = await lookUp(endpoint, options, signal);
  assertEquals(found, { ...endpoint, line: undefined });
});

test("a call can be aborted while its server is not there, and leaves nothing running", async () => {
  const server = await FakeServer.start();
  const client = clientOf(server);
  await server[Symbol.asyncDispose]();
  const controller = new AbortController();
  const { signal } = controller;
  const call = client.room.getOrCreate().action({ name: "join", signal })
    .catch((why) => why);
  controller.abort("enough");
  assertEquals(await call, "enough");
});

test("dispose() of a client rejects what waits for a server", async () => {
  await using server = await FakeServer.start();
  server.metadata = () => undefined;
  const client = clientOf(server);
  const call = client.room.getOrCreate().join();
  const connection = client.room.getOrCreate().connect();
  await until(() => server.lookups.length === 1);
  const rejected = assertRejects(() => call, ActorError);
  await client.dispose();
  const { group, code } = await rejected;
  assertEquals(`${group}/${code}`, "client/disposed");
  assertEquals(connection.connStatus, "idle");
});

test("metadata that lead nowhere are an error, which shows no token", async () => {
  await using server = await roomServer("here");
  for (const clientEndpoint of ["/relative", "http://:secret@h", 7]) {
    server.metadata = () => ({ body: JSON.stringify({ clientEndpoint }) });
    const client = clientOf(server, { namespace: crypto.randomUUID() });
    const { group, code, message } = await assertRejects(
      () => client.room.getOrCreate().join(),
      ActorError,
    );
    assertEquals(`${group}/${code}`, "client/malformed_response");
    assertFalse(message.includes("secret"));
  }
});

test("a server's metadata tell which line of RivetKit it is of, if any", async () => {
  await using server = await FakeServer.start();
  const lines: [unknown, string | undefined][] = [
    [{ runtime: "rivetkit", version: "2.0.33", runner: {} }, "2.0"],
    [{ runtime: "rivetkit", version: "2.2.1" }, "2.0"],
    [
      { runtime: "rivetkit", version: "2.3.19", envoyProtocolVersion: 8 },
      "2.3",
    ],
    [
      { runtime: "engine", version: "2.3.19", envoy_protocol_version: 8 },
      "2.3",
    ],
    [{ runtime: "rivetkit", version: "0.1.0" }, undefined],
    [{ runtime: "other", version: "2.0.33" }, undefined],
    [{ version: 2 }, undefined],
    ["engine", undefined],
    [null, undefined],
  ];
  const options = { headers: {}, timing: new FakeTiming() };
  for (const [metadata, expected] of lines) {
    server.metadata = () => ({ body: JSON.stringify(metadata) });
    const { signal } = new AbortController();
    const { line } = await lookUp(fresh(server), options, signal);
    assertEquals(line, expected);
  }
});

test("a client names the runner of the actors it creates", async () => {
  await using server = await roomServer("here");
  const runnerOf = async (options: ClientOptions) => {
    await clientOf(server, options).room.getOrCreate().resolve();
    return JSON.parse(server.received.at(-1)!.body).runner_name_selector;
  };
  const saved = process.env.RIVET_RUNNER;
  try {
    delete process.env.RIVET_RUNNER;
    assertEquals(await runnerOf({}), "default");
    process.env.RIVET_RUNNER = "mine";
    assertEquals(await runnerOf({}), "mine");
    assertEquals(await runnerOf({ runnerName: "other" }), "other");
    assertEquals(await runnerOf({ poolName: "pool", devtools: true }), "pool");
  } finally {
    if (saved === undefined) delete process.env.RIVET_RUNNER;
    else process.env.RIVET_RUNNER = saved;
  }
  const both = { runnerName: "a", poolName: "b" };
  assertThrows(() => clientOf(server, both), TypeError, "poolName");
});
