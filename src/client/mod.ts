/**
 * The caller's side of Troupe. It runs wherever there are fetch and WebSocket, in a browser too.
 *
 * A handle of an actor calls its actions one by one. A connection stays: it hears the actor's
 * events, reconnects by itself, and keeps the process alive until it is disposed.
 *
 * @example
 * ```ts
 * import { actor, setup } from "@troupe/actors";
 * import { createClient } from "@troupe/actors/client";
 *
 * const counter = actor({
 *   state: { count: 0 },
 *   actions: { increment: (c, by: number) => c.state.count += by },
 * });
 * // A browser needs no more of the server's code than `import type { registry }`.
 * const registry = setup({ use: { counter } });
 *
 * export async function count(): Promise<number> {
 *   const client = createClient<typeof registry>("http://127.0.0.1:6420");
 *   const connection = client.counter.getOrCreate("visits").connect();
 *   connection.on("changed", (count) => console.log(count));
 *   const count = await connection.increment(1);
 *   await client.dispose();
 *   return count;
 * }
 * ```
 *
 * @module
 */
export { createClient } from "./client.ts";
export type { ClientOptions } from "./endpoint.ts";
export {
  ActorClientError,
  ActorConnDisposed,
  HttpRequestError,
  MalformedResponseMessage,
  ManagerError,
} from "./errors.ts";
export {
  ActorError,
  type ActorErrorOptions,
  ActorSchedulingError,
  InternalError,
  isActorNotFound,
} from "../errors.ts";
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
} from "../definition/handle.ts";
export type { Send, SendOptions, SendResult } from "../definition/queue.ts";
export type {
  ArgsOf,
  BodyOf,
  EventArgs,
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
} from "../definition/schema.ts";
export type {
  UniversalWebSocket,
  UniversalWebSocketEvents,
  UniversalWebSocketListener,
} from "../definition/socket.ts";
export type {
  ActionsOf,
  ActorTypes,
  Declared,
  TypesOf,
} from "../definition/types.ts";
