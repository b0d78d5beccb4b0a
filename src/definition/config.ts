// Every key of `actor({...})`, with its default and unit.

import type {
  ActionContext,
  Actions,
  ActorContext,
  Conn,
  ConnectContext,
  CreateContext,
} from "./context.ts";
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
  /** The longest `createVars` may take. Default 5,000. */
  createVarsTimeout?: number;
  /** The longest `createConnState` may take. Default 5,000. */
  createConnStateTimeout?: number;
  /** The longest `onBeforeConnect` may take. Default 5,000. */
  onBeforeConnectTimeout?: number;
  /** The longest `onConnect` may take. Default 5,000. */
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
}

/** What `actor()` takes. */
// Six type parameters and not one bag, here alone: TypeScript fixes the whole of a bag when it types
// the first handler, before later handlers have told what the rest is. For the same reason the
// context of a hook does not mention the type that the hook itself decides.
export interface ActorConfig<
  State,
  Params,
  ConnState,
  Vars,
  Input,
  A extends Actions<Bag<State, Params, ConnState, Vars, Input>>,
> {
  /** The first state, copied for each actor. */
  state?: State;
  /** Makes the first state, once in the life of an actor. Wins over `state`. */
  createState?: (c: CreateContext, input: Input) => Awaitable<State>;
  /** What each instance keeps in memory, copied for each. */
  vars?: Vars;
  /** Makes the vars, at every wake. Wins over `vars`. */
  createVars?: (
    c: ActorContext<Bag<State, unknown, unknown, unknown, unknown>>,
  ) => Awaitable<Vars>;
  /** The first state of a connection, copied for each. */
  connState?: ConnState;
  /** Makes the state of a connection. Throwing refuses it. Wins over `connState`. */
  createConnState?: (
    c: ConnectContext<Bag<State, unknown, unknown, Vars, unknown>>,
    params: Params,
  ) => Awaitable<ConnState>;
  /** What a caller may ask for, by name. */
  actions?: A;
  /** Runs once in the life of an actor, after its state was made. */
  onCreate?: (
    c: ActorContext<Bag<State, unknown, unknown, unknown, Input>>,
    input: Input,
  ) => Awaitable<void>;
  /** Runs at every wake, before any call. */
  onWake?: (
    c: ActorContext<Bag<State, Params, ConnState, Vars, Input>>,
  ) => Awaitable<void>;
  /** Runs before the instance leaves memory. Not after a crash. */
  onSleep?: (
    c: ActorContext<Bag<State, Params, ConnState, Vars, Input>>,
  ) => Awaitable<void>;
  /** Runs before the actor is destroyed. */
  onDestroy?: (
    c: ActorContext<Bag<State, Params, ConnState, Vars, Input>>,
  ) => Awaitable<void>;
  /** Runs at each change of the state, in the middle of the change. Must not be async. */
  onStateChange?: (
    c: ActorContext<Bag<State, Params, ConnState, Vars, Input>>,
    newState: State,
  ) => void;
  /** Decides over a connection: throwing refuses it. */
  onBeforeConnect?: (
    c: ConnectContext<Bag<State, unknown, unknown, Vars, unknown>>,
    params: Params,
  ) => Awaitable<void>;
  /** Runs when a connection is open. Throwing closes it. */
  onConnect?: (
    c: ActionContext<Bag<State, Params, ConnState, Vars, Input>>,
    conn: Conn<Bag<State, Params, ConnState, Vars, Input>>,
  ) => Awaitable<void>;
  /** Runs when a connection has closed, or was found lost after a crash. */
  onDisconnect?: (
    c: ActorContext<Bag<State, Params, ConnState, Vars, Input>>,
    conn: Conn<Bag<State, Params, ConnState, Vars, Input>>,
  ) => Awaitable<void>;
  /** May replace what an action returned. When it throws, the original is sent. */
  onBeforeActionResponse?: (
    c: ActionContext<Bag<State, Params, ConnState, Vars, Input>>,
    name: string,
    args: unknown[],
    output: unknown,
  ) => Awaitable<unknown>;
  /** Limits and times. */
  options?: ActorOptions;
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
};
