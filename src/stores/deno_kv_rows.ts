// Bytes as rows of Deno KV: the keys, the framing of values, and the limits.
//
//   format                                    version of this layout
//   fence                                     the last fence given out
//   head, actorId                             an actor's head: what its other rows are read by, and
//                                             a small snapshot
//   key, name, key                            actorId
//   name, name, actorId                       key, and the record's first row
//   actor, actorId, "record", n               more rows of the record
//   actor, actorId, "snapshot", n
//   actor, actorId, "journal", n              entries one behind the other
//   actor, actorId, "connection", id, n
//   actor, actorId, "draft", draftId, n       a large step under way, see deno_kv_draft.ts
//   kv, actorId, key                          the first row of a key's value; see packKey()
//   kv more, actorId, key, n                  more rows of it
//   due, dueMs, id, actorId                   an alarm's call, first row
//   alarm, actorId, dueMs, id                 that the actor has this alarm
//   alarm, actorId, dueMs, id, n              more rows of its call
//   drafts, actorId, draftId                  that there is this draft
//   drafts, 0                                 changes whenever a draft was applied
//
// All keys begin with "troupe", because an application may keep its own things in the database.
// A value longer than a row takes several, the first of which tells how many.

import { actorError } from "../errors.ts";
import type { Check, Entry, Key, Row } from "./deno_kv_database.ts";

/** What an atomic write may hold; a little below what Deno KV allows. */
const limits = {
  checks: 90,
  mutations: 900,
  bytes: 780_000,
  keyBytes: 78_000,
};
/** The longest key that Deno KV takes, in its own encoding. */
export const longestKey = 2_048;
/** How many bytes of a value go into one row; the frame must fit beside them. */
const longestPiece = 62_000;

/** A key of ours. */
export function keyOf(...parts: Key): Key {
  return ["troupe", ...parts];
}

// In the order of their codes.
const digits =
  "-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz";
const valueOfDigit = new Map(Array.from(digits, (digit, n) => [digit, n]));

/**
 * An actor's own key as a part of ours: six bits a character, so that none is a zero, which takes
 * two bytes in Deno KV. The texts are in the order of the bytes.
 */
export function packKey(key: Uint8Array): string {
  let packed = "";
  let bits = 0;
  let count = 0;
  for (const byte of key) {
    bits = bits << 8 | byte;
    count += 8;
    for (; count >= 6; count -= 6) packed += digits[bits >> count - 6 & 63];
    bits &= 63;
  }
  return count === 0 ? packed : packed + digits[bits << 6 - count & 63];
}

/** The key that {@linkcode packKey} has packed. */
export function unpackKey(packed: string): Uint8Array {
  const key = new Uint8Array(packed.length * 6 >> 3);
  let bits = 0;
  let count = 0;
  let at = 0;
  for (const digit of packed) {
    bits = (bits << 6 | valueOfDigit.get(digit)!) & 0xffff;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    key[at++] = bits >> count;
  }
  return key;
}

