// What callers may send of values that cost more than their bytes.

import { assertEquals, assertThrows } from "@std/assert";
import { ActorError } from "../../src/errors.ts";
import { bareFor } from "../../src/protocol/bare.ts";
import { maxCost } from "../../src/protocol/budget.ts";
import { cborFor, encodeCbor } from "../../src/protocol/cbor.ts";
import { json } from "../../src/protocol/json.ts";
import type { Encoding } from "../../src/protocol/messages.ts";
import { maxBigIntBytes, maxBigIntDigits } from "../../src/protocol/shapes.ts";
import { test } from "../harness.ts";

const numbers = (count: number) => Array.from({ length: count }, (_, i) => i);
const many = (count: number, make: (i: number) => unknown) =>
  numbers(count).map(make);

// As many as a caller may send besides an envelope, and how one more is made.
const most = maxCost / 16 - 1;
const costly: [
  name: string,
  most: number,
  make: (count: number) => unknown[],
][] = [
  ["bytes", most, (count) => many(count, () => new Uint8Array())],
  ["Dates", most, (count) => many(count, (i) => new Date(i))],
  [
    "large bigints",
    most,
    (count) => many(count, (i) => 2n ** 64n + BigInt(i)),
  ],
  ["members of a Set", most - 1, (count) => [new Set(numbers(count))]],
  [
    "members of a Map",
    most - 1,
    (count) => [new Map(numbers(count).map((i) => [i, i]))],
  ],
  ["units of a RegExp", most - 1, (count) => [new RegExp("a".repeat(count))]],
  [
    "Errors",
    maxCost / 128 - 1,
    (count) => many(count, () => new Error("no")),
  ],
  ["arrays", maxCost - 16, (count) => many(count, () => [])],
  ["objects", maxCost - 16, (count) => many(count, () => ({}))],
  ["what is undefined", maxCost - 16, (count) => many(count, () => undefined)],
];

const inJson: typeof costly = [
  // Each is an array of a tag and a text as well.
  [
    "bytes",
    Math.floor(maxCost / 17) - 1,
    (count) => many(count, () => new Uint8Array()),
  ],
  ...costly.filter(([name]) => name === "arrays" || name === "objects"),
];

const encodings: [Encoding, typeof costly][] = [
  [bareFor(4), costly],
  [cborFor("2.0"), costly],
  [json, inJson],
];

for (const [encoding, values] of encodings) {
  for (const [name, most, make] of values) {
    test(`${encoding.name}: a caller may send ${name} up to a bound, and a server as it likes`, () => {
      const read = make(most);
      assertEquals(
        encoding.decodeCall(encoding.encodeCall(read)).length,
        read.length,
      );
      const args = make(most + 16);
      const val = { id: 1, name: "a", args };
      const send = { name: "q", body: args, wait: false, timeout: undefined };
      for (
        const decode of [
          () => encoding.decodeCall(encoding.encodeCall(args)),
          () => encoding.decodeSend(encoding.encodeSend(send)),
          () =>
            encoding.decodeToServer(
              encoding.encodeToServer({ tag: "ActionRequest", val }),
            ),
        ]
      ) {
        const error = assertThrows(decode, ActorError);
        assertEquals(`${error.group}/${error.code}`, "message/malformed");
      }
      const output = encoding.decodeResult(encoding.encodeResult(args));
      assertEquals((output as unknown[]).length, args.length);
      const event = { tag: "Event" as const, val: { name: "a", args } };
      const heard = encoding.decodeToClient(encoding.encodeToClient(event));
      assertEquals((heard as typeof event).val.args.length, args.length);
    });
  }
}

test("json: a caller may send members of a Set up to a bound", () => {
  const call = (count: number) =>
    json.decodeCall(`{"args":[["$Set",[${numbers(count)}]]]}`);
  assertEquals((call(most - 1)[0] as Set<number>).size, most - 1);
  assertThrows(() => call(most + 1), ActorError, "cost");
});

test("a caller may send objects whose keys are indexes, but not many that leave many out", () => {
  const cbor = cborFor("2.0");
  const call = (args: unknown[]) => cbor.decodeCall(cbor.encodeCall(args));
  const read = [
    [Object.fromEntries(numbers(5_000).map((i) => [i, i]))],
    [Object.fromEntries(numbers(500).map((i) => [i + 2_000, i]))],
    many(2_000, (i) => ({ [1_000_000 + i]: i })),
    many(2_000, (i) => ({ [`a${i}`]: i, 0: i, 7: i })),
    many(500, () => ({ 1000: 1 })),
  ];
  for (const args of read) assertEquals(call(args), args);
  for (const index of [100, 500, 1000, 1023]) {
    const args = many(6_000, () => ({ [index]: 1 }));
    assertThrows(() => call(args), ActorError, "cost");
    // The same with keys that are numbers.
    const bytes = [0x19, index >> 8, index & 0xff, 1];
    const written = new Uint8Array([
      ...[0xa1, 0x64, 0x61, 0x72, 0x67, 0x73, 0x9f],
      ...args.flatMap(() => [0xa1, ...bytes]),
      0xff,
    ]);
    assertThrows(() => cbor.decodeCall(written), ActorError, "cost");
  }
});

test("a message that may be longer may cost more", () => {
  const text = "a".repeat(60);
  for (const encoding of [bareFor(4), cborFor("2.0"), json]) {
    const args = many(maxCost + 1000, () => ({ text }));
    const read = encoding.decodeCall(encoding.encodeCall(args));
    assertEquals(read.length, args.length);
  }
});

test("a bigint is read and written up to a bound", () => {
  const largest = 2n ** BigInt(maxBigIntBytes * 8) - 1n;
  for (const value of [largest, -largest - 1n]) {
    for (const encoding of [bareFor(4), cborFor("2.0"), json]) {
      assertEquals(encoding.decodeCall(encoding.encodeCall([value])), [value]);
    }
  }
  assertThrows(() => encodeCbor(largest + 1n), TypeError, "bigint");
  assertThrows(
    () => json.encodeCall([10n ** BigInt(maxBigIntDigits)]),
    TypeError,
    "bigint",
  );
  const call = (digits: string) =>
    json.decodeCall(`{"args":[["$BigInt","${digits}"]]}`);
  assertEquals(call("-" + "9".repeat(maxBigIntDigits)).length, 1);
  assertThrows(() => call("9".repeat(maxBigIntDigits + 1)), ActorError);
  const tooLong = new Uint8Array(maxBigIntBytes + 6).fill(1);
  tooLong.set([0x81, 0xc2, 0x59, 0x10, 0x01]);
  const bytes = new Uint8Array([
    0xa1,
    0x64,
    0x61,
    0x72,
    0x67,
    0x73,
    ...tooLong,
  ]);
  assertThrows(() => cborFor("2.0").decodeCall(bytes), ActorError, "bigint");
});
