// Raw requests: the user's `onRequest`, with a connection of its own for as long as the body lasts.
//
// What a caller can rely on:
// - Status, headers and each part of the body leave when the changes before them are durable. When
//   one of those is not saved, the body breaks off, and what has left is true.
// - A body is handed on as it comes, at the pace of its reader: of a body of any length no more is
//   held than what was read at once after the handler has returned, at most 1 MiB and one part.
// - The connection is in `c.conns` until the body has ended or the caller has gone.
// (Bun sends status and headers with the first part of the body, not before.)

import {
  ActorError,
  actorError,
  fromWireError,
  toWireError,
} from "../errors.ts";
import { admit } from "./admission.ts";
import type { Channel, Connection } from "./connection.ts";
import { CallContext } from "./context.ts";
import type { Parts } from "./parts.ts";

// A body that ends within so many bytes and at once is sent as a whole, with its length.
const maxWholeBytes = 1024 * 1024;

// How many requests of one actor may be under way, bodies included.
const maxRequests = 10_000;

/** A request for `onRequest`. */
export interface RawRequest {
  /** The URL as the handler sees it: what the path says below the route, and the query. */
  url: string;
  method: string;
  headers: Headers;
  body: ReadableStream<Uint8Array<ArrayBuffer>> | null;
  params: unknown;
  /** Calls back when the caller has gone before the response was complete, where that can be seen. */
  onGone: ((callback: () => void) => void) | undefined;
  /** Whether the handler has begun, so that asking again may do it twice. */
  hasBegun?: boolean;
}

