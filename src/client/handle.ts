import type {
  ActionCall,
  ActorConnection,
  ActorHandle,
  HandleMembers,
} from "../definition/handle.ts";
import type { SendOptions } from "../definition/queue.ts";
import type { Declared } from "../definition/types.ts";
import type { UniversalWebSocket } from "../definition/socket.ts";
import { ActorError, isErrorKind } from "../errors.ts";
import type { QueueSend, QueueSent } from "../protocol/messages.ts";
import type { ActorQuery, Transport } from "../protocol/transport.ts";
import { abortable } from "../abort.ts";
import type { Connection } from "./connection.ts";
import { withActions } from "./names.ts";
import { paramsOf, type ParamsSource } from "./params.ts";
import {
  pathOf,
  protocolsOf,
  type RawInput,
  readRequest,
  refusalIn,
} from "./raw.ts";
import { ClientSocket } from "./socket.ts";
import { Shared } from "./shared.ts";
import type { Timing } from "./timing.ts";
import { askAgain, askUntilTaken, isEnd, turnedAwayBy } from "./turned_away.ts";

/** What a handle needs. */
export interface HandleOptions {
  transport: Transport;
  query: ActorQuery;
  /** The id of the actor, if the query need not be asked. */
  actorId: string | undefined;
  params: ParamsSource;
  /** Aborts finding the actor. */
  signal: AbortSignal | undefined;
  timing: Timing;
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

  action(call: ActionCall): Promise<unknown> {
    return this.#ask(call, callAction);
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
    const raw = readRequest(input, init);
    const signal = raw.init.signal ?? undefined;
    signal?.throwIfAborted();
    const response = await this.#fetchOnce(raw);
    return raw.isRepeatable && this.#mayAskAgain(response)
      ? await this.#again(() => this.#fetchOnce(raw), signal)
      : response;
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
      const isGone = /^actor\.(?:not_found|destroy)/.test(reason);
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

  // A handle of a key asks the actor that has it now, if another one had it before.
  async #fetchOnce(raw: RawInput): Promise<Response> {
    const signal = raw.init.signal ?? undefined;
    const actorId = this.#actorId ?? await this.#find(signal);
    const response = await this.#fetch(actorId, raw);
    const { by } = this.#options.query;
    if (by === "id" || !raw.isRepeatable) return response;
    if (!await tellsOfNoActor(response)) return response;
    if (this.#actorId === actorId) this.#actorId = undefined;
    const currentId = this.#actorId ?? await this.#find(signal);
    // If the actor is there after all, the response is its own.
    if (currentId === actorId) return response;
    await response.body?.cancel();
    return await this.#fetch(currentId, raw);
  }

  async #fetch(actorId: string, { path, init }: RawInput): Promise<Response> {
    const { transport, params: source } = this.#options;
    const signal = init.signal ?? undefined;
    const params = await abortable(paramsOf(source), signal);
    return await transport.fetch({ actorId, path, init, params });
  }

  async #send(args: unknown[]): Promise<unknown> {
    const [name, body, options] = args as [string, unknown, SendOptions?];
    // The name is part of the URL, where what may be the argument of an action does not belong.
    if (!isPlainName(name)) {
      try {
        return await this.action({ name: "send", args });
      } catch (error) {
        if (!isNoAction(error)) throw error;
      }
    }
    const { wait = false, timeout, signal } = options ?? {};
    if (wait) checkTimeout(timeout);
    const message = { name: String(name), body, wait, timeout, signal };
    const { status, response } = await this.#ask(message, sendMessage);
    if (!wait) return undefined;
    return status === "completed" ? { status, response } : { status };
  }

  async #ask<R extends ActorRequest, V>(
    request: R,
    ask: Ask<R, V>,
  ): Promise<V> {
    const { signal } = request;
    signal?.throwIfAborted();
    try {
      return await this.#askOnce(request, ask);
    } catch (error) {
      if (!this.#mayAskAgain(error)) throw error;
      return await this.#again(() => this.#askOnce(request, ask), signal);
    }
  }

  #again<V>(
    ask: () => Promise<V>,
    signal: AbortSignal | undefined,
  ): Promise<V> {
    const { timing } = this.#options;
    const mayAskAgain = (answer: unknown) => this.#mayAskAgain(answer);
    return askAgain(ask, mayAskAgain, { timing, signal });
  }

  // Whether the actor, or the one that the key will have next, may soon be there.
  #mayAskAgain(answer: unknown): boolean {
    const error = turnedAwayBy(answer);
    if (error === undefined) return false;
    if (this.#options.query.by === "id") return !isEnd(error);
    this.#actorId = undefined;
    return true;
  }

  // Asks the actor; a handle of a key asks the one that has it now, if another one had it before.
  async #askOnce<R extends ActorRequest, V>(
    request: R,
    ask: Ask<R, V>,
  ): Promise<V> {
    const { signal } = request;
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
      const { transport, query, timing, signal: own } = this.#options;
      this.#search = new Shared((ended) => {
        const signal = own ? AbortSignal.any([own, ended]) : ended;
        return askUntilTaken(
          () => transport.resolve(query, signal),
          { timing, signal },
        );
      });
    }
    const search = this.#search;
    const actorId = await search.wait(signal);
    if (this.#search === search) {
      this.#search = undefined;
      if (!this.#options.transport.findsEachTime) this.#actorId = actorId;
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
  if (response.status !== 404) return false;
  const { group, code } = await refusalIn(response) ?? {};
  return group === "actor" && code === "not_found";
}

function isPlainName(name: unknown): boolean {
  return typeof name === "string" && /^[\w:-][\w.:-]{0,63}$/.test(name);
}

// As Troupe and RivetKit up to 2.2 say it, or RivetKit from 2.3 on.
function isNoAction(error: unknown): boolean {
  return error instanceof ActorError &&
    ["action/not_found", "actor/action_not_found"]
      .includes(`${error.group}/${error.code}`);
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
