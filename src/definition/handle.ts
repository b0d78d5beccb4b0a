// The caller's typed view of a registry: client, handle, connection.

import type { Send } from "./queue.ts";
import type { EventArgs, IsOpen, NameIn } from "./schema.ts";
import type { UniversalWebSocket } from "./socket.ts";
import type { ActionsOf, Declared, TypesOf } from "./types.ts";

/** The definitions of a registry, readable from its type. */
export interface RegistryTypes {
  /** The definitions by name; there is no value. */
  // A constraint on the members would make TypeScript resolve every definition here, and an actor
  // that calls another of its own registry could no longer be inferred.
  readonly "~actors"?: object;
}

/** The definitions of a registry by name. */
export type ActorsOf<R extends RegistryTypes> = NonNullable<R["~actors"]>;

/** The arguments that a caller gives to an action: all but the context. */
export type ActionArgs<F> = F extends // deno-lint-ignore no-explicit-any -- matches an action of any context
(c: any, ...args: infer A) => unknown ? A
  : never;

/** The actions of a definition as a caller sees them. */
export type ActionCalls<D extends Declared> = CallsOf<ActionsOf<D>>;

/** Actions as a caller sees them: each returns a promise, and those of a member are its members. */
export type CallsOf<A> = {
  // `any` and not `unknown`, because TypeScript would look at what the action returns, and an actor
  // that calls another of its own registry could no longer be inferred.
  // deno-lint-ignore no-explicit-any
  [K in keyof A]: A[K] extends (...args: any) => any
    ? (...args: ActionArgs<A[K]>) => Promise<Awaited<ReturnType<A[K]>>>
    : CallsOf<A[K]>;
};

/** A key: parts that together name an actor. A string is a key of one part, none is `[]`. */
export type ActorKey = string | string[];

/** Options of `get` and `getForId`. */
export interface GetOptions<Params = unknown> {
  /** What the actor's connection hooks are given. It crosses the wire as JSON. */
  params?: Params;
  /**
   * Makes the params anew for each call, and for each attempt to open a connection: for credentials
   * that expire. Not together with `params`, which is a TypeError. It must settle, for nothing is sent
   * before. When it fails, a call rejects with `client/get_params_failed`, and a connection tells
   * `onError` of that and tries again as after any failure; the cause is what it has thrown.
   */
  getParams?: () => Params | Promise<Params>;
  /** Aborts finding the actor. */
  signal?: AbortSignal;
}

/** Options of `getOrCreate`. */
export interface GetOrCreateOptions<Params = unknown, Input = unknown>
  extends GetOptions<Params> {
  /** What `createState` and `onCreate` are given, if this call creates the actor. */
  createWithInput?: Input;
  /** Where to create the actor. Ignored by a server of one region. */
  createInRegion?: string;
}

/** Options of `create`. */
export interface CreateOptions<Params = unknown, Input = unknown>
  extends GetOptions<Params> {
  /** What `createState` and `onCreate` are given. */
  input?: Input;
  /** Where to create the actor. Ignored by a server of one region. */
  region?: string;
}

/** What a caller may pass: anything where the definition does not say what it takes. */
export type Given<V> = [V] extends [undefined] ? unknown : V;

/** The handles of one kind of actor. */
export interface ActorAccessor<D extends Declared> {
  /** A handle of an actor that exists; calls reject with `actor/not_found` if it does not. */
  get(
    key?: ActorKey,
    options?: GetOptions<Given<TypesOf<D>["params"]>>,
  ): ActorHandle<D>;
  /** A handle that creates the actor on first use when there is none. */
  getOrCreate(
    key?: ActorKey,
    options?: GetOrCreateOptions<
      Given<TypesOf<D>["params"]>,
      Given<TypesOf<D>["input"]>
    >,
  ): ActorHandle<D>;
  /** A handle of the actor with this id. */
  getForId(
    actorId: string,
    options?: GetOptions<Given<TypesOf<D>["params"]>>,
  ): ActorHandle<D>;
  /**
   * Creates an actor and resolves to its handle.
   *
   * @throws {ActorError} `actor/duplicate_key` when the key has an actor.
   */
  create(
    key?: ActorKey,
    options?: CreateOptions<
      Given<TypesOf<D>["params"]>,
      Given<TypesOf<D>["input"]>
    >,
  ): Promise<ActorHandle<D>>;
}

/** An action named at run time. */
export interface ActionCall {
  /** The name of the action. */
  name: string;
  /** Its arguments. Default none. */
  args?: unknown[];
  /** Aborts waiting; the action itself goes on. */
  signal?: AbortSignal;
}

