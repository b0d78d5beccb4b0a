// The `bare` encoding: BARE with two bytes of version before each message, and values as CBOR within.
// Clients up to 2.0 write version 2, up to 2.2 version 3 and from 2.3 on version 4; each reads its own
// and those before. Whatever is read may be of any version; what is written has one.

import type { ActorPlace, WireError } from "../errors.ts";
import { Budget, unlimited } from "./budget.ts";
import { ByteReader } from "./byte_reader.ts";
import { beginBytes, type ByteWriter, writeVarint } from "./byte_writer.ts";
import { readCbor } from "./cbor_reader.ts";
import { writeCbor } from "./cbor_writer.ts";
import type {
  Body,
  Encoding,
  QueueSend,
  QueueSent,
  ToClient,
  ToServer,
} from "./messages.ts";
import { argsOf, bytesOf, malformed, sentOf } from "./shapes.ts";

/** A version of the encoding. */
export type BareVersion = 1 | 2 | 3 | 4;

// The first version that knows queues, and the first with tags in values and a place in errors.
const queueVersion = 3;
const tagVersion = 4;

const encodings: Record<number, Encoding> = {
  1: create(1),
  2: create(2),
  3: create(3),
  4: create(4),
};

/** The `bare` encoding that writes one version. */
export function bareFor(version: BareVersion): Encoding {
  return encodings[version]!;
}

function create(version: BareVersion): Encoding {
  return {
    name: "bare",
    contentType: "application/octet-stream",
    spokenIn: (frame) => encodings[open(frame).version]!,
    encodeCall: (args) => encode(version, args, writeValue),
    decodeCall: (body) =>
      argsOf(decode(body, readValue, new Budget(body.length))),
    encodeResult: (output) => encode(version, output, writeValue),
    decodeResult: (body) => decode(body, readValue),
    encodeSend: (send) =>
      encode(Math.max(version, queueVersion), send, writeSend),
    decodeSend: (body) => decode(body, readSend, new Budget(body.length)),
    encodeSent: (sent) =>
      encode(Math.max(version, queueVersion), sent, writeSent),
    decodeSent: (body) => decode(body, readSent),
    encodeError: (error) => encode(version, error, writeError),
    decodeError: (body) => decode(body, readError),
    encodeToServer: (message) => encode(version, message, writeToServer),
    decodeToServer: (frame) =>
      decode(frame, readToServer, new Budget(frame.length)),
    encodeToClient: (message) => encode(version, message, writeToClient),
    decodeToClient: (frame) => decode(frame, readToClient),
  };
}

type Write<M> = (writer: ByteWriter, message: M, version: number) => void;
type Read<M> = (reader: ByteReader, version: number) => M;

function encode<M>(
  version: number,
  message: M,
  write: Write<M>,
): Uint8Array<ArrayBuffer> {
  const writer = beginBytes();
  writer.uint16Le(version);
  write(writer, message, version);
  return writer.end();
}

// Without a budget it is a message of a server.
function decode<M>(frame: Body, read: Read<M>, budget = unlimited): M {
  const { reader, version } = open(frame, budget);
  const message = read(reader, version);
  reader.end();
  return message;
}

function open(
  frame: Body,
  budget = unlimited,
): { reader: ByteReader; version: number } {
  const reader = new ByteReader(bytesOf(frame), budget);
  const version = reader.uint16Le();
  if (encodings[version] !== undefined) return { reader, version };
  throw malformed(`it has version ${version}, and 1 to 4 are known`);
}

function writeToServer(
  writer: ByteWriter,
  message: ToServer,
  version: number,
): void {
  if (message.tag === "ActionRequest") {
    const { id, name, args } = message.val;
    writer.byte(0);
    writer.varint(id);
    writeText(writer, name);
    writeValue(writer, args, version);
  } else {
    const { eventName, subscribe } = message.val;
    writer.byte(1);
    writeText(writer, eventName);
    writeBoolean(writer, subscribe);
  }
}

function readToServer(reader: ByteReader, version: number): ToServer {
  switch (reader.byte()) {
    case 0: {
      const id = reader.varint();
      const name = readText(reader);
      const args = argsOf(readValue(reader, version));
      return { tag: "ActionRequest", val: { id, name, args } };
    }
    case 1: {
      const eventName = readText(reader);
      const subscribe = readBoolean(reader);
      return { tag: "SubscriptionRequest", val: { eventName, subscribe } };
    }
    default:
      throw malformed("unknown message");
  }
}

function writeToClient(
  writer: ByteWriter,
  message: ToClient,
  version: number,
): void {
  switch (message.tag) {
    case "Init":
      writer.byte(0);
      writeText(writer, message.val.actorId);
      writeText(writer, message.val.connectionId);
      // A token that clients of version 1 could come back with, which they do not need.
      if (version === 1) writeText(writer, "");
      return;
    case "Error":
      writer.byte(1);
      writeWhat(writer, message.val, version);
      writeOptional(writer, message.val.actionId ?? undefined, writeVarint);
      return writePlace(writer, message.val.actor, version);
    case "ActionResponse":
      writer.byte(2);
      writer.varint(message.val.id);
      return writeValue(writer, message.val.output, version);
    case "Event":
      writer.byte(3);
      writeText(writer, message.val.name);
      return writeValue(writer, message.val.args, version);
  }
}

