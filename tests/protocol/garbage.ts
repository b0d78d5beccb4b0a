// What comes when somebody means harm, or a wire is broken: messages with a few bytes changed, values
// of odd forms within the right envelope, and noise.

import type { Encoding, Frame } from "../../src/protocol/messages.ts";
import type { Random } from "./random.ts";
import { fromHex } from "./values.ts";
import { bareVectors, otherVectors } from "./vectors.ts";

/** All captured messages of an encoding, by its name. */
export const vectors: Record<string, Frame[]> = {
  bare: bareVectors.map(({ hex }) => fromHex(hex)),
  cbor: framesIn("cbor"),
  json: framesIn("json"),
};

function framesIn(name: string): Frame[] {
  return otherVectors.filter(({ encoding }) => encoding.name === name)
    .map(({ frame }) => frame);
}

/** Every frame that a captured one begins with, and each with every bit of it changed. */
export function* neighboursOf(frame: Frame): Generator<Frame> {
  const bytes = bytesOf(frame);
  const like = (other: Uint8Array<ArrayBuffer>) =>
    typeof frame === "string" ? latin(other) : other;
  for (let end = 0; end < bytes.length; end++) yield like(bytes.slice(0, end));
  for (let at = 0; at < bytes.length; at++) {
    for (let bit = 1; bit < 0x100; bit <<= 1) {
      const changed = bytes.slice();
      changed[at]! ^= bit;
      yield like(changed);
    }
  }
}

/** A frame that hardly any client would send. */
export function garbageOf(random: Random, encoding: Encoding): Frame {
  const frame = randomFrame(random, encoding);
  // A frame of text may come as bytes, and the other way round.
  if (!random.once(50)) return frame;
  return typeof frame === "string" ? encoder.encode(frame) : latin(frame);
}

const encoder = new TextEncoder();

const captured = Object.fromEntries(
  Object.entries(vectors).map(([name, frames]) => [name, frames.map(bytesOf)]),
);

function randomFrame(random: Random, encoding: Encoding): Frame {
  const isText = encoding.name === "json";
  switch (random.below(8)) {
    case 0: {
      const noise = random.bytes(random.below(random.once(20) ? 5000 : 40));
      return isText ? latin(noise) : noise;
    }
    case 1:
    case 2:
    case 3: {
      const bytes = mutated(random, captured[encoding.name]!);
      return isText ? latin(bytes) : bytes;
    }
    default:
      if (isText) return jsonEnvelope(random);
      return Uint8Array.from(
        encoding.name === "bare" ? bareEnvelope(random) : cborEnvelope(random),
      );
  }
}

// Bytes at which readers turn.
const turns = [0, 1, 0x18, 0x1b, 0x1f, 0x5b, 0x5f, 0x7b, 0x7f, 0x80, 0x9b, 0x9f]
  .concat([0xb9, 0xbb, 0xbf, 0xc1, 0xc2, 0xc3, 0xd8, 0xd9, 0xdb, 0xf7, 0xfb])
  .concat([0xff]);

/** One of these, with a few changes. */
export function mutated(
  random: Random,
  all: Uint8Array<ArrayBuffer>[],
): Uint8Array<ArrayBuffer> {
  let bytes = random.of(all);
  for (let left = random.below(4); left >= 0; left--) {
    const at = random.below(bytes.length + 1);
    const to = Math.min(at + random.below(9), bytes.length);
    const [before, within, behind] = [
      bytes.subarray(0, at),
      bytes.subarray(at, to),
      bytes.subarray(to),
    ];
    const other = random.of(all);
    const start = random.below(other.length);
    const part = other.subarray(start, start + random.below(20));
    bytes = joined(random.of([
      [before, Uint8Array.of(random.of(turns)), bytes.subarray(at + 1)],
      [before, random.bytes(within.length), behind],
      [before, behind],
      [before, within, within, behind],
      [before, part, behind],
      [before, part],
      [before],
    ]));
  }
  return bytes;
}

