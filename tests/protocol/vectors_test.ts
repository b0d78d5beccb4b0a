// Bytes captured between RivetKit's own clients and servers. In bare we write the very same; where a
// value within is written in another way that every client reads (a map with its count in two bytes,
// a value itself instead of a tag for it), `ours` says which.

import { assertEquals } from "@std/assert";
import { bareFor, type BareVersion } from "../../src/protocol/bare.ts";
import { cborFor, decodeCbor, encodeCbor } from "../../src/protocol/cbor.ts";
import { json, jsonFor } from "../../src/protocol/json.ts";
import type { Encoding, Frame } from "../../src/protocol/messages.ts";
import { parseProtocols, parseRoute } from "../../src/protocol/routes.ts";
import { test } from "../harness.ts";
import { fromHex } from "./values.ts";

/** The encoders of an encoding, each with its decoder. */
const kinds = {
  call: ["encodeCall", "decodeCall"],
  result: ["encodeResult", "decodeResult"],
  error: ["encodeError", "decodeError"],
  send: ["encodeSend", "decodeSend"],
  toServer: ["encodeToServer", "decodeToServer"],
  toClient: ["encodeToClient", "decodeToClient"],
} as const;

interface Vector {
  number: number;
  kind: keyof typeof kinds;
  version: BareVersion;
  hex: string;
  /** What it means. */
  message: unknown;
  /** Parts of it that we write otherwise: theirs, then ours. */
  ours?: [string, string];
}

const userError = {
  group: "user",
  code: "my_code",
  message: "bad thing",
  metadata: { a: 1, b: "x" },
};

const values = [
  1,
  -5,
  1.5,
  2 ** 32,
  1_767_225_600_000,
  12345678901234567890n,
  7n,
  new Uint8Array([1, 2, 3]),
  new Date("2026-01-01"),
  "héllo",
  true,
  null,
  undefined,
  { a: undefined, b: [1] },
  ["$foo", 1],
  ["$BigInt", "5"],
];

const increment = { id: 0, name: "increment", args: [3] };
const subscription = { eventName: "newCount", subscribe: true };
const typed = [1, new Uint8Array([9]), 5n, undefined, { a: undefined }];
const event = { name: "typ", args: [...typed, new Date(0)] };
// A map of two that Rust wrote, and its bytes from JavaScript, behind their lengths.
const map: [string, string] = [
  "08a2616101616261 78",
  "0ab90002616101616261 78",
];

