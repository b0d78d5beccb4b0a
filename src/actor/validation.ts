// Checks what comes into an actor, and the events that leave it, against the schemas of the
// definition. An error says what is wrong, in the words of the schema, and where; the value itself is
// not part of it.

import type { UserAction } from "../definition/actions.ts";
import type { EventRules } from "../definition/events.ts";
import type { QueueRule } from "../definition/queues.ts";
import type {
  StandardIssue,
  StandardResult,
  StandardSchema,
} from "../definition/schema.ts";
import { actorError } from "../errors.ts";
import { isThenable } from "./deadline.ts";

/** How many issues an error tells of, how deep their paths go, and how long a text of theirs is. */
export const maxIssues = 100;
const maxPathLength = 32;
const maxTextLength = 500;

/** One thing that is wrong with a value, as an error tells of it. */
export interface Issue {
  message: string;
  /** Where in the value: keys and indexes, from the outside in. */
  path: (string | number)[];
}

/**
 * An action that runs with what the schema makes of its arguments, which it sees as one array.
 *
 * @throws {ActorError} `actor/validation_error`, when it is called, with the issues as its metadata.
 */
export function checkedAction(
  name: string,
  schema: StandardSchema,
  action: UserAction,
): UserAction {
  const argsOf = (result: StandardResult<unknown>): unknown[] => {
    const value = valueOf(result, (issues) =>
      actorError(
        "actor/validation_error",
        `Action '${name}' does not take these arguments: ${textOf(issues)}`,
        { metadata: { issues } },
      ));
    return Array.isArray(value) ? value : [value];
  };
  return (c, ...args) => {
    const result = schema["~standard"].validate(args);
    return isThenable(result)
      ? result.then((result) => action(c, ...argsOf(result)))
      : action(c, ...argsOf(result));
  };
}

/**
 * What a schema makes of the params of a connection.
 *
 * @throws {ActorError} `params/invalid`, with the issues as its metadata.
 */
export async function checkParams(
  schema: StandardSchema,
  params: unknown,
): Promise<unknown> {
  return valueOf(
    await schema["~standard"].validate(params),
    (issues) =>
      actorError(
        "params/invalid",
        `The connection params are not accepted: ${textOf(issues)}`,
        { metadata: { issues } },
      ),
  );
}

/**
 * Makes the arguments of an event ready to be sent; `onUndeclared` is told where no such event is
 * declared. The schema of an event sees one argument as it is, and more as an array.
 *
 * @throws {ActorError} `event/invalid_payload`, with the issues as its metadata.
 * @throws {TypeError} when the schema is asynchronous: an event is checked before it is sent.
 */
export function checkEvent(
  { names, schemas }: EventRules,
  name: string,
  args: unknown[],
  onUndeclared: () => void,
): unknown[] {
  const schema = schemas.get(name);
  if (schema === undefined) {
    if (!names.has(name)) onUndeclared();
    return args;
  }
  const isOne = args.length <= 1;
  const result = schema["~standard"].validate(isOne ? args[0] : args);
  if (isThenable(result)) {
    // Nobody waits for it any more.
    result.then(undefined, () => {});
    throw new TypeError(
      `Cannot send event "${name}": its schema is asynchronous`,
    );
  }
  const value = valueOf(result, (issues) =>
    actorError(
      "event/invalid_payload",
      `Cannot send event "${name}": ${textOf(issues)}`,
      { metadata: { issues } },
    ));
  if (!isOne && Array.isArray(value)) return value;
  return args.length === 0 && value === undefined ? [] : [value];
}

/**
 * What the schema of a queue makes of a message: a promise of it where the schema is asynchronous.
 *
 * @throws {ActorError} `queue/invalid_payload`, with the issues as its metadata.
 */
export function checkMessage(
  { message }: QueueRule,
  queue: string,
  body: unknown,
): unknown {
  return checked(message, body, (issues) =>
    actorError(
      "queue/invalid_payload",
      `Queue "${queue}" does not take this message: ${textOf(issues)}`,
      { metadata: { issues } },
    ));
}

/**
 * What the schema of a queue makes of the reply to a message, as `checkMessage()` does.
 *
 * @throws {ActorError} `queue/invalid_completion_payload`, with the issues as its metadata.
 */
export function checkReply(
  { complete }: QueueRule,
  queue: string,
  reply: unknown,
): unknown {
  return checked(complete, reply, (issues) =>
    actorError(
      "queue/invalid_completion_payload",
      `A message of queue "${queue}" is not replied to like this: ${
        textOf(issues)
      }`,
      { metadata: { issues } },
    ));
}

function checked(
  schema: StandardSchema | undefined,
  value: unknown,
  errorOf: (issues: Issue[]) => Error,
): unknown {
  if (schema === undefined) return value;
  const result = schema["~standard"].validate(value);
  return isThenable(result)
    ? result.then((result) => valueOf(result, errorOf))
    : valueOf(result, errorOf);
}

// The value that a schema has made, or the error for what is wrong.
function valueOf(
  result: StandardResult<unknown>,
  errorOf: (issues: Issue[]) => Error,
): unknown {
  if (typeof result !== "object" || result === null) {
    throw new TypeError("A schema has not answered as Standard Schema 1 says");
  }
  if (result.issues === undefined) return result.value;
  throw errorOf(result.issues.slice(0, maxIssues).map(issueOf));
}

function issueOf({ message, path = [] }: StandardIssue): Issue {
  return {
    message: cut(String(message)),
    path: path.slice(0, maxPathLength).map((step) => {
      const key = typeof step === "object" ? step.key : step;
      return typeof key === "number" ? key : cut(String(key));
    }),
  };
}

// The first issue; the others are in the metadata.
function textOf([first]: Issue[]): string {
  if (first === undefined) return "the schema does not say why";
  const { message, path } = first;
  return path.length === 0 ? message : `${path.join(".")}: ${message}`;
}

function cut(text: string): string {
  return text.length > maxTextLength
    ? `${text.slice(0, maxTextLength)}…`
    : text;
}
