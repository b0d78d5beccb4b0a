import { assertEquals, assertThrows } from "@std/assert";
import { ActorError } from "../../src/errors.ts";
import { cborFor, decodeCbor, encodeCbor } from "../../src/protocol/cbor.ts";
import { encodingContract } from "../contracts/encoding.ts";
import { test } from "../harness.ts";
import { cborValues, fromHex, noCbor } from "./values.ts";

for (const line of ["2.0", "2.3"] as const) {
  encodingContract(cborFor(line), {
    title: `cbor for ${line}`,
    values: cborValues,
    garbage: [
      "{}",
      ...noCbor.map(fromHex),
      encodeCbor(null),
      encodeCbor({}),
      encodeCbor({ body: null }),
      encodeCbor({ body: new Map([["tag", "Init"]]) }),
      encodeCbor({ body: { tag: "Nothing", val: {} } }),
      encodeCbor({ body: { tag: "ActionRequest" } }),
      ...["1", -1n, 1.5, 2n ** 64n - 1n, undefined].map((id) =>
        encodeCbor({
          body: { tag: "ActionRequest", val: { id, name: "a", args: [] } },
        })
      ),
      encodeCbor({
        body: { tag: "ActionRequest", val: { id: 1n, name: 7, args: [] } },
      }),
      encodeCbor({
        body: { tag: "SubscriptionRequest", val: { eventName: "a" } },
      }),
    ],
  });
}

test("cbor: every value comes out as it went in, with tags and without", () => {
  for (const value of cborValues) {
    assertEquals(decodeCbor(encodeCbor(value)), value);
    assertEquals(decodeCbor(encodeCbor(value, true), true), value);
  }
});

test("cbor: an ArrayBuffer is bytes, and stays one where the reader knows tags", () => {
  const { buffer } = new Uint8Array([1, 2]);
  assertEquals(encodeCbor(buffer).toHex(), "420102");
  assertEquals(decodeCbor(fromHex("420102")), new Uint8Array([1, 2]));
  assertEquals(decodeCbor(encodeCbor(buffer, true), true), buffer);
});

test("cbor: values have the bytes that RivetKit's clients write", () => {
  const written: [unknown, string][] = [
    [-5, "24"],
    [2 ** 32, "fb41f0000000000000"],
    [7n, "1b0000000000000007"],
    [2n ** 64n, "c249010000000000000000"],
    [{}, "b90000"],
    [{ a: undefined }, "b900016161f7"],
    [new Map([[1, 2]]), "d90103a10102"],
    [new Set([1]), "d901028101"],
    [new Date("2026-01-01"), "c11a6955b900"],
    [new Uint8Array([1, 2, 3]), "d84043010203"],
    [new Float64Array([0]), "d856480000000000000000"],
    [/a/g, "d81b8366526567457870616161 67"],
    [new Error("no"), "d81b82654572726f72626e6f"],
  ];
  for (const [value, hex] of written) {
    assertEquals(encodeCbor(value).toHex(), fromHex(hex).toHex());
  }
});

test("cbor: other forms of a value are read as well", () => {
  const read: [string, unknown][] = [
    ["1800", 0],
    ["1a00000001", 1],
    ["3a00000001", -2],
    ["a10102", { 1: 2 }],
    ["9f0102ff", [1, 2]],
    ["bf616101ff", { a: 1 }],
    ["d901029f01ff", new Set([1])],
    ["d90103bf0102ff", new Map([[1, 2]])],
    ["f93c00", 1],
    ["f90001", 2 ** -24],
    ["f9fc00", -Infinity],
    ["f97e00", NaN],
    ["fa3fc00000", 1.5],
    [
      "c074323031332d30332d32315432303a30343a30305a",
      new Date("2013-03-21T20:04:00Z"),
    ],
    ["c11b0000000000000001", new Date(1000)],
    ["c240", 0n],
    ["d81b8261586179", Object.assign(new Error("y"), { name: "X" })],
  ];
  for (const [hex, value] of read) {
    assertEquals(decodeCbor(fromHex(hex)), value);
  }
});

