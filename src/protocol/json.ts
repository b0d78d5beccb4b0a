// The `json` encoding, in RivetKit's form: what JSON cannot write is an array of a tag and a value, as
// in tagged.ts. As in JSON.stringify, a Date becomes a text, and a Map an empty object. Clients of the
// line 2.0 know no tag for what is undefined, which becomes null or is left out, nor for a Set, which
// becomes an empty object.

import { Budget, costOf, unlimited } from "./budget.ts";
import type { Line } from "./line.ts";
import {
  type Body,
  type Encoding,
  envelopeOf,
  type Frame,
  ReadJson,
} from "./messages.ts";
import {
  argsOf,
  errorOf,
  fieldsOf,
  malformed,
  maxDepth,
  sendOf,
  sentOf,
  setOwn,
  toClientOf,
  toServerOf,
} from "./shapes.ts";
import { digitsOf, escapeTag, isTagged, untag } from "./tagged.ts";

/** The `json` encoding that every server and client reads. */
export const json: Encoding = jsonFor("2.0");

/** The `json` encoding, as clients of a line read it. What they write is the same in both. */
export function jsonFor(line: Line): Encoding {
  const write = (value: unknown) => stringify(value, line);
  // Clients need an output, and those of the line 2.0 cannot read that it is undefined.
  const sayOutput = (output: unknown) =>
    line === "2.0" ? output ?? null : output;
  const encoding: Encoding = {
    name: "json",
    contentType: "application/json",
    spokenIn: () => encoding,
    encodeCall: (args) => stringify({ args }),
    decodeCall: (body) => argsOf(fieldsOf(parse(body)).args),
    encodeResult: (output) => write({ output: sayOutput(output) }),
    decodeResult: (body) => fieldsOf(parse(body, unlimited)).output,
    encodeSend: (send) => stringify(send),
    decodeSend: (body) => sendOf(parse(body)),
    encodeSent: ({ status, response }) =>
      write(response === undefined ? { status } : { status, response }),
    decodeSent: (body) => sentOf(parse(body, unlimited)),
    encodeError: (error) => write(error),
    decodeError: (body) => errorOf(parse(body, unlimited)),
    // The values of a message are written and read by themselves, and what is around them as plain JSON:
    // a replacer for all of it, and a walk through it, would make that several times slower.
    encodeToServer: (message) => {
      if (message.tag !== "ActionRequest") {
        return JSON.stringify({ body: message });
      }
      const { id, name, args } = message.val;
      return `{"body":{"tag":"ActionRequest","val":{"id":${idText(id)},"name":${
        JSON.stringify(name)
      },"args":${stringify(args)}}}}`;
    },
    decodeToServer: (frame) =>
      toServerOf(
        parsePlain(frame),
        (value) => revive(value, new Budget(frame.length), 0),
      ),
    encodeToClient: (message) => {
      if (message.tag === "Error") return write(envelopeOf(message));
      if (message.tag !== "ActionResponse") return write({ body: message });
      const { id, output } = message.val;
      return `{"body":{"tag":"ActionResponse","val":{"id":${
        idText(id)
      },"output":${write(sayOutput(output))}}}}`;
    },
    decodeToClient: (frame) => toClientOf(parsePlain(frame), reviveOfServer),
  };
  return encoding;
}

/** JSON text of a value that may hold what JSON cannot write; `line` is that of who reads it. */
export function stringify(value: unknown, line: Line = "2.0"): string {
  // A replacer makes JSON.stringify several times slower, and few messages need one.
  if (isJson(value, line)) return JSON.stringify(value) ?? "null";
  return JSON.stringify(value, line === "2.0" ? replace : replace23) ?? "null";
}

/**
 * The value of a JSON text of {@linkcode stringify}; that of a caller unless told otherwise.
 *
 * @throws {ActorError} `message/malformed` when it is not JSON, has an unknown tag, or is too deep, and
 * when it costs more than the budget.
 */
export function parse(
  body: Body,
  budget: Budget = new Budget(body.length),
): unknown {
  const value = body instanceof ReadJson ? body.value : parsePlain(body);
  return revive(value, budget, 0);
}

/**
 * The value of a JSON text in which arrays of a tag and a value are just arrays.
 *
 * @throws {ActorError} `message/malformed` when it is not JSON.
 */
export function parsePlain(body: Frame): unknown {
  try {
    return JSON.parse(typeof body === "string" ? body : decoder.decode(body));
  } catch (cause) {
    throw malformed("it is not JSON", cause);
  }
}

const decoder = new TextDecoder("utf-8", { fatal: true });

/** Whether a value is the same JSON in both lines: what JSON itself can write. */
export function isPlain(value: unknown): boolean {
  return isJson(value, "2.3");
}

// Whether JSON can write it, as far as clients of the line could read more than that.
function isJson(value: unknown, line: Line): boolean {
  if (value === undefined) return line === "2.0";
  if (typeof value === "bigint") return false;
  if (typeof value !== "object" || value === null) return true;
  if (Array.isArray(value)) {
    return !isTagged(value) && value.every((item) => isJson(item, line));
  }
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return false;
  if (value instanceof Set) return line === "2.0";
  for (const key in value) {
    if (!isJson((value as Record<string, unknown>)[key], line)) return false;
  }
  return true;
}

function replace(_key: string, value: unknown): unknown {
  if (typeof value === "bigint") return ["$BigInt", digitsOf(value)];
  if (value instanceof Uint8Array) return ["$Uint8Array", value.toBase64()];
  if (value instanceof ArrayBuffer) {
    return ["$ArrayBuffer", new Uint8Array(value).toBase64()];
  }
  return isTagged(value) ? escapeTag(value) : value;
}

function replace23(key: string, value: unknown): unknown {
  if (value === undefined) return ["$Undefined", 0];
  return value instanceof Set ? ["$Set", [...value]] : replace(key, value);
}

function reviveOfServer(value: unknown): unknown {
  return revive(value, unlimited, 0);
}

function revive(value: unknown, budget: Budget, depth: number): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (depth > maxDepth) throw malformed(`it is deeper than ${maxDepth}`);
  budget.spend(costOf.plain);
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      const member: unknown = value[i];
      if (typeof member === "object") {
        value[i] = revive(member, budget, depth + 1);
      }
    }
    return isTagged(value) ? untag(value, budget) : value;
  }
  const fields = value as Record<string, unknown>;
  for (const key of Object.keys(fields)) {
    const member = fields[key];
    if (typeof member !== "object" || member === null) continue;
    const revived = revive(member, budget, depth + 1);
    // Only what has changed is set, and never the prototype: "__proto__" is a member like any other.
    if (revived !== member) setOwn(fields, key, revived);
  }
  return fields;
}

// Identifiers are unsigned 64-bit integers on the wire; ours stay within what a number can hold.
function idText(id: number): string {
  return `["$BigInt","${id}"]`;
}
