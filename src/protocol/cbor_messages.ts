// The messages in CBOR that there are most of: calls, their results, and events.
//
// What is around their values is always the same, so it is written and read as bytes, and no objects are
// made of it. Who writes it otherwise, such as with shorter counts, is read as any other value.

import { Budget } from "./budget.ts";
import { ByteReader } from "./byte_reader.ts";
import { beginBytes, type ByteWriter } from "./byte_writer.ts";
import { readCbor } from "./cbor_reader.ts";
import { type HasTags, writeCbor } from "./cbor_writer.ts";
import type {
  ActionRequest,
  ActionResponse,
  Event,
  Frame,
} from "./messages.ts";
import { argsOf, idOf, textOf } from "./shapes.ts";

const aroundRequest = once(() =>
  around("ActionRequest", ["id", "name", "args"])
);
const aroundResponse = once(() => around("ActionResponse", ["id", "output"]));
const aroundEvent = once(() => around("Event", ["name", "args"]));

/** Writes a call. */
export function encodeRequest({ id, name, args }: ActionRequest["val"]): Frame {
  const [beforeId, beforeName, beforeArgs] = aroundRequest();
  const writer = beginBytes();
  writer.fewBytes(beforeId!);
  writeId(writer, id);
  writer.fewBytes(beforeName!);
  writeCbor(writer, name, false);
  writer.fewBytes(beforeArgs!);
  writeCbor(writer, args, false);
  return writer.end();
}

/** Reads a call; `undefined` when it is something else, or written otherwise. */
export function decodeRequest(bytes: Uint8Array): ActionRequest | undefined {
  const [beforeId, beforeName, beforeArgs] = aroundRequest();
  const reader = new ByteReader(bytes, new Budget(bytes.length));
  if (!reader.skips(beforeId!)) return undefined;
  const id = readId(reader);
  if (!reader.skips(beforeName!)) return undefined;
  const name = textOf(readCbor(reader, false));
  if (!reader.skips(beforeArgs!)) return undefined;
  const args = argsOf(readCbor(reader, false));
  reader.end();
  return { tag: "ActionRequest", val: { id, name, args } };
}

/** Writes the result of a call. */
export function encodeResponse(
  { id, output }: ActionResponse["val"],
  hasTags: HasTags,
): Frame {
  const [beforeId, beforeOutput] = aroundResponse();
  const writer = beginBytes();
  writer.fewBytes(beforeId!);
  writeId(writer, id);
  writer.fewBytes(beforeOutput!);
  writeCbor(writer, output, hasTags);
  return writer.end();
}

/** Reads the result of a call; `undefined` when it is something else, or written otherwise. */
export function decodeResponse(
  bytes: Uint8Array,
  hasTags: HasTags,
): ActionResponse | undefined {
  const [beforeId, beforeOutput] = aroundResponse();
  const reader = new ByteReader(bytes);
  if (!reader.skips(beforeId!)) return undefined;
  const id = readId(reader);
  if (!reader.skips(beforeOutput!)) return undefined;
  const output = readCbor(reader, hasTags);
  reader.end();
  return { tag: "ActionResponse", val: { id, output } };
}

/** Writes an event. */
export function encodeEvent(
  { name, args }: Event["val"],
  hasTags: HasTags,
): Frame {
  const [beforeName, beforeArgs] = aroundEvent();
  const writer = beginBytes();
  writer.fewBytes(beforeName!);
  writeCbor(writer, name, false);
  writer.fewBytes(beforeArgs!);
  writeCbor(writer, args, hasTags);
  return writer.end();
}

/** Reads an event; `undefined` when it is something else, or written otherwise. */
export function decodeEvent(
  bytes: Uint8Array,
  hasTags: HasTags,
): Event | undefined {
  const [beforeName, beforeArgs] = aroundEvent();
  const reader = new ByteReader(bytes);
  if (!reader.skips(beforeName!)) return undefined;
  const name = textOf(readCbor(reader, false));
  if (!reader.skips(beforeArgs!)) return undefined;
  const args = argsOf(readCbor(reader, hasTags));
  reader.end();
  return { tag: "Event", val: { name, args } };
}

// Made when it is first needed: most programs write JSON, and it would be much of what the import takes.
function once<V>(make: () => V): () => V {
  let made: V | undefined;
  return () => made ??= make();
}

// The bytes before each value of a message, which has nothing behind the last.
function around(tag: string, fields: string[]): Uint8Array[] {
  const val = Object.fromEntries(fields.map((name) => [name, null]));
  const writer = beginBytes();
  writeCbor(writer, { body: { tag, val } }, false);
  const bytes = writer.end();
  let start = 0;
  return fields.map(() => {
    // Where the value would begin, which is null here.
    const end = bytes.indexOf(0xf6, start);
    const part = bytes.slice(start, end);
    start = end + 1;
    return part;
  });
}

// Clients take nothing for an identifier but an integer of 64 bits, as a bigint is written.
function writeId(writer: ByteWriter, id: number): void {
  writer.byte(0x1b);
  writer.uint32(Math.floor(id / 0x1_0000_0000));
  writer.uint32(id % 0x1_0000_0000);
}

function readId(reader: ByteReader): number {
  if (reader.peek() !== 0x1b) return idOf(readCbor(reader, false));
  reader.byte();
  return idOf(reader.uint32() * 0x1_0000_0000 + reader.uint32());
}
