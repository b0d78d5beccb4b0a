import type {
  ActionCall,
  ActorConnection,
  ActorHandle,
  HandleMembers,
} from "../definition/handle.ts";
import type { SendOptions } from "../definition/queue.ts";
import type { Declared } from "../definition/types.ts";
import type { UniversalWebSocket } from "../definition/socket.ts";
import { type ActorError, isErrorKind } from "../errors.ts";
import type { QueueSend, QueueSent } from "../protocol/messages.ts";
import type { ActorQuery, Transport } from "../protocol/transport.ts";
import { abortable } from "./abort.ts";
import type { Connection } from "./connection.ts";
import { withActions } from "./names.ts";
import { paramsOf, type ParamsSource } from "./params.ts";
import { pathOf, protocolsOf, readRequest } from "./raw.ts";
import { ClientSocket } from "./socket.ts";
import { Shared } from "./shared.ts";

// What says that there is no actor is shorter.
const maxErrorBytes = 65_536;

/** What a handle needs. */
export interface HandleOptions {
  transport: Transport;
  query: ActorQuery;
  /** The id of the actor, if the query need not be asked. */
  actorId: string | undefined;
  params: ParamsSource;
  /** Aborts finding the actor. */
  signal: AbortSignal | undefined;
  connect(): Connection;
}

/** Makes a handle. */
export function createHandle<D extends Declared>(
  options: HandleOptions,
): ActorHandle<D> {
  // Whether the actor has queues is known to the caller's types alone.
  return withActions<D, Handle<D>>(new Handle(options)) as ActorHandle<D>;
}

class Handle<D extends Declared> implements HandleMembers<D> {
  readonly #options: HandleOptions;
  #actorId: string | undefined;
  // The one search for the id that all calls wait for.
  #search: Shared<string> | undefined;
  // Whether `send` is an action of the actor.
  #sendsByAction = false;

  constructor(options: HandleOptions) {
    this.#options = options;
    this.#actorId = options.actorId;
  }

  async action(call: ActionCall): Promise<unknown> {
    return await this.#ask(call, callAction);
  }

  connect(): ActorConnection<D> {
    // The names and types of events are those of the definition, which only the caller knows.
    return withActions<D, Connection>(
      this.#options.connect(),
    ) as ActorConnection<D>;
  }

  async resolve({ signal }: { signal?: AbortSignal } = {}): Promise<string> {
    signal?.throwIfAborted();
    return this.#actorId ?? await this.#find(signal);
  }

  async fetch(
    input: string | URL | Request,
    init?: RequestInit,
  ): Promise<Response> {
    const { isRepeatable, ...raw } = readRequest(input, init);
    const signal = raw.init.signal ?? undefined;
    signal?.throwIfAborted();
    const actorId = this.#actorId ?? await this.#find(signal);
    const response = await this.#fetch(actorId, raw);
    const { by } = this.#options.query;
    if (by === "id" || !isRepeatable) return response;
    if (!await tellsOfNoActor(response)) return response;
    if (this.#actorId === actorId) this.#actorId = undefined;
    const currentId = this.#actorId ?? await this.#find(signal);
    // If the actor is there after all, the response is its own.
    if (currentId === actorId) return response;
    await response.body?.cancel();
    return await this.#fetch(currentId, raw);
  }

  async webSocket(
    path = "",
    protocols: string | string[] = [],
  ): Promise<UniversalWebSocket> {
    const { transport, params: source } = this.#options;
    const asked = { path: pathOf(path), protocols: protocolsOf(protocols) };
    const actorId = this.#actorId ?? await this.#find(undefined);
    const params = await paramsOf(source);
    const dial = { actorId, params, ...asked };
    const socket = new ClientSocket((events) => transport.dial(dial, events));
    // The next socket finds the actor anew, where this one finds that it is gone.
    socket.addEventListener("close", ({ reason }) => {
      const isGone = reason.startsWith("actor.not_found");
      if (isGone && this.#actorId === actorId) this.#actorId = undefined;
    });
    return socket;
  }

  websocket(
    path?: string,
    protocols?: string | string[],
  ): Promise<UniversalWebSocket> {
    return this.webSocket(path, protocols);
  }

  async getGatewayUrl(): Promise<string> {
    const actorId = this.#actorId ?? await this.#find(undefined);
    return this.#options.transport.gatewayUrl(actorId);
  }

  /** Sends a message to a queue; or calls the action of this name of an actor without queues. */
  async send(...args: unknown[]): Promise<unknown> {
    if (!this.#sendsByAction) {
      try {
        return await this.#send(args);
      } catch (error) {
        if (!isMeantAsAction(error)) throw error;
        this.#sendsByAction = true;
      }
    }
    return await this.action({ name: "send", args });
  }

  async #fetch(
    actorId: string,
    request: { path: string; init: RequestInit },
  ): Promise<Response> {
    const { transport, params: source } = this.#options;
    const signal = request.init.signal ?? undefined;
    const params = await abortable(paramsOf(source), signal);
    return await transport.fetch({ actorId, params, ...request });
  }

  async #send(args: unknown[]): Promise<unknown> {
    const [name, body, options] = args as [string, unknown, SendOptions?];
    // The name is part of the URL, where what may be the argument of an action does not belong.
    if (!isPlainName(name)) {
      try {
        return await this.action({ name: "send", args });
      } catch (error) {
        if (!isErrorKind(error, "action/not_found")) throw error;
      }
    }
    const { wait = false, timeout, signal } = options ?? {};
    if (wait) checkTimeout(timeout);
    const message = { name: String(name), body, wait, timeout, signal };
    const { status, response } = await this.#ask(message, sendMessage);
    if (!wait) return undefined;
    return status === "completed" ? { status, response } : { status };
  }

