// Every error that can reach a caller, by group and code, and its form on the wire.
//
// A caller may match on `group` and `code`; messages may change. An error that is not public leaves
// the process only as `internal/internal_error`, its own text stays in the log.

/** Options of an {@linkcode ActorError}. */
export interface ActorErrorOptions {
  /** More for the caller to act on; anything that the wire can carry. */
  metadata?: unknown;
  /** What led to this error. It is logged, and never sent. */
  cause?: unknown;
}

/** Options of a {@linkcode UserError}. */
export interface UserErrorOptions extends ActorErrorOptions {
  /** What a caller may match on. The default is `"user_error"`. */
  code?: string;
}

/** Which life of which actor an error comes from, as a Rivet Engine tells it. */
export interface ActorPlace {
  actorId: string;
  /** How many times the actor has been started, or moved, before. */
  generation: number;
  /** The key in its text form. */
  key?: string;
}

/** An error as it crosses the wire. */
export interface WireError {
  /** The family of the error, such as `"actor"`. */
  group: string;
  /** The error within its family, such as `"not_found"`. */
  code: string;
  /** What happened, for a person to read. */
  message: string;
  /** More for the caller to act on; absent when there is none. */
  metadata?: unknown;
  /** Where it comes from, if its server tells. */
  actor?: ActorPlace;
}

/**
 * An error that a caller may match on by `group` and `code`.
 *
 * On the client every failed call rejects with one. On the server it is what Troupe itself throws;
 * an actor's own code throws {@linkcode UserError}.
 *
 * @example
 * ```ts
 * import { ActorError } from "@troupe/actors";
 *
 * const error = new ActorError("actor", "not_found", "Actor not found");
 * if (error.group !== "actor" || error.code !== "not_found") throw error;
 * ```
 */
export class ActorError extends Error {
  /** The name of the class. */
  override readonly name: string = "ActorError";
  /** The family of the error, such as `"actor"`; `"user"` for the actor's own errors. */
  readonly group: string;
  /** The error within its family, such as `"not_found"`. */
  readonly code: string;
  /** More for the caller to act on; `undefined` when there is none. */
  readonly metadata: unknown;

  /** Makes an error of `group` and `code`; `message` is for a person to read. */
  constructor(
    group: string,
    code: string,
    message: string,
    options: ActorErrorOptions = {},
  ) {
    super(message, "cause" in options ? { cause: options.cause } : undefined);
    this.group = group;
    this.code = code;
    this.metadata = options.metadata;
  }
}

/**
 * An error of the actor's own, thrown in an action or hook for the caller to see in full: message,
 * code and metadata. Every other throwable is masked. Its group is `"user"`, its HTTP status 400.
 *
 * @example
 * ```ts
 * import { UserError } from "@troupe/actors";
 *
 * const error = new UserError("The room is full", { code: "room_full", metadata: { limit: 8 } });
 * if (error.group !== "user" || error.code !== "room_full") throw error;
 * ```
 */
export class UserError extends ActorError {
  /** The name of the class. */
  override readonly name: string = "UserError";

  /** Makes an error of group `"user"`; the code is `"user_error"` unless `options.code` is given. */
  constructor(message: string, options: UserErrorOptions = {}) {
    // Programs without types put anything here, and everything is to be matched as a text.
    super("user", String(options.code ?? "user_error"), message, options);
  }
}

interface Kind {
  /** The HTTP status of a response that carries it. */
  status: number;
  /** Whether the caller sees it as it is; if not, it is masked. */
  isPublic: boolean;
}

const shown = (status: number): Kind => ({ status, isPublic: true });
const masked: Kind = { status: 500, isPublic: false };

/**
 * Every group and code that Troupe throws, and those that RivetKit documents besides: a program may
 * throw them itself, and has them answered as there.
 */
