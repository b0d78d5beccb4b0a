// The way to actors for callers in this process: the same calls, without a socket between. Values
// and errors are copied and masked as they are on the wire.

import { abortable } from "../abort.ts";
import type { Connection, MessageChannel } from "../actor/connection.ts";
import type { Host } from "../actor/host.ts";
import { actorError, fromWireError, toWireError } from "../errors.ts";
import { copied, copyValue } from "../protocol/copy.ts";
import { json } from "../protocol/json.ts";
import {
  encodeErrorMessage,
  type Frame,
  type ToServer,
  writeError,
} from "../protocol/messages.ts";
import { gatewayPath } from "../protocol/routes.ts";
import type {
  Link,
  LinkEvents,
  RawFetch,
  Transport,
} from "../protocol/transport.ts";
import { answerPreflight } from "./cors.ts";
import { LocalSocket } from "./local_socket.ts";
import { outerHeaders } from "./raw.ts";
import { refusal } from "./refusal.ts";

/** What the way needs. */
export interface LocalOptions {
  /** The host; opened with the first call. */
  host: () => Host | Promise<Host>;
  /** The URL at which the host is served, base path included; `undefined` while it is not. */
  url?: () => string | undefined;
  exposesErrors: boolean;
}

/** The transport of this process. */
export function localTransport(options: LocalOptions): Transport {
  const { host } = options;
  const asked = async <V>(
    ask: (host: Host) => Promise<V>,
    signal: AbortSignal | undefined,
  ): Promise<V> => {
    try {
      signal?.throwIfAborted();
      const opening = host();
      // A host that is open costs no turn.
      const opened = opening instanceof Promise ? await opening : opening;
      return await abortable(ask(opened), signal);
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      const { exposesErrors } = options;
      const wire = toWireError(error, { exposesErrors });
      throw fromWireError(writeError(wire, copyValue));
    }
  };
  return {
    resolve: (query, signal) =>
      asked(
        async (host) => (await host.resolve(copyValue(query))).actorId,
        signal,
      ),
    create: ({ name, key, input }, signal) =>
      asked((host) => host.create(name, [...key], copyValue(input)), signal),
    call: ({ actorId, name, args, params, signal }) => {
      const call = { name, args: copyValue(args), params: copyValue(params) };
      return asked((host) => host.call(actorId, call, copyValue), signal);
    },
    send: ({ actorId, name, body, wait, timeout, params, signal }) => {
      const sending = {
        ...copyValue({ body, params }),
        queue: name,
        wait,
        timeoutMs: timeout,
        signal,
      };
      return asked((host) => host.send(actorId, sending, copyValue), signal);
    },
    fetch: (request) => fetchLocally(options, request),
    dial: (dial, events) => new LocalSocket(options, dial, events),
    gatewayUrl(actorId) {
      const url = options.url?.();
      if (url !== undefined) return url + gatewayPath(actorId);
      throw actorError(
        "route/not_found",
        "There is no URL of an actor: the registry is not served",
      );
    },
    connect: (actorId, params, events) =>
      new LocalConnection(options, actorId, copyValue(params), events).link,
  };
}

// Answers as the server does, without one between; nobody follows a redirect.
async function fetchLocally(
  { host, exposesErrors }: LocalOptions,
  { actorId, path, init, params }: RawFetch,
): Promise<Response> {
  const request = new Request(`http://actor${path}`, init);
  if (request.method === "OPTIONS") return answerPreflight(request);
  const { url, method, headers, body } = request;
  const signal = init.signal ?? undefined;
  try {
    const answer = (await host()).request(actorId, {
      url,
      method,
      headers: outerHeaders(headers),
      body,
      params: copyValue(params),
      onGone: signal && ((callback) => {
        if (signal.aborted) callback();
        else signal.addEventListener("abort", callback);
      }),
    });
    return await abortable(answer, signal);
  } catch (error) {
    signal?.throwIfAborted();
    return refusal(toWireError(error, { exposesErrors }), json);
  }
}

// Both ends of a connection: the link is the client's, the channel the actor's. Each end is told
// what the other does after the turn in which it was done, as over a socket.
class LocalConnection {
  readonly link: Link = {
    send: (message) => this.#receive(message),
    close: (code, reason) => this.#close(code, reason),
  };
  readonly #channel: MessageChannel = {
    lasts: "socket",
    encoding: copied,
    send: (frame) => this.#deliver(frame),
    // deno-lint-ignore require-await -- it is closed at once
    close: async (code, reason) => this.#close(code, reason),
  };
  readonly #options: LocalOptions;
  readonly #actorId: string;
  readonly #events: LinkEvents;
  #host: Host | undefined;
  #connection: Connection | undefined;
  // The client may answer `Init` before `connect()` has told us of the connection.
  #held: ToServer[] = [];
  #isClosed = false;

  constructor(
    options: LocalOptions,
    actorId: string,
    params: unknown,
    events: LinkEvents,
  ) {
    this.#options = options;
    this.#actorId = actorId;
    this.#events = events;
    this.#open(params);
  }

  async #open(params: unknown): Promise<void> {
    try {
      const host = await this.#options.host();
      this.#host = host;
      const caller = { params };
      this.#connection = await host.connect(
        this.#actorId,
        caller,
        this.#channel,
      );
      if (this.#isClosed) host.disconnected(this.#actorId, this.#connection);
      for (const message of this.#held.splice(0)) this.#receive(message);
    } catch (error) {
      const { exposesErrors } = this.#options;
      const wire = toWireError(error, { exposesErrors });
      this.#deliver(encodeErrorMessage(copied, wire, null));
      this.#close(1011, `${wire.group}.${wire.code}`);
    }
  }

  #receive(message: ToServer): void {
    if (this.#isClosed) return;
    if (this.#connection === undefined) {
      this.#held.push(message);
      return;
    }
    const fail = (error: unknown) => {
      const { group, code } = toWireError(error);
      this.#close(1011, `${group}.${code}`);
    };
    const sent = copied.decodeToServer(copied.encodeToServer(message));
    try {
      this.#host!.receive(this.#actorId, this.#connection, sent)?.catch(fail);
    } catch (error) {
      fail(error);
    }
  }

  #deliver(frame: Frame): void {
    if (this.#isClosed) return;
    const message = copied.decodeToClient(frame);
    queueMicrotask(() => this.#events.message(message));
  }

  #close(code: number, reason: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    queueMicrotask(() => this.#events.close(code, reason));
    if (this.#connection !== undefined) {
      this.#host!.disconnected(this.#actorId, this.#connection);
    }
  }
}