const bare: Vector[] = [
  {
    number: 1,
    kind: "call",
    version: 2,
    hex: "0200 02 8105",
    message: [5],
  },
  {
    number: 1,
    kind: "call",
    version: 4,
    hex: "0400 02 8105",
    message: [5],
  },
  { number: 2, kind: "result", version: 2, hex: "0200 01 05", message: 5 },
  { number: 2, kind: "result", version: 4, hex: "0400 01 05", message: 5 },
  {
    number: 2,
    kind: "result",
    version: 2,
    hex: "0200 01 f7",
    message: undefined,
  },
  {
    number: 2,
    kind: "result",
    version: 4,
    hex: "0400 0d 826a24556e646566696e656400",
    message: undefined,
    ours: ["0d826a24556e646566696e656400", "01f7"],
  },
  {
    number: 3,
    kind: "error",
    version: 2,
    hex:
      "02000475736572076d795f636f646509626164207468696e67010ab9000261610161626178",
    message: userError,
  },
  {
    number: 4,
    kind: "error",
    version: 2,
    hex:
      "020004757365720a757365725f6572726f7210706c61696e2075736572206572726f7200",
    message: {
      group: "user",
      code: "user_error",
      message: "plain user error",
    },
  },
  {
    number: 5,
    kind: "error",
    version: 4,
    hex:
      "04000475736572076d795f636f646509626164207468696e670108a261610161626178011e78386776373466393078766e36727364786a6333637937746332646c30300101196b2d63323331392d626172652f615c2f622f5c302f635c5c64",
    message: {
      ...userError,
      actor: {
        actorId: "x8gv74f90xvn6rsdxjc3cy7tc2dl00",
        generation: 1,
        key: "k-c2319-bare/a\\/b/\\0/c\\\\d",
      },
    },
    ours: map,
  },
  {
    number: 6,
    kind: "toClient",
    version: 2,
    hex:
      "020000103235313530646134363832326261616424 32363866623532382d373064642d343335662d616439342d333831613166326566313130",
    message: {
      tag: "Init",
      val: {
        actorId: "25150da46822baad",
        connectionId: "268fb528-70dd-435f-ad94-381a1f2ef110",
      },
    },
  },
  {
    number: 7,
    kind: "toClient",
    version: 4,
    hex:
      "0400001e35336c317a6d7434647161327a697133736c7476363877366366636c303024 65623165653835372d656264352d343961342d383166662d336337613830363838336137",
    message: {
      tag: "Init",
      val: {
        actorId: "53l1zmt4dqa2ziq3sltv68w6cfcl00",
        connectionId: "eb1ee857-ebd5-49a4-81ff-3c7a806883a7",
      },
    },
  },
  {
    number: 8,
    kind: "toServer",
    version: 2,
    hex: "020001086e6577436f756e7401",
    message: { tag: "SubscriptionRequest", val: subscription },
  },
  {
    number: 8,
    kind: "toServer",
    version: 2,
    hex: "020001086e6577436f756e7400",
    message: {
      tag: "SubscriptionRequest",
      val: { ...subscription, subscribe: false },
    },
  },
  {
    number: 9,
    kind: "toServer",
    version: 2,
    hex: "0200000009696e6372656d656e74028103",
    message: { tag: "ActionRequest", val: increment },
  },
  {
    number: 10,
    kind: "toClient",
    version: 2,
    hex: "020002000103",
    message: { tag: "ActionResponse", val: { id: 0, output: 3 } },
  },
  {
    number: 10,
    kind: "toClient",
    version: 2,
    hex: "0200020101f7",
    message: { tag: "ActionResponse", val: { id: 1, output: undefined } },
  },
  {
    number: 11,
    kind: "toClient",
    version: 2,
    hex: "020003086e6577436f756e74028103",
    message: { tag: "Event", val: { name: "newCount", args: [3] } },
  },
  {
    number: 12,
    kind: "toClient",
    version: 2,
    hex:
      "020003037479701c8601d84041091b0000000000000005f7b900016161f7c11a00000000",
    message: { tag: "Event", val: event },
  },
  {
    number: 13,
    kind: "toClient",
    version: 4,
    hex:
      "04000303747970448601826b2455696e743841727261796443513d3d826724426967496e746135826a24556e646566696e656400b900016161826a24556e646566696e656400c11a00000000",
    message: { tag: "Event", val: event },
    ours: [
      "448601826b2455696e743841727261796443513d3d826724426967496e746135826a24556e646566696e656400b900016161826a24556e646566696e656400c11a00000000",
      "1c8601d84041091b0000000000000005f7b900016161f7c11a00000000",
    ],
  },
  {
    number: 14,
    kind: "toClient",
    version: 2,
    hex:
      "0200010475736572076d795f636f646509626164207468696e67010ab90002616101616261780104",
    message: { tag: "Error", val: { ...userError, actionId: 4 } },
  },
  {
    number: 15,
    kind: "toClient",
    version: 4,
    hex:
      "0400010475736572076d795f636f646509626164207468696e670108a2616101616261780104011e35336c317a6d7434647161327a697133736c7476363877366366636c303001010c636f6e6e2d74322d62617265",
    message: {
      tag: "Error",
      val: {
        ...userError,
        actor: {
          actorId: "53l1zmt4dqa2ziq3sltv68w6cfcl00",
          generation: 1,
          key: "conn-t2-bare",
        },
        actionId: 4,
      },
    },
    ours: map,
  },
  {
    number: 16,
    kind: "toClient",
    version: 4,
    hex:
      "04000104757365720c756e617574686f72697a6564046e6f7065010ba16377687965746f6b656e0000",
    message: {
      tag: "Error",
      val: {
        group: "user",
        code: "unauthorized",
        message: "nope",
        metadata: { why: "token" },
        actionId: null,
      },
    },
    ours: ["0ba16377687965746f6b656e", "0db900016377687965746f6b656e"],
  },
  {
    number: 17,
    kind: "call",
    version: 2,
    hex:
      "02006290 01 24 fb3ff8000000000000 fb41f0000000000000 fb4279b76daa800000 1bab54a98ceb1f0ad2 1b0000000000000007 d84043010203 c11a6955b900 6668c3a96c6c6f f5 f6 f7 b900026161f761628101 826424666f6f01 826724426967496e746135",
    message: values,
  },
  {
    number: 17,
    kind: "call",
    version: 4,
    hex:
      "04009f0190 01 24 fb3ff8000000000000 fb41f0000000000000 fb4279b76daa800000 826724426967496e74743132333435363738393031323334353637383930 826724426967496e746137 826b2455696e743841727261796441514944 c11a6955b900 6668c3a96c6c6f f5 f6 826a24556e646566696e656400 b900026161826a24556e646566696e65640061628101 82652424666f6f01 82682424426967496e746135",
    message: values,
    ours: [
      "9f0190 01 24 fb3ff8000000000000 fb41f0000000000000 fb4279b76daa800000 826724426967496e74743132333435363738393031323334353637383930 826724426967496e746137 826b2455696e743841727261796441514944 c11a6955b900 6668c3a96c6c6f f5 f6 826a24556e646566696e656400 b900026161826a24556e646566696e65640061628101",
      "6490 01 24 fb3ff8000000000000 fb41f0000000000000 fb4279b76daa800000 1bab54a98ceb1f0ad2 1b0000000000000007 d84043010203 c11a6955b900 6668c3a96c6c6f f5 f6 f7 b900026161f761628101",
    ],
  },
  {
    number: 24,
    kind: "send",
    version: 4,
    hex: "040006b9000161610101027131010000",
    message: { name: "q1", body: { a: 1 }, wait: false, timeout: undefined },
  },
  {
    number: 24,
    kind: "send",
    version: 4,
    hex: "040006b9000161610101027131010101f401000000000000",
    message: { name: "q1", body: { a: 1 }, wait: true, timeout: 500 },
  },
];

