// Every key of `actor({...})`, with its default and unit.

import type {
  Actions,
  BeforeActionResponseContext,
  BeforeConnectContext,
  Conn,
  ConnContext,
  ConnectContext,
  CreateConnStateContext,
  CreateContext,
  CreateStateContext,
  CreateVarsContext,
  DestroyContext,
  DisconnectContext,
  RequestContext,
  RunContext,
  SleepContext,
  StateChangeContext,
  WakeContext,
  WebSocketContext,
} from "./context.ts";
import type { EventType, QueueType, StandardSchema } from "./schema.ts";
import type { UniversalWebSocket } from "./socket.ts";
import type { Bag } from "./types.ts";

/** What a handler may return: a value, or a promise of it. */
export type Awaitable<V> = V | Promise<V>;

/** Options of an actor. All times are in milliseconds. */
export interface ActorOptions {
  /**
   * When a result or event may leave the actor. `"commit"` (the default): after the change it
   * describes is durable. `"interval"`: at once; the change is saved within `stateSaveInterval`, and
   * a crash may lose it.
   */
  durability?: "commit" | "interval";
  /** The longest an asynchronous action may take. Default 60,000. */
  actionTimeout?: number;
  /**
   * The longest `createVars` may take. Default 5,000. All hooks of a start together, and `db`, may take
   * 30,000 more.
   */
  createVarsTimeout?: number;
  /** The longest `createConnState` may take. Default 5,000. */
  createConnStateTimeout?: number;
  /** The longest `onBeforeConnect` may take. Default 5,000. */
  onBeforeConnectTimeout?: number;
  /** The longest `onConnect` may take, and `onDisconnect` too. Default 5,000. */
  onConnectTimeout?: number;
  /** The longest `onSleep` may take. Default 5,000. */
  onSleepTimeout?: number;
  /** The longest `onDestroy` may take. Default 5,000. */
  onDestroyTimeout?: number;
  /** The longest a stop waits for `c.waitUntil()`. Default 15,000. */
  waitUntilTimeout?: number;
  /** The longest that a change waits when nothing is sent that describes it. Default 10,000. */
  stateSaveInterval?: number;
  /** How long an actor stays in memory with nothing to do. Default 30,000. */
  sleepTimeout?: number;
  /** Whether the actor stays in memory for good. Default `false`. */
  noSleep?: boolean;
  /**
   * Whether a raw socket stays open while the actor sleeps, or a function that decides it for the
   * request of each. Default `false`. Sockets of actions and events always do.
   */
  canHibernateWebSocket?: boolean | ((request: Request) => boolean);
  /** How long a socket may leave a ping without an answer before it is closed. Default 2,500. */
  connectionLivenessTimeout?: number;
  /**
   * How long a socket may be silent before it is pinged. Default 5,000. A caller that has vanished is
   * gone from `c.conns` within both times together; where Bun's sockets are served by handlers that
   * do not hand on the answers to pings, within 30 seconds.
   */
  connectionLivenessInterval?: number;
  /** How many future calls there may be. Default 1,000. */
  maxSchedules?: number;
  /** How many messages may wait in all queues. Default 1,000. */
  maxQueueSize?: number;
  /** The most bytes of one message of a queue. Default 65,536. */
  maxQueueMessageSize?: number;
}

/** Makes the client of an actor's own database, the `c.db`. */
export interface DatabaseProvider<Db> {
  /** Makes the client, at every wake, before anything else of the actor runs. */
  createClient(
    actor: { actorId: string; name: string; key: string[] },
  ): Awaitable<Db>;
  /** Brings the database up to date, right after. */
  onMigrate?(db: Db): Awaitable<void>;
  /** Closes the client: the instance has stopped. */
  onStop?(db: Db): Awaitable<void>;
}

/** A loop in the background, with what an inspector shows of it. */
export interface RunConfig<C> {
  /** What it is called. */
  name?: string;
  /** A sign for it. */
  icon?: string;
  /** The loop. */
  run: (c: C) => unknown;
}

/** What a definition says of one event; `C` is the context of `canSubscribe`. */
export type EventSchema<C = ConnContext> =
  | EventType
  | StandardSchema
  | {
    /** The type, or the schema that each payload must pass. */
    readonly schema: EventType | StandardSchema;
    /**
     * Whether a connection may subscribe, asked once for each subscription and given 5,000 ms.
     * Anything but `true` refuses: the caller's `onError` is told `auth/forbidden`, and gets no such
     * event.
     */
    readonly canSubscribe?: (
      c: C,
      event: string,
    ) => boolean | Promise<boolean>;
  };

