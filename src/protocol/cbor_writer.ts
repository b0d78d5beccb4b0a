// Writes values as CBOR (RFC 8949), in the form that RivetKit's clients write and read:
//
// - A whole number of 32 bits and a sign is an integer; every other number has 64 bits of floating
//   point, for the clients take an integer of 64 bits for a bigint, which is always written as one.
// - An object has a count of two bytes.
// - Map, Set, Date, RegExp, Error and typed arrays have their tags; an ArrayBuffer is plain bytes.

import type { ByteWriter } from "./byte_writer.ts";
import { maxBigIntBytes, maxDepth } from "./shapes.ts";
import { escapeTag, isTagged } from "./tagged.ts";

/**
 * Whether the reader takes an array of two that begins with a text with `$` for a tag and a value, as
 * in tagged.ts. Then an array of the user's is written so that it is not taken for one, and an
 * ArrayBuffer so that it is no Uint8Array for the reader.
 */
export type HasTags = boolean;

/**
 * Writes a value.
 *
 * @throws {TypeError} when there is a function, symbol or promise in it, or a bigint of more than
 * 4,096 bytes, or it is too deep.
 */
export function writeCbor(
  writer: ByteWriter,
  value: unknown,
  hasTags: HasTags,
): void {
  write(writer, value, hasTags, 0);
}

function write(
  writer: ByteWriter,
  value: unknown,
  hasTags: HasTags,
  depth: number,
): void {
  switch (typeof value) {
    case "string":
      return writer.text(value, writeTextHead);
    case "number":
      return writeNumber(writer, value);
    case "boolean":
      return writer.byte(value ? 0xf5 : 0xf4);
    case "undefined":
      return writer.byte(0xf7);
    case "bigint":
      return writeBigInt(writer, value);
    case "object":
      if (value === null) return writer.byte(0xf6);
      if (depth > maxDepth) {
        throw new TypeError(`Cannot send a value deeper than ${maxDepth}`);
      }
      return writeObject(writer, value, hasTags, depth + 1);
    default:
      throw new TypeError(`Cannot send a ${typeof value}`);
  }
}

function writeNumber(writer: ByteWriter, value: number): void {
  // Zero may have a sign, which an integer has not.
  if (isInteger(value) && !Object.is(value, -0)) {
    if (value >= 0) writeHead(writer, 0x00, value);
    else writeHead(writer, 0x20, -1 - value);
  } else {
    writer.byte(0xfb);
    writer.float64(value);
  }
}

function isInteger(value: number): boolean {
  return (value | 0) === value ||
    Number.isInteger(value) && value >= -0x1_0000_0000 && value <= 0xffff_ffff;
}

function writeBigInt(writer: ByteWriter, value: bigint): void {
  const isNegative = value < 0n;
  const magnitude = isNegative ? -1n - value : value;
  if (magnitude <= 0xffff_ffff_ffff_ffffn) {
    writer.byte(isNegative ? 0x3b : 0x1b);
    writer.uint64(magnitude);
    return;
  }
  const hex = magnitude.toString(16);
  if (hex.length > maxBigIntBytes * 2) {
    throw new TypeError(
      `Cannot send a bigint of more than ${maxBigIntBytes} bytes`,
    );
  }
  writer.byte(isNegative ? 0xc3 : 0xc2);
  writeBytes(
    writer,
    Uint8Array.fromHex(hex.length % 2 === 0 ? hex : `0${hex}`),
  );
}

function writeObject(
  writer: ByteWriter,
  value: object,
  hasTags: HasTags,
  depth: number,
): void {
  if (Array.isArray(value)) {
    return writeArray(writer, value, hasTags, depth);
  }
  // As JSON.stringify does: a URL or a Temporal date is a text.
  if (
    "toJSON" in value && typeof value.toJSON === "function" &&
    !(value instanceof Date)
  ) {
    return write(writer, value.toJSON(), hasTags, depth);
  }
  const prototype = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) {
    return writeFields(writer, value, hasTags, depth);
  }
  if (value instanceof Map) {
    writeTag(writer, 259);
    writeHead(writer, 0xa0, value.size);
    for (const [key, member] of value) {
      write(writer, key, hasTags, depth);
      write(writer, member, hasTags, depth);
    }
    return;
  }
  if (value instanceof Set) {
    writeTag(writer, 258);
    writeHead(writer, 0x80, value.size);
    for (const member of value) write(writer, member, hasTags, depth);
    return;
  }
  if (value instanceof Date) return writeDate(writer, value);
  if (ArrayBuffer.isView(value)) return writeView(writer, value);
  if (value instanceof ArrayBuffer) {
    const bytes = new Uint8Array(value);
    if (!hasTags) return writeBytes(writer, bytes);
    const tagged = ["$ArrayBuffer", bytes.toBase64()];
    return writeItems(writer, tagged, hasTags, depth);
  }
  if (value instanceof RegExp) {
    writeTag(writer, 27);
    return writeItems(
      writer,
      ["RegExp", value.source, value.flags],
      hasTags,
      depth,
    );
  }
  if (value instanceof Error) {
    writeTag(writer, 27);
    return writeItems(writer, [value.name, value.message], hasTags, depth);
  }
  if (value instanceof Promise) throw new TypeError("Cannot send a promise");
  writeFields(writer, value, hasTags, depth);
}