/** A stateless reference to one actor: each call stands for itself. */
export type ActorHandle<D extends Declared> =
  & HandleMembers<D>
  & QueueMembers<TypesOf<D>["queues"]>
  & ActionCalls<D>;

/** What a handle has besides, if its actor has queues; if not, `send` may be one of its actions. */
export type QueueMembers<Q> = IsOpen<Q> extends true ? unknown : {
  /**
   * Sends a message to a queue of the actor, which wakes for it. Resolves when the message is
   * durable; with `wait`, when it is completed.
   */
  send: Send<Q>;
};

/** What a handle has besides the actions of its actor. */
export interface HandleMembers<D extends Declared> {
  /** Calls an action by its name. */
  action(call: ActionCall): Promise<unknown>;
  /** Opens a connection. Returns at once; calls wait until it is open. */
  connect(): ActorConnection<D>;
  /** Finds or creates the actor, and resolves to its id. */
  resolve(options?: { signal?: AbortSignal }): Promise<string>;
  /**
   * Sends a raw request to the actor's `onRequest`. A path is below the actor's own; of a URL its path
   * and query count. Resolves to the response, whatever its status.
   */
  fetch(input: string | URL | Request, init?: RequestInit): Promise<Response>;
  /**
   * Opens a raw socket to the actor's `onWebSocket`; the path may have a query. Rejects with a
   * `SyntaxError` when a sub-protocol is none, or is there twice.
   */
  webSocket(
    path?: string,
    protocols?: string | string[],
  ): Promise<UniversalWebSocket>;
  /** The same as `webSocket`. */
  websocket(
    path?: string,
    protocols?: string | string[],
  ): Promise<UniversalWebSocket>;
  /** The URL of the actor: `/request/…` and `/websocket/…` are below it. */
  getGatewayUrl(): Promise<string>;
}

/** The state of a connection. */
export type ConnStatus = "idle" | "connecting" | "connected" | "disconnected";

/** An open connection to one actor. It reconnects by itself and subscribes again. */
export type ActorConnection<D extends Declared> =
  & ConnectionMembers<TypesOf<D>["events"]>
  & ActionCalls<D>;

/** What a connection has besides the actions of its actor. */
export interface ConnectionMembers<E = unknown> {
  /** The id of the actor; `undefined` until connected for the first time. */
  readonly actorId: string | undefined;
  /** The id of this connection; `undefined` until connected, another after each reconnect. */
  readonly connId: string | undefined;
  /** `"idle"` → `"connecting"` → `"connected"` → `"disconnected"` → …; `"idle"` after `dispose`. */
  readonly connStatus: ConnStatus;
  /** Whether the status is `"connected"`. */
  readonly isConnected: boolean;
  /**
   * Resolves when the connection is open: at once when it is, else at the next opening, however many
   * attempts that takes. Another promise after each loss. Rejects when the connection is disposed.
   */
  readonly ready: Promise<void>;
  /** Calls an action by its name. Rejects when the connection is lost before the result arrives. */
  action(call: ActionCall): Promise<unknown>;
  /** Calls back at each event of this name. Returns a function that ends it. */
  on<Name extends NameIn<E>>(
    event: Name,
    callback: (...args: EventArgs<E, Name>) => void,
  ): () => void;
  /**
   * The same as `onError`; it also hears events of the actor's own that have this name. Returns a
   * function that ends it.
   */
  on(event: "error", callback: (error: Error) => void): () => void;
  /** Calls back at the next event of this name. Returns a function that ends it. */
  once<Name extends NameIn<E>>(
    event: Name,
    callback: (...args: EventArgs<E, Name>) => void,
  ): () => void;
  /**
   * Calls back when the connection is refused or fails, or a subscription is refused. Returns a
   * function that ends it.
   */
  onError(callback: (error: Error) => void): () => void;
  /** Calls back each time the connection opens. Returns a function that ends it. */
  onOpen(callback: () => void): () => void;
  /** Calls back each time the connection closes. Returns a function that ends it. */
  onClose(callback: () => void): () => void;
  /** Calls back at each change of the status. Returns a function that ends it. */
  onStatusChange(callback: (status: ConnStatus) => void): () => void;
  /** Closes the connection for good. Pending calls reject. Resolves when the socket has closed. */
  dispose(): Promise<void>;
}

/** A client of a registry: one accessor for each kind of actor. */
export type Client<R extends RegistryTypes> =
  & {
    [K in keyof ActorsOf<R> & string]: ActorsOf<R>[K] extends
      infer D extends Declared ? ActorAccessor<D> : never;
  }
  & ClientMembers;

/** What a client has besides its accessors. */
export interface ClientMembers {
  /** Closes all connections of this client. */
  dispose(): Promise<void>;
}
