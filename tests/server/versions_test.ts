// The bytes that callers get in each encoding and version: what comes in one goes out in the same.

import { assertEquals } from "@std/assert";
import { actor } from "../../src/definition/actor.ts";
import { queue } from "../../src/definition/schema.ts";
import { UserError } from "../../src/errors.ts";
import { bareFor, type BareVersion } from "../../src/protocol/bare.ts";
import { encodingOf } from "../../src/protocol/encoding.ts";
import { test } from "../harness.ts";
import { fromHex } from "../protocol/values.ts";
import { maxIncomingBytes, Site } from "./site.ts";

const maxOutgoingBytes = 1_048_576;

const gates: ((error?: UserError) => void)[] = [];
let sleeps = 0;
const things = {
  thing: actor({
    state: { count: 0 },
    onSleep: () => void sleeps++,
    queues: { q1: queue<unknown>() },
    actions: {
      increment: (c, by: number) => c.state.count += by,
      nothing: () => {},
      length: (_c, text: string) => text.length,
      text: (_c, length: number) => "x".repeat(length),
      detailed: () => {
        throw new UserError("bad thing", {
          code: "my_code",
          metadata: { a: 1, b: "x" },
        });
      },
      plain: () => {
        throw new UserError("plain user error");
      },
      later: (_c) =>
        new Promise<void>((resolve, reject) =>
          gates.push((error) => error === undefined ? resolve() : reject(error))
        ),
      tell: (c) => c.broadcast("told", ["$foo", 1]),
      rest: (c) => c.sleep(),
    },
  }),
};

interface Answer {
  status: number;
  type: string | null;
  body: Uint8Array<ArrayBuffer>;
}

type Ask = (
  path: string,
  encoding: string,
  body: string | Uint8Array<ArrayBuffer> | ReadableStream,
) => Promise<Answer>;

async function withThing(run: (ask: Ask) => Promise<void>): Promise<void> {
  await using site = await Site.open(things);
  const id = await site.world.client.thing.getOrCreate("a").resolve();
  await run(async (path, encoding, body) => {
    const response = await site.ask(`POST /gateway/${id}/${path}`, {
      body,
      headers: { "x-rivet-encoding": encoding },
    });
    return {
      status: response.status,
      type: response.headers.get("content-type"),
      body: await response.bytes(),
    };
  });
}

for (
  const [path, request, status, answer] of [
    ["action/increment", "0200028105", 200, "02000105"],
    ["action/increment", "0300028105", 200, "03000105"],
    ["action/increment", "0400028105", 200, "04000105"],
    ["action/nothing", "02000180", 200, "020001f7"],
    ["action/nothing", "04000180", 200, "040001f7"],
    [
      "action/detailed",
      "02000180",
      400,
      "02000475736572076d795f636f646509626164207468696e67010ab9000261610161626178",
    ],
    [
      "action/detailed",
      "03000180",
      400,
      "03000475736572076d795f636f646509626164207468696e67010ab9000261610161626178",
    ],
    [
      "action/detailed",
      "04000180",
      400,
      "04000475736572076d795f636f646509626164207468696e67010ab900026161016162617800",
    ],
    [
      "action/plain",
      "02000180",
      400,
      "020004757365720a757365725f6572726f7210706c61696e2075736572206572726f7200",
    ],
    [
      "queue/q1",
      "030006b9000161610101027131010000",
      200,
      "030009636f6d706c6574656400",
    ],
    [
      "queue/q1",
      "040006b9000161610101027131010000",
      200,
      "040009636f6d706c6574656400",
    ],
  ] as const
) {
  test(`in bare, ${path} with ${request} is answered with ${status} ${answer.slice(0, 20)}`, () =>
    withThing(async (ask) => {
      const { status: actual, type, body } = await ask(
        path,
        "bare",
        fromHex(request),
      );
      assertEquals([actual, type, body.toHex()], [
        status,
        "application/octet-stream",
        answer,
      ]);
    }));
}

for (
  const [name, encoding, body, type] of [
    ["no body in bare", "bare", "", "application/json"],
    ["one byte in bare", "bare", fromHex("02"), "application/json"],
    ["version 0 in bare", "bare", fromHex("0000028105"), "application/json"],
    ["version 5 in bare", "bare", fromHex("0500028105"), "application/json"],
    ["JSON for bare", "bare", `{"args":[5]}`, "application/json"],
    [
      "half a message in bare",
      "bare",
      fromHex("02000281"),
      "application/octet-stream",
    ],
    [
      "more than a message in bare",
      "bare",
      fromHex("020002810500"),
      "application/octet-stream",
    ],
    ["no body in cbor", "cbor", "", "application/octet-stream"],
    ["JSON for cbor", "cbor", `{"args":[5]}`, "application/octet-stream"],
    ["no body in json", "json", "", "application/json"],
  ] as const
) {
  test(`${name} is answered with message/malformed as ${type}`, () =>
    withThing(async (ask) => {
      const answer = await ask("action/increment", encoding, body);
      assertEquals([answer.status, answer.type], [400, type]);
      const read = type === "application/json" ? "json" : encoding;
      const { group, code } = encodingOf(read).decodeError(answer.body);
      assertEquals(`${group}/${code}`, "message/malformed");
      const next = await ask("action/increment", "json", `{"args":[1]}`);
      assertEquals(next.status, 200);
    }));
}