function writeArray(
  writer: ByteWriter,
  value: unknown[],
  hasTags: HasTags,
  depth: number,
): void {
  const isEscaped = hasTags && isTagged(value);
  writeItems(writer, isEscaped ? escapeTag(value) : value, hasTags, depth);
}

function writeItems(
  writer: ByteWriter,
  items: readonly unknown[],
  hasTags: HasTags,
  depth: number,
): void {
  const { length } = items;
  writeHead(writer, 0x80, length);
  for (let i = 0; i < length; i++) write(writer, items[i], hasTags, depth);
}

function writeFields(
  writer: ByteWriter,
  value: object,
  hasTags: HasTags,
  depth: number,
): void {
  const keys = Object.keys(value);
  if (keys.length <= 0xffff) {
    writer.byte(0xb9);
    writer.uint16(keys.length);
  } else {
    writeHead(writer, 0xa0, keys.length);
  }
  for (const key of keys) {
    writer.text(key, writeTextHead);
    write(writer, (value as Record<string, unknown>)[key], hasTags, depth);
  }
}

function writeDate(writer: ByteWriter, date: Date): void {
  const seconds = date.getTime() / 1000;
  writer.byte(0xc1);
  if (Number.isInteger(seconds) && seconds >= 0 && seconds <= 0xffff_ffff) {
    writer.byte(0x1a);
    writer.uint32(seconds);
  } else {
    writer.byte(0xfb);
    writer.float64(seconds);
  }
}

// Tags of RFC 8746: bytes in the order of the machines that there are, the lowest first.
const viewTags: [new (buffer: ArrayBuffer) => ArrayBufferView, number][] = [
  [Uint8Array, 64],
  [Uint8ClampedArray, 68],
  [Uint16Array, 69],
  [Uint32Array, 70],
  [BigUint64Array, 71],
  [Int8Array, 72],
  [Int16Array, 77],
  [Int32Array, 78],
  [BigInt64Array, 79],
  [Float32Array, 85],
  [Float64Array, 86],
];

/** The kinds of typed arrays by their tags. */
export const viewsByTag: ReadonlyMap<
  number,
  new (buffer: ArrayBuffer) => ArrayBufferView
> = new Map(viewTags.map(([kind, tag]) => [tag, kind]));

function writeView(writer: ByteWriter, view: ArrayBufferView): void {
  const [, tag] = viewTags.find(([kind]) => view instanceof kind) ?? [];
  if (tag === undefined) {
    throw new TypeError(`Cannot send a ${view.constructor.name}`);
  }
  writeTag(writer, tag);
  const { buffer, byteOffset, byteLength } = view;
  writeBytes(writer, new Uint8Array(buffer, byteOffset, byteLength));
}

function writeBytes(writer: ByteWriter, bytes: Uint8Array): void {
  writeHead(writer, 0x40, bytes.length);
  writer.bytes(bytes);
}

function writeTag(writer: ByteWriter, tag: number): void {
  writeHead(writer, 0xc0, tag);
}

function writeTextHead(writer: ByteWriter, length: number): void {
  writeHead(writer, 0x60, length);
}

// What comes next, in the three highest bits, and a number of at most 32 bits, as short as it can be.
function writeHead(writer: ByteWriter, kind: number, value: number): void {
  if (value < 24) {
    writer.byte(kind | value);
  } else if (value <= 0xff) {
    writer.byte(kind | 24);
    writer.byte(value);
  } else if (value <= 0xffff) {
    writer.byte(kind | 25);
    writer.uint16(value);
  } else {
    writer.byte(kind | 26);
    writer.uint32(value);
  }
}