/** What a definition says of one queue; `C` is the context of `canPublish`. */
export type QueueSchema<C = ConnContext> =
  | QueueType
  | StandardSchema
  | {
    /** The type, or the schema that each message must pass. */
    readonly message: QueueType | EventType | StandardSchema;
    /** The schema that each reply must pass. */
    readonly complete?: EventType | StandardSchema;
    /**
     * Whether a caller may send, asked for each message; it has 5 seconds. Anything but `true`
     * refuses.
     */
    readonly canPublish?: (c: C) => boolean | Promise<boolean>;
  };

/**
 * Schemas of the arguments of actions, by name. Those of a group are members of a member, or named by
 * the whole name: `"users.add"`.
 */
export interface InputSchemas {
  /** The schema of an action, or those of a group. */
  readonly [name: string]: StandardSchema | InputSchemas;
}

/** The events of an actor by name. */
export type Events<C = ConnContext> = Record<string, EventSchema<C>>;

/** The queues of an actor by name. */
export type Queues<C = ConnContext> = Record<string, QueueSchema<C>>;

/** What `actor()` takes. */
// Many type parameters and not one bag, here alone: TypeScript fixes the whole of a bag when it types
// the first handler, before later handlers have told what the rest is. For the same reason the
// context of a hook does not mention the type that the hook itself decides.
export interface ActorConfig<
  State,
  Params,
  ConnState,
  Vars,
  Input,
  Db,
  E extends object,
  Q extends object,
  A extends object,