for (const name of ["bare", "cbor", "json"]) {
  const encoding = encodingOf(name);

  test(`in ${name}, a call of exactly the limit is taken and one more byte is not, whole and in parts`, () =>
    withThing(async (ask) => {
      const call = (length: number) =>
        encoding.encodeCall(["x".repeat(length)]);
      const overhead = call(900).length - 900;
      const length = maxIncomingBytes - overhead;
      for (const [more, status] of [[0, 200], [1, 400]] as const) {
        const body = call(length + more);
        assertEquals(body.length, maxIncomingBytes + more);
        for (const sent of [body, inParts(body)]) {
          const answer = await ask("action/length", name, sent);
          assertEquals(answer.status, status);
          if (status === 200) {
            assertEquals(encoding.decodeResult(answer.body), length);
          }
        }
      }
    }));

  test(`in ${name}, a result of exactly the limit is sent, and of one more byte message/outgoing_too_long`, () =>
    withThing(async (ask) => {
      const text = (length: number) =>
        ask("action/text", name, encoding.encodeCall([length]));
      const overhead = (await text(900_000)).body.length - 900_000;
      const length = maxOutgoingBytes - overhead;
      const { status, body } = await text(length);
      assertEquals([status, body.length], [200, maxOutgoingBytes]);
      const refused = await text(length + 1);
      const { group, code } = encoding.decodeError(refused.body);
      assertEquals([refused.status, `${group}/${code}`], [
        400,
        "message/outgoing_too_long",
      ]);
    }));
}

test("in every version of bare the same error is read", () =>
  withThing(async (ask) => {
    for (const version of [1, 2, 3, 4] as const) {
      const encoding = bareFor(version);
      const { body } = await ask(
        "action/detailed",
        "bare",
        encoding.encodeCall([]) as Uint8Array<ArrayBuffer>,
      );
      assertEquals(body[0], version);
      assertEquals(encoding.decodeError(body), {
        group: "user",
        code: "my_code",
        message: "bad thing",
        metadata: { a: 1, b: "x" },
      });
    }
  }));

test("over a socket each call is answered in its own version, and events come in the last one, also after a sleep", async () => {
  await using site = await Site.open(things);
  const { client, clock } = site.world;
  const id = await client.thing.getOrCreate("a").resolve();
  const path = `/gateway/${id}/connect`;
  const wire = (await site.dial(path, "rivet,rivet_encoding.bare")).open();
  const call = (version: BareVersion, id: number, name: string) =>
    wire.say(
      bareFor(version).encodeToServer({
        tag: "ActionRequest",
        val: { id, name, args: [] },
      }),
    );
  const came = async () => {
    await clock.settle();
    return wire.sent.splice(0).map((text) => {
      const frame = Uint8Array.from(text.split(","), Number);
      return [frame[0], bareFor(4).decodeToClient(frame)] as const;
    });
  };
  const tagsOf = (all: Awaited<ReturnType<typeof came>>) =>
    all.map(([version, { tag, val }]) => [
      version,
      "id" in val ? val.id : tag === "Error" ? val.actionId : tag,
    ]);

  assertEquals(tagsOf(await came()), [[2, "Init"]]);
  call(2, 0, "later");
  call(1, 9, "later");
  call(4, 1, "nothing");
  call(3, 2, "plain");
  assertEquals(tagsOf(await came()), [[4, 1], [3, 2]]);
  wire.say(
    bareFor(4).encodeToServer({
      tag: "SubscriptionRequest",
      val: { eventName: "told", subscribe: true },
    }),
  );
  gates.shift()!();
  gates.shift()!(new UserError("no"));
  assertEquals(tagsOf(await came()), [[2, 0], [1, 9]]);

  const before = sleeps;
  call(4, 3, "rest");
  assertEquals(tagsOf(await came()), [[4, 3]]);
  assertEquals(sleeps, before + 1);
  await client.thing.getForId(id).tell();
  const [event, ...others] = await came();
  assertEquals(others, []);
  assertEquals(event, [4, {
    tag: "Event",
    val: { name: "told", args: [["$foo", 1]] },
  }]);
  assertEquals(wire.closedWith, undefined);
});

function inParts(body: string | Uint8Array<ArrayBuffer>): ReadableStream {
  const bytes = typeof body === "string"
    ? new TextEncoder().encode(body)
    : body;
  let offset = 0;
  return new ReadableStream({
    pull(controller) {
      const part = bytes.slice(offset, offset += 100);
      if (part.length === 0) controller.close();
      else controller.enqueue(part);
    },
  });
}
