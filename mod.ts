/**
 * Stateful actors for Deno and Bun: small objects with a key, actions, events, connections and
 * schedules, which sleep when idle and wake with their state. What an actor has told anybody is
 * durable.
 *
 * @example
 * ```ts
 * import { actor, createClient, setup } from "@troupe/actors";
 *
 * const counter = actor({
 *   state: { count: 0 },
 *   actions: { increment: (c, by: number) => c.state.count += by },
 * });
 * const registry = setup({ use: { counter }, store: "memory" });
 *
 * const client = createClient<typeof registry>();
 * console.log(await client.counter.getOrCreate("clicks").increment(3));
 * ```
 *
 * @module
 */

// Declaring actors
export { actor } from "./src/definition/actor.ts";
export type { ActorConfig, ActorOptions } from "./src/definition/config.ts";
export type {
  Action,
  ActionContext,
  Actions,
  ActorContext,
  ActorLog,
  Conn,
  ConnectContext,
  CreateContext,
  SaveStateOptions,
  Schedule,
} from "./src/definition/context.ts";
export type {
  ActorContextOf,
  ActorDefinition,
  AnyActorDefinition,
  StateOf,
} from "./src/definition/definition.ts";

// Serving them
export { setup } from "./src/registry.ts";
export type {
  Registry,
  RegistryServeOptions,
  RunningRegistry,
  SetupConfig,
} from "./src/registry.ts";

// Calling them
export { createClient } from "./src/client/mod.ts";

// Errors
export { ActorError, UserError } from "./src/errors.ts";

// Keeping them
export { denoKvStore } from "./src/stores/deno_kv.ts";
export { memoryStore } from "./src/stores/memory.ts";
export { sqliteStore } from "./src/stores/sqlite.ts";