test("cbor: what is not a value is malformed", () => {
  for (const hex of noCbor) {
    for (const hasTags of [true, false]) {
      const error = assertThrows(
        () => decodeCbor(fromHex(hex), hasTags),
        ActorError,
        undefined,
        hex,
      );
      assertEquals(`${error.group}/${error.code}`, "message/malformed");
    }
  }
});

test("cbor: tags are read, and what looks like one is escaped, in Maps, their keys, Sets and objects", () => {
  const seven = ["$BigInt", "7"];
  const nested = (value: unknown) => [
    new Map([[value, { a: value }]]),
    new Map([["a", new Set([value])]]),
    { a: [value, { b: new Map([["c", value]]) }] },
  ];
  assertEquals(decodeCbor(encodeCbor(nested(seven)), true), nested(7n));
  const escaped = encodeCbor(nested(seven), true);
  assertEquals(decodeCbor(escaped, true), nested(seven));
  assertEquals(decodeCbor(escaped), nested(["$$BigInt", "7"]));
});

test("cbor: tags are read only where they are known, and unknown ones are malformed there", () => {
  for (
    const [tagged, value] of [
      [["$BigInt", "-7"], -7n],
      [["$Undefined", 0], undefined],
      [["$Set", [["$BigInt", "1"]]], new Set([1n])],
      [["$Uint8Array", "AQI="], new Uint8Array([1, 2])],
      [["$$BigInt", "7"], ["$BigInt", "7"]],
    ]
  ) {
    const bytes = encodeCbor(tagged);
    assertEquals(decodeCbor(bytes), tagged);
    assertEquals(decodeCbor(bytes, true), value);
  }
  for (const tagged of [["$Nothing", 1], ["$BigInt", "1e5"], ["$Set", 1]]) {
    assertThrows(() => decodeCbor(encodeCbor(tagged), true), ActorError);
  }
});

test("cbor: nothing in a value changes a prototype", () => {
  const value = decodeCbor(
    fromHex("a1695f5f70726f746f5f5fa168706f6c6c7574656401"),
  );
  assertEquals(Object.keys(value as object), ["__proto__"]);
  assertEquals(({} as { polluted?: unknown }).polluted, undefined);
});

test("cbor: nesting up to the bound is written and read, deeper is refused", () => {
  let value: unknown = 1;
  for (let i = 0; i < 250; i++) value = [value];
  assertEquals(decodeCbor(encodeCbor(value)), value);
  for (let i = 0; i < 50; i++) value = [value];
  assertThrows(() => encodeCbor(value), TypeError, "deeper");
  for (const level of ["81", "a16161", "d9010281", "d90103a101", "c1"]) {
    const bytes = fromHex(`${level.repeat(300)}01`);
    assertThrows(() => decodeCbor(bytes), ActorError, "deeper");
  }
});

test("cbor: what cannot be sent is an error, and the next message is whole", () => {
  const loop: unknown[] = [];
  loop.push(loop);
  for (const value of [() => {}, Symbol("a"), Promise.resolve(), loop]) {
    assertThrows(() => encodeCbor(["begun", value]), TypeError);
    assertEquals(encodeCbor(7).toHex(), "07");
  }
});

test("cbor: messages that are kept stay as they are, whatever is written after them", () => {
  const values = Array.from({ length: 3_000 }, (_, i) => ({
    text: (i % 3 === 0 ? "ü" : "a").repeat(i % 7 === 0 ? i : i % 50),
    inner: { toJSON: () => i % 5 === 0 ? encodeCbor(i).toHex() : i },
  }));
  const written = values.map((value) => encodeCbor(value));
  values.forEach(({ text, inner }, i) => {
    assertEquals(decodeCbor(written[i]!), { text, inner: inner.toJSON() });
  });
});

test("cbor: a value may write another message while it is written", () => {
  const value = { first: 1, at: { toJSON: () => encodeCbor("inner").toHex() } };
  assertEquals(decodeCbor(encodeCbor(value)), {
    first: 1,
    at: "65696e6e6572",
  });
});
