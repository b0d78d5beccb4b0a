// `c`: what a handler may do. Each kind of handler is given the members that make sense in it.

import type { Client, RegistryTypes } from "./handle.ts";
import type { Kv } from "./kv.ts";
import type { ActorQueue } from "./queue.ts";
import type { Cron, Schedule } from "./schedule.ts";
import type { EventArgs, NameIn } from "./schema.ts";
import type { ActorTypes } from "./types.ts";

/** Writes one line: a message, with fields or without, or fields, with a message as `msg` or beside. */
export interface LogCall {
  /** Writes a message, and fields after it. */
  (message: string, fields?: Record<string, unknown>): void;
  /** Writes fields. Their `msg`, or the message beside them, stands first. */
  (fields: Record<string, unknown>, message?: string): void;
}

/** Writes log lines that name the actor. */
export interface ActorLog {
  /** Something that the process may not survive. */
  readonly fatal: LogCall;
  /** Something that failed. */
  readonly error: LogCall;
  /** Something that may need a look. */
  readonly warn: LogCall;
  /** Something that happened. */
  readonly info: LogCall;
  /** Something that explains a problem. */
  readonly debug: LogCall;
  /** Everything else. */
  readonly trace: LogCall;
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
  /** The events it has subscribed to. */
  readonly subscriptions: ReadonlySet<string>;
  /** Sends an event to this connection, whether or not it has subscribed to it. */
  send<Name extends NameIn<T["events"]>>(
    event: Name,
    ...args: EventArgs<T["events"], Name>
  ): void;
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
  /** Calls of this actor's own actions again and again. */
  readonly cron: Cron;
  /** What this actor keeps by key, besides its state. */
  readonly kv: Kv;
  /**
   * The messages that others have sent to this actor.
   *
   * @throws {ActorError} `queue/not_enabled` when the definition has no `queues`.
   */
  readonly queue: ActorQueue<T["queues"]>;
  /**
   * The client of this actor's database.
   *
   * @throws {ActorError} `database/not_enabled` when the definition has no `db`.
   */
  readonly db: T["db"];
  /** Aborted when this instance stops, to sleep or to be destroyed. */
  readonly abortSignal: AbortSignal;
  /** Whether this instance stops. */
  readonly aborted: boolean;
  /**
   * Sends an event to every connection that has subscribed to it. Where it cannot be written in the
   * encoding of some of them, or is longer than `maxOutgoingMessageSize` there, these are closed, and
   * the others get it.
   *
   * @throws {ActorError} `message/outgoing_too_long` when it is too long for all of them.
   */
  broadcast<Name extends NameIn<T["events"]>>(
    event: Name,
    ...args: EventArgs<T["events"], Name>
  ): void;
  /** A client of the same registry, without a socket between. */
  client<R extends RegistryTypes>(): Client<R>;
  /**
   * Saves what changed now, not at the end of the action. Resolves when it is durable.
   *
   * @throws {RangeError} when `maxWait` is negative or no number.
   */
  saveState(options?: SaveStateOptions): Promise<void>;
  /**
   * Lets the actor stay awake until `promise` settles. Its rejection is logged. A stop waits for it,
   * at most `options.waitUntilTimeout`.
   */
  waitUntil(promise: Promise<unknown>): void;
  /** The same as `waitUntil`. */
  runInBackground(promise: Promise<unknown>): void;
  /**
   * Lets the actor stay awake until `promise` settles, and returns it: whoever has called sees its
   * rejection. A stop waits for it as for `waitUntil`.
   */
  keepAwake<V>(promise: Promise<V>): Promise<V>;
  /** Puts this instance to sleep as soon as the running actions have ended. */
  sleep(): void;
  /** Destroys this actor and all it has saved. Returns at once; the key is free again soon. */
  destroy(): void;
}

/** Options of `c.saveState()`. */
export interface SaveStateOptions {
  /**
   * Whether to save at once. With durability `"commit"` it always does; with `"interval"` it waits
   * for the save that is due within `stateSaveInterval`.
   */
  immediate?: boolean;
  /** The most milliseconds that such a save may still be put off. */
  maxWait?: number;
}

/** What a handler that runs for one connection is given besides. */
export interface ConnContext<T extends ActorTypes = ActorTypes>
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
export interface ConnInitContext<T extends ActorTypes = ActorTypes>
  extends ActorContext<T> {
  /** The request that asks for the connection; `undefined` for a caller in this process. */
  readonly request: Request | undefined;
}

/** What `createState` is given: there is nothing else yet. */
export interface CreateStateContext {
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

/** What an action is given. */
export type ActionContext<T extends ActorTypes = ActorTypes> = ConnContext<T>;
/** What `onBeforeActionResponse` is given. */
export type BeforeActionResponseContext<T extends ActorTypes = ActorTypes> =
  ConnContext<T>;
/** What `onBeforeConnect` is given. */
export type BeforeConnectContext<T extends ActorTypes = ActorTypes> =
  ConnInitContext<T>;
/** What `onConnect` is given. */
export type ConnectContext<T extends ActorTypes = ActorTypes> = ConnContext<T>;
/** What `createConnState` is given. */
export type CreateConnStateContext<T extends ActorTypes = ActorTypes> =
  ConnInitContext<T>;
/** What `onCreate` is given. */
export type CreateContext<T extends ActorTypes = ActorTypes> = ActorContext<T>;
/** What `createVars` is given. */
export type CreateVarsContext<T extends ActorTypes = ActorTypes> = ActorContext<
  T
>;
/** What `onDestroy` is given. */
export type DestroyContext<T extends ActorTypes = ActorTypes> = ActorContext<T>;
/** What `onDisconnect` is given. */
export type DisconnectContext<T extends ActorTypes = ActorTypes> = ActorContext<
  T
>;
/** What `onRequest` is given. */
export type RequestContext<T extends ActorTypes = ActorTypes> = ConnContext<T>;
/** What `run` is given. */
export type RunContext<T extends ActorTypes = ActorTypes> = ActorContext<T>;
/** What `onSleep` is given. */
export type SleepContext<T extends ActorTypes = ActorTypes> = ActorContext<T>;
/** What `onStateChange` is given. */
export type StateChangeContext<T extends ActorTypes = ActorTypes> =
  ActorContext<T>;
/** What `onWake` is given. */
export type WakeContext<T extends ActorTypes = ActorTypes> = ActorContext<T>;
/** What `onWebSocket` is given. */
export type WebSocketContext<T extends ActorTypes = ActorTypes> = ConnContext<
  T
>;

/** One action: a function of the context and the caller's arguments. */
export type Action<T extends ActorTypes> = (
  c: ActionContext<T>,
  // The caller's arguments may be anything, and unannotated ones must stay usable.
  // deno-lint-ignore no-explicit-any
  ...args: any[]
  // deno-lint-ignore no-explicit-any -- as in CallsOf
) => any;

/** The actions of an actor by name; those of a member are called by both names, joined by a dot. */
export interface Actions<T extends ActorTypes> {
  /** An action, or more of them. */
  [name: string]: Action<T> | Actions<T>;
}
