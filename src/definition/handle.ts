// The caller's typed view of a registry: client, handle, connection.

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
export type ActionCalls<D extends Declared> = {
  [K in keyof ActionsOf<D>]: (
    ...args: ActionArgs<ActionsOf<D>[K]>
  ) => Promise<
    // deno-lint-ignore no-explicit-any -- matches an action of any context
    ActionsOf<D>[K] extends (...args: any[]) => infer R ? Awaited<R> : never
  >;
};

/** A key: parts that together name an actor. A string is a key of one part, none is `[]`. */
export type ActorKey = string | string[];

/** Options of `get` and `getForId`. */
export interface GetOptions<Params = unknown> {
  /** What the actor's connection hooks are given. It crosses the wire as JSON. */
  params?: Params;
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

/** The handles of one kind of actor. */
export interface ActorAccessor<D extends Declared> {
  /** A handle of an actor that exists; calls reject with `actor/not_found` if it does not. */
  get(
    key?: ActorKey,
    options?: GetOptions<TypesOf<D>["params"]>,
  ): ActorHandle<D>;
  /** A handle that creates the actor on first use when there is none. */
  getOrCreate(
    key?: ActorKey,
    options?: GetOrCreateOptions<TypesOf<D>["params"], TypesOf<D>["input"]>,
  ): ActorHandle<D>;
  /** A handle of the actor with this id. */
  getForId(
    actorId: string,
    options?: GetOptions<TypesOf<D>["params"]>,
  ): ActorHandle<D>;
  /**
   * Creates an actor and resolves to its handle.
   *
   * @throws {ActorError} `actor/duplicate_key` when the key has an actor.
   */
  create(
    key?: ActorKey,
    options?: CreateOptions<TypesOf<D>["params"], TypesOf<D>["input"]>,
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
  & ActionCalls<D>;

/** What a handle has besides the actions of its actor. */
export interface HandleMembers<D extends Declared> {
  /** Calls an action by its name. */
  action(call: ActionCall): Promise<unknown>;
  /** Opens a connection. Returns at once; calls wait until it is open. */
  connect(): ActorConnection<D>;
  /** Finds or creates the actor, and resolves to its id. */
  resolve(options?: { signal?: AbortSignal }): Promise<string>;
}

/** The state of a connection. */
export type ConnStatus = "idle" | "connecting" | "connected" | "disconnected";

/** An open connection to one actor. It reconnects by itself and subscribes again. */
export type ActorConnection<D extends Declared> =
  & ConnectionMembers
  & ActionCalls<D>;

/** What a connection has besides the actions of its actor. */
export interface ConnectionMembers {
  /** The id of the actor; `undefined` until connected for the first time. */
  readonly actorId: string | undefined;
  /** The id of this connection; `undefined` until connected, another after each reconnect. */
  readonly connId: string | undefined;
  /** `"idle"` → `"connecting"` → `"connected"` → `"disconnected"` → …; `"idle"` after `dispose`. */
  readonly connStatus: ConnStatus;
  /** Whether the status is `"connected"`. */
  readonly isConnected: boolean;
  /** Calls an action by its name. Rejects when the connection is lost before the result arrives. */
  action(call: ActionCall): Promise<unknown>;
  /** Calls back at each event of this name. Returns a function that ends it. */
  on(
    event: string,
    // An event's arguments are what the actor sent.
    // deno-lint-ignore no-explicit-any
    callback: (...args: any[]) => void,
  ): () => void;
  /** Calls back at the next event of this name. Returns a function that ends it. */
  once(
    event: string,
    // deno-lint-ignore no-explicit-any -- as in `on`
    callback: (...args: any[]) => void,
  ): () => void;
  /** Calls back when the connection is refused or fails. Returns a function that ends it. */
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
