// The transport over the network: fetch and WebSocket.

import { actorError, fromWireError } from "../errors.ts";
import { encodeCbor } from "../protocol/cbor.ts";
import { encodingOf } from "../protocol/encoding.ts";
import { json, parse, stringify } from "../protocol/json.ts";
import { formatKey } from "../protocol/key.ts";
import type { Encoding, Frame, QueueSent } from "../protocol/messages.ts";
import {
  actionPath,
  connectPath,
  formatProtocols,
  gatewayPath,
  headers,
  queuePath,
} from "../protocol/routes.ts";
import type {
  ActorQuery,
  Link,
  LinkEvents,
  RawDial,
  RawFetch,
  RawLink,
  RawLinkEvents,
  Transport,
  TransportCall,
  TransportSend,
} from "../protocol/transport.ts";
import type { Endpoint } from "./endpoint.ts";
import {
  ActorConnDisposed,
  HttpRequestError,
  MalformedResponseMessage,
  ManagerError,
} from "./errors.ts";
import { lookUp, type Server } from "./metadata.ts";
import { refusalIn } from "./raw.ts";
import { systemTiming } from "./timing.ts";
import { noteTurnedAway, turnsAway } from "./turned_away.ts";

/** What a client says about itself to every server. */
export interface HttpOptions {
  /** How messages are written. */
  encoding: Encoding;
  /** Headers of every HTTP request. */
  headers?: Record<string, string>;
  /** Which runners may have the actors that are created. Default `"default"`. */
  runner?: string;
  /** Whether the server is asked first where it is to be reached. Default `true`. */
  looksUp?: boolean;
}

interface HttpRequest {
  method: string;
  path: string;
  headers: Record<string, string>;
  body: Frame | undefined;
  signal: AbortSignal | undefined;
}

/** Reaches actors over the network. */
export class HttpTransport implements Transport {
  // At the endpoint that was given, until the server has said where it is to be reached.
  #server: Server;
  #isLookedUp: boolean;
  #encoding: Encoding;
  readonly #headers: Record<string, string>;
  readonly #runner: string;
  readonly #disposal = new AbortController();

  constructor(endpoint: Endpoint, options: HttpOptions) {
    this.#server = { ...endpoint, line: undefined };
    this.#encoding = options.encoding;
    this.#headers = { ...options.headers };
    this.#runner = options.runner ?? "default";
    this.#isLookedUp = options.looksUp === false;
  }

  // RivetKit's own servers answer with an internal error when there is no actor of an id.
  get findsEachTime(): boolean {
    return this.#server.line === "2.0";
  }