/** Answers the raw requests of one instance. */
export class RawRequests {
  readonly #parts: Parts;
  #count = 0;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /**
   * Answers a request. Resolves when the response may leave.
   *
   * @throws {ActorError} `handler/request_not_defined` when the actor has no `onRequest`,
   * `route/not_found` when that returned nothing, and `handler/invalid_request_handler_response`
   * when it returned what is no Response.
   */
  async answer(request: RawRequest): Promise<Response> {
    if (this.#count >= maxRequests) {
      throw actorError(
        "actor/overloaded",
        `The actor is overloaded: ${maxRequests} raw requests are under way`,
      );
    }
    const exchange = new Exchange(this.#parts, request);
    this.#count++;
    exchange.over.then(() => this.#count--);
    return await exchange.response;
  }
}

type Reader = ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>;
type Read = Awaited<ReturnType<Reader["read"]>>;

// One request and its response. As the channel of its connection it can be closed by the actor.
class Exchange implements Channel {
  readonly lasts = "request";
  readonly encoding = undefined;
  readonly #parts: Parts;
  readonly #response = Promise.withResolvers<Response>();
  readonly #abort = new AbortController();
  #connection: Connection | undefined;
  #reader: Reader | undefined;
  // What has been read ahead, and the read that is under way.
  #chunks: Uint8Array<ArrayBuffer>[] = [];
  #next: Promise<Read> | undefined;
  #body: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>> | undefined;
  #isOver = false;
  readonly #over = Promise.withResolvers<void>();

  constructor(parts: Parts, request: RawRequest) {
    this.#parts = parts;
    this.#run(request);
  }

  get response(): Promise<Response> {
    return this.#response.promise;
  }

  /** Resolves when nothing of it is left. */
  get over(): Promise<void> {
    return this.#over.promise;
  }

  send(): void {}

  /** The actor wants no more of it: what has not been sent will not be. */
  async close(code: number, reason: string): Promise<void> {
    const text = "The actor has closed the connection of this request";
    const [group, kind] = reason.split(".");
    const error = code === 1011
      ? new ActorError(group!, kind!, text)
      : actorError("actor/stopping", text);
    this.#response.reject(error);
    await this.#breakOff(error);
  }

  async #run(request: RawRequest): Promise<void> {
    const { work, steps } = this.#parts;
    const { resolve, reject } = this.#response;
    try {
      work.beginFor({});
    } catch (error) {
      reject(error);
      return await this.#end();
    }
    let release: () => void;
    try {
      const response = await this.#handle(request);
      release = () => resolve(response);
    } catch (error) {
      this.#log(error, "a raw request failed");
      await this.#end();
      release = () => reject(error);
    }
    work.end();
    steps.send({ release, reject });
  }

  async #handle(init: RawRequest): Promise<Response> {
    const { identity: { kind }, self, work } = this.#parts;
    const { onRequest } = kind.config;
    if (onRequest === undefined) {
      throw actorError(
        "handler/request_not_defined",
        `The actor "${kind.name}" has no onRequest`,
      );
    }
    const request = this.#requestOf(init);
    const caller = { params: init.params, request };
    const connection = await admit(this.#parts, caller, this);
    this.#connection = connection;
    const c = new CallContext(self, { conn: () => connection.conn, request });
    init.hasBegun = true;
    let answer: unknown;
    try {
      answer = await onRequest(c, request);
    } catch (error) {
      c.end(false);
      throw error;
    }
    c.end(true);
    const response = checkResponse(answer, request);
    const { status, statusText, headers } = response;
    const head = { status, statusText, headers };
    if (
      request.method === "HEAD" || response.body === null || this.#isOver
    ) {
      await response.body?.cancel();
      await this.#end();
      return new Response(null, head);
    }
    const whole = await this.#readAhead(response.body.getReader());
    if (whole !== undefined) {
      await this.#end();
      return new Response(whole, head);
    }
    work.waitUntil(this.#over.promise);
    init.onGone?.(() => void this.#gone());
    return new Response(this.#stream(), head);
  }

  #requestOf(init: RawRequest): Request {
    const { url, method, headers, body, onGone } = init;
    const { signal } = this.#abort;
    onGone?.(() => this.#abort.abort());
    // The types of a request with a streaming body do not know that it needs `duplex`.
    const options: RequestInit & { duplex: string } = {
      method,
      headers,
      body,
      signal,
      duplex: "half",
    };
    return new Request(url, options);
  }

  // Reads what is there without waiting; all of it if the body ends with that.
  async #readAhead(
    reader: Reader,
  ): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const { clock } = this.#parts.services;
    this.#reader = reader;
    const { promise: later, resolve } = Promise.withResolvers<undefined>();
    clock.soon(() => resolve(undefined));
    let length = 0;
    while (length <= maxWholeBytes || this.#chunks.length === 1) {
      this.#next = reader.read();
      const read = await Promise.race([this.#next, later]);
      if (read === undefined) return undefined;
      this.#next = undefined;
      if (read.done) return join(this.#chunks.splice(0), length);
      this.#chunks.push(read.value);
      length += read.value.length;
    }
    return undefined;
  }

  #stream(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return new ReadableStream({
      start: (controller) => void (this.#body = controller),
      pull: () => this.#pull(),
      cancel: () => this.#gone(),
      // Nothing is read before somebody wants it.
    }, { highWaterMark: 0 });
  }

  async #pull(): Promise<void> {
    try {
      const chunk = this.#chunks.shift() ?? await this.#read();
      if (this.#isOver) return;
      if (chunk === undefined) await this.#end();
      await this.#durable();
      if (chunk === undefined) this.#body!.close();
      else if (!this.#isOver) this.#body!.enqueue(chunk);
    } catch (error) {
      await this.#breakOff(error);
    }
  }

  async #read(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const next = this.#next ?? this.#reader!.read();
    this.#next = undefined;
    try {
      return (await next).value;
    } catch (error) {
      this.#log(error, "the body of a response failed");
      throw error;
    }
  }

  // Resolves when what has changed so far may be told.
  #durable(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#parts.steps.send({ release: resolve, reject });
    return promise;
  }

  // The caller has gone.
  async #gone(): Promise<void> {
    this.#abort.abort();
    await this.#end();
  }

  async #breakOff(error: unknown): Promise<void> {
    this.#abort.abort();
    const { exposesErrors } = this.#parts.services;
    const wire = fromWireError(toWireError(error, { exposesErrors }));
    this.#body?.error(wire);
    await this.#end();
  }

  // It is over, however it came to that: the source of the body learns so, and the connection ends.
  async #end(): Promise<void> {
    if (this.#isOver) return await this.#over.promise;
    this.#isOver = true;
    // What it has to say about its end is of no use to anybody.
    this.#reader?.cancel().catch(() => {});
    if (this.#connection !== undefined) {
      await this.#parts.disconnected(this.#connection);
    }
    this.#over.resolve();
  }

  #log(error: unknown, msg: string): void {
    const { group, code } = toWireError(error);
    if (group === "internal" && code === "internal_error") {
      this.#parts.self.log.failure(error, { msg });
    }
  }
}

function checkResponse(response: unknown, { method, url }: Request): Response {
  if (response instanceof Response) return response;
  if (response === undefined) {
    const { pathname } = new URL(url);
    throw actorError(
      "route/not_found",
      `The actor does not answer ${method} ${pathname}`,
    );
  }
  throw actorError(
    "handler/invalid_request_handler_response",
    "onRequest has returned what is neither a Response nor nothing",
  );
}

function join(
  chunks: Uint8Array<ArrayBuffer>[],
  length: number,
): Uint8Array<ArrayBuffer> {
  if (chunks.length === 1) return chunks[0]!;
  const whole = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    whole.set(chunk, offset);
    offset += chunk.length;
  }
  return whole;
}
