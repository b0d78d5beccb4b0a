// Whatever comes, a decoder reads it or says that it is malformed: it throws nothing else, takes no
// long time and no lasting memory. The inputs are the same in every run; a failure tells its seed.

import { assert, assertEquals } from "@std/assert";
import { isErrorKind } from "../../src/errors.ts";
import { bareFor } from "../../src/protocol/bare.ts";
import { cborFor, decodeCbor } from "../../src/protocol/cbor.ts";
import { json, parse } from "../../src/protocol/json.ts";
import type { Encoding, Frame } from "../../src/protocol/messages.ts";
import { startProgram, waitForLine } from "../bench/program.ts";
import { test } from "../harness.ts";
import { garbageOf, neighboursOf, vectors } from "./garbage.ts";
import { Random } from "./random.ts";
import { fromHex } from "./values.ts";

const inputs = 100_000;

// Far more than any input takes, and far less than one takes that hangs.
const maxMs = 5_000;

const encodings: Encoding[] = [
  bareFor(4),
  cborFor("2.0"),
  cborFor("2.3"),
  json,
];

for (const name of ["bare", "cbor", "json"]) {
  const all = encodings.filter((encoding) => encoding.name === name);

  test(`${name}: captured messages are read or malformed wherever they are cut, and whichever bit is changed`, () => {
    for (const encoding of all) {
      for (const vector of vectors[name]!) {
        for (const frame of neighboursOf(vector)) check(encoding, frame);
      }
    }
  });

  test(`${name}: 100,000 random inputs are read or malformed`, () => {
    for (let seed = 0; seed < inputs; seed++) {
      const encoding = all[seed % all.length]!;
      check(encoding, garbageOf(new Random(seed), encoding), seed);
    }
    assertUnpolluted();
  });
}

// As long as anything that is read gets, the input of an actor: "[" or its like, then this again and again.
const largeBytes = 4 * 1024 * 1024;
const largeCbor: [name: string, begin: string, again: string][] = [
  ["empty arrays", "9f", "80"],
  ["empty objects", "9f", "a0"],
  ["bytes", "9f", "40"],
  ["Dates", "9f", "c100"],
  ["Sets", "9f", "d9010280"],
  ["Errors", "9f", "d81b826060"],
  ["indexes", "9f", "a11903fff6"],
  ["a key again and again", "bf", "695f5f70726f746f5f5ff6"],
  ["a RegExp", "d81b826652656745787 07a003ffff0", "285b5c"],
  ["a bigint", "c25a003ffffa", "99"],
  ["a date", "c07a003ffffa", "28"],
  ["a text", "7a003ffffa", "61"],
  ["arrays in arrays", "", "81"],
];
const largeJson: [name: string, begin: string, again: string, end: string][] = [
  ["digits", "", "9", ""],
  ["a bigint", `["$BigInt","`, "9", `"]`],
  ["base64", `["$Uint8Array","`, "AAAA", `"]`],
  ["a Set", `["$Set",[`, "1,", "1]]"],
  ["an unknown tag", `["$`, "x", `",1]`],
  ["arrays in arrays", "", "[", ""],
];

test("the largest inputs are read or refused in seconds, whatever is in them", () => {
  for (const [name, begin, again] of largeCbor) {
    const bytes = new Uint8Array(largeBytes);
    const part = fromHex(again);
    for (let at = 0; at < bytes.length; at++) {
      bytes[at] = part[at % part.length]!;
    }
    bytes.set(fromHex(begin));
    timed(name, () => isMalformed(() => decodeCbor(bytes)));
  }
  for (const [name, begin, again, end] of largeJson) {
    const text = begin + again.repeat(largeBytes / again.length) + end;
    timed(name, () => isMalformed(() => parse(text)));
  }
});

function timed(name: string, run: () => void): void {
  const begin = performance.now();
  run();
  const ms = performance.now() - begin;
  assert(ms < maxMs, `${name} took ${ms} ms`);
}

test("no memory is kept for what was malformed", async () => {
  await using program = startProgram("../protocol/fuzz_child.ts", []);
  const [, begin, end] = await waitForLine(program, /^heap (\d+) to (\d+)$/m);
  assert(Number(end) - Number(begin) < 4_000_000, `from ${begin} to ${end}`);
});

// deno-lint-ignore no-explicit-any -- any message, which its own encoder takes
type Pair = [decode: (frame: Frame) => any, encode: (message: any) => Frame];

/** The decoders of what comes from callers, and of one kind or all of what comes from servers. */
function pairsOf(encoding: Encoding, seed: number | undefined): Pair[] {
  const ofCallers: Pair[] = [
    [encoding.decodeCall, encoding.encodeCall],
    [encoding.decodeSend, encoding.encodeSend],
    [encoding.decodeToServer, encoding.encodeToServer],
  ];
  const ofServers: Pair[] = [
    [encoding.decodeResult, encoding.encodeResult],
    [encoding.decodeSent, encoding.encodeSent],
    [encoding.decodeError, encoding.encodeError],
    [encoding.decodeToClient, encoding.encodeToClient],
  ];
  return seed === undefined
    ? [...ofCallers, ...ofServers]
    : [...ofCallers, ofServers[(seed >> 1) % ofServers.length]!];
}

// What is read is written and read as the same.
function check(encoding: Encoding, frame: Frame, seed?: number): void {
  let step = "read";
  const begin = performance.now();
  try {
    isMalformed(() => encoding.spokenIn(frame));
    for (const [decode, encode] of pairsOf(encoding, seed)) {
      step = "read";
      let message: unknown;
      if (isMalformed(() => message = decode(frame))) continue;
      step = "written and read again";
      const written = encode(message);
      let again: Frame | undefined;
      try {
        again = encode(decode(written));
      } catch (error) {
        // The only argument may have come without its array, and has one level more now.
        if (!String(error).includes("deeper")) throw error;
        continue;
      }
      assertEquals(show(again), show(written));
    }
    assert(performance.now() - begin < maxMs, "It takes too long");
  } catch (cause) {
    const what = `seed ${seed}, ${encoding.name}: ${show(frame)}`;
    throw new Error(`${what} cannot be ${step}`, { cause });
  }
}

function isMalformed(read: () => unknown): boolean {
  try {
    read();
    return false;
  } catch (error) {
    if (isErrorKind(error, "message/malformed")) return true;
    throw error;
  }
}

function show(frame: Frame): string {
  return typeof frame === "string" ? JSON.stringify(frame) : frame.toHex();
}

function assertUnpolluted(): void {
  assertEquals(Object.keys(Object.prototype), []);
  for (const name of ["id", "tag", "val", "0", "polluted"]) {
    assert(!(name in {}), `Object.prototype has ${name}`);
  }
  assertEquals(typeof {}.toString, "function");
  assertEquals({}.constructor, Object);
}
