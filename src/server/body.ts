// Reads a request's body, and no more of it than is allowed.

import { ActorError, actorError } from "../errors.ts";
import { ReadJson } from "../protocol/messages.ts";
import { malformed, maxDepth } from "../protocol/shapes.ts";

/**
 * The body of a request.
 *
 * @throws {ActorError} `message/incoming_too_long` when it is longer than `maxBytes`; what is beyond
 * has not been read. `request/invalid` when the caller goes away in the middle of it.
 */
export async function readBody(
  request: Request,
  maxBytes: number,
): Promise<Uint8Array<ArrayBuffer>> {
  // Whoever has read it before us is of this program, which has to be told of it.
  if (request.bodyUsed) return await request.bytes();
  try {
    return await read(request, maxBytes);
  } catch (cause) {
    if (cause instanceof ActorError) throw cause;
    throw cutOff(cause);
  }
}

/**
 * Whether the runtime may read a body as JSON, which is the fastest way: its length is known beforehand.
 * Bytes that are no UTF-8 are then read as U+FFFD.
 *
 * @throws {ActorError} `message/incoming_too_long`.
 */
export function mayReadJson(request: Request, maxBytes: number): boolean {
  const announced = request.headers.get("content-length");
  if (announced === null) return false;
  if (!(Number(announced) <= maxBytes)) throw tooLong(maxBytes);
  return true;
}

/**
 * JSON that the runtime has read.
 *
 * @throws {ActorError} `message/incoming_too_long`.
 */
export function readJson(value: unknown, maxBytes: number): ReadJson {
  // What was announced may be what it had before somebody unpacked it.
  const length = leastLength(value, maxBytes, 0);
  if (length > maxBytes) throw tooLong(maxBytes);
  return new ReadJson(value, length);
}

/** The error for JSON that the runtime could not read. */
export function unreadJson(cause: unknown): unknown {
  if (cause instanceof SyntaxError) return malformed("it is not JSON", cause);
  // Whoever has read it before us is of this program, which has to be told of it.
  return cause instanceof TypeError ? cause : cutOff(cause);
}

// How long the JSON of a value is at least; counts no further than `enough`, and no deeper than a
// message may be.
function leastLength(value: unknown, enough: number, depth: number): number {
  if (typeof value === "string") return value.length;
  if (typeof value !== "object" || value === null || depth > maxDepth) return 1;
  let length = 2;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length && length <= enough; i++) {
      length += leastLength(value[i], enough - length, depth + 1) + 1;
    }
    return length;
  }
  for (const key of Object.keys(value)) {
    if (length > enough) break;
    const member = (value as Record<string, unknown>)[key];
    length += leastLength(member, enough - length, depth + 1);
    length += key.length + 4;
  }
  return length;
}

async function read(
  request: Request,
  maxBytes: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const announced = request.headers.get("content-length");
  if (announced !== null) {
    if (!(Number(announced) <= maxBytes)) throw tooLong(maxBytes);
    const body = await request.bytes();
    // It has another length where somebody before us has unpacked it.
    if (body.length > maxBytes) throw tooLong(maxBytes);
    return body;
  }
  if (request.body === null) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of request.body) {
    length += chunk.length;
    // Leaving the loop cancels the rest.
    if (length > maxBytes) throw tooLong(maxBytes);
    chunks.push(chunk);
  }
  const body = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    body.set(chunk, offset);
    offset += chunk.length;
  }
  return body;
}

function cutOff(cause: unknown): Error {
  return actorError("request/invalid", "The body does not come to its end", {
    cause,
  });
}

/** The error for a message from a caller that is too long. */
export function tooLong(maxBytes: number): Error {
  return actorError(
    "message/incoming_too_long",
    `The message has more than ${maxBytes} bytes`,
  );
}
