import type {
  ActionCall,
  ActorConnection,
  ActorHandle,
  HandleMembers,
} from "../definition/handle.ts";
import type { Declared } from "../definition/types.ts";
import type { UniversalWebSocket } from "../definition/socket.ts";
import { actorError, isErrorKind } from "../errors.ts";
import type { ActorQuery, Transport } from "../protocol/transport.ts";
import { abortable } from "./abort.ts";
import type { Connection } from "./connection.ts";
import { withActions } from "./names.ts";
import { paramsOf, type ParamsSource } from "./params.ts";
import { Shared } from "./shared.ts";

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
  return withActions<D, Handle<D>>(new Handle(options));
}

class Handle<D extends Declared> implements HandleMembers<D> {
  readonly #options: HandleOptions;
  #actorId: string | undefined;
  // The one search for the id that all calls wait for.
  #search: Shared<string> | undefined;

  constructor(options: HandleOptions) {
    this.#options = options;
    this.#actorId = options.actorId;
  }

  async action(call: ActionCall): Promise<unknown> {
    const { signal } = call;
    signal?.throwIfAborted();
    const actorId = this.#actorId ?? await this.#find(signal);
    try {
      return await this.#call(actorId, call);
    } catch (error) {
      const { by } = this.#options.query;
      if (by === "id" || !isErrorKind(error, "actor/not_found")) throw error;
      if (this.#actorId === actorId) this.#actorId = undefined;
      const currentId = this.#actorId ?? await this.#find(signal);
      // If the actor is there after all, it is the action that did not find another actor; the
      // action has run, and must not run twice.
      if (currentId === actorId) throw error;
      return await this.#call(currentId, call);
    }
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

  fetch(): Promise<Response> {
    return Promise.reject(notYet("handle.fetch()"));
  }

  webSocket(): Promise<UniversalWebSocket> {
    return Promise.reject(notYet("handle.webSocket()"));
  }

  websocket(): Promise<UniversalWebSocket> {
    return this.webSocket();
  }

  getGatewayUrl(): Promise<string> {
    return Promise.reject(notYet("handle.getGatewayUrl()"));
  }

  send(): Promise<never> {
    return Promise.reject(notYet("handle.send()"));
  }

  #call(actorId: string, call: ActionCall): Promise<unknown> {
    const { params } = this.#options;
    // Params that are there cost no turn.
    return params.getParams === undefined
      ? this.#callWith(params.params, actorId, call)
      : abortable(paramsOf(params), call.signal)
        .then((params) => this.#callWith(params, actorId, call));
  }

  #callWith(
    params: unknown,
    actorId: string,
    { name, args = [], signal }: ActionCall,
  ): Promise<unknown> {
    return abortable(
      this.#options.transport.call({ actorId, name, args, params, signal }),
      signal,
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

function notYet(what: string): Error {
  return actorError("feature/not_implemented", `${what} is not there yet`);
}