function readToClient(reader: ByteReader, version: number): ToClient {
  switch (reader.byte()) {
    case 0: {
      const actorId = readText(reader);
      const connectionId = readText(reader);
      if (version === 1) readText(reader);
      return { tag: "Init", val: { actorId, connectionId } };
    }
    case 1: {
      const what = readWhat(reader, version);
      const actionId = readOptional(reader, () => reader.varint()) ?? null;
      const place = readPlace(reader, version);
      return { tag: "Error", val: { ...what, ...place, actionId } };
    }
    case 2: {
      const id = reader.varint();
      const output = readValue(reader, version);
      return { tag: "ActionResponse", val: { id, output } };
    }
    case 3: {
      const name = readText(reader);
      const args = argsOf(readValue(reader, version));
      return { tag: "Event", val: { name, args } };
    }
    default:
      throw malformed("unknown message");
  }
}

function writeSend(
  writer: ByteWriter,
  { name, body, wait, timeout }: QueueSend,
  version: number,
): void {
  writeValue(writer, body, version);
  writeOptional(writer, name, writeText);
  writeOptional(writer, wait, writeBoolean);
  writeOptional(
    writer,
    timeout,
    (_, value) => writer.uint64Le(BigInt(Math.ceil(value))),
  );
}

function readSend(reader: ByteReader, version: number): QueueSend {
  checkQueues(version);
  const body = readValue(reader, version);
  const name = readOptional(reader, () => readText(reader)) ?? "";
  const wait = readOptional(reader, () => readBoolean(reader)) ?? false;
  const timeout = readOptional(reader, () => Number(reader.uint64Le()));
  return { name, body, wait, timeout };
}

function writeSent(
  writer: ByteWriter,
  { status, response }: QueueSent,
  version: number,
): void {
  writeText(writer, status);
  writeOptional(
    writer,
    response,
    (_, value) => writeValue(writer, value, version),
  );
}

function readSent(reader: ByteReader, version: number): QueueSent {
  checkQueues(version);
  const status = readText(reader);
  const response = readOptional(reader, () => readValue(reader, version));
  return sentOf({ status, response });
}

function checkQueues(version: number): void {
  if (version >= queueVersion) return;
  throw malformed(`there are no queues in version ${version}`);
}

function writeError(
  writer: ByteWriter,
  error: WireError,
  version: number,
): void {
  writeWhat(writer, error, version);
  writePlace(writer, error.actor, version);
}

function readError(reader: ByteReader, version: number): WireError {
  return { ...readWhat(reader, version), ...readPlace(reader, version) };
}

function writeWhat(
  writer: ByteWriter,
  { group, code, message, metadata }: WireError,
  version: number,
): void {
  writeText(writer, group);
  writeText(writer, code);
  writeText(writer, message);
  writeOptional(
    writer,
    metadata,
    (_, value) => writeValue(writer, value, version),
  );
}

function readWhat(reader: ByteReader, version: number): WireError {
  const group = readText(reader);
  const code = readText(reader);
  const message = readText(reader);
  const metadata = readOptional(reader, () => readValue(reader, version));
  return metadata === undefined
    ? { group, code, message }
    : { group, code, message, metadata };
}

function writePlace(
  writer: ByteWriter,
  place: ActorPlace | undefined,
  version: number,
): void {
  if (version < tagVersion) return;
  writeOptional(writer, place, (_, { actorId, generation, key }) => {
    writeText(writer, actorId);
    writer.varint(generation);
    writeOptional(writer, key, writeText);
  });
}

function readPlace(
  reader: ByteReader,
  version: number,
): { actor?: ActorPlace } {
  if (version < tagVersion) return {};
  const actor = readOptional(reader, () => {
    const actorId = readText(reader);
    const generation = reader.varint();
    const key = readOptional(reader, () => readText(reader));
    return key === undefined
      ? { actorId, generation }
      : { actorId, generation, key };
  });
  return actor === undefined ? {} : { actor };
}

// A value is CBOR behind its length.
function writeValue(writer: ByteWriter, value: unknown, version: number): void {
  const begin = writer.beginSized();
  writeCbor(writer, value, version >= tagVersion);
  writer.endSized(begin);
}

function readValue(reader: ByteReader, version: number): unknown {
  const end = reader.beginSized(reader.varint());
  const value = readCbor(reader, version >= tagVersion);
  reader.endSized(end);
  return value;
}

function writeText(writer: ByteWriter, text: string): void {
  writer.text(text, writeVarint);
}

function readText(reader: ByteReader): string {
  return reader.text(reader.varint());
}

function writeBoolean(writer: ByteWriter, value: boolean): void {
  writer.byte(value ? 1 : 0);
}

function readBoolean(reader: ByteReader): boolean {
  const byte = reader.byte();
  if (byte > 1) throw malformed("a boolean is none");
  return byte === 1;
}

function writeOptional<V>(
  writer: ByteWriter,
  value: V | undefined,
  write: (writer: ByteWriter, value: V) => void,
): void {
  writeBoolean(writer, value !== undefined);
  if (value !== undefined) write(writer, value);
}

function readOptional<V>(reader: ByteReader, read: () => V): V | undefined {
  return readBoolean(reader) ? read() : undefined;
}