> {
  /** The first state, copied for each actor. */
  state?: State;
  // What hooks return is `unknown` where it does not matter, so that one may return what it has done
  // last, of whatever type.
  /** Makes the first state, once in the life of an actor. Wins over `state`. */
  createState?: (c: CreateStateContext, input: Input) => Awaitable<State>;
  /** What each instance keeps in memory, copied for each. */
  vars?: Vars;
  /** Makes the vars, at every wake. Wins over `vars`. `driver` is `undefined`. */
  createVars?: (
    c: CreateVarsContext<Bag<State, unknown, unknown, unknown, unknown, Db>>,
    driver: unknown,
  ) => Awaitable<Vars>;
  /** The first state of a connection, copied for each. */
  connState?: ConnState;
  /** Makes the state of a connection. Throwing refuses it. Wins over `connState`. */
  createConnState?: (
    c: CreateConnStateContext<Bag<State, unknown, unknown, Vars, unknown, Db>>,
    params: Params,
  ) => Awaitable<ConnState>;
  /**
   * Checks what a caller passes when it connects, or calls without a connection, before any hook.
   * Hooks and `conn.params` have its output, which must be something that can be saved. What it
   * refuses is `params/invalid` to the caller, with the issues as metadata. It may be asynchronous,
   * for `options.onBeforeConnectTimeout`.
   */
  connParamsSchema?: StandardSchema<unknown, Params>;
  /** The client of a database of the actor's own. */
  db?: DatabaseProvider<Db>;
  /**
   * The events it sends, by name: their types or schemas. What is sent is the output of the schema,
   * which sees one argument as it is and more as an array; what it refuses is thrown where it is
   * sent, `event/invalid_payload`, and nobody gets it. A schema must not be asynchronous. Types
   * refuse a name that is not here; a program without types sends it, with a warning in the log.
   */
  // Beside `E` and `Q`, as with `actions`.
  events?:
    & E
    & Events<ConnContext<Bag<State, Params, ConnState, Vars, Input, Db>>>;
  /** The queues it takes messages from, by name: their types or schemas. */
  queues?:
    & Q
    & Queues<ConnContext<Bag<State, Params, ConnState, Vars, Input, Db>>>;
  /**
   * What a caller may ask for, by name. A plain object groups actions, at most 8 names deep, and each
   * is called by all names, joined by dots.
   */
  // Beside `A`, not as its constraint: from a constraint TypeScript types `c` before it has read what
  // the hooks before the actions tell of it.
  actions?: A & Actions<Bag<State, Params, ConnState, Vars, Input, Db, E, Q>>;
  /**
   * Schemas of actions by name. Each checks the array of the arguments before the action runs,
   * whoever calls, and the action gets its output. What it refuses is `actor/validation_error` to the
   * caller, with the issues as metadata. It may be asynchronous, as part of the action.
   */
  actionInputSchemas?: InputSchemas;
  /** Runs once in the life of an actor, after its state was made. */
  onCreate?: (
    c: CreateContext<Bag<State, unknown, unknown, unknown, Input, Db>>,
    input: Input,
  ) => unknown;
  /** Runs at every wake, before any call. */
  onWake?: (
    c: WakeContext<Bag<State, Params, ConnState, Vars, Input, Db, E, Q>>,
  ) => unknown;
  /**
   * Runs in the background, from every wake on. The actor stays awake until it returns, but for the
   * time it waits for `c.queue`. It must end when `c.abortSignal` says so.
   */
  run?:
    | ((
      c: RunContext<Bag<State, Params, ConnState, Vars, Input, Db, E, Q>>,
    ) => unknown)
    | RunConfig<
      RunContext<Bag<State, Params, ConnState, Vars, Input, Db, E, Q>>
    >;
  /** Runs before the instance leaves memory. Not after a crash. */
  onSleep?: (
    c: SleepContext<Bag<State, Params, ConnState, Vars, Input, Db, E, Q>>,
  ) => unknown;
  /** Runs before the actor is destroyed. */
  onDestroy?: (
    c: DestroyContext<Bag<State, Params, ConnState, Vars, Input, Db, E, Q>>,
  ) => unknown;
  /** Runs at each change of the state, in the middle of the change. Must not be async. */
  onStateChange?: (
    c: StateChangeContext<Bag<State, Params, ConnState, Vars, Input, Db, E, Q>>,
    newState: State,
  ) => void;
  /** Decides over a connection: throwing refuses it. */
  onBeforeConnect?: (
    c: BeforeConnectContext<Bag<State, unknown, unknown, Vars, unknown, Db>>,
    params: Params,
  ) => unknown;
  /** Runs when a connection is open. Throwing closes it. */
  onConnect?: (
    c: ConnectContext<Bag<State, Params, ConnState, Vars, Input, Db, E, Q>>,
    conn: Conn<Bag<State, Params, ConnState, Vars, Input, Db, E, Q>>,
  ) => unknown;
  /** Runs when a connection has closed, or was found lost after a crash. */
  onDisconnect?: (
    c: DisconnectContext<Bag<State, Params, ConnState, Vars, Input, Db, E, Q>>,
    conn: Conn<Bag<State, Params, ConnState, Vars, Input, Db, E, Q>>,
  ) => unknown;
  /**
   * May replace what an action returned to its caller; a scheduled action has none. When it throws, or
   * takes longer than `options.actionTimeout`, the original is sent.
   */
  onBeforeActionResponse?: (
    c: BeforeActionResponseContext<
      Bag<State, Params, ConnState, Vars, Input, Db, E, Q>
    >,
    name: string,
    args: unknown[],
    output: unknown,
  ) => Awaitable<unknown>;
  /** Answers raw HTTP requests. Without a response, the caller gets a 404. */
  onRequest?: (
    c: RequestContext<Bag<State, Params, ConnState, Vars, Input, Db, E, Q>>,
    request: Request,
  ) => Awaitable<Response | void>;
  /** Takes a raw socket. It may be async: listeners that come late get everything. */
  onWebSocket?: (
    c: WebSocketContext<Bag<State, Params, ConnState, Vars, Input, Db, E, Q>>,
    websocket: UniversalWebSocket,
  ) => unknown;
  /** Limits and times. */
  options?: ActorOptions;
  /** Carries types only; nothing reads it. */
  types?: unknown;
}

/** The options of an actor with every default filled in. */
export type ResolvedOptions = Required<ActorOptions>;

/** The default of every option. */
export const defaultOptions: ResolvedOptions = {
  durability: "commit",
  actionTimeout: 60_000,
  createVarsTimeout: 5_000,
  createConnStateTimeout: 5_000,
  onBeforeConnectTimeout: 5_000,
  onConnectTimeout: 5_000,
  onSleepTimeout: 5_000,
  onDestroyTimeout: 5_000,
  waitUntilTimeout: 15_000,
  stateSaveInterval: 10_000,
  sleepTimeout: 30_000,
  noSleep: false,
  canHibernateWebSocket: false,
  connectionLivenessTimeout: 2_500,
  connectionLivenessInterval: 5_000,
  maxSchedules: 1000,
  maxQueueSize: 1000,
  maxQueueMessageSize: 65_536,
};
