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
  DatabaseProvider,
  Events,
  EventSchema,
  InputSchemas,
  Queues,
  QueueSchema,
  ResolvedOptions,
  RunConfig,
} from "./src/definition/config.ts";
export type {
  Action,
  ActionContext,
  Actions,
  ActorContext,
  ActorLog,
  BeforeActionResponseContext,
  BeforeConnectContext,
  Conn,
  ConnContext,
  ConnectContext,
  ConnInitContext,
  CreateConnStateContext,
  CreateContext,
  CreateStateContext,
  CreateVarsContext,
  DestroyContext,
  DisconnectContext,
  LogCall,
  RequestContext,
  RunContext,
  SaveStateOptions,
  SleepContext,
  StateChangeContext,
  WakeContext,
  WebSocketContext,
} from "./src/definition/context.ts";
export type {
  ActionContextOf,
  ActorContextOf,
  ActorDefinition,
  AnyActorDefinition,
  BeforeActionResponseContextOf,
  BeforeConnectContextOf,
  ConnContextOf,
  ConnectContextOf,
  ConnInitContextOf,
  CreateConnStateContextOf,
  CreateContextOf,
  CreateVarsContextOf,
  Definitions,
  DestroyContextOf,
  DisconnectContextOf,
  RequestContextOf,
  RunContextOf,
  SleepContextOf,
  StateChangeContextOf,
  StateOf,
  WakeContextOf,
  WebSocketContextOf,
} from "./src/definition/definition.ts";
export type {
  Kv,
  KvKey,
  KvListedKey,
  KvListOptions,
  KvOptions,
  KvType,
  KvTypes,
  KvValue,
} from "./src/definition/kv.ts";
export type {
  ActorQueue,
  QueueFilter,
  QueueMessage,
  QueueWait,
} from "./src/definition/queue.ts";
export type {
  ActorCronEveryOptions,
  ActorCronSetOptions,
  Cron,
  CronFire,
  CronFireError,
  CronJobInfo,
  CronJobOptions,
  Schedule,
  ScheduledEventInfo,
  ScheduledFireInfo,
} from "./src/definition/schedule.ts";
export { event, queue } from "./src/definition/schema.ts";
export type {
  ArgsOf,
  BodyOf,
  EventArgs,
  EventOptions,
  EventType,
  IsOpen,
  MessageOf,
  NameIn,
  PayloadOf,
  QueueType,
  ReplyOf,
  SentTo,
  StandardIssue,
  StandardResult,
  StandardSchema,
} from "./src/definition/schema.ts";
export type {
  UniversalWebSocket,
  UniversalWebSocketEvents,
  UniversalWebSocketListener,
} from "./src/definition/socket.ts";
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
  Filled,
  InspectorConfig,
  LoggingConfig,
  RegistryConfig,
  RunnerConfig,
  RunnerPoolConfig,
  ServerlessConfig,
  SetupConfig,
  StoreChoice,
} from "./src/registry/config.ts";
export type {
  ListenOptions,
  Registry,
  RegistryServeOptions,
  RunningRegistry,
  StartedRegistry,
} from "./src/registry/serving.ts";
export type { BaseLogger, LogLevel } from "./src/log.ts";

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
  CallsOf,
  Client,
  ClientMembers,
  ConnectionMembers,
  ConnStatus,
  CreateOptions,
  GetOptions,
  GetOrCreateOptions,
  Given,
  HandleMembers,
  QueueMembers,
  RegistryTypes,
} from "./src/definition/handle.ts";
export type { Send, SendOptions, SendResult } from "./src/definition/queue.ts";

// Errors
export {
  ActorError,
  ActorSchedulingError,
  InternalError,
  isActorNotFound,
  UserError,
} from "./src/errors.ts";
export {
  ActorClientError,
  ActorConnDisposed,
  HttpRequestError,
  MalformedResponseMessage,
  ManagerError,
} from "./src/client/errors.ts";
export type { ActorErrorOptions, UserErrorOptions } from "./src/errors.ts";

// Keeping them
export { denoKvStore } from "./src/stores/deno_kv.ts";
export {
  createFileSystemDriver,
  createMemoryDriver,
} from "./src/stores/drivers.ts";
export { memoryStore } from "./src/stores/memory.ts";
export { sqliteStore } from "./src/stores/sqlite.ts";
export type { StoreName } from "./src/stores/place.ts";
export type {
  ActorAlarm,
  ActorRow,
  Alarm,
  AlarmKey,
  KvPage,
  KvWrite,
  Outcome,
  Step,
  Store,
  StoredActor,
} from "./src/stores/store.ts";
