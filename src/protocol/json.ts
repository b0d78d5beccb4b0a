// The `json` encoding, in RivetKit's form: what JSON cannot write is an array of a tag and a text,
// `["$BigInt","7"]`, `["$Uint8Array","AQI="]` or `["$ArrayBuffer","AQI="]`, and an array of two that
// begins with a text with `$` has one `$` more. As in JSON.stringify, a Date becomes a text, and a
// Map or Set an empty object.

import { actorError, type WireError } from "../errors.ts";
import type {
  Encoding,
  Frame,
  QueueSend,
  QueueSent,
  ToClient,
  ToServer,
} from "./messages.ts";

// Deeper nesting than any message has a use for would overflow the stack of whoever walks it.
const maxDepth = 256;

/** The `json` encoding. */
export const json: Encoding = {
  name: "json",
  contentType: "application/json",
  encodeCall: (args) => stringify({ args }),
  decodeCall: (body) => argsOf(fieldsOf(parse(body)).args),
  encodeResult: (output) => stringify({ output: output ?? null }),
  decodeResult: (body) => fieldsOf(parse(body)).output,
  encodeSend: (send) => stringify(send),
  decodeSend: (body) => sendOf(fieldsOf(parse(body))),
  encodeSent: (sent) => stringify(sent),
  decodeSent: (body) => sentOf(fieldsOf(parse(body))),
  encodeError: (error) => stringify(error),
  decodeError: (body) => errorOf(fieldsOf(parse(body))),
  encodeToServer: (message) => stringify({ body: withBigInt(message, "id") }),
  decodeToServer: (frame) => toServerOf(envelopeOf(frame)),
  encodeToClient: (message) => {
    const field = message.tag === "Error" ? "actionId" : "id";
    return stringify({ body: withBigInt(message, field) });
  },
  decodeToClient: (frame) => toClientOf(envelopeOf(frame)),
};

/** JSON text of a value that may hold what JSON cannot write. */
export function stringify(value: unknown): string {
  // A replacer makes JSON.stringify several times slower, and few messages need one.
  return JSON.stringify(value, isJson(value) ? undefined : replace) ?? "null";
}

/**
 * The value of a JSON text of {@linkcode stringify}.
 *
 * @throws {ActorError} `message/malformed` when it is not JSON, has an unknown tag, or is too deep.
 */
export function parse(body: Frame): unknown {
  let value: unknown;
  try {
    value = JSON.parse(
      typeof body === "string" ? body : decoder.decode(body),
    );
  } catch (cause) {
    throw malformed("it is not JSON", cause);
  }
  return revive(value, 0);
}

const decoder = new TextDecoder("utf-8", { fatal: true });

function isJson(value: unknown): boolean {
  if (typeof value === "bigint") return false;
  if (typeof value !== "object" || value === null) return true;
  if (Array.isArray(value)) return !isTagged(value) && value.every(isJson);
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return false;
  for (const key in value) {
    if (!isJson((value as Record<string, unknown>)[key])) return false;
  }
  return true;
}

function replace(_key: string, value: unknown): unknown {
  if (typeof value === "bigint") return ["$BigInt", String(value)];
  if (value instanceof Uint8Array) return ["$Uint8Array", value.toBase64()];
  if (value instanceof ArrayBuffer) {
    return ["$ArrayBuffer", new Uint8Array(value).toBase64()];
  }
  return isTagged(value) ? [`$${value[0]}`, value[1]] : value;
}

function isTagged(value: unknown): value is [string, unknown] {
  return Array.isArray(value) && value.length === 2 &&
    typeof value[0] === "string" && value[0].startsWith("$");
}

function revive(value: unknown, depth: number): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (depth > maxDepth) throw malformed(`it is deeper than ${maxDepth}`);
  if (isTagged(value)) return reviveTagged(value, depth);
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      const member: unknown = value[i];
      if (typeof member === "object") value[i] = revive(member, depth + 1);
    }
    return value;
  }
  const fields = value as Record<string, unknown>;
  for (const key of Object.keys(fields)) {
    const member = fields[key];
    if (typeof member !== "object" || member === null) continue;
    const revived = revive(member, depth + 1);
    // Only what has changed is set, and never the prototype: "__proto__" is a member like any other.
    if (revived !== member) setOwn(fields, key, revived);
  }
  return fields;
}

function setOwn(fields: object, key: string, value: unknown): void {
  Object.defineProperty(fields, key, {
    value,
    enumerable: true,
    configurable: true,
    writable: true,
  });
}

