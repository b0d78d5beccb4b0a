// Bytes captured between RivetKit's own clients and servers. In bare we write the very same; where a
// value within is written in another way that every client reads (a map with its count in two bytes,
// a value itself instead of a tag for it), `ours` says which.

import { assertEquals } from "@std/assert";
import { bareFor } from "../../src/protocol/bare.ts";
import { cborFor, decodeCbor, encodeCbor } from "../../src/protocol/cbor.ts";
import { json, jsonFor } from "../../src/protocol/json.ts";
import type { Encoding, Frame } from "../../src/protocol/messages.ts";
import { parseProtocols, parseRoute } from "../../src/protocol/routes.ts";
import { test } from "../harness.ts";
import { fromHex } from "./values.ts";
import {
  bareVectors,
  event,
  jsonEvent,
  kinds,
  otherVectors,
} from "./vectors.ts";

/** Decodes or encodes by the name of the method, whose types do not matter here. */
function apply(encoding: Encoding, method: string, value: unknown): unknown {
  return (encoding as unknown as Record<string, (value: unknown) => unknown>)[
    method
  ]!(value);
}

const plain = (hex: string) => hex.replaceAll(" ", "");

for (const { number, kind, version, hex, message, ours } of bareVectors) {
  const [encode, decode] = kinds[kind];
  test(`vector ${number} (${kind}, bare ${version}) is read, and written byte for byte: ${plain(hex).slice(0, 40)}`, () => {
    const frame = fromHex(hex);
    // Whatever version a reader writes itself, it reads this one.
    for (const reader of [2, 3, 4] as const) {
      assertEquals(apply(bareFor(reader), decode, frame), message);
    }
    const written = apply(bareFor(version), encode, message) as Uint8Array;
    const [theirs, own] = (ours ?? ["", ""]).map(plain) as [string, string];
    assertEquals(written.toHex(), plain(hex).replace(theirs, own));
  });
}

for (const { number, encoding, kind, frame, message } of otherVectors) {
  const [encode, decode] = kinds[kind];
  const start = typeof frame === "string" ? frame : frame.toHex();
  test(`vector ${number} (${kind}, ${encoding.name}) is read, and written with the same meaning: ${start.slice(0, 40)}`, () => {
    assertEquals(apply(encoding, decode, frame), message);
    const written = apply(encoding, encode, message) as Frame;
    if (typeof frame === "string") assertEquals(written, frame);
    else {
      assertEquals(decodeCbor(written), decodeCbor(frame));
    }
  });
}

test("vector 20: the id of an answer in cbor has eight bytes for every client", () => {
  for (const line of ["2.0", "2.3"] as const) {
    const frame = cborFor(line).encodeToClient({
      tag: "ActionResponse",
      val: { id: 7, output: 3 },
    }) as Uint8Array;
    assertEquals(
      frame.toHex().includes("6269641b0000000000000007"),
      true,
      frame.toHex(),
    );
  }
});

test("vector 23: the event with native values is the one in JSON", () => {
  const frame = jsonFor("2.0").encodeToClient({ tag: "Event", val: event });
  assertEquals(json.decodeToClient(frame), jsonEvent as never);
});

test("vector 18: an input is CBOR in base64 for REST, and in base64url for a query", () => {
  const input = { hello: "world", n: 1 };
  const bytes = encodeCbor(input);
  assertEquals(
    bytes.toHex(),
    "b900026568656c6c6f65776f726c64616e01",
  );
  assertEquals(bytes.toBase64(), "uQACZWhlbGxvZXdvcmxkYW4B");
  assertEquals(
    decodeCbor(Uint8Array.fromBase64("uQACZWhlbGxvZXdvcmxkYW4B"), true),
    input,
  );
});

test("vector 25: a connection of the line 2.0 names its actor by id, and offers encoding and params", () => {
  assertEquals(routeOf("/gateway/25150da46822baad/connect"), {
    kind: "actor",
    actorId: "25150da46822baad",
    token: undefined,
    endpoint: { kind: "connect" },
  });
  const offer =
    "rivet,rivet_encoding.bare,rivet_conn_params.%7B%22cp%22%3A1%7D";
  const { hasProtocol, encoding, params } = parseProtocols(offer);
  assertEquals([hasProtocol, encoding, params], [true, "bare", `{"cp":1}`]);
});

test("vector 26: a connection of the line 2.3 names its actor by a query, and offers the same with spaces", () => {
  assertEquals(
    routeOf(
      "/gateway/counter/connect?rvt-namespace=default&rvt-method=getOrCreate&rvt-runner=default&rvt-key=conn-t2-bare&rvt-crash-policy=sleep",
    ),
    {
      kind: "query",
      name: "counter",
      query: {
        key: ["conn-t2-bare"],
        create: { input: undefined, region: undefined },
        token: undefined,
        search: "",
      },
      endpoint: { kind: "connect" },
    },
  );
  const offer =
    "rivet, rivet_encoding.bare, rivet_conn_params.%7B%22cp%22%3A1%7D";
  const { hasProtocol, encoding, params } = parseProtocols(offer);
  assertEquals([hasProtocol, encoding, params], [true, "bare", `{"cp":1}`]);
});

test("vector 27: an action of the line 2.3 has key and input in its query", () => {
  assertEquals(
    routeOf(
      "/gateway/counter/action/increment?rvt-namespace=default&rvt-method=getOrCreate&rvt-runner=default&rvt-key=k-c2319-bare%2Ca%2Fb%2C%2Cc%5Cd&rvt-input=uQACZWhlbGxvZXdvcmxkYW4B&rvt-crash-policy=sleep",
    ),
    {
      kind: "query",
      name: "counter",
      query: {
        key: ["k-c2319-bare", "a/b", "", "c\\d"],
        create: {
          input: fromHex("b900026568656c6c6f65776f726c64616e01"),
          region: undefined,
        },
        token: undefined,
        search: "",
      },
      endpoint: { kind: "action", name: "increment" },
    },
  );
});

function routeOf(target: string): unknown {
  return parseRoute(new URL(target, "http://actors.test"), "");
}
