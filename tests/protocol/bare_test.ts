import { assert, assertEquals, assertThrows } from "@std/assert";
import { ActorError } from "../../src/errors.ts";
import { bareFor, type BareVersion } from "../../src/protocol/bare.ts";
import { encodingContract } from "../contracts/encoding.ts";
import { test } from "../harness.ts";
import { cborValues, fromHex, noCbor } from "./values.ts";

const versions: BareVersion[] = [1, 2, 3, 4];

for (const version of versions) {
  const head = `0${version}00`;
  encodingContract(bareFor(version), {
    title: `bare ${version}`,
    values: cborValues,
    garbage: [
      "{}",
      new Uint8Array(),
      fromHex("01"),
      fromHex("0000"),
      fromHex("0500000001610100"), // a version that is not known
      fromHex("ffff"),
      fromHex(head),
      fromHex(`${head}04`), // a tag that is not known
      fromHex(`${head}00`),
      fromHex(`${head}0000`),
      fromHex(`${head}0000ff`),
      fromHex(`${head}00808000`), // a number that is longer than it needs to be
      fromHex(`${head}00ffffffffffffffffff01`),
      // A number whose parts are larger than a number can be
      fromHex(`${head}00${"80".repeat(200)}01`),
      fromHex(`${head}0101610200`),
      fromHex(`${head}01016102`), // no boolean
      fromHex(`${head}010161010000`), // more than a message
      // In version 1 the same bytes are an Init with a token.
      ...(version === 1 ? [] : noCbor).map((hex) => {
        const value = fromHex(hex).toHex();
        const size = (value.length / 2).toString(16).padStart(2, "0");
        return fromHex(`${head}00000161${size}${value}`);
      }),
    ],
  });
}

test("bare: a message to a server may be of any version, and is answered in its own", () => {
  const message = {
    tag: "ActionRequest" as const,
    val: { id: 1, name: "add", args: [1] },
  };
  for (const version of versions) {
    const frame = bareFor(version).encodeToServer(message);
    for (const reader of versions) {
      const encoding = bareFor(reader);
      assertEquals(encoding.decodeToServer(frame), message);
      assert(encoding.spokenIn(frame) === bareFor(version));
    }
  }
  for (const hex of ["", "02", "0000", "0500", "0201"]) {
    assertThrows(() => bareFor(2).spokenIn(fromHex(hex)), ActorError);
  }
});

test("bare: tags are read from version 4 on", () => {
  // ["$BigInt", "7"]
  const value = "82672442696749 6e746137";
  const size = "0b";
  for (const version of versions) {
    const frame = fromHex(`0${version}00${size}${value}`);
    assertEquals(
      bareFor(2).decodeResult(frame),
      version === 4 ? 7n : ["$BigInt", "7"],
    );
  }
});

test("bare: messages to a queue are of version 3 at least", () => {
  const send = { name: "q", body: 1, wait: false, timeout: undefined };
  const frame = bareFor(2).encodeSend(send);
  assertEquals(frame.slice(0, 2), new Uint8Array([3, 0]));
  assertThrows(
    () => bareFor(3).decodeSend(fromHex("02000101000000")),
    ActorError,
    "no queues",
  );
});

test("bare: version 4 tells where an error comes from, and the others do not", () => {
  const error = { group: "user", code: "full", message: "Full" };
  const actor = { actorId: "a1", generation: 3, key: "k" };
  for (const version of versions) {
    const encoding = bareFor(version);
    const expected = version === 4 ? { ...error, actor } : error;
    assertEquals(
      encoding.decodeError(encoding.encodeError({ ...error, actor })),
      expected,
    );
    assertEquals(
      encoding.decodeToClient(encoding.encodeToClient({
        tag: "Error",
        val: { ...error, actor, actionId: 4 },
      })),
      { tag: "Error", val: { ...expected, actionId: 4 } },
    );
  }
});