function reviveTagged([tag, value]: [string, unknown], depth: number): unknown {
  if (tag.startsWith("$$")) return [tag.slice(1), revive(value, depth + 1)];
  if (typeof value === "string") {
    if (tag === "$BigInt" && /^-?\d+$/.test(value)) return BigInt(value);
    if (tag === "$Uint8Array") return bytesOf(value);
    if (tag === "$ArrayBuffer") return bytesOf(value).buffer;
  }
  throw malformed(`unknown tag ${JSON.stringify(tag)}`);
}

function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  try {
    return Uint8Array.fromBase64(base64);
  } catch (cause) {
    throw malformed("it has bytes that are not base64", cause);
  }
}

function envelopeOf(frame: Frame): {
  tag: unknown;
  val: Record<string, unknown>;
} {
  const { tag, val } = fieldsOf(fieldsOf(parse(frame)).body);
  return { tag, val: fieldsOf(val) };
}

function toServerOf(
  { tag, val }: ReturnType<typeof envelopeOf>,
): ToServer {
  if (tag === "ActionRequest") {
    return {
      tag,
      val: {
        id: idOf(val.id),
        name: textOf(val.name),
        args: argsOf(val.args),
      },
    };
  }
  if (tag === "SubscriptionRequest") {
    const { subscribe } = val;
    if (typeof subscribe !== "boolean") throw malformed("no subscribe");
    return { tag, val: { eventName: textOf(val.eventName), subscribe } };
  }
  throw malformed("unknown message");
}

function toClientOf(
  { tag, val }: ReturnType<typeof envelopeOf>,
): ToClient {
  switch (tag) {
    case "Init":
      return {
        tag,
        val: {
          actorId: textOf(val.actorId),
          connectionId: textOf(val.connectionId),
        },
      };
    case "Error": {
      const actionId = val.actionId ?? null;
      return {
        tag,
        val: {
          ...errorOf(val),
          actionId: actionId === null ? null : idOf(actionId),
        },
      };
    }
    case "ActionResponse":
      return { tag, val: { id: idOf(val.id), output: val.output } };
    case "Event":
      return {
        tag,
        val: {
          name: textOf(val.name),
          args: Array.isArray(val.args) ? val.args : [],
        },
      };
    default:
      throw malformed("unknown message");
  }
}

// Callers may leave the arguments out, or give the only one without its array.
function argsOf(args: unknown): unknown[] {
  return Array.isArray(args) ? args : [args ?? []].flat();
}

// The queue is named by the path as well, so callers may leave its name out here.
function sendOf(fields: Record<string, unknown>): QueueSend {
  const { name = "", body, wait = false } = fields;
  if (typeof wait !== "boolean") throw malformed("wait is not a boolean");
  const timeout = fields.timeout ?? undefined;
  const isTime = typeof timeout === "number" && timeout >= 0;
  if (timeout !== undefined && !isTime) {
    throw malformed("the timeout is not a number of milliseconds");
  }
  return { name: textOf(name), body, wait, timeout };
}

function sentOf({ status, response }: Record<string, unknown>): QueueSent {
  if (status !== "completed" && status !== "timedOut") {
    throw malformed("the status is unknown");
  }
  return { status, response };
}

function errorOf(fields: Record<string, unknown>): WireError {
  const { metadata } = fields;
  return {
    group: textOf(fields.group),
    code: textOf(fields.code),
    message: textOf(fields.message),
    ...(metadata === undefined ? {} : { metadata }),
  };
}

// Identifiers are unsigned 64-bit integers on the wire; ours stay within what a number can hold.
function withBigInt(message: ToServer | ToClient, field: string): unknown {
  const val = message.val as Record<string, unknown>;
  const id = val[field];
  return typeof id === "number"
    ? { tag: message.tag, val: { ...val, [field]: BigInt(id) } }
    : message;
}

function idOf(value: unknown): number {
  const id = Number(value);
  const isNumeric = typeof value === "bigint" || typeof value === "number";
  if (!isNumeric || !Number.isSafeInteger(id) || id < 0) {
    throw malformed("the id is not a whole number");
  }
  return id;
}

function textOf(value: unknown): string {
  if (typeof value !== "string") throw malformed("a text is missing");
  return value;
}

function fieldsOf(value: unknown): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw malformed("it is not an object");
  }
  return value as Record<string, unknown>;
}

function malformed(why: string, cause?: unknown): Error {
  return actorError("message/malformed", `Cannot read the message: ${why}`, {
    cause,
  });
}
