// The transport over the network: fetch and WebSocket.

import { actorError, fromWireError } from "../errors.ts";
import { encodeCbor } from "../protocol/cbor.ts";
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
import { lookUp } from "./metadata.ts";
import { systemTiming } from "./timing.ts";

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
  // The one that was given, until the server has said where it is to be reached.
  #endpoint: Endpoint;
  #isLookedUp: boolean;
  readonly #encoding: Encoding;
  readonly #headers: Record<string, string>;
  readonly #runner: string;
  readonly #disposal = new AbortController();

  constructor(endpoint: Endpoint, options: HttpOptions) {
    this.#endpoint = endpoint;
    this.#encoding = options.encoding;
    this.#headers = { ...options.headers };
    this.#runner = options.runner ?? "default";
    this.#isLookedUp = options.looksUp === false;
  }

  async resolve(
    query: ActorQuery,
    signal: AbortSignal | undefined,
  ): Promise<string> {
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
    const body = this.#creation(actor);
    return await this.#manage({ method: "POST", body, signal }, createdId);
  }

  async call(call: TransportCall): Promise<unknown> {
    const { actorId, name, args } = call;
    const { encodeCall, decodeResult } = this.#encoding;
    const path = actionPath(actorId, name);
    return await this.#post(path, call, encodeCall(args), decodeResult);
  }

  async send(message: TransportSend): Promise<QueueSent> {
    const { actorId, name, body, wait, timeout } = message;
    const { encodeSend, decodeSent } = this.#encoding;
    const path = queuePath(actorId, name);
    const sent = encodeSend({ name, body, wait, timeout });
    return await this.#post(path, message, sent, decodeSent);
  }

  async fetch({ actorId, path, init, params }: RawFetch): Promise<Response> {
    if (!this.#isLookedUp) await this.#lookUp(init.signal ?? undefined);
    const { url, token } = this.#endpoint;
    const sent = new Headers(this.#headers);
    for (const [name, value] of new Headers(init.headers)) {
      sent.set(name, value);
    }
    if (params !== undefined) sent.set(headers.params, toAscii(params));
    if (token !== undefined) sent.set(headers.token, token);
    try {
      return await fetch(`${url}${gatewayPath(actorId)}/request${path}`, {
        credentials: "include",
        ...init,
        headers: sent,
      });
    } catch (cause) {
      init.signal?.throwIfAborted();
      throw new HttpRequestError(`Cannot reach ${url}`, { cause });
    }
  }

  dial(dial: RawDial, events: RawLinkEvents): RawLink {
    const { actorId, path, protocols, params } = dial;
    const { url, token } = this.#endpoint;
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
    let isClosed = false;
    const close = (code: number, reason: string) => {
      if (!isClosed) events.close(code, reason);
      isClosed = true;
    };
    socket.onclose = ({ code, reason }) => close(code, reason);
    // A handshake that fails has an error, and not everywhere a close.
    socket.onerror = () => {
      if (socket.readyState === WebSocket.CLOSED) close(1006, "");
    };
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
    const { url, token } = this.#endpoint;
    return url + gatewayPath(actorId, token);
  }

  // Whoever connects has found the actor before, and so the server has been looked up.
  connect(actorId: string, params: unknown, events: LinkEvents): Link {
    const { url, token } = this.#endpoint;
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
      } catch {
        // Going on would leave a call without its result, and nobody would know.
        socket.onmessage = socket.onclose = null;
        socket.close();
        events.close(1002, "message.malformed");
        return;
      }
      events.message(message);
    };
    socket.onclose = ({ code, reason }) => events.close(code, reason);
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
    this.#endpoint = await lookUp(
      this.#endpoint,
      { headers: this.#headers, timing: systemTiming },
      AbortSignal.any(signals),
    );
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
      input: input === undefined ? undefined : encodeCbor(input).toBase64(),
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
    if (!this.#isLookedUp) await this.#lookUp(signal);
    const { token } = this.#endpoint;
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
    if (!this.#isLookedUp) await this.#lookUp(signal);
    const { namespace, token } = this.#endpoint;
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
    const { url } = this.#endpoint;
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
    throw fromWireError(refusal);
  }
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
