// Checks what an encoding has read: a value becomes a message only when it has the shape of one.

import { actorError, type ActorPlace, type WireError } from "../errors.ts";
import type {
  Body,
  QueueSend,
  QueueSent,
  ToClient,
  ToServer,
} from "./messages.ts";

/** The most levels of a value. Deeper ones would overflow the stack of whoever walks them. */
export const maxDepth = 256;

/** The most bytes of a bigint, and its most digits as a text: reading a longer text takes too long. */
export const maxBigIntBytes = 4096;
export const maxBigIntDigits = 10_000;

/**
 * Checks that a value of plain arrays and objects is no deeper than {@linkcode maxDepth}.
 *
 * @throws {ActorError} `message/malformed` when it is.
 */
export function checkDepth(value: unknown, depth = 0): void {
  if (typeof value !== "object" || value === null) return;
  if (depth > maxDepth) throw malformed(`it is deeper than ${maxDepth}`);
  for (const member of Object.values(value)) checkDepth(member, depth + 1);
}

/** Makes a value of what an encoding has read in its place. */
export type Revive = (value: unknown) => unknown;

const asIs: Revive = (value) => value;

/** The message to a server in what an encoding has read, whose values are still to be revived. */
export function toServerOf(
  envelope: unknown,
  revive: Revive = asIs,
): ToServer {
  const { tag, val } = bodyOf(envelope);
  if (tag === "ActionRequest") {
    const { id, name, args } = val;
    return {
      tag,
      val: {
        id: idOf(revive(id)),
        name: textOf(name),
        args: argsOf(revive(args)),
      },
    };
  }
  if (tag === "SubscriptionRequest") {
    const { eventName, subscribe } = val;
    if (typeof subscribe !== "boolean") throw malformed("no subscribe");
    return { tag, val: { eventName: textOf(eventName), subscribe } };
  }
  throw malformed("unknown message");
}

/** The message to a client in what an encoding has read, whose values are still to be revived. */
export function toClientOf(
  envelope: unknown,
  revive: Revive = asIs,
): ToClient {
  const { tag, val } = bodyOf(envelope);
  switch (tag) {
    case "Init": {
      const actorId = textOf(val.actorId);
      const connectionId = textOf(val.connectionId);
      return { tag, val: { actorId, connectionId } };
    }
    case "Error": {
      const fields = fieldsOf(revive(val));
      const id = fields.actionId ?? null;
      const actionId = id === null ? null : idOf(id);
      return { tag, val: { ...errorOf(fields), actionId } };
    }
    case "ActionResponse":
      return {
        tag,
        val: { id: idOf(revive(val.id)), output: revive(val.output) },
      };
    case "Event":
      return {
        tag,
        val: { name: textOf(val.name), args: argsOf(revive(val.args)) },
      };
    default:
      throw malformed("unknown message");
  }
}

/** The arguments of a call. A caller may leave them out, or give the only one without its array. */
export function argsOf(args: unknown): unknown[] {
  return Array.isArray(args) ? args : [args ?? []].flat();
}

/** A message to a queue. The queue is named by the path as well, so its name may be left out. */
export function sendOf(value: unknown): QueueSend {
  const fields = fieldsOf(value);
  const name = fields.name ?? "";
  const wait = fields.wait ?? false;
  if (typeof wait !== "boolean") throw malformed("wait is not a boolean");
  const timeout = fields.timeout ?? undefined;
  const isTime = typeof timeout === "number" && timeout >= 0;
  if (timeout !== undefined && !isTime) {
    throw malformed("the timeout is not a number of milliseconds");
  }
  return {
    name: textOf(name),
    body: fields.body,
    wait,
    timeout: timeout === Infinity ? undefined : timeout,
  };
}

/** What became of a message to a queue. */
export function sentOf(value: unknown): QueueSent {
  const { status, response } = fieldsOf(value);
  if (status !== "completed" && status !== "timedOut") {
    throw malformed("the status is unknown");
  }
  return { status, response };
}

/** An error. */
export function errorOf(value: unknown): WireError {
  const { group, code, message, metadata, actor } = fieldsOf(value);
  return {
    group: textOf(group),
    code: textOf(code),
    message: textOf(message),
    ...(metadata === undefined ? {} : { metadata }),
    ...(actor === undefined || actor === null ? {} : { actor: placeOf(actor) }),
  };
}

/** A value that is to be an object. */
export function fieldsOf(value: unknown): Record<string, unknown> {
  if (
    typeof value !== "object" || value === null ||
    Object.getPrototypeOf(value) !== Object.prototype
  ) {
    throw malformed("it is not an object");
  }
  return value as Record<string, unknown>;
}

/** Sets a member of an object and never its prototype: `__proto__` is a member like any other. */
export function setOwn(fields: object, key: string, value: unknown): void {
  Object.defineProperty(fields, key, {
    value,
    enumerable: true,
    configurable: true,
    writable: true,
  });
}

/** The bytes of a message that cannot be written as a text. */
export function bytesOf(body: Body): Uint8Array<ArrayBuffer> {
  if (body instanceof Uint8Array) return body;
  throw malformed("it is a text, not bytes");
}

/** The error for what is no message. */
export function malformed(why: string, cause?: unknown): Error {
  return actorError("message/malformed", `Cannot read the message: ${why}`, {
    cause,
  });
}

function bodyOf(
  envelope: unknown,
): { tag: unknown; val: Record<string, unknown> } {
  const { tag, val } = fieldsOf(fieldsOf(envelope).body);
  return { tag, val: fieldsOf(val) };
}

function placeOf(value: unknown): ActorPlace {
  const { actorId, generation, key } = fieldsOf(value);
  const place = { actorId: textOf(actorId), generation: idOf(generation) };
  return key === undefined || key === null
    ? place
    : { ...place, key: textOf(key) };
}

/** An identifier: a whole number that a number can hold. */
export function idOf(value: unknown): number {
  const isNumeric = typeof value === "bigint" || typeof value === "number";
  const id = isNumeric ? Number(value) : -1;
  if (Number.isSafeInteger(id) && id >= 0) return id;
  throw malformed("a number is not a whole one");
}

/** A value that is to be a text. */
export function textOf(value: unknown): string {
  if (typeof value !== "string") throw malformed("a text is missing");
  return value;
}
