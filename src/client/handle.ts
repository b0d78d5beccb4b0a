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
  // The id, or the one search for it that all calls wait for.
  #found: Promise<string> | undefined;

  constructor(options: HandleOptions) {
    this.#options = options;
    const { actorId } = options;
    if (actorId !== undefined) this.#found = Promise.resolve(actorId);
  }

  async action(call: ActionCall): Promise<unknown> {
    const { signal } = call;
    signal?.throwIfAborted();
    const found = this.#find();
    const actorId = await abortable(found, signal);
    try {
      return await this.#call(actorId, call);
    } catch (error) {
      const { by } = this.#options.query;
      if (by === "id" || !isErrorKind(error, "actor/not_found")) throw error;
      if (this.#found === found) this.#found = undefined;
      const currentId = await abortable(this.#find(), signal);
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

  async resolve(options: { signal?: AbortSignal } = {}): Promise<string> {
    options.signal?.throwIfAborted();
    return await abortable(this.#find(), options.signal);
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

  #find(): Promise<string> {
    if (this.#found !== undefined) return this.#found;
    const { transport, query, signal } = this.#options;
    const found = transport.resolve(query, signal);
    this.#found = found;
    found.catch(() => {
      if (this.#found === found) this.#found = undefined;
    });
    return found;
  }
}

function notYet(what: string): Error {
  return actorError("feature/not_implemented", `${what} is not there yet`);
}
