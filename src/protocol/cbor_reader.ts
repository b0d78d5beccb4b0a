// Reads values as CBOR (RFC 8949): whatever RivetKit's clients write, and every other form of the same
// values but texts and bytes of indefinite length. An integer of 64 bits is a bigint.
//
// Nothing is allocated for what is announced and not there, nothing is deeper than `maxDepth`, and
// nothing costs more than the budget of the reader.

import { type Budget, costOf } from "./budget.ts";
import type { ByteReader } from "./byte_reader.ts";
import { type HasTags, viewsByTag } from "./cbor_writer.ts";
import { malformed, maxBigIntBytes, maxDepth, setOwn } from "./shapes.ts";
import { isTagged, untag } from "./tagged.ts";

/**
 * Reads a value.
 *
 * @throws {ActorError} `message/malformed` when there is none.
 */
export function readCbor(reader: ByteReader, hasTags: HasTags): unknown {
  return read(reader, hasTags, 0);
}

const indefinite = -1;

function read(reader: ByteReader, hasTags: HasTags, depth: number): unknown {
  if (depth > maxDepth) throw malformed(`it is deeper than ${maxDepth}`);
  const head = reader.byte();
  const info = head & 0x1f;
  switch (head >> 5) {
    case 0:
      return info === 27 ? reader.uint64() : readArgument(reader, info);
    case 1:
      return info === 27
        ? -1n - reader.uint64()
        : -1 - readArgument(reader, info);
    case 2:
      reader.budget.spend(costOf.classed);
      return reader.bytes(readArgument(reader, info)).slice();
    case 3:
      return reader.text(readArgument(reader, info));
    case 4: {
      reader.budget.spend(costOf.plain);
      const items = readItems(reader, readCount(reader, info), hasTags, depth);
      return hasTags && isTagged(items) ? untag(items, reader.budget) : items;
    }
    case 5:
      reader.budget.spend(costOf.plain);
      return readFields(reader, readCount(reader, info), hasTags, depth);
    case 6:
      return readTagged(reader, readArgument(reader, info), hasTags, depth);
    default:
      return readSimple(reader, info);
  }
}

// The number in a head: a value, a length, a count or a tag.
function readArgument(reader: ByteReader, info: number): number {
  if (info < 24) return info;
  switch (info) {
    case 24:
      return reader.byte();
    case 25:
      return reader.uint16();
    case 26:
      return reader.uint32();
    case 27:
      // Too much is too much, however it is rounded.
      return Number(reader.uint64());
    default:
      throw malformed("it has a form of CBOR that is not known here");
  }
}

function readCount(reader: ByteReader, info: number): number {
  return info === 31 ? indefinite : readArgument(reader, info);
}

function readItems(
  reader: ByteReader,
  count: number,
  hasTags: HasTags,
  depth: number,
): unknown[] {
  const items: unknown[] = [];
  for (let i = 0; hasMore(reader, count, i); i++) {
    items.push(read(reader, hasTags, depth + 1));
  }
  return items;
}

function readFields(
  reader: ByteReader,
  count: number,
  hasTags: HasTags,
  depth: number,
): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  let nextIndex = 0;
  for (let i = 0; hasMore(reader, count, i); i++) {
    const key = readKey(reader, hasTags, depth + 1);
    if (typeof key === "number" || isDigit(key.charCodeAt(0))) {
      nextIndex = reader.budget.spendIndex(Number(key), nextIndex);
    }
    const value = read(reader, hasTags, depth + 1);
    if (key === "__proto__") setOwn(fields, key, value);
    else fields[key] = value;
  }
  return fields;
}

function readKey(
  reader: ByteReader,
  hasTags: HasTags,
  depth: number,
): string | number {
  const head = reader.peek() ?? 0;
  if (head >= 0x60 && head < 0x78) {
    reader.byte();
    return reader.knownText(head - 0x60);
  }
  const key = read(reader, hasTags, depth);
  if (typeof key === "string" || typeof key === "number") return key;
  throw malformed("an object has a key that is no text");
}

function isDigit(unit: number): boolean {
  return unit >= 0x30 && unit <= 0x39;
}

// Whether there is one more in a row, which is as long as it says or ends with a byte of its own.
function hasMore(reader: ByteReader, count: number, read: number): boolean {
  if (count !== indefinite) return read < count;
  if (reader.peek() !== 0xff) return true;
  reader.byte();
  return false;
}

