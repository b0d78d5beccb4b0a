// Bytes captured between RivetKit's own clients and servers.

import type { BareVersion } from "../../src/protocol/bare.ts";
import { cborFor } from "../../src/protocol/cbor.ts";
import { json } from "../../src/protocol/json.ts";
import type { Encoding, Frame } from "../../src/protocol/messages.ts";
import { fromHex } from "./values.ts";

/** The encoders of an encoding, each with its decoder. */
export const kinds = {
  call: ["encodeCall", "decodeCall"],
  result: ["encodeResult", "decodeResult"],
  error: ["encodeError", "decodeError"],
  send: ["encodeSend", "decodeSend"],
  toServer: ["encodeToServer", "decodeToServer"],
  toClient: ["encodeToClient", "decodeToClient"],
} as const;

/** A message in bare. */
export interface Vector {
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
/** The event of vectors 12 and 13. */
export const event = { name: "typ", args: [...typed, new Date(0)] };
// A map of two that Rust wrote, and its bytes from JavaScript, behind their lengths.
const map: [string, string] = [
  "08a2616101616261 78",
  "0ab90002616101616261 78",
];

/** All in bare. */
export const bareVectors: Vector[] = [
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

/** A message in another encoding. */
export interface OtherVector {
  number: number;
  encoding: Encoding;
  kind: keyof typeof kinds;
  frame: Frame;
  message: unknown;
}

const cbor = cborFor("2.0");
const actionRequest = { tag: "ActionRequest", val: { ...increment } };
/** The same as JSON has it, in vector 23. */
export const jsonEvent = {
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

/** All others. */
export const otherVectors: OtherVector[] = [
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
