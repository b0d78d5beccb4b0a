// The messages of an actor as rows of its key-value store: a namespace that `c.kv` does not show.
//
//   00 01                                        the tally: how many messages each queue has, and
//                                                the number of the next one
//   00 01, length of the name, name, number      one message
//
// The length is two bytes and the number eight, both big-endian, so that the rows of one queue are in
// the order in which its messages were sent.

import { actorError, isErrorKind } from "../errors.ts";
import { fromBytes, toBytes } from "./record.ts";
import { decodeValue, encodeValue } from "./value.ts";

/** How many messages each queue has, and what the next one will be. */
export interface Tally {
  /** The number of the next message. Numbers are never used twice. */
  next: number;
  /** How many messages each queue has, those under processing included. */
  counts: [queue: string, count: number][];
}

/** The key of the tally. */
export const tallyKey = new Uint8Array([0, 1]);

const numberLength = 8;

/** The key of a message. */
export function messageKey(queue: string, number: number): Uint8Array {
  const name = new TextEncoder().encode(queue);
  const key = new Uint8Array(4 + name.length + numberLength);
  key.set(tallyKey);
  const view = new DataView(key.buffer);
  view.setUint16(2, name.length);
  key.set(name, 4);
  view.setBigUint64(4 + name.length, BigInt(number));
  return key;
}

/** The number of the message with this key. */
export function numberOf(key: Uint8Array): number {
  const offset = key.byteOffset + key.length - numberLength;
  return Number(new DataView(key.buffer, offset).getBigUint64(0));
}

/** The bytes of a tally. */
export function encodeTally(tally: Tally): Uint8Array {
  return toBytes(JSON.stringify(tally));
}

/**
 * The tally of bytes.
 *
 * @throws {ActorError} `store/corrupt` when they are not what {@linkcode encodeTally} wrote.
 */
export function decodeTally(bytes: Uint8Array): Tally {
  return decode(() => {
    const { next, counts } = JSON.parse(fromBytes(bytes));
    if (!Number.isSafeInteger(next) || !Array.isArray(counts)) {
      throw new TypeError("The tally has no next number, or no counts");
    }
    return { next, counts };
  });
}

/** A message out of its row. */
export interface Content {
  body: unknown;
  /** When it was sent, in milliseconds since the epoch. */
  createdAt: number;
}

// The time stands before the body, of which the length is limited.
const timeLength = 8;

/**
 * The bytes of a message.
 *
 * @throws {ActorError} `queue/message_too_large` when the body has more than `maxBytes` bytes, and
 * `queue/message_invalid` when it cannot be saved.
 */
export function encodeMessage(
  { body, createdAt }: Content,
  maxBytes: number,
): Uint8Array {
  const text = toBytes(textOf(body));
  // One byte is that of the format.
  if (text.length - 1 > maxBytes) {
    throw actorError(
      "queue/message_too_large",
      `The message has ${
        text.length - 1
      } bytes, more than options.maxQueueMessageSize, ${maxBytes}`,
    );
  }
  const bytes = new Uint8Array(timeLength + text.length);
  new DataView(bytes.buffer).setFloat64(0, createdAt);
  bytes.set(text, timeLength);
  return bytes;
}

function textOf(body: unknown): string {
  try {
    return encodeValue(body, { path: "the message" });
  } catch (cause) {
    const { message } = cause as Error;
    throw actorError("queue/message_invalid", message, { cause });
  }
}

/**
 * The message of bytes.
 *
 * @throws {ActorError} `store/corrupt` when they are not what {@linkcode encodeMessage} wrote.
 */
export function decodeMessage(bytes: Uint8Array): Content {
  return decode(() => ({
    createdAt: new DataView(bytes.buffer, bytes.byteOffset).getFloat64(0),
    body: decodeValue(fromBytes(bytes.subarray(timeLength))),
  }));
}

function decode<V>(read: () => V): V {
  try {
    return read();
  } catch (cause) {
    if (isErrorKind(cause, "store/corrupt")) throw cause;
    throw actorError("store/corrupt", "Cannot read a message: it is damaged", {
      cause,
    });
  }
}