/** Decodes or encodes by the name of the method, whose types do not matter here. */
function apply(encoding: Encoding, method: string, value: unknown): unknown {
  return (encoding as unknown as Record<string, (value: unknown) => unknown>)[
    method
  ]!(value);
}

const plain = (hex: string) => hex.replaceAll(" ", "");

for (const { number, kind, version, hex, message, ours } of bare) {
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

interface Plain {
  number: number;
  encoding: Encoding;
  kind: keyof typeof kinds;
  frame: Frame;
  message: unknown;
}

const cbor = cborFor("2.0");
const actionRequest = { tag: "ActionRequest", val: { ...increment } };
const jsonEvent = {
  tag: "Event",
  val: {
    name: "typ",
    args: [
      1,
      new Uint8Array([9]),
      5n,
      null,
      {},
      "1970-01-01T00:00:00.000Z",
    ],
  },
};

const others: Plain[] = [
  {
    number: 19,
    encoding: cbor,
    kind: "toServer",
    frame: fromHex(
      "b9000164626f6479b90002637461676d416374696f6e526571756573746376616cb900036269641b0000000000000000646e616d6569696e6372656d656e7464617267738103",
    ),
    message: actionRequest,
  },
  {
    number: 20,
    encoding: cbor,
    kind: "toClient",
    frame: fromHex(
      "a164626f6479a2637461676e416374696f6e526573706f6e73656376616ca26269641b0000000000000000666f757470757403",
    ),
    message: { tag: "ActionResponse", val: { id: 0, output: 3 } },
  },
  {
    number: 21,
    encoding: cbor,
    kind: "toClient",
    frame: fromHex(
      "a164626f6479a263746167654572726f726376616ca56567726f7570647573657264636f64656c756e617574686f72697a6564676d657373616765646e6f7065686d65746164617461a16377687965746f6b656e68616374696f6e4964f6",
    ),
    message: {
      tag: "Error",
      val: {
        group: "user",
        code: "unauthorized",
        message: "nope",
        metadata: { why: "token" },
        actionId: null,
      },
    },
  },
  {
    number: 22,
    encoding: cbor,
    kind: "call",
    frame: fromHex("b9000164617267738105"),
    message: [5],
  },
  {
    number: 22,
    encoding: cbor,
    kind: "result",
    frame: fromHex("b90001666f757470757405"),
    message: 5,
  },
  {
    number: 23,
    encoding: json,
    kind: "toServer",
    frame:
      `{"body":{"tag":"ActionRequest","val":{"id":["$BigInt","0"],"name":"increment","args":[3]}}}`,
    message: actionRequest,
  },
  {
    number: 23,
    encoding: json,
    kind: "toClient",
    frame:
      `{"body":{"tag":"ActionResponse","val":{"id":["$BigInt","0"],"output":3}}}`,
    message: { tag: "ActionResponse", val: { id: 0, output: 3 } },
  },
  {
    number: 23,
    encoding: json,
    kind: "toClient",
    frame:
      `{"body":{"tag":"Event","val":{"name":"typ","args":[1,["$Uint8Array","CQ=="],["$BigInt","5"],null,{},"1970-01-01T00:00:00.000Z"]}}}`,
    message: jsonEvent,
  },
];

for (const { number, encoding, kind, frame, message } of others) {
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
