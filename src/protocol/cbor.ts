// The `cbor` encoding: the messages of the `json` encoding, as CBOR.

import { Budget, unlimited } from "./budget.ts";
import { ByteReader } from "./byte_reader.ts";
import { beginBytes } from "./byte_writer.ts";
import {
  decodeEvent,
  decodeRequest,
  decodeResponse,
  encodeEvent,
  encodeRequest,
  encodeResponse,
} from "./cbor_messages.ts";
import { readCbor } from "./cbor_reader.ts";
import { type HasTags, writeCbor } from "./cbor_writer.ts";
import type { Line } from "./line.ts";
import { type Body, type Encoding, envelopeOf } from "./messages.ts";
import {
  argsOf,
  bytesOf,
  errorOf,
  fieldsOf,
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
    decodeResult: (body) =>
      fieldsOf(decodeCbor(body, hasTags, unlimited)).output,
    encodeSend: (send) => encodeCbor(send),
    decodeSend: (body) => sendOf(decodeCbor(body)),
    encodeSent: (sent) => encodeCbor(sent, hasTags),
    decodeSent: (body) => sentOf(decodeCbor(body, hasTags, unlimited)),
    encodeError: (error) => encodeCbor(error, hasTags),
    decodeError: (body) => errorOf(decodeCbor(body, hasTags, unlimited)),
    encodeToServer: (message) =>
      message.tag === "ActionRequest"
        ? encodeRequest(message.val)
        : encodeCbor({ body: message }),
    decodeToServer: (frame) =>
      decodeRequest(bytesOf(frame)) ?? toServerOf(decodeCbor(frame)),
    encodeToClient: (message) => {
      switch (message.tag) {
        case "ActionResponse":
          return encodeResponse(message.val, hasTags);
        case "Event":
          return encodeEvent(message.val, hasTags);
        case "Error":
          return encodeCbor(envelopeOf(message), hasTags);
        default:
          return encodeCbor({ body: message });
      }
    },
    decodeToClient: (frame) =>
      decodeResponse(bytesOf(frame), hasTags) ??
        decodeEvent(bytesOf(frame), hasTags) ??
        toClientOf(decodeCbor(frame, hasTags, unlimited)),
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
  const writer = beginBytes();
  writeCbor(writer, value, hasTags);
  return writer.end();
}

/**
 * The value of bytes; those of a caller unless told otherwise.
 *
 * @throws {ActorError} `message/malformed` when they are not those of one value, or it costs more than
 * the budget.
 */
export function decodeCbor(
  body: Body,
  hasTags: HasTags = false,
  budget: Budget = new Budget(body.length),
): unknown {
  const reader = new ByteReader(bytesOf(body), budget);
  const value = readCbor(reader, hasTags);
  reader.end();
  return value;
}