/** What stands before the bytes of a row. */
export interface RowHeader {
  /** How many rows the value has; in its first row only. */
  rows?: number;
  /** The revision that wrote the value, so that rows of two values are never joined. */
  revision?: number;
  /** The actor's key; in the first row of a record only. */
  key?: string;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

// Where most headers are made into bytes.
const scratch = new Uint8Array(4096);
const nothing = new Uint8Array();

/** A header, as JSON behind its length, and bytes. */
export function frame(
  header: object,
  bytes: Uint8Array = nothing,
): Uint8Array {
  const text = JSON.stringify(header);
  // UTF-8 needs at most three bytes for each UTF-16 unit.
  const most = text.length * 3;
  const json = most <= scratch.length ? scratch : new Uint8Array(most);
  const { written: length } = encoder.encodeInto(text, json);
  const framed = new Uint8Array(4 + length + bytes.length);
  new DataView(framed.buffer).setUint32(0, length);
  framed.set(json.subarray(0, length), 4);
  framed.set(bytes, 4 + length);
  return framed;
}

/** Takes apart what {@linkcode frame} made; the caller knows what the header is. */
export function unframe<Header extends object>(
  value: unknown,
): { header: Header; bytes: Uint8Array } {
  if (!(value instanceof Uint8Array)) {
    throw actorError("store/corrupt", "A row in Deno KV holds no bytes");
  }
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  const end = 4 + view.getUint32(0);
  return {
    header: JSON.parse(decoder.decode(value.subarray(4, end))),
    bytes: value.subarray(end),
  };
}

/** The rows of a value; the n-th is at `keyAt(n)`. */
export function rowsOf(
  bytes: Uint8Array,
  { revision, keyAt, first }: {
    revision: number;
    keyAt: (n: number) => Key;
    first?: RowHeader;
  },
): Row[] {
  const count = Math.max(1, Math.ceil(bytes.length / longestPiece));
  return Array.from({ length: count }, (_, n) => {
    const header: RowHeader = n === 0
      ? { ...first, rows: count, revision }
      : { revision };
    const start = n * longestPiece;
    const piece = bytes.subarray(start, start + longestPiece);
    return { key: keyAt(n), value: frame(header, piece) };
  });
}

/** The values in rows that follow each other; `undefined` when one has not all its rows. */
export function valuesOf(entries: readonly Entry[]): Uint8Array[] | undefined {
  const rows = entries.map(({ value }) => unframe<RowHeader>(value));
  const values: Uint8Array[] = [];
  for (let at = 0; at < rows.length;) {
    const { rows: count, revision } = rows[at]!.header;
    const group = rows.slice(at, at + (count ?? 0));
    const isWhole = group.length > 0 && group.length === count &&
      group.every(({ header }) => header.revision === revision);
    if (!isWhole) return undefined;
    values.push(concat(group.map(({ bytes }) => bytes)));
    at += group.length;
  }
  return values;
}

/** All bytes, one behind the other. */
export function concat(parts: readonly Uint8Array[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Checks and rows that are to be written in one atomic write, as far as they fit. */
export class Batch {
  readonly checks: Check[] = [];
  readonly rows: Row[] = [];
  #bytes = 0;
  #keyBytes = 0;

  /** Takes all of it, or nothing when that would be too much; then it answers `false`. */
  add(
    { checks = [], rows }: {
      checks?: readonly Check[];
      rows: readonly Row[];
    },
  ): boolean {
    let bytes = this.#bytes;
    let keyBytes = this.#keyBytes;
    for (const { key } of checks) keyBytes += keySize(key);
    for (const { key, value } of rows) {
      const size = keySize(key);
      keyBytes += size;
      bytes += size + (value?.length ?? 0);
    }
    const fits = this.checks.length + checks.length <= limits.checks &&
      this.rows.length + rows.length <= limits.mutations &&
      bytes <= limits.bytes && keyBytes <= limits.keyBytes;
    if (!fits) return false;
    this.checks.push(...checks);
    this.rows.push(...rows);
    this.#bytes = bytes;
    this.#keyBytes = keyBytes;
    return true;
  }
}

/** Rows in as few batches as they fit in, each with the same checks. */
export function batchesOf(
  rows: readonly Row[],
  checks: readonly Check[],
): Batch[] {
  const batches: Batch[] = [];
  let batch: Batch | undefined;
  for (const row of rows) {
    if (batch?.add({ rows: [row] })) continue;
    batch = new Batch();
    batch.add({ checks, rows: [row] });
    batches.push(batch);
  }
  return batches;
}

/** How long a key is in Deno KV's encoding. */
export function keySize(key: Key): number {
  let size = 0;
  for (const part of key) {
    size += typeof part === "number" ? 9 : 2 + textSize(part);
  }
  return size;
}

/** UTF-8 bytes of a text; a zero takes two in a key. */
function textSize(text: string): number {
  let size = 0;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    const isHalf = code >= 0xd800 && code < 0xe000;
    if (code === 0 || isHalf) size += 2;
    else size += code < 0x80 ? 1 : code < 0x800 ? 2 : 3;
  }
  return size;
}