const kinds = {
  "action/invalid_request": shown(400),
  "action/not_found": shown(400),
  "action/timed_out": shown(400),
  "actor/aborted": shown(503),
  "actor/callback_timed_out": shown(500),
  "actor/conn_state_not_enabled": masked,
  "actor/duplicate_key": shown(400),
  "actor/not_found": shown(404),
  "actor/not_registered": shown(400),
  "actor/overloaded": shown(503),
  "actor/start_failed": masked,
  "actor/state_not_enabled": masked,
  "actor/stopping": shown(503),
  "actor/validation_error": shown(400),
  "actor/vars_not_enabled": masked,
  "auth/forbidden": shown(403),
  "config/endpoint_mismatch": shown(400),
  "config/namespace_mismatch": shown(400),
  "database/not_enabled": masked,
  "driver/websockets_not_enabled": shown(400),
  "encoding/invalid": shown(400),
  "event/invalid_payload": masked,
  "feature/not_implemented": shown(501),
  "feature/restricted": shown(403),
  "feature/unsupported": masked,
  "guard/query_duplicate_param": shown(400),
  "guard/query_empty_actor_name": shown(400),
  "guard/query_get_disallowed_params": shown(400),
  "guard/query_invalid_base64_input": shown(400),
  "guard/query_invalid_cbor_input": shown(400),
  "guard/query_invalid_params": shown(400),
  "guard/query_invalid_percent_encoding": shown(400),
  "guard/query_missing_pool": shown(400),
  "guard/query_path_token_syntax": shown(400),
  "handler/invalid_request_handler_response": shown(500),
  "handler/request_not_defined": shown(404),
  "handler/websocket_not_defined": shown(404),
  "key/invalid": shown(400),
  "kv/batch_too_large": masked,
  "kv/key_too_large": masked,
  "kv/list_too_large": masked,
  "kv/step_too_large": masked,
  "kv/value_too_large": masked,
  "message/incoming_too_long": shown(400),
  "message/malformed": shown(400),
  "message/outgoing_too_long": shown(400),
  "params/invalid": shown(400),
  "proxy/error": shown(400),
  "queue/already_completed": shown(400),
  "queue/full": shown(400),
  "queue/invalid_completion_payload": shown(400),
  "queue/invalid_payload": shown(400),
  "queue/message_invalid": shown(400),
  "queue/message_too_large": shown(400),
  "queue/complete_not_configured": shown(400),
  "queue/not_enabled": masked,
  "queue/not_found": shown(404),
  "queue/previous_message_not_completed": shown(400),
  "request/invalid": shown(400),
  "request/invalid_query_json": shown(400),
  "request/missing_actor_header": shown(400),
  "route/method_not_allowed": shown(405),
  "route/not_found": shown(404),
  "schedule/interrupted": shown(500),
  "schedule/too_many": shown(400),
  "server/shutting_down": shown(503),
  "state/invalid_type": masked,
  "store/commit_failed": shown(503),
  "store/corrupt": shown(500),
  "store/fenced": shown(503),
  "store/unavailable": shown(503),
  "websocket/upgrade_required": shown(426),
} satisfies Record<`${string}/${string}`, Kind>;

/** A group and code that Troupe itself throws, joined by a slash. */
export type ErrorKind = keyof typeof kinds;

/** Makes one of Troupe's own errors. */
export function actorError(
  kind: ErrorKind,
  message: string,
  options: ActorErrorOptions = {},
): ActorError {
  const slash = kind.indexOf("/");
  return new ActorError(
    kind.slice(0, slash),
    kind.slice(slash + 1),
    message,
    options,
  );
}

/** Whether `error` is one of Troupe's own of this kind. */
export function isErrorKind(error: unknown, kind: ErrorKind): boolean {
  try {
    return error instanceof ActorError &&
      `${error.group}/${error.code}` === kind;
  } catch {
    // A revoked proxy, for one, throws when it is looked at.
    return false;
  }
}

