// `c`: what a handler may do. Each kind of handler is given the members that make sense in it.

import type { ActorTypes } from "./types.ts";
import type { Client, RegistryTypes } from "./handle.ts";

/** Writes log lines that name the actor. Each takes a message, or fields with a `msg`. */
export interface ActorLog {
  /** Something that the process may not survive. */
  fatal(message: string | Record<string, unknown>): void;
  /** Something that failed. */
  error(message: string | Record<string, unknown>): void;
  /** Something that may need a look. */
  warn(message: string | Record<string, unknown>): void;
  /** Something that happened. */
  info(message: string | Record<string, unknown>): void;
  /** Something that explains a problem. */
  debug(message: string | Record<string, unknown>): void;
  /** Everything else. */
  trace(message: string | Record<string, unknown>): void;
}

/** Calls of this actor's own actions in the future. They survive restarts and run once in effect. */
export interface Schedule {
  /**
   * Calls an action after `delayMs` milliseconds. Resolves when the call is recorded; it becomes
   * durable with the step it is part of.
   *
   * @throws {TypeError} when the delay is not a finite number, or an argument cannot be saved.
   */
  after(delayMs: number, action: string, ...args: unknown[]): Promise<void>;
  /**
   * Calls an action at `dueMs`, in milliseconds since the epoch; at once when that has passed.
   *
   * @throws {TypeError} when the time is not a finite number, or an argument cannot be saved.
   */
  at(dueMs: number, action: string, ...args: unknown[]): Promise<void>;
}

/** A caller that stays: one connection as the actor sees it. */
export interface Conn<T extends ActorTypes = ActorTypes> {
  /** Unique among all connections. */
  readonly id: string;
  /** What the caller passed when it connected; `undefined` when it passed nothing. */
  readonly params: T["params"];
  /**
   * What the actor keeps for this connection. Saved like `c.state`.
   *
   * @throws {ActorError} `actor/conn_state_not_enabled` when the definition has none.
   */
  state: T["connState"];
  /** Whether the socket outlives the sleep of its actor. */
  readonly isHibernatable: boolean;
  /** Sends an event to this connection, whether or not it has subscribed to it. */
  send(event: string, ...args: unknown[]): void;
  /** Closes the connection. Resolves when it is closed; `reason` is cut to 123 bytes. */
  disconnect(reason?: string): Promise<void>;
}

/** What every handler of an actor is given. */
export interface ActorContext<T extends ActorTypes = ActorTypes> {
  /**
   * The state. Change it in place, at any depth; every change is saved before anybody hears of it.
   *
   * @throws {ActorError} `actor/state_not_enabled` when the definition has none, and
   * `state/invalid_type`, naming the path, when a value that cannot be saved is assigned.
   */
  state: T["state"];
  /**
   * What this instance keeps in memory only.
   *
   * @throws {ActorError} `actor/vars_not_enabled` when the definition has none.
   */
  readonly vars: T["vars"];
  /** Our unique name for this actor. */
  readonly actorId: string;
  /** The kind of actor: its name in the registry. */
  readonly name: string;
  /** The user's name for this actor. */
  readonly key: string[];
  /** Where this actor runs; `"local"` in a process of its own. */
  readonly region: string;
  /** All connections that are open, by id. */
  readonly conns: ReadonlyMap<string, Conn<T>>;
  /** Writes log lines that name this actor. */
  readonly log: ActorLog;
  /** Future calls of this actor's own actions. */
  readonly schedule: Schedule;
  /** Aborted when this instance stops, to sleep or to be destroyed. */
  readonly abortSignal: AbortSignal;
  /** Sends an event to every connection that has subscribed to it. */
  broadcast(event: string, ...args: unknown[]): void;
  /** A client of the same registry, without a socket between. */
  client<R extends RegistryTypes>(): Client<R>;
  /** Saves what changed now, not at the end of the action. Resolves when it is durable. */
  saveState(options?: SaveStateOptions): Promise<void>;
  /**
   * Lets the actor stay awake until `promise` settles. Its rejection is logged. A stop waits for it,
   * at most `options.waitUntilTimeout`.
   */
  waitUntil(promise: Promise<unknown>): void;
  /** The same as `waitUntil`. */
  runInBackground(promise: Promise<unknown>): void;
  /** Puts this instance to sleep as soon as the running actions have ended. */
  sleep(): void;
  /** Destroys this actor and all it has saved. Returns at once; the key is free again soon. */
  destroy(): void;
}

/** Options of `c.saveState()`. */
export interface SaveStateOptions {
  /** Whether to wait until the change is durable. With durability `"commit"` it always does. */
  immediate?: boolean;
  /** The most milliseconds that a save under durability `"interval"` may still be put off. */
  maxWait?: number;
}

/** What a handler that runs for one connection is given besides. */
export interface ActionContext<T extends ActorTypes = ActorTypes>
  extends ActorContext<T> {
  /**
   * The calling connection; a call without one has a short-lived one of its own. `undefined` in a
   * scheduled call, which nobody is connected to.
   */
  readonly conn: Conn<T>;
  /** The request that brought the call or the connection, where there was one. */
  readonly request: Request | undefined;
}

/** What a hook that decides over a connection is given: there is no connection yet. */
export interface ConnectContext<T extends ActorTypes = ActorTypes>
  extends ActorContext<T> {
  /** The request that asks for the connection; `undefined` for a caller in this process. */
  readonly request: Request | undefined;
}

/** What `createState` is given: there is nothing else yet. */
export interface CreateContext {
  /** Our unique name for this actor. */
  readonly actorId: string;
  /** The kind of actor: its name in the registry. */
  readonly name: string;
  /** The user's name for this actor. */
  readonly key: string[];
  /** Where this actor runs; `"local"` in a process of its own. */
  readonly region: string;
  /** Writes log lines that name this actor. */
  readonly log: ActorLog;
}

/** One action: a function of the context and the caller's arguments. */
export type Action<T extends ActorTypes> = (
  c: ActionContext<T>,
  // The caller's arguments may be anything, and unannotated ones must stay usable.
  // deno-lint-ignore no-explicit-any
  ...args: any[]
) => unknown;

/** The actions of an actor by name. */
export type Actions<T extends ActorTypes> = Record<string, Action<T>>;
