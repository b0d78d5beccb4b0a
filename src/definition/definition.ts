// An actor as declared, and the types that can be read from it.

import type { ActorConfig, ResolvedOptions } from "./config.ts";
import type {
  Actions,
  ActorContext,
  ConnContext,
  ConnInitContext,
} from "./context.ts";
import type { ActorTypes, TypesOf } from "./types.ts";

/** The most UTF-16 units that the name of a kind of actor may have. */
export const maxNameLength = 64;

/** An actor as declared: what `actor()` returns and `setup()` takes. */
export interface ActorDefinition<
  T extends ActorTypes = ActorTypes,
  // deno-lint-ignore no-explicit-any -- TypeScript cannot see that T is its own bag
  A extends object = Actions<any>,
> {
  /** The types of the actor; there is no value. */
  readonly "~types"?: T & { actions: A };
  /** What was declared, checked and frozen. */
  readonly config: ActorConfig<
    T["state"],
    T["params"],
    T["connState"],
    T["vars"],
    T["input"],
    T["db"],
    // The bounds of these are in terms of the others, which TypeScript cannot see of a bag.
    // deno-lint-ignore no-explicit-any
    any,
    // deno-lint-ignore no-explicit-any
    any,
    A
  >;
  /** The options with every default filled in. */
  readonly options: ResolvedOptions;
}

/** A definition of whatever types. */
// A handler takes its types in and gives them out, so no one bag of types is a supertype of all.
// deno-lint-ignore no-explicit-any
export type AnyActorDefinition = ActorDefinition<any, any>;

/**
 * Definitions by name. Of their types nothing is said here, or an `actor()` written in the middle of
 * `setup()` would take its own from this.
 */
export interface Definitions {
  /** What `actor()` returns. */
  readonly [name: string]: {
    /** What was declared. */
    readonly config: object;
    /** The options with every default filled in. */
    readonly options: ResolvedOptions;
  };
}

/** The type of `c.state` of a definition. */
export type StateOf<D extends AnyActorDefinition> = TypesOf<D>["state"];

/** The type of `c` in the handlers of a definition. */
export type ActorContextOf<D extends AnyActorDefinition> = ActorContext<
  TypesOf<D>
>;
/** The type of `c` in the actions of a definition. */
export type ActionContextOf<D extends AnyActorDefinition> = ConnContext<
  TypesOf<D>
>;
/** The type of `c` in `onBeforeActionResponse` of a definition. */
export type BeforeActionResponseContextOf<D extends AnyActorDefinition> =
  ConnContext<TypesOf<D>>;
/** The type of `c` in `onBeforeConnect` of a definition. */
export type BeforeConnectContextOf<D extends AnyActorDefinition> =
  ConnInitContext<TypesOf<D>>;
/** The type of `c` in what runs for a connection of a definition. */
export type ConnContextOf<D extends AnyActorDefinition> = ConnContext<
  TypesOf<D>
>;
/** The type of `c` in what decides over a connection of a definition. */
export type ConnInitContextOf<D extends AnyActorDefinition> = ConnInitContext<
  TypesOf<D>
>;
/** The type of `c` in `onConnect` of a definition. */
export type ConnectContextOf<D extends AnyActorDefinition> = ConnContext<
  TypesOf<D>
>;
/** The type of `c` in `createConnState` of a definition. */
export type CreateConnStateContextOf<D extends AnyActorDefinition> =
  ConnInitContext<TypesOf<D>>;
/** The type of `c` in `onCreate` of a definition. */
export type CreateContextOf<D extends AnyActorDefinition> = ActorContext<
  TypesOf<D>
>;
/** The type of `c` in `createVars` of a definition. */
export type CreateVarsContextOf<D extends AnyActorDefinition> = ActorContext<
  TypesOf<D>
>;
/** The type of `c` in `onDestroy` of a definition. */
export type DestroyContextOf<D extends AnyActorDefinition> = ActorContext<
  TypesOf<D>
>;
/** The type of `c` in `onDisconnect` of a definition. */
export type DisconnectContextOf<D extends AnyActorDefinition> = ActorContext<
  TypesOf<D>
>;
/** The type of `c` in `onRequest` of a definition. */
export type RequestContextOf<D extends AnyActorDefinition> = ConnContext<
  TypesOf<D>
>;
/** The type of `c` in `run` of a definition. */
export type RunContextOf<D extends AnyActorDefinition> = ActorContext<
  TypesOf<D>
>;
/** The type of `c` in `onSleep` of a definition. */
export type SleepContextOf<D extends AnyActorDefinition> = ActorContext<
  TypesOf<D>
>;
/** The type of `c` in `onStateChange` of a definition. */
export type StateChangeContextOf<D extends AnyActorDefinition> = ActorContext<
  TypesOf<D>
>;
/** The type of `c` in `onWake` of a definition. */
export type WakeContextOf<D extends AnyActorDefinition> = ActorContext<
  TypesOf<D>
>;
/** The type of `c` in `onWebSocket` of a definition. */
export type WebSocketContextOf<D extends AnyActorDefinition> = ConnContext<
  TypesOf<D>
>;
