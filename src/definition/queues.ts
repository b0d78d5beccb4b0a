// What a definition says of its queues, as it is used: the schemas, and who may send.

import { isRecord, isStandardSchema, type StandardSchema } from "./schema.ts";

/** Whether a caller may send a message. `c` is a context, which this file does not know. */
export type CanPublish = (c: unknown, queue: string) => unknown;

/** What a definition says of one queue. */
export interface QueueRule {
  /** The schema of its messages, if they are checked. */
  message?: StandardSchema | undefined;
  /** The schema of the replies, if they are checked. */
  complete?: StandardSchema | undefined;
  /** Decides over each message of a caller. */
  canPublish?: CanPublish | undefined;
}

/** The queues of a definition by name. */
export type QueueRules = ReadonlyMap<string, QueueRule>;

/** The most UTF-16 units that the name of a queue may have. */
export const maxQueueNameLength = 256;

// They cannot be part of a path.
const unfit = new Set(["", ".", ".."]);

/**
 * Reads what a definition says of its queues.
 *
 * @throws {TypeError} when one is neither `queue()`, a schema, nor an object of `message`, `complete`
 * and `canPublish`.
 */
export function readQueues(queues: unknown): QueueRules {
  if (typeof queues !== "object" || queues === null || Array.isArray(queues)) {
    throw new TypeError("Cannot define an actor: queues is not an object");
  }
  return new Map(
    Object.entries(queues).map(([name, value]) => {
      if (name.length > maxQueueNameLength || unfit.has(name)) {
        throw new TypeError(
          `Cannot define an actor: a queue cannot be named ${
            JSON.stringify(name.slice(0, 32))
          }: a name has 1 to ${maxQueueNameLength} characters, and is neither "." nor ".."`,
        );
      }
      return [name, readQueue(name, value)];
    }),
  );
}

function readQueue(name: string, value: unknown): QueueRule {
  if (isStandardSchema(value)) return { message: value };
  if (isRecord(value)) {
    if (value.kind === "queue") return {};
    const { message, complete, canPublish } = value;
    if (canPublish !== undefined && typeof canPublish !== "function") {
      throw invalid(`${name}.canPublish is not a function`);
    }
    return {
      message: readSchema(`${name}.message`, message),
      complete: complete === undefined
        ? undefined
        : readSchema(`${name}.complete`, complete),
      canPublish: canPublish as CanPublish | undefined,
    };
  }
  throw invalid(
    `${name} is neither queue(), a Standard Schema of version 1, nor an object of message, complete and canPublish`,
  );
}

// The schema; `undefined` where there is only a type.
function readSchema(path: string, value: unknown): StandardSchema | undefined {
  if (isStandardSchema(value)) return value;
  if (isRecord(value) && (value.kind === "queue" || value.kind === "event")) {
    return undefined;
  }
  throw invalid(
    `${path} is neither queue(), event() nor a Standard Schema of version 1`,
  );
}

// A schema may be a function, as arktype's are.

function invalid(why: string): Error {
  return new TypeError(`Cannot define an actor: queues.${why}`);
}