  async resolve(
    query: ActorQuery,
    signal: AbortSignal | undefined,
  ): Promise<string> {
    if (!this.#isLookedUp) await this.#lookUp(signal);
    const { name } = query;
    if ("create" in query) {
      const body = this.#creation({ name, key: query.key, ...query.create });
      return await this.#manage({ method: "PUT", body, signal }, createdId);
    }
    const search: Record<string, string> = query.by === "id"
      ? { actor_ids: query.actorId }
      : { name, key: formatKey(query.key) };
    const request = { method: "GET", search, signal };
    const [actor] = await this.#manage(request, foundActors);
    // An id may be that of another kind of actor.
    if (actor?.name === name) return actor.id;
    throw actorError(
      "actor/not_found",
      `There is no "${name}" with ${
        query.by === "id"
          ? `the id "${query.actorId}"`
          : `the key ${JSON.stringify(query.key)}`
      }`,
    );
  }

  async create(
    actor: { name: string; key: string[]; input: unknown; region?: string },
    signal: AbortSignal | undefined,
  ): Promise<string> {
    if (!this.#isLookedUp) await this.#lookUp(signal);
    const body = this.#creation(actor);
    return await this.#manage({ method: "POST", body, signal }, createdId);
  }

  async call(call: TransportCall): Promise<unknown> {
    if (!this.#isLookedUp) await this.#lookUp(call.signal);
    const { actorId, name, args } = call;
    const { encodeCall, decodeResult } = this.#encoding;
    const path = actionPath(actorId, name);
    return await this.#post(path, call, encodeCall(args), decodeResult);
  }

  async send(message: TransportSend): Promise<QueueSent> {
    if (!this.#isLookedUp) await this.#lookUp(message.signal);
    const { actorId, name, body, wait, timeout } = message;
    const { encodeSend, decodeSent } = this.#encoding;
    const path = queuePath(actorId, name);
    const sent = encodeSend({ name, body, wait, timeout });
    return await this.#post(path, message, sent, decodeSent);
  }

  async fetch({ actorId, path, init, params }: RawFetch): Promise<Response> {
    if (!this.#isLookedUp) await this.#lookUp(init.signal ?? undefined);
    const { url, token } = this.#server;
    const sent = new Headers(this.#headers);
    for (const [name, value] of new Headers(init.headers)) {
      sent.set(name, value);
    }
    if (params !== undefined) sent.set(headers.params, toAscii(params));
    if (token !== undefined) sent.set(headers.token, token);
    let response: Response;
    try {
      response = await fetch(`${url}${gatewayPath(actorId)}/request${path}`, {
        credentials: "include",
        ...init,
        headers: sent,
      });
    } catch (cause) {
      init.signal?.throwIfAborted();
      throw new HttpRequestError(`Cannot reach ${url}`, { cause });
    }
    return this.#server.line === "2.3" ? await noteRefusal(response) : response;
  }

  dial(dial: RawDial, events: RawLinkEvents): RawLink {
    const { actorId, path, protocols, params } = dial;
    const { url, token } = this.#server;
    const address = url.replace(/^http/, "ws") + gatewayPath(actorId, token) +
      `/websocket${path}`;
    let socket: WebSocket;
    try {
      const offered = formatProtocols(this.#encoding.name, params);
      socket = new WebSocket(address, [...offered, ...protocols]);
    } catch {
      // Nothing but params that are not JSON leads here. Whoever awaits the socket listens by then.
      setTimeout(() => events.close(1006, "params.invalid"));
      return { url: address, bufferedBytes: 0, send() {}, close() {} };
    }
    socket.binaryType = "arraybuffer";
    socket.onopen = () => events.open(socket.protocol);
    socket.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) =>
      events.message(typeof data === "string" ? data : new Uint8Array(data));
    onceClosed(socket, (code, reason) => events.close(code, reason));
    return {
      url: address,
      get bufferedBytes() {
        return socket.bufferedAmount;
      },
      send: (frame) => socket.send(frame),
      close: (code, reason) => socket.close(code, reason),
    };
  }

  gatewayUrl(actorId: string): string {
    const { url, token } = this.#server;
    return url + gatewayPath(actorId, token);
  }

  // Whoever connects has found the actor before, and so the server has been looked up.
  connect(actorId: string, params: unknown, events: LinkEvents): Link {
    const { url, token } = this.#server;
    const encoding = this.#encoding;
    // A socket has no headers that could carry the token.
    const path = connectPath(actorId, token);
    let socket: WebSocket;
    try {
      socket = new WebSocket(
        url.replace(/^http/, "ws") + path,
        formatProtocols(encoding.name, params),
      );
    } catch {
      // Nothing but params that are not JSON leads here.
      queueMicrotask(() => events.close(1006, "params.invalid"));
      return { send() {}, close() {} };
    }
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) => {
      let message;
      try {
        message = encoding.decodeToClient(
          typeof data === "string" ? data : new Uint8Array(data),
        );
      } catch (cause) {
        // Going on would leave a call without its result, and nobody would know.
        socket.onmessage = socket.onclose = socket.onerror = null;
        socket.close();
        const text = `Cannot read a message of ${url}`;
        const error = new MalformedResponseMessage(text, { cause });
        events.close(1002, "", error);
        return;
      }
      events.message(message);
    };
    onceClosed(socket, (code, reason) => events.close(code, reason));
    return {
      send: (message) => socket.send(encoding.encodeToServer(message)),
      close: (code, reason) => socket.close(code, reason),
    };
  }

  dispose(): void {
    this.#disposal.abort(
      new ActorConnDisposed("The client is disposed"),
    );
  }

  async #lookUp(signal: AbortSignal | undefined): Promise<void> {
    const signals = [this.#disposal.signal];
    if (signal !== undefined) signals.push(signal);
    this.#server = await lookUp(
      this.#server,
      { headers: this.#headers, timing: systemTiming },
      AbortSignal.any(signals),
    );
    if (this.#server.line === "2.3") {
      this.#encoding = asEngine(this.#encoding);
    }
    this.#isLookedUp = true;
  }

  #creation(
    { name, key, input, region }: {
      name: string;
      key: string[];
      input: unknown;
      region?: string;
    },
  ): string {
    return stringify({
      name,
      key: formatKey(key),
      input: input === undefined
        ? undefined
        : encodeCbor(input, this.#server.line === "2.3").toBase64(),
      datacenter: region,
      runner_name_selector: this.#runner,
      crash_policy: "sleep",
    });
  }

  // Says something to an actor, in the encoding of messages.
  async #post<T>(
    path: string,
    { params, signal }: { params: unknown; signal: AbortSignal | undefined },
    body: Frame,
    read: (body: Frame) => T,
  ): Promise<T> {
    const { token } = this.#server;
    const encoding = this.#encoding;
    const request: HttpRequest = {
      method: "POST",
      path,
      headers: {
        "content-type": encoding.contentType,
        [headers.encoding]: encoding.name,
        ...(params !== undefined && { [headers.params]: toAscii(params) }),
        ...(token !== undefined && { [headers.token]: token }),
      },
      body,
      signal,
    };
    return await this.#fetch(request, encoding, read);
  }

  // Finds and creates actors. This is JSON whatever the encoding of messages.
  async #manage<T>(
    { method, search, body, signal }: {
      method: string;
      search?: Record<string, string>;
      body?: string;
      signal: AbortSignal | undefined;
    },
    read: (body: Frame) => T,
  ): Promise<T> {
    const { namespace, token } = this.#server;
    const request: HttpRequest = {
      method,
      path: `/actors?${new URLSearchParams({ ...search, namespace })}`,
      headers: {
        ...(body !== undefined && { "content-type": json.contentType }),
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
      },
      body,
      signal,
    };
    try {
      return await this.#fetch(request, json, read);
    } catch (error) {
      if (!(error instanceof HttpRequestError)) throw error;
      throw new ManagerError(error.message, { cause: error.cause });
    }
  }

  async #fetch<T>(
    { path, headers, ...init }: HttpRequest,
    encoding: Encoding,
    read: (body: Frame) => T,
  ): Promise<T> {
    const { url } = this.#server;
    let response: Response;
    let body: Uint8Array<ArrayBuffer>;
    try {
      response = await fetch(url + path, {
        ...init,
        headers: { ...this.#headers, ...headers },
        credentials: "include",
      });
      body = new Uint8Array(await response.arrayBuffer());
    } catch (cause) {
      init.signal?.throwIfAborted();
      throw new HttpRequestError(`Cannot reach ${url}`, { cause });
    }
    let refusal;
    try {
      if (response.ok) return read(body);
      const type = response.headers.get("content-type");
      // A server that cannot tell the encoding answers in JSON.
      refusal = type?.includes(json.contentType)
        ? json.decodeError(body)
        : encoding.decodeError(body);
    } catch (cause) {
      throw new MalformedResponseMessage(
        `Cannot read the response of ${url} with status ${response.status}`,
        { cause, metadata: { status: response.status } },
      );
    }
    const error = fromWireError(refusal);
    throw this.#server.line === "2.3" && turnsAway(refusal)
      ? noteTurnedAway(error, refusal)
      : error;
  }
}

// A handshake that fails has an error, and not everywhere a close.
function onceClosed(
  socket: WebSocket,
  tell: (code: number, reason: string) => void,
): void {
  let isClosed = false;
  const close = (code: number, reason: string) => {
    if (!isClosed) tell(code, reason);
    isClosed = true;
  };
  socket.onclose = ({ code, reason }) => close(code, reason);
  socket.onerror = () => {
    if (socket.readyState === WebSocket.CLOSED) close(1006, "");
  };
}

// An encoding as RivetKit speaks it from 2.3 on.
function asEngine({ name }: Encoding): Encoding {
  return encodingOf(name, "2.3");
}

// What an actor has answered has a header with its id, which a page of another origin does not see; and
// it may be a stream, which must not be waited for.
async function noteRefusal(response: Response): Promise<Response> {
  const isWhole = response.headers.has("content-length");
  if (response.ok || !isWhole || response.headers.has(headers.actor)) {
    return response;
  }
  const refusal = await refusalIn(response);
  return refusal !== undefined && turnsAway(refusal)
    ? noteTurnedAway(response, refusal)
    : response;
}

interface Found {
  id: string;
  name: string;
}

function createdId(body: Frame): string {
  return actorOf(fieldsOf(parse(body)).actor).id;
}

function foundActors(body: Frame): Found[] {
  const { actors } = fieldsOf(parse(body));
  if (!Array.isArray(actors)) throw new TypeError("There is no list of actors");
  return actors.map(actorOf);
}

function actorOf(value: unknown): Found {
  const { actor_id: id, name } = fieldsOf(value);
  if (typeof id !== "string" || typeof name !== "string") {
    throw new TypeError("An actor has no id or name");
  }
  return { id, name };
}

function fieldsOf(value: unknown): Record<string, unknown> {
  if (typeof value !== "object" || value === null) {
    throw new TypeError("A part of the response is not an object");
  }
  return value as Record<string, unknown>;
}

// JSON for a header, which can carry no more than ASCII.
function toAscii(value: unknown): string {
  return JSON.stringify(value).replace(
    /[^ -~]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
