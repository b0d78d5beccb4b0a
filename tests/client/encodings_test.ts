// The encodings as a client speaks them, to Troupe's servers and RivetKit's, and what it says of a
// server that does not.

import { assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import {
  type ClientOptions,
  createClient,
  InternalError,
  MalformedResponseMessage,
} from "../../src/client/mod.ts";
import type { ActorDefinition } from "../../src/definition/definition.ts";
import type { QueueType } from "../../src/definition/schema.ts";
import type { ActorTypes, Bag } from "../../src/definition/types.ts";
import { ActorError } from "../../src/errors.ts";
import { decodeCbor, encodeCbor } from "../../src/protocol/cbor.ts";
import { test } from "../harness.ts";
import { type Answer, FakeServer, type FakeSocket } from "./server.ts";

interface Registry {
  "~actors"?: {
    room: ActorDefinition<
      & ActorTypes
      & Bag<unknown, unknown, unknown, unknown, unknown, unknown, unknown, {
        jobs: QueueType<unknown, unknown>;
      }>,
      { join(c: unknown, ...names: unknown[]): unknown }
    >;
  };
}

type EncodingName = NonNullable<ClientOptions["encoding"]>;

/** The metadata of RivetKit's servers. */
const rivetkit20 = { runtime: "rivetkit", version: "2.0.33" };
const engine = { runtime: "engine", version: "2.3.19" };

const bytes = (hex: string) => Uint8Array.fromHex(hex.replaceAll(" ", ""));
const hexOf = (frame: Uint8Array) => frame.toHex();
// The value that the two-part name of an action stands for.
const tagged = (value: unknown) => encodeCbor(value).toHex();

/** A server of one actor, whose action is answered with `answer`. */
async function roomServer(
  answer: Answer = { body: '{"output":null}' },
  metadata: object = {},
): Promise<FakeServer> {
  const server = await FakeServer.start();
  const actor = { actor_id: "id", name: "room", key: "/" };
  server.metadata = () => ({ body: JSON.stringify(metadata) });
  server.answer = ({ line }) =>
    line.includes("/actors?")
      ? { body: JSON.stringify({ actor, created: true }) }
      : answer;
  return server;
}

function clientOf(server: FakeServer, options: ClientOptions = {}) {
  const endpoint = `http://127.0.0.1:${server.port}`;
  return createClient<Registry>({ endpoint, ...options });
}

function roomOf(server: FakeServer, encoding: EncodingName) {
  return clientOf(server, { encoding }).room.getOrCreate();
}

async function failureOf(promise: Promise<unknown>): Promise<ActorError> {
  return await assertRejects(() => promise, ActorError);
}

function binary(hex: string, status = 200): Answer {
  return { status, type: "application/octet-stream", body: bytes(hex) };
}

const requests: [EncodingName | undefined, string, object][] = [
  [undefined, "0200 06 82 05 63 61 6e 6e", {}],
  ["bare", "0200 06 82 05 63 61 6e 6e", {}],
  ["bare", "0200 06 82 05 63 61 6e 6e", rivetkit20],
  ["bare", "0400 06 82 05 63 61 6e 6e", engine],
  ["cbor", "b90001 64 61726773 82 05 63 61 6e 6e", {}],
  ["cbor", "b90001 64 61726773 82 05 63 61 6e 6e", engine],
];

for (const [encoding, hex, metadata] of requests) {
  const to = "version" in metadata
    ? `RivetKit ${metadata.version}`
    : "a server";
  test(`a call to ${to} is written in ${encoding ?? "bare, which is the default"}`, async () => {
    await using server = await roomServer(
      encoding === "cbor"
        ? binary("b90001 66 6f7574707574 05")
        : binary("0200 01 05"),
      metadata,
    );
    const client = clientOf(server, encoding && { encoding });
    assertEquals(await client.room.getOrCreate().join(5, "ann"), 5);
    const { headers, bytes: body } = server.received[1]!;
    assertEquals(hexOf(body), hexOf(bytes(hex)));
    assertEquals(headers["content-type"], "application/octet-stream");
    assertEquals(headers["x-rivet-encoding"], encoding ?? "bare");
  });
}

test("a message to a queue is written in the first version that has queues, or in an engine's", async () => {
  for (const [metadata, version] of [[{}, "0300"], [engine, "0400"]] as const) {
    const answer = binary(`${version} 09 636f6d706c65746564 01 02 8107`);
    await using server = await roomServer(answer, metadata);
    const sent = await roomOf(server, "bare")
      .send("jobs", { a: 1 }, { wait: true, timeout: 500 });
    assertEquals(sent, { status: "completed", response: [7] });
    const body = server.received[1]!.bytes;
    assertEquals(
      hexOf(body),
      hexOf(
        bytes(
          `${version} 06 b90001 61 61 01 01 04 6a6f6273 01 01 01 f401000000000000`,
        ),
      ),
    );
  }
});

const results: [string, EncodingName, string, object, unknown][] = [
  ["version 1 of bare", "bare", "0100 01 05", {}, 5],
  ["version 2 of bare, with no value", "bare", "0200 01 f7", {}, undefined],
  [
    "version 2 of bare, with what looks like a tag",
    "bare",
    `0200 0b ${tagged(["$BigInt", "7"])}`,
    {},
    ["$BigInt", "7"],
  ],
  [
    "version 3 of bare, with a bigint",
    "bare",
    "0300 09 1b0000000000000007",
    {},
    7n,
  ],
  [
    "version 4 of bare, with no value",
    "bare",
    `0400 0d ${tagged(["$Undefined", 0])}`,
    {},
    undefined,
  ],
  [
    "version 4 of bare, with a tag",
    "bare",
    `0400 0b ${tagged(["$BigInt", "7"])}`,
    {},
    7n,
  ],
  [
    "version 4 of bare, with what looked like a tag",
    "bare",
    `0400 08 ${tagged(["$$foo", 1])}`,
    {},
    ["$foo", 1],
  ],
  [
    "cbor, with what looks like a tag",
    "cbor",
    `a1 66 6f7574707574 ${tagged(["$BigInt", "7"])}`,
    rivetkit20,
    ["$BigInt", "7"],
  ],
  [
    "an engine's cbor, with a tag",
    "cbor",
    `a1 66 6f7574707574 ${tagged(["$BigInt", "7"])}`,
    engine,
    7n,
  ],
  [
    "an engine's cbor, with tags within tags",
    "cbor",
    `a1 66 6f7574707574 ${
      tagged(["$Set", [["$$foo", ["$Uint8Array", "AQI="]]]])
    }`,
    engine,
    new Set([["$foo", new Uint8Array([1, 2])]]),
  ],
];

for (const [name, encoding, hex, metadata, output] of results) {
  test(`a result is read in ${name}`, async () => {
    await using server = await roomServer(binary(hex), metadata);
    assertEquals(await roomOf(server, encoding).join(), output);
  });
}

test("what JSON cannot write comes with a tag, whoever's server writes it", async () => {
  const output = ["$Set", [["$Undefined", 0], ["$BigInt", "8"], ["$$Set", []]]];
  await using server = await roomServer({ body: JSON.stringify({ output }) });
  assertEquals(
    await roomOf(server, "json").join(),
    new Set([undefined, 8n, ["$Set", []]]),
  );
});

test("an error is read in the encoding of the call, or in JSON where the answer says so", async () => {
  const place = "01 02 6964 01 01 01 6b";
  const error = "04 75736572 04 66756c6c 02 4e6f 01 05 a1 61 61 1861";
  const json =
    '{"group":"user","code":"full","message":"No","metadata":{"a":97}}';
  const answers: [EncodingName, Answer][] = [
    ["bare", binary(`0200 ${error}`, 400)],
    ["bare", binary(`0400 ${error} ${place}`, 500)],
    ["bare", { status: 500, body: json }],
    ["cbor", { ...binary("", 500), body: encodeCbor(JSON.parse(json)) }],
    ["cbor", { status: 500, body: json }],
    ["json", { status: 500, type: "text/plain", body: json }],
  ];
  for (const [encoding, answer] of answers) {
    await using server = await roomServer(answer);
    const failure = await failureOf(roomOf(server, encoding).join());
    const { group, code, message, metadata } = failure;
    assertEquals([group, code, message, metadata], ["user", "full", "No", {
      a: 97,
    }]);
  }
});

test("what a server keeps to itself is an InternalError, whichever part of it has failed", async () => {
  for (const group of ["internal", "rivetkit", "core"]) {
    const error = {
      group,
      code: "internal_error",
      message: "An internal error occurred",
    };
    await using server = await roomServer({
      status: 500,
      body: JSON.stringify(error),
    });
    const failure = await failureOf(roomOf(server, "bare").join());
    assertInstanceOf(failure, InternalError);
    assertEquals(`${failure.group}/${failure.code}`, "internal/internal_error");
  }
});

const unreadable: [string, string][] = [
  ["of version 5", "0500 01 05"],
  ["of version 0", "0000 01 05"],
  ["cut off", "0200 02 81"],
  ["with bytes behind it", "0200 01 05 00"],
  ["that is empty", ""],
  ["with a tag that is none", `0400 08 ${tagged(["$foo", 1])}`],
];

for (const [name, hex] of unreadable) {
  test(`a response ${name} is an error that says which it is`, async () => {
    for (const status of [200, 400]) {
      await using server = await roomServer(binary(hex, status));
      const failure = await failureOf(roomOf(server, "bare").join());
      assertInstanceOf(failure, MalformedResponseMessage);
      assertEquals(
        `${failure.group}/${failure.code}`,
        "client/malformed_response",
      );
      assertEquals(failure.metadata, { status });
      assertInstanceOf(failure.cause, Error);
    }
  });
}

test("an input is written as the server reads it", async () => {
  const input = { list: ["$foo", 1], big: 7n };
  const written: [object, unknown][] = [
    [{}, input],
    [rivetkit20, input],
    [engine, { ...input, list: ["$$foo", 1] }],
  ];
  for (const [metadata, expected] of written) {
    await using server = await roomServer(
      { body: '{"output":null}' },
      metadata,
    );
    const { room } = clientOf(server, { encoding: "json" });
    await room.getOrCreate([], { createWithInput: input }).join();
    await room.create("a", { input });
    for (const index of [0, 2]) {
      const sent = JSON.parse(server.received[index]!.body);
      assertEquals(decodeCbor(Uint8Array.fromBase64(sent.input)), expected);
    }
  }
});

const init = "00 02 6964 02 6331";
const subscription = "01 06 6a6f696e6564 01";
const request = "00 00 04 6a6f696e 05 81 63616e6e";

for (
  const [to, metadata, version] of [["a server", {}, "0200"], [
    "an engine",
    engine,
    "0400",
  ]] as const
) {
  test(`a connection to ${to} writes bare in version ${version[1]}, and reads each message in its own`, async () => {
    await using server = await roomServer(undefined, metadata);
    const frames: string[] = [];
    server.accept = (socket) => {
      socket.send(bytes(`0200 ${init}`));
      socket.onMessage = (_, frame) => {
        frames.push(hexOf(frame));
        if (frames.length < 2) return;
        const event = "03 06 6a6f696e6564";
        socket.send(bytes(`0200 ${event} 0c 81 ${tagged(["$BigInt", "7"])}`));
        socket.send(bytes(`0400 ${event} 0c 81 ${tagged(["$BigInt", "7"])}`));
        socket.send(bytes(`0300 02 00 01 05`));
      };
    };
    const client = clientOf(server);
    const connection = client.room.getOrCreate().connect();
    const heard: unknown[] = [];
    connection.on("joined", (value) => heard.push(value));
    assertEquals(await connection.join("ann"), 5);
    assertEquals(heard, [["$BigInt", "7"], 7n]);
    assertEquals(connection.connId, "c1");
    assertEquals(frames, [
      hexOf(bytes(`${version} ${subscription}`)),
      hexOf(bytes(`${version} ${request}`)),
    ]);
    await client.dispose();
  });
}

test("a connection in cbor writes its numbers of calls as clients must", async () => {
  await using server = await roomServer();
  const frames: Uint8Array<ArrayBuffer>[] = [];
  server.accept = (socket) => {
    const tell = (tag: string, val: object) =>
      socket.send(encodeCbor({ body: { tag, val } }));
    tell("Init", { actorId: "id", connectionId: "c1" });
    socket.onMessage = (_, frame) => {
      frames.push(frame);
      tell("ActionResponse", { id: 0n, output: new Date(0) });
    };
  };
  const client = clientOf(server, { encoding: "cbor" });
  const connection = client.room.getOrCreate().connect();
  assertEquals(await connection.join(1n), new Date(0));
  assertEquals(decodeCbor(frames[0]!), {
    body: { tag: "ActionRequest", val: { id: 0n, name: "join", args: [1n] } },
  });
  await client.dispose();
});

const garbage: [string, string | Uint8Array][] = [
  ["of version 5", bytes(`0500 ${init}`)],
  ["cut off", bytes("0200 00 02 69")],
  ["with bytes behind it", bytes(`0200 ${init} 00`)],
  ["that is none", bytes("0200 07")],
  ["that is empty", new Uint8Array()],
  [
    "that is a text",
    '{"body":{"tag":"Init","val":{"actorId":"id","connectionId":"c1"}}}',
  ],
];

for (const [name, frame] of garbage) {
  test(`a message ${name} ends a connection with an error that says so, and the next is tried`, async () => {
    await using server = await roomServer();
    // Each in its turn: before the connection is open, when it is, and then none.
    const turns: ((socket: FakeSocket) => void)[] = [
      (socket) => socket.send(frame),
      (socket) => {
        socket.send(bytes(`0200 ${init}`));
        socket.onMessage = () => socket.send(frame);
      },
      (socket) => {
        socket.send(bytes(`0200 ${init}`));
        socket.onMessage = () => socket.send(bytes("0200 02 02 01 05"));
      },
    ];
    server.accept = (socket) => turns.shift()?.(socket);
    const client = clientOf(server);
    const connection = client.room.getOrCreate().connect();
    const told: Error[] = [];
    connection.onError((error) => told.push(error));
    for (const reported of [1, 2]) {
      const failure = await failureOf(connection.join());
      assertInstanceOf(failure, MalformedResponseMessage);
      assertInstanceOf(failure.cause, Error);
      assertEquals(told.length, reported);
      assertEquals(told.at(-1), failure);
    }
    assertEquals(await connection.join(), 5);
    assertEquals(told.length, 2);
    await client.dispose();
  });
}
