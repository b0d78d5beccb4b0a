// Arrays of a tag and a value, which stand for what an encoding has no form for:
// `["$BigInt","7"]`, `["$Uint8Array","AQI="]`, `["$ArrayBuffer","AQI="]`, `["$Undefined",0]` and
// `["$Set",[1,2]]`. An array of two of the user's that begins with a text with `$` has one `$` more.

import { malformed } from "./shapes.ts";

/** Whether it is an array of two that begins with a text with `$`. */
export function isTagged(value: unknown): value is [string, unknown] {
  return Array.isArray(value) && value.length === 2 &&
    typeof value[0] === "string" && value[0].startsWith("$");
}

/** An array of the user's, written so that it is not taken for a tag. */
export function escapeTag([tag, value]: [string, unknown]): [string, unknown] {
  return [`$${tag}`, value];
}

/**
 * What an array of a tag and a value stands for.
 *
 * @throws {ActorError} `message/malformed` when the tag is unknown, or the value is not one for it.
 */
export function untag([tag, value]: [string, unknown]): unknown {
  if (tag.startsWith("$$")) return [tag.slice(1), value];
  if (tag === "$Undefined") return undefined;
  if (tag === "$Set" && Array.isArray(value)) return new Set(value);
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
