// Reads a request's body, and no more of it than is allowed.

import { ActorError, actorError } from "../errors.ts";

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
    throw actorError("request/invalid", "The body does not come to its end", {
      cause,
    });
  }
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

/** The error for a message from a caller that is too long. */
export function tooLong(maxBytes: number): Error {
  return actorError(
    "message/incoming_too_long",
    `The message has more than ${maxBytes} bytes`,
  );
}
