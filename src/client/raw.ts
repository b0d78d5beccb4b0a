// What `handle.fetch()` and `handle.webSocket()` are given, as a path below the actor's own and the
// options of a standard fetch.

import type { WireError } from "../errors.ts";
import { json } from "../protocol/json.ts";

// Whatever refuses a request is shorter.
const maxRefusalBytes = 65_536;

/** A raw request, whichever way it was given. */
export interface RawInput {
  /** The path below the actor's own, with the query; it begins with one slash. */
  path: string;
  init: RequestInit;
  /** Whether it can be sent again: its body is not one that is read only once. */
  isRepeatable: boolean;
}

// Of the connection that a request came on, and not of one that it is sent on.
const hopHeaders = [
  "connection",
  "content-length",
  "host",
  "keep-alive",
  "transfer-encoding",
  "upgrade",
];

/** Reads the arguments of `handle.fetch()`. */
export function readRequest(
  input: string | URL | Request,
  init: RequestInit | Request = {},
): RawInput {
  const given: RequestInit = init instanceof Request ? initOf(init) : init;
  const asked: RequestInit = input instanceof Request ? initOf(input) : {};
  const headers = new Headers(asked.headers);
  for (const [name, value] of new Headers(given.headers)) {
    headers.set(name, value);
  }
  const joined: RequestInit & { duplex?: string } = {
    ...asked,
    ...given,
    headers,
  };
  const isStream = joined.body instanceof ReadableStream;
  if (isStream) joined.duplex = "half";
  return {
    path: pathOf(input instanceof Request ? input.url : input),
    init: joined,
    isRepeatable: !isStream,
  };
}

/**
 * The error that a response tells of instead of an actor's own; `undefined` where it tells of none. The
 * body can still be read.
 */
export async function refusalIn(
  response: Response,
): Promise<WireError | undefined> {
  const { headers } = response;
  if (!headers.get("content-type")?.startsWith(json.contentType)) return;
  if (Number(headers.get("content-length")) > maxRefusalBytes) return;
  try {
    return json.decodeError(await response.clone().bytes());
  } catch {
    return undefined; // The actor's own answer.
  }
}

/**
 * The path and query of a URL, or of a path with or without a slash at its start. It stays below the
 * actor: `..` does not lead out of it.
 */
export function pathOf(input: string | URL): string {
  const text = String(input);
  const isUrl = input instanceof URL || /^https?:\/\//i.test(text);
  const { pathname, search } = new URL(
    isUrl ? text : `http://actor/${text.replace(/^\/+/, "")}`,
  );
  // A path with two slashes in a row is none of an actor.
  return pathname.replace(/\/{2,}/g, "/") + search;
}

/**
 * The sub-protocols that a caller offers.
 *
 * @throws {DOMException} `SyntaxError` when one is no token, or is there twice, as a browser's socket.
 */
export function protocolsOf(protocols: string | string[]): string[] {
  const offered = [protocols].flat();
  for (const [index, name] of offered.entries()) {
    const isToken = /^[\w!#$%&'*+.^`|~-]+$/.test(name);
    if (isToken && offered.indexOf(name) === index) continue;
    const why = isToken ? "is there twice" : "is no token";
    throw new DOMException(
      `Cannot open a socket: the sub-protocol "${name}" ${why}`,
      "SyntaxError",
    );
  }
  return offered;
}

function initOf(request: Request): RequestInit {
  const { method, body, signal, redirect, credentials } = request;
  const headers = new Headers(request.headers);
  for (const name of hopHeaders) headers.delete(name);
  return { method, headers, body, signal, redirect, credentials };
}
