import { assert, assertEquals, assertThrows } from "@std/assert";
import { ActorError } from "../../src/errors.ts";
import { encodingOf } from "../../src/protocol/encoding.ts";
import { json, jsonFor, parse, stringify } from "../../src/protocol/json.ts";
import { encodingContract } from "../contracts/encoding.ts";
import { test } from "../harness.ts";

const deep = (depth: number) => `${"[".repeat(depth)}${"]".repeat(depth)}`;
const request = (val: string) =>
  `{"body":{"tag":"ActionRequest","val":${val}}}`;

encodingContract(json, {
  values: [
    null,
    true,
    -1.5,
    "text with \u2028 and \ud83d\ude00",
    2n ** 70n,
    -7n,
    new Uint8Array([0, 1, 255]),
    new Uint8Array([1, 2]).buffer,
    ["$BigInt", "7"],
    ["$", 1],
    ["$$x", [7n]],
    { nested: [{ big: 1n }], empty: {}, list: [] },
    JSON.parse(`{"__proto__":{"polluted":true},"constructor":1}`),
  ],
  garbage: [
    "",
    "{",
    "null",
    "[]",
    `{"body":null}`,
    `{"body":{"tag":"Nothing","val":{}}}`,
    `{"body":{"tag":"ActionRequest"}}`,
    request(`{"id":"1","name":"a","args":[]}`),
    request(`{"id":["$BigInt","-1"],"name":"a","args":[]}`),
    request(`{"id":["$BigInt","1e5"],"name":"a","args":[]}`),
    request(`{"id":["$BigInt","99999999999999999999"],"name":"a","args":[]}`),
    request(`{"id":1.5,"name":"a","args":[]}`),
    request(`{"id":["$BigInt","1"],"name":7,"args":[]}`),
    request(`{"id":["$BigInt","1"],"name":"a","args":[["$Nothing","1"]]}`),
    request(`{"id":["$BigInt","1"],"name":"a","args":[["$Uint8Array","*"]]}`),
    request(`{"id":["$BigInt","1"],"name":"a","args":${deep(300)}}`),
    `{"body":{"tag":"SubscriptionRequest","val":{"eventName":"a"}}}`,
    new Uint8Array([0xff, 0xfe]),
  ],
});

encodingContract(jsonFor("2.3"), {
  title: "json for 2.3",
  values: [null, 7n, ["$BigInt", "7"], ["$Undefined", 0], { a: [1] }],
  garbage: ["", "[]"],
});

test("json: clients of the line 2.3 get what is undefined and a Set with their types", () => {
  const value = [undefined, { gone: undefined }, new Set([1n])];
  const later = jsonFor("2.3");
  assertEquals(later.decodeResult(later.encodeResult(value)), value);
  assertEquals(later.decodeResult(later.encodeResult(undefined)), undefined);
  assertEquals(
    later.encodeResult(undefined),
    `{"output":["$Undefined",0]}`,
  );
  assertEquals(json.encodeResult(value), `{"output":[null,{},{}]}`);
  assertEquals(
    json.encodeToClient({
      tag: "ActionResponse",
      val: { id: 1, output: undefined },
    }),
    `{"body":{"tag":"ActionResponse","val":{"id":["$BigInt","1"],"output":null}}}`,
  );
});

test("json: the wire has RivetKit's bytes", () => {
  assertEquals(
    json.encodeToServer({
      tag: "ActionRequest",
      val: { id: 0, name: "increment", args: [3] },
    }),
    `{"body":{"tag":"ActionRequest","val":{"id":["$BigInt","0"],"name":"increment","args":[3]}}}`,
  );
  assertEquals(
    json.encodeToClient({
      tag: "ActionResponse",
      val: { id: 0, output: 3 },
    }),
    `{"body":{"tag":"ActionResponse","val":{"id":["$BigInt","0"],"output":3}}}`,
  );
  assertEquals(
    json.encodeToClient({
      tag: "Event",
      val: {
        name: "typ",
        args: [1, new Uint8Array([9]), 5n, undefined, {}, new Date(0)],
      },
    }),
    `{"body":{"tag":"Event","val":{"name":"typ","args":[1,["$Uint8Array","CQ=="],["$BigInt","5"],null,{},"1970-01-01T00:00:00.000Z"]}}}`,
  );
});

test("json: a result that is undefined is null, because a client needs one", () => {
  assertEquals(json.encodeResult(undefined), `{"output":null}`);
});

test("json: a call may leave its arguments out, or the array around the only one", () => {
  assertEquals(json.decodeCall("{}"), []);
  assertEquals(json.decodeCall(`{"args":null}`), []);
  assertEquals(json.decodeCall(`{"args":7}`), [7]);
});

test("json: a message to a queue may leave out all but its body", () => {
  const plain = { name: "", body: 1, wait: false, timeout: undefined };
  assertEquals(json.decodeSend(`{"body":1}`), plain);
  assertEquals(json.decodeSend(`{"body":1,"timeout":null}`), plain);
  for (
    const body of [
      `{"wait":1}`,
      `{"timeout":-1}`,
      `{"timeout":"5"}`,
      `{"name":7}`,
      `[]`,
    ]
  ) {
    const error = assertThrows(() => json.decodeSend(body), ActorError);
    assertEquals(`${error.group}/${error.code}`, "message/malformed");
  }
  assertThrows(() => json.decodeSent(`{"status":"lost"}`), ActorError);
});

test("json: of a tag that is unknown little is told", () => {
  const text = `["$${"x".repeat(10_000)}",1]`;
  const error = assertThrows(() => parse(text), ActorError, "unknown tag");
  assert(error.message.length < 100);
});

test("json: nothing in a message changes a prototype", () => {
  const value = parse(`{"__proto__":{"polluted":["$BigInt","1"]}}`);
  assertEquals(Object.keys(value as object), ["__proto__"]);
  assertEquals(({} as { polluted?: unknown }).polluted, undefined);
});

test("json: nesting up to the bound is read, deeper is malformed", () => {
  parse(deep(250));
  assertThrows(() => parse(deep(300)), ActorError, "deeper");
});

test("json: what is plain JSON is written as JSON.stringify writes it", () => {
  const value = { a: [1, "b", null, { c: true }], d: undefined };
  assertEquals(stringify(value), JSON.stringify(value));
});

test("encodingOf() finds an encoding by its name, and json for callers that name none", () => {
  assert(encodingOf("json") === json);
  assert(encodingOf(null) === json);
  for (const name of ["cbor", "bare"]) {
    assertEquals(encodingOf(name).name, name);
  }
  const error = assertThrows(() => encodingOf("xml"), ActorError, "xml");
  assertEquals(`${error.group}/${error.code}`, "encoding/invalid");
});
