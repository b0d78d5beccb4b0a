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
export type {
  ActorConfig,
  ActorOptions,
  Awaitable,
  ResolvedOptions,
} from "./src/definition/config.ts";
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
export type {
  ActionsOf,
  ActorTypes,
  Bag,
  Declared,
  TypesOf,
} from "./src/definition/types.ts";

// Serving them
export { setup } from "./src/registry.ts";
export type {
  Registry,
  RegistryServeOptions,
  RunningRegistry,
  SetupConfig,
} from "./src/registry.ts";
export type { LogLevel } from "./src/log.ts";

// Calling them
export { createClient } from "./src/client/client.ts";
export type { ClientOptions } from "./src/client/endpoint.ts";
export type {
  ActionArgs,
  ActionCall,
  ActionCalls,
  ActorAccessor,
  ActorConnection,
  ActorHandle,
  ActorKey,
  ActorsOf,
  Client,
  ClientMembers,
  ConnectionMembers,
  ConnStatus,
  CreateOptions,
  GetOptions,
  GetOrCreateOptions,
  HandleMembers,
  RegistryTypes,
} from "./src/definition/handle.ts";

// Errors
export { ActorError, UserError } from "./src/errors.ts";
export type { ActorErrorOptions, UserErrorOptions } from "./src/errors.ts";

// Keeping them
export { denoKvStore } from "./src/stores/deno_kv.ts";
export { memoryStore } from "./src/stores/memory.ts";
export { sqliteStore } from "./src/stores/sqlite.ts";
export type { StoreName } from "./src/stores/place.ts";
export type {
  ActorRow,
  Alarm,
  AlarmKey,
  Outcome,
  Step,
  Store,
  StoredActor,
} from "./src/stores/store.ts";
