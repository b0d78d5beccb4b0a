// The types of events and queues, and the schemas that check what is given to an actor.

/**
 * A schema of any library that follows Standard Schema 1 (https://standardschema.dev): valibot, zod,
 * arktype and others.
 */
export interface StandardSchema<Input = unknown, Output = Input> {
  /** The schema as every library understands it. */
  readonly "~standard": {
    /** The version of the standard. */
    readonly version: 1;
    /** The library. */
    readonly vendor: string;
    /** Checks a value; what it gives back is what handlers get. */
    readonly validate: (
      value: unknown,
    ) => StandardResult<Output> | Promise<StandardResult<Output>>;
    /** The types of the schema; there is no value. */
    readonly types?: {
      /** What it takes. */
      readonly input: Input;
      /** What it gives back. */
      readonly output: Output;
    } | undefined;
  };
}

/** What a schema says of a value. */
export type StandardResult<Output> =
  | {
    /** The value, as the schema has made it. */
    readonly value: Output;
    /** Absent: nothing is wrong. */
    readonly issues?: undefined;
  }
  | {
    /** What is wrong with the value. */
    readonly issues: readonly StandardIssue[];
  };

/** One thing that is wrong with a value. */
export interface StandardIssue {
  /** What is wrong, for a person to read. */
  readonly message: string;
  /** Where in the value. */
  readonly path?:
    | readonly (PropertyKey | { readonly key: PropertyKey })[]
    | undefined;
}

/** The type of an event without a check: what {@linkcode event} returns. */
export interface EventType<Payload = unknown> {
  /** Tells it from a schema. */
  readonly kind: "event";
  /** The type; there is no value. */
  readonly "~payload"?: Payload;
}

/** Options of {@linkcode event}. */
export interface EventOptions {
  /**
   * Whether a connection may subscribe, asked once for each subscription and given 5,000 ms. Anything
   * but `true` refuses: the caller's `onError` is told `auth/forbidden`, and gets no such event.
   */
  // An event alone does not know the types of its actor; in `{ schema, canSubscribe }` they are known.
  // deno-lint-ignore no-explicit-any
  readonly canSubscribe?: (c: any, event: string) => boolean | Promise<boolean>;
}

/** The types of a queue without a check: what {@linkcode queue} returns. */
export interface QueueType<Message = unknown, Reply = unknown> {
  /** Tells it from a schema. */
  readonly kind: "queue";
  /** The type of a message; there is no value. */
  readonly "~message"?: Message;
  /** The type of the reply; there is no value. */
  readonly "~reply"?: Reply;
}

/**
 * Types an event. A tuple types its arguments one by one, anything else is the one argument.
 *
 * @example
 * ```ts
 * import { actor, event } from "@troupe/actors";
 *
 * const room = actor({
 *   events: { joined: event<string>(), moved: event<[x: number, y: number]>() },
 *   actions: { move: (c, x: number, y: number) => c.broadcast("moved", x, y) },
 * });
 * console.log(Object.keys(room.config.events ?? {}));
 * ```
 */
export function event<Payload>(
  options: EventOptions = {},
): EventType<Payload> {
  const { canSubscribe } = options;
  return canSubscribe === undefined
    ? eventType
    : Object.freeze({ ...eventType, canSubscribe });
}

/**
 * Types a queue: its messages, and what a consumer replies to those who wait.
 *
 * @example
 * ```ts
 * import { actor, queue } from "@troupe/actors";
 *
 * const worker = actor({
 *   state: { total: 0 },
 *   queues: { add: queue<number, { total: number }>() },
 *   async run(c) {
 *     for await (const message of c.queue.iter({ completable: true })) {
 *       c.state.total += message.body;
 *       await message.complete({ total: c.state.total });
 *     }
 *   },
 * });
 * console.log(Object.keys(worker.config.queues ?? {}));
 * ```
 */
export function queue<Message, Reply = undefined>(): QueueType<Message, Reply> {
  return queueType;
}

/** Whether a value is a schema that Troupe can ask. */
export function isStandardSchema(value: unknown): value is StandardSchema {
  // A schema may also be a function.
  if (typeof value !== "object" && typeof value !== "function") return false;
  const standard: unknown = value === null
    ? undefined
    : Reflect.get(value, "~standard");
  return typeof standard === "object" && standard !== null &&
    "version" in standard && standard.version === 1 &&
    "validate" in standard && typeof standard.validate === "function";
}

const eventType = Object.freeze({ kind: "event" as const });
const queueType = Object.freeze({ kind: "queue" as const });

/** Whether a definition says nothing of its events, or of its queues. */
export type IsOpen<Declared> = [keyof Declared] extends [never] ? true
  : string extends keyof Declared ? true
  : false;

/** The names that may be used: those declared, or any where none is. */
export type NameIn<Declared> = IsOpen<Declared> extends true ? string
  : keyof Declared & string;

/** The arguments of an event, as the actor sends and a listener gets them. */
export type EventArgs<E, Name> = IsOpen<E> extends true
  // deno-lint-ignore no-explicit-any -- nothing is known of what was not declared
  ? any[]
  : Name extends keyof E ? ArgsOf<PayloadOf<E[Name]>>
  : never;

/** A payload as arguments: those of a tuple one by one, none for nothing, else the one. */
export type ArgsOf<P> = [P] extends [undefined | void] ? []
  : P extends readonly unknown[] ? number extends P["length"] ? [P] : P
  : [P];

/** The payload of one event. */
export type PayloadOf<S> = S extends EventType<infer P> ? P
  : S extends StandardSchema<infer _, infer P> ? P
  : S extends { readonly schema: infer Inner } ? PayloadOf<Inner>
  : unknown;

/** A message of a queue as its consumer gets it. */
export type MessageOf<Q, Name> = IsOpen<Q> extends true ? unknown
  : Name extends keyof Q ? BodyOf<Q[Name], "out">
  : never;

/** A message of a queue as a caller sends it. */
export type SentTo<Q, Name> = IsOpen<Q> extends true ? unknown
  : Name extends keyof Q ? BodyOf<Q[Name], "in">
  : never;

/** What a consumer replies to a message of a queue. */
export type ReplyOf<Q, Name> = IsOpen<Q> extends true ? unknown
  : Name extends keyof Q
    ? Q[Name] extends QueueType<infer _, infer Reply> ? Reply
    : Q[Name] extends { readonly complete: infer Inner } ? BodyOf<Inner, "out">
    : Q[Name] extends { readonly message: QueueType<infer _, infer Reply> }
      ? Reply
    : undefined
  : never;

/** The type of a message: as a schema gives it out, or as it takes it in. */
export type BodyOf<S, Side extends "in" | "out"> = S extends QueueType<infer M>
  ? M
  : S extends EventType<infer M> ? M
  : S extends StandardSchema<infer In, infer Out> ? Side extends "in" ? In : Out
  : S extends { readonly message: infer Inner } ? BodyOf<Inner, Side>
  : unknown;

/** Whether a value has members to look at. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
