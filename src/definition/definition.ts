// An actor as declared, and the types that can be read from it.

import type { ActorConfig, ResolvedOptions } from "./config.ts";
import type { Actions, ActorContext } from "./context.ts";
import type { ActorTypes, TypesOf } from "./types.ts";

/** The most UTF-16 units that the name of a kind of actor may have. */
export const maxNameLength = 64;

/** An actor as declared: what `actor()` returns and `setup()` takes. */
export interface ActorDefinition<
  T extends ActorTypes = ActorTypes,
  // deno-lint-ignore no-explicit-any -- TypeScript cannot see that T is its own bag
  A extends Actions<any> = Actions<any>,
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
    A
  >;
  /** The options with every default filled in. */
  readonly options: ResolvedOptions;
}

/** A definition of whatever types. */
// A handler takes its types in and gives them out, so no one bag of types is a supertype of all.
// deno-lint-ignore no-explicit-any
export type AnyActorDefinition = ActorDefinition<any, any>;

/** The type of `c.state` of a definition. */
export type StateOf<D extends AnyActorDefinition> = TypesOf<D>["state"];

/** The type of `c` in the handlers of a definition. */
export type ActorContextOf<D extends AnyActorDefinition> = ActorContext<
  TypesOf<D>
>;