  // Asks the actor; a handle of a key asks the one that has it now, if another one had it before.
  async #ask<R extends ActorRequest, V>(
    request: R,
    ask: Ask<R, V>,
  ): Promise<V> {
    const { signal } = request;
    signal?.throwIfAborted();
    const actorId = this.#actorId ?? await this.#find(signal);
    try {
      return await this.#askAs(actorId, request, ask);
    } catch (error) {
      const { by } = this.#options.query;
      if (by === "id" || !isErrorKind(error, "actor/not_found")) throw error;
      if (this.#actorId === actorId) this.#actorId = undefined;
      const currentId = this.#actorId ?? await this.#find(signal);
      // If the actor is there after all, it is the action that did not find another actor; the
      // action has run, and must not run twice.
      if (currentId === actorId) throw error;
      return await this.#askAs(currentId, request, ask);
    }
  }

  #askAs<R extends ActorRequest, V>(
    actorId: string,
    request: R,
    ask: Ask<R, V>,
  ): Promise<V> {
    const { transport, params } = this.#options;
    const { signal } = request;
    // Params that are there cost no turn.
    return params.getParams === undefined
      ? abortable(ask(transport, actorId, params.params, request), signal)
      : abortable(paramsOf(params), signal).then((params) =>
        abortable(ask(transport, actorId, params, request), signal)
      );
  }

  async #find(signal: AbortSignal | undefined): Promise<string> {
    if (this.#search === undefined || this.#search.isOver) {
      const { transport, query, signal: own } = this.#options;
      this.#search = new Shared((ended) =>
        transport.resolve(query, own ? AbortSignal.any([own, ended]) : ended)
      );
    }
    const search = this.#search;
    const actorId = await search.wait(signal);
    if (this.#search === search) {
      this.#search = undefined;
      this.#actorId = actorId;
    }
    return actorId;
  }
}

/** What is asked of an actor. */
interface ActorRequest {
  signal?: AbortSignal | undefined;
}

type Ask<R extends ActorRequest, V> = (
  transport: Transport,
  actorId: string,
  params: unknown,
  request: R,
) => Promise<V>;

const callAction: Ask<ActionCall, unknown> = (
  transport,
  actorId,
  params,
  { name, args = [], signal },
) => transport.call({ actorId, name, args, params, signal });

const sendMessage: Ask<
  QueueSend & { signal: AbortSignal | undefined },
  QueueSent
> = (transport, actorId, params, message) =>
  transport.send({ ...message, actorId, params });

// Whether a response says that there is no such actor. Its body can still be read.
async function tellsOfNoActor(response: Response): Promise<boolean> {
  const { status, headers } = response;
  const type = headers.get("content-type");
  if (status !== 404 || !type?.startsWith("application/json")) return false;
  if (Number(headers.get("content-length")) > maxErrorBytes) return false;
  try {
    const { group, code } = await response.clone().json();
    return group === "actor" && code === "not_found";
  } catch {
    return false; // The actor's own answer.
  }
}

function isPlainName(name: unknown): boolean {
  return typeof name === "string" && /^[\w:-][\w.:-]{0,63}$/.test(name);
}

function checkTimeout(timeout: unknown): void {
  if (timeout === undefined || typeof timeout === "number" && timeout >= 0) {
    return;
  }
  throw new RangeError(
    `Cannot wait for a reply: the timeout is ${timeout}, not a number of milliseconds`,
  );
}

function isMeantAsAction(error: unknown): boolean {
  if (!isErrorKind(error, "queue/not_found")) return false;
  const { metadata } = error as ActorError;
  return typeof metadata === "object" && metadata !== null &&
    "action" in metadata && metadata.action === "send";
}
