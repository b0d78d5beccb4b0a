// What is posted to an actor: a call, or a message to a queue.
//
// Each header that is looked at takes Deno as long as a small part of the action, so what only few
// answers need is looked for when they do.

import { bareFor } from "../protocol/bare.ts";
import { encodingOf } from "../protocol/encoding.ts";
import { isPlain, json, jsonFor, parsePlain } from "../protocol/json.ts";
import { type Line, lineOf } from "../protocol/line.ts";
import { type Body, type Encoding, ReadJson } from "../protocol/messages.ts";
import { headers } from "../protocol/routes.ts";
import { checkDepth } from "../protocol/shapes.ts";
import { actorError } from "../errors.ts";
import { readBody, readJson } from "./body.ts";

/** What a post to an actor is for. */
export interface Purpose {
  /** Its id, or what finds it. */
  actorId: string | (() => Promise<string>);
  /** That of the action or queue. */
  name: string;
  /** The request as the actor's code sees it, or what makes it. */
  seen: Request | (() => Request);
  /** The most bytes that the body may have. */
  maxIncomingBytes: number;
}

/** What is posted to an actor. */
export class Post {
  readonly params: unknown;
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

  /** Whether it comes from a client that asks again for some errors. */
  get asksAgain(): boolean {
    // Where nothing else tells the line, the version does.
    return this.line === "2.3" || this.#encoding === bareFor(4);
  }

  /** How a value is written for who posts. */
  encodingFor(value: unknown): Encoding {
    const isEither = this.#encoding !== json || isPlain(value);
    return isEither ? this.#encoding : jsonFor(this.line);
  }

  /**
   * Reads the body.
   *
   * @throws {ActorError} `message/incoming_too_long`, `message/malformed` or `request/invalid`.
   */
  async read(maxBytes: number): Promise<Body> {
    const request = this.#request;
    const reading = this.#encoding === json
      ? readJson(request, maxBytes)
      : undefined;
    const body = await (reading ?? readBody(request, maxBytes));
    if (!(body instanceof ReadJson)) {
      this.#encoding = this.#encoding.spokenIn(body);
    }
    this.#isRead = true;
    return body;
  }
}

/** The response to a post, with a body of its encoding. */
export function responseTo({ encoding }: Post, body: BodyInit): Response {
  return new Response(body, {
    headers: { "content-type": encoding.contentType },
  });
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