function joined(parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

const keys = ["__proto__", "constructor", "toString", "id", "tag", "val", "0"];
const tags = [0, 1, 2, 3, 27, 64, 69, 71, 77, 86, 258, 259, 37, 0xffff];

// What a message in bare consists of, behind its version.
const layouts: (number | "value" | "text" | "id" | "flag" | "time")[][] = [
  ["value"],
  [0, "id", "text", "value"],
  [1, "text", "flag"],
  [0, "text", "text"],
  [1, "text", "text", "text", 1, "value", 1, "id", 0],
  [1, "text", "text", "text", 0, 0, 1, "text", "id", 1, "text"],
  [2, "id", "value"],
  [3, "text", "value"],
  ["value", 1, "text", 1, "flag", 1, "time"],
  ["text", 1, "value"],
  ["text", "text", "text", 1, "value", 1, "text", "id", 0],
];

function bareEnvelope(random: Random): number[] {
  const parts = random.of(layouts).map((part) => {
    switch (part) {
      case "id":
        return varint(random, random.below(300));
      case "flag":
        return [random.below(random.once(9) ? 256 : 2)];
      case "time":
        return [...random.bytes(8)];
      case "value": {
        const value = cborValue(random, 0);
        return [...varint(random, value.length), ...value];
      }
      case "text": {
        const text = encoder.encode(random.of(keys));
        return [...varint(random, text.length), ...text];
      }
      default:
        return [part];
    }
  });
  return [random.once(20) ? random.below(256) : 4, 0, ...parts.flat()];
}

function varint(random: Random, value: number): number[] {
  if (random.once(60)) {
    return [...random.many(random.below(200), () => 0x80), 1];
  }
  if (random.once(60)) return random.many(random.below(12), () => 0xff);
  return value < 0x80
    ? [value]
    : [value & 0x7f | 0x80, ...varint(random, value >> 7)];
}

// The fields of messages in cbor and json.
const fields: Record<string, string[]> = {
  ActionRequest: ["id", "name", "args"],
  SubscriptionRequest: ["eventName", "subscribe"],
  Init: ["actorId", "connectionId"],
  Error: ["group", "code", "message", "metadata", "actionId", "actor"],
  ActionResponse: ["id", "output"],
  Event: ["name", "args"],
};
const bodies = [
  ["args"],
  ["output"],
  ["group", "code", "message", "metadata"],
  ["name", "body", "wait", "timeout"],
  ["status", "response"],
];
const valueFields = ["args", "output", "metadata", "body", "response"];
const idFields = ["id", "actionId", "timeout"];
const flagFields = ["subscribe", "wait"];

function cborEnvelope(random: Random): number[] {
  const object = (names: string[], value: (name: string) => number[]) => [
    ...head(random, 0xa0, names.length),
    ...names.flatMap((name) => [...cborText(random, name), ...value(name)]),
  ];
  const field = (name: string): number[] => {
    if (random.once(20) || valueFields.includes(name)) {
      return cborValue(random, 0);
    }
    if (name === "status") return cborText(random, "completed");
    if (flagFields.includes(name)) return [0xf4 + random.below(2)];
    if (!idFields.includes(name)) return cborText(random, random.of(keys));
    return [0x1b, 0, 0, 0, 0, ...random.bytes(4)];
  };
  if (random.once(2)) return object(random.of(bodies), field);
  const tag = random.of(Object.keys(fields));
  return object(
    ["body"],
    () =>
      object(
        ["tag", "val"],
        (name) =>
          name === "tag" ? cborText(random, tag) : object(fields[tag]!, field),
      ),
  );
}

function cborValue(random: Random, depth: number): number[] {
  if (depth === 0 && random.once(50)) return deepCbor(random);
  if (random.once(40)) return [...random.bytes(random.below(12))];
  const inner = () =>
    depth > 4 ? [random.below(24)] : cborValue(random, depth + 1);
  switch (random.below(13)) {
    case 0:
      return [random.of([0xf4, 0xf5, 0xf6, 0xf7, 0xf8, 0xff])];
    case 1:
      return [random.of([0x1b, 0x3b, 0xfb]), ...random.bytes(8)];
    case 2:
      return [random.of([0x19, 0x39, 0xf9, 0x1a, 0xfa]), ...random.bytes(4)];
    case 3: {
      const bytes = random.bytes(random.below(random.once(9) ? 9000 : 9));
      return [...head(random, 0x40, bytes.length), ...bytes];
    }
    case 4: {
      const bytes = random.bytes(random.once(9) ? random.below(9) : 0);
      return [...head(random, 0x60, bytes.length), ...bytes];
    }
    case 5:
      return cborText(random, random.of(keys));
    case 6: {
      const [tag, value] = random.of(tagged);
      return [0x82, ...cborText(random, tag), ...cborText(random, value)];
    }
    case 7:
      return [...head(random, 0xc0, random.of(tags)), ...inner()];
    case 8: {
      const parts = random.many(random.below(4), () => random.of(classes));
      return [0xd8, 0x1b, ...head(random, 0x80, parts.length)]
        .concat(parts.flatMap((part) => cborText(random, part)));
    }
    case 9:
    case 10: {
      const items = random.many(random.below(5), inner);
      const row = random.once(4) ? [0xd9, 0x01, 0x02] : [];
      return [...row, ...head(random, 0x80, items.length), ...items.flat()];
    }
    default: {
      const names = random.many(random.below(4), () => random.of(keys));
      const map = random.once(4) ? [0xd9, 0x01, 0x03] : [];
      return [...map, ...head(random, 0xa0, names.length)].concat(
        names.flatMap((name) => [...cborText(random, name), ...inner()]),
      );
    }
  }
}

const tagged = [
  ["$BigInt", "-12"],
  ["$BigInt", "9".repeat(11_000)],
  ["$BigInt", "0x1"],
  ["$Uint8Array", "AQI="],
  ["$ArrayBuffer", "AQ"],
  ["$Uint8Array", "*"],
  ["$Undefined", "0"],
  ["$Set", "1"],
  ["$$", "1"],
  ["$", "1"],
] as const;

const classes = [
  "RegExp",
  "a{1,2}",
  "(",
  "[",
  "gg",
  "u",
  "TypeError",
  "(?<a>)",
];

function deepCbor(random: Random): number[] {
  const level = random.of([
    [0x81],
    [0x9f],
    [0xa1, 0x61, 0x61],
    [0xc1],
    [0xd9, 0x01, 0x02, 0x81],
    [0xd9, 0x01, 0x03, 0xa1, 0x01],
    [0x82, 0x64, 0x24, 0x53, 0x65, 0x74, 0x81],
  ]);
  return random.many(random.of([100, 255, 256, 257, 3000]), () => level)
    .flat().concat([0]);
}

function cborText(random: Random, text: string): number[] {
  const bytes = encoder.encode(text);
  return [...head(random, 0x60, bytes.length), ...bytes];
}

// Most are as they should be.
function head(random: Random, kind: number, value: number): number[] {
  switch (random.below(60)) {
    case 0:
      return [kind | 0x1b, ...random.bytes(8)];
    case 1:
      return [kind | 0x1a, ...random.bytes(4)];
    case 2:
      return [kind | 0x1f];
    case 3:
      return [kind | 0x1c];
    case 4:
      return [kind | random.below(24)];
    case 5:
      return [kind | 0x1b, 0, 0, 0, 0, 0, 0, value >> 8, value & 0xff];
  }
  if (value < 24) return [kind | value];
  return value < 0x100
    ? [kind | 24, value]
    : [kind | 25, value >> 8, value & 0xff];
}

function jsonEnvelope(random: Random): string {
  const object = (names: string[], value: (name: string) => string) =>
    `{${names.map((name) => `"${name}":${value(name)}`)}}`;
  const field = (name: string): string => {
    if (random.once(20) || valueFields.includes(name)) {
      return jsonValue(random, 0);
    }
    if (name === "status") return '"completed"';
    if (flagFields.includes(name)) return random.of(["true", "false"]);
    if (!idFields.includes(name)) return JSON.stringify(random.of(keys));
    return random.of(['["$BigInt","7"]', "7", "-1", "1e99", "null", '"7"']);
  };
  if (random.once(2)) return object(random.of(bodies), field);
  const tag = random.of(Object.keys(fields));
  const text = object(
    ["body"],
    () =>
      object(
        ["tag", "val"],
        (name) => name === "tag" ? `"${tag}"` : object(fields[tag]!, field),
      ),
  );
  return random.once(20) ? text.slice(0, random.below(text.length)) : text;
}

function jsonValue(random: Random, depth: number): string {
  const inner = () => depth > 4 ? "0" : jsonValue(random, depth + 1);
  if (depth === 0 && random.once(50)) {
    const [open, close] = random.of([["[", "]"], ['{"a":', "}"], [
      '["$Set",[',
      "]]",
    ]]);
    const levels = random.of([100, 255, 256, 257, 3000]);
    return open!.repeat(levels) + "1" + close!.repeat(levels);
  }
  switch (random.below(9)) {
    case 0:
      return random.of([
        "1",
        "-0",
        "1e999",
        "null",
        "true",
        "[]",
        '"a"',
        "-1.5",
      ]);
    case 1:
      return random.once(20)
        ? random.of(["01", "NaN", "", '"\\x"', '"', "-", "[", "{a:1}"])
        : random.of(['"\\ud800"', '"\\u0000"', '"\u2028"', '"$"']);
    case 2:
      return JSON.stringify(random.of(keys));
    case 3:
      return JSON.stringify(random.of(tagged));
    case 4:
      return `["$Set",[${random.many(random.below(4), inner)}]]`;
    case 5:
      return "9".repeat(random.below(400));
    case 6:
      return `[${random.many(random.below(4), inner)}]`;
    default:
      return `{${
        random.many(
          random.below(4),
          () => `${JSON.stringify(random.of(keys))}:${inner()}`,
        )
      }}`;
  }
}

function bytesOf(frame: Frame): Uint8Array<ArrayBuffer> {
  return typeof frame === "string" ? encoder.encode(frame) : frame;
}

// Each byte as a unit of its own: never an error, and no U+FFFD.
function latin(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}