/** The HTTP status for an error: its own, 400 for a user's, 500 for anything else. */
export function statusOf(error: WireError): number {
  if (error.group === "user") return 400;
  const kind = `${error.group}/${error.code}`;
  return Object.hasOwn(kinds, kind) ? kinds[kind as ErrorKind].status : 500;
}

/**
 * An error as the caller may see it. What is neither a user's error nor one of Troupe's public ones
 * is masked, unless `exposesErrors` (development) lets its message through.
 */
export function toWireError(
  error: unknown,
  options: { exposesErrors?: boolean } = {},
): WireError {
  const masked: WireError = {
    group: "internal",
    code: "internal_error",
    message: "Internal error. Read the server logs for more details.",
  };
  // Anything can be thrown, also what throws when it is looked at.
  try {
    if (error instanceof ActorError && isPublic(error)) {
      const { metadata } = error;
      // Programs without types put anything there, and everything is to be matched as a text.
      const group = String(error.group);
      const code = String(error.code);
      const message = String(error.message);
      return metadata === undefined
        ? { group, code, message }
        : { group, code, message, metadata };
    }
    if (options.exposesErrors) {
      masked.message = textOf(error);
    }
  } catch {
    return masked;
  }
  return masked;
}

// With what led to an error of ours: where a start has failed, that is what the hook has thrown.
function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error instanceof ActorError && error.cause !== undefined
    ? `${error.message}: ${textOf(error.cause)}`
    : String(error.message);
}

/**
 * An error that the server keeps to itself: `internal/internal_error`. What has happened is in the
 * log of the server.
 */
export class InternalError extends ActorError {
  /** The name of the class. */
  override readonly name: string = "InternalError";

  /** Makes an error of group `"internal"`. */
  constructor(message: string, options?: ActorErrorOptions) {
    super("internal", "internal_error", message, options);
  }
}

/**
 * An engine could not start the actor: group `"guard"`, code `actor_ready_timeout` or
 * `actor_runner_failed`.
 */
export class ActorSchedulingError extends ActorError {
  /** The name of the class. */
  override readonly name: string = "ActorSchedulingError";

  /** Makes an error of group `"guard"`. */
  constructor(code: string, message: string, options?: ActorErrorOptions) {
    super("guard", code, message, options);
  }
}

const schedulingCodes = ["actor_ready_timeout", "actor_runner_failed"];

/** The error that a client throws for one that came over the wire. */
export function fromWireError(error: WireError): ActorError {
  const { group, code, message, metadata } = error;
  // From 2.3 on RivetKit's servers say which part of theirs has failed.
  if (
    code === "internal_error" &&
    ["internal", "rivetkit", "core"].includes(group)
  ) {
    return new InternalError(message, { metadata });
  }
  if (group === "guard" && schedulingCodes.includes(code)) {
    return new ActorSchedulingError(code, message, { metadata });
  }
  return new ActorError(group, code, message, { metadata });
}

/**
 * Whether an error says that there is no such actor, in either spelling: group `"actor"` with code
 * `"not_found"`, or the code `"actor_not_found"`.
 *
 * @example
 * ```ts
 * import { ActorError, isActorNotFound } from "@troupe/actors";
 *
 * if (!isActorNotFound(new ActorError("actor", "not_found", "Gone"))) throw new Error();
 * ```
 */
export function isActorNotFound(error: unknown): boolean {
  if (typeof error !== "object" || error === null) return false;
  // Not by class: the error may be that of another client.
  const { group, code } = error as { group?: unknown; code?: unknown };
  return code === "actor_not_found" ||
    (group === "actor" && code === "not_found");
}

/** Whether the caller may see this error, or only that there was one. */
export function isPublic(error: ActorError): boolean {
  const kind = `${error.group}/${error.code}`;
  // An error of a group that is not ours came from another actor, already masked by its server.
  return !Object.hasOwn(kinds, kind) || kinds[kind as ErrorKind].isPublic;
}
