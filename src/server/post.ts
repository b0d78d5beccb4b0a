// What is posted to an actor: a call, or a message to a queue.
//
// To look at a header takes a good part of what a small action does, and so does each promise. So
// what only few answers need is looked for when they do, and there is one async function on the way.

import { bareFor } from "../protocol/bare.ts";
import { encodingOf } from "../protocol/encoding.ts";
import { isPlain, json, jsonFor, parsePlain } from "../protocol/json.ts";
import { type Line, lineOf } from "../protocol/line.ts";
import type { Body, Encoding, Frame } from "../protocol/messages.ts";
import { headers } from "../protocol/routes.ts";
import { checkDepth } from "../protocol/shapes.ts";
import { actorError } from "../errors.ts";
import { mayReadJson, readBody, readJson, unreadJson } from "./body.ts";
import { toldOnce } from "./once.ts";

/** What a post to an actor is for. */
export interface Purpose {
  actorId: string;
  /** That of the action or queue. */
  name: string;
  body: Body;
  /** The request as the actor's code sees it, or what makes it. */
  seen: Request | (() => Request);
}

/** What is posted to an actor. */
export class Post {
  readonly params: unknown;
  /** Whether what it asks for has begun, so that asking again may do it twice. */
  asked: { hasBegun?: boolean } | undefined;
  readonly #request: Request;
  #encoding: Encoding;
  #line: Line | undefined;
  #isRead = false;

  /**
   * Reads the headers.
   *
   * @throws {ActorError} `encoding/invalid`, or `params/invalid`.
   */
  constructor(request: Request) {
    this.#request = request;
    const name = request.headers.get(headers.encoding);
    this.#encoding = name === null || name === json.name
      ? json
      : encodingOf(name, this.line);
    this.params = readParams(request.headers.get(headers.params));
  }

  /** The line of who posts. */
  get line(): Line {
    return this.#line ??= lineOf(this.#request);
  }

  /** How the body is written; of the version that it says, once it has been read. */
  get encoding(): Encoding {
    return this.#encoding;
  }

  /** Whether its body has been read, so that it is known how that is written. */
  get isRead(): boolean {
    return this.#isRead;
  }

  /** How a value is written for who posts. */
  encodingFor(value: unknown): Encoding {
    const isEither = this.#encoding !== json || isPlain(value);
    return isEither ? this.#encoding : jsonFor(this.line);
  }

  /** The response with a body of its encoding. */
  respond(body: Frame): Response {
    return new Response(body, {
      headers: { "content-type": this.#encoding.contentType },
    });
  }

  /**
   * Reads the body, and resolves to what `ask` answers to it.
   *
   * @throws {ActorError} `message/incoming_too_long`, `message/malformed` or `request/invalid`, and
   * what `ask` throws.
   */
  async answer(
    maxBytes: number,
    ask: (body: Body) => Promise<Response>,
  ): Promise<Response> {
    const request = this.#request;
    const isJson = this.#encoding === json && mayReadJson(request, maxBytes);
    let read: unknown;
    try {
      read = await (isJson ? request.json() : readBody(request, maxBytes));
    } catch (cause) {
      throw isJson ? unreadJson(cause) : cause;
    }
    const body = isJson
      ? readJson(read, maxBytes)
      : read as Uint8Array<ArrayBuffer>;
    if (body instanceof Uint8Array) {
      this.#encoding = this.#encoding.spokenIn(body);
    }
    this.#isRead = true;
    try {
      return await ask(body);
    } catch (error) {
      if (!this.asked?.hasBegun) throw error;
      // Where nothing else tells the line, the version does.
      const isLater = this.line === "2.3" || this.#encoding === bareFor(4);
      throw isLater ? toldOnce(error) : error;
    }
  }
}

/**
 * The params of a connection, out of JSON text. Clients write them as JSON and no more, so what looks like
 * a tag and a value is none.
 *
 * @throws {ActorError} `params/invalid` when it is not JSON, or too deep.
 */
export function readParams(text: string | null | undefined): unknown {
  if (text === null || text === undefined) return undefined;
  try {
    const params = parsePlain(text);
    checkDepth(params);
    return params;
  } catch (cause) {
    throw actorError(
      "params/invalid",
      "The connection params are not valid JSON",
      { cause },
    );
  }
}
