// The `cbor` encoding: the messages of the `json` encoding, as CBOR.

import { ByteReader } from "./byte_reader.ts";
import { bytesBy } from "./byte_writer.ts";
import { readCbor } from "./cbor_reader.ts";
import { type HasTags, writeCbor } from "./cbor_writer.ts";
import type { Line } from "./line.ts";
import type { Encoding, Frame, ToClient, ToServer } from "./messages.ts";
import {
  argsOf,
  errorOf,
  fieldsOf,
  malformed,
  sendOf,
  sentOf,
  toClientOf,
  toServerOf,
} from "./shapes.ts";

/**
 * The `cbor` encoding of a line. Clients of the line 2.3 look for tags in what they read, though they
 * write none.
 */
export function cborFor(line: Line): Encoding {
  const hasTags = line === "2.3";
  const encoding: Encoding = {
    name: "cbor",
    contentType: "application/octet-stream",
    spokenIn: () => encoding,
    encodeCall: (args) => encodeCbor({ args }),
    decodeCall: (body) => argsOf(fieldsOf(decodeCbor(body)).args),
    encodeResult: (output) => encodeCbor({ output }, hasTags),
    decodeResult: (body) => fieldsOf(decodeCbor(body, hasTags)).output,
    encodeSend: (send) => encodeCbor(send),
    decodeSend: (body) => sendOf(decodeCbor(body)),
    encodeSent: (sent) => encodeCbor(sent, hasTags),
    decodeSent: (body) => sentOf(decodeCbor(body, hasTags)),
    encodeError: (error) => encodeCbor(error, hasTags),
    decodeError: (body) => errorOf(decodeCbor(body, hasTags)),
    encodeToServer: (message) =>
      encodeCbor({ body: withBigInt(message, "id") }),
    decodeToServer: (frame) => toServerOf(decodeCbor(frame)),
    encodeToClient: (message) => {
      const field = message.tag === "Error" ? "actionId" : "id";
      return encodeCbor({ body: withBigInt(message, field) }, hasTags);
    },
    decodeToClient: (frame) => toClientOf(decodeCbor(frame, hasTags)),
  };
  return encoding;
}

/**
 * The bytes of one value.
 *
 * @throws {TypeError} when there is a function, symbol or promise in it, or it is too deep.
 */
export function encodeCbor(
  value: unknown,
  hasTags: HasTags = false,
): Uint8Array<ArrayBuffer> {
  return bytesBy((writer) => writeCbor(writer, value, hasTags));
}

/**
 * The value of bytes.
 *
 * @throws {ActorError} `message/malformed` when they are not those of one value.
 */
export function decodeCbor(body: Frame, hasTags: HasTags = false): unknown {
  if (typeof body === "string") throw malformed("it is a text, not bytes");
  const reader = new ByteReader(body);
  const value = readCbor(reader, hasTags);
  reader.end();
  return value;
}

// Clients take nothing for an identifier but an integer of 64 bits, which a bigint is written as.
function withBigInt(message: ToServer | ToClient, field: string): unknown {
  const val = message.val as Record<string, unknown>;
  const id = val[field];
  return typeof id === "number"
    ? { tag: message.tag, val: { ...val, [field]: BigInt(id) } }
    : message;
}