function readTagged(
  reader: ByteReader,
  tag: number,
  hasTags: HasTags,
  depth: number,
): unknown {
  if (depth >= maxDepth) throw malformed(`it is deeper than ${maxDepth}`);
  const { budget } = reader;
  switch (tag) {
    case 259:
      budget.spend(costOf.classed);
      return readMap(reader, hasTags, depth + 1);
    case 258: {
      const members = readRow(reader, hasTags, depth + 1);
      budget.spend(costOf.classed + members.length * costOf.member);
      return new Set(members);
    }
    case 27:
      return classOf(readRow(reader, hasTags, depth + 1), budget);
    case 1:
    case 0:
      budget.spend(costOf.classed);
      return dateOf(read(reader, false, depth + 1));
  }
  // Of bytes, which have counted.
  const value = read(reader, false, depth + 1);
  if (value instanceof Uint8Array) {
    if (tag === 2) return bigIntOf(value);
    if (tag === 3) return -1n - bigIntOf(value);
    const View = viewsByTag.get(tag);
    if (View !== undefined) return viewOf(View, value);
  }
  throw malformed(`it has a tag ${tag} that is not known here`);
}

// An array that is what a tag is on; it is no tag and value of the other kind.
function readRow(
  reader: ByteReader,
  hasTags: HasTags,
  depth: number,
): unknown[] {
  const head = reader.byte();
  if (head >> 5 !== 4) throw malformed("a tag is on what it is not for");
  return readItems(reader, readCount(reader, head & 0x1f), hasTags, depth);
}

function readMap(
  reader: ByteReader,
  hasTags: HasTags,
  depth: number,
): Map<unknown, unknown> {
  const head = reader.byte();
  if (head >> 5 !== 5) throw malformed("a tag is on what it is not for");
  const count = readCount(reader, head & 0x1f);
  const map = new Map<unknown, unknown>();
  for (let i = 0; hasMore(reader, count, i); i++) {
    const key = read(reader, hasTags, depth + 1);
    reader.budget.spend(costOf.member);
    map.set(key, read(reader, hasTags, depth + 1));
  }
  return map;
}

function readSimple(reader: ByteReader, info: number): unknown {
  switch (info) {
    case 20:
      return false;
    case 21:
      return true;
    case 22:
      return null;
    case 23:
      reader.budget.spend(costOf.plain);
      return undefined;
    case 25:
      return float16(reader.uint16());
    case 26:
      return reader.float32();
    case 27:
      return reader.float64();
    default:
      throw malformed("it has a form of CBOR that is not known here");
  }
}

function float16(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = bits >> 10 & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1 + fraction / 0x400) * 2 ** (exponent - 15);
}

function dateOf(value: unknown): Date {
  if (typeof value === "number") return new Date(value * 1000);
  if (typeof value === "bigint") return new Date(Number(value) * 1000);
  if (typeof value === "string") {
    const date = new Date(value);
    if (!Number.isNaN(date.getTime())) return date;
  }
  throw malformed("a date is none");
}

function bigIntOf(bytes: Uint8Array): bigint {
  if (bytes.length > maxBigIntBytes) {
    throw malformed(`a bigint has more than ${maxBigIntBytes} bytes`);
  }
  return bytes.length === 0 ? 0n : BigInt(`0x${bytes.toHex()}`);
}

function viewOf(
  View: new (buffer: ArrayBuffer) => ArrayBufferView,
  bytes: Uint8Array,
): ArrayBufferView {
  try {
    return new View(bytes.slice().buffer);
  } catch (cause) {
    throw malformed("a typed array has a part of an item", cause);
  }
}

const errorKinds: ReadonlyMap<unknown, ErrorConstructor> = new Map(
  [EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError]
    .map((kind) => [kind.name, kind]),
);

function classOf(
  [name, text, flags = ""]: unknown[],
  budget: Budget,
): RegExp | Error {
  if (
    typeof name !== "string" || typeof text !== "string" ||
    typeof flags !== "string"
  ) {
    throw malformed("a RegExp or Error is none");
  }
  if (name === "RegExp") {
    budget.spend(costOf.classed * (1 + text.length));
    try {
      return new RegExp(text, flags);
    } catch (cause) {
      throw malformed("a RegExp is none", cause);
    }
  }
  budget.spend(costOf.error);
  const error = new (errorKinds.get(name) ?? Error)(text);
  if (error.name !== name) error.name = name;
  return error;
}
