// Arrays of a tag and a value, which stand for what an encoding has no form for:
// `["$BigInt","7"]`, `["$Uint8Array","AQI="]`, `["$ArrayBuffer","AQI="]`, `["$Undefined",0]` and
// `["$Set",[1,2]]`. An array of two of the user's that begins with a text with `$` has one `$` more.

import { type Budget, costOf } from "./budget.ts";
import { malformed, maxBigIntDigits } from "./shapes.ts";

// How much of a tag that is unknown is told.
const maxShownLength = 32;

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
export function untag(
  [tag, value]: [string, unknown],
  budget: Budget,
): unknown {
  if (tag.startsWith("$$")) return [tag.slice(1), value];
  if (tag === "$Undefined") return undefined;
  if (tag === "$Set" && Array.isArray(value)) {
    budget.spend(costOf.classed + value.length * costOf.member);
    return new Set(value);
  }
  if (typeof value === "string") {
    if (tag === "$BigInt") return bigIntOf(value);
    if (tag === "$Uint8Array") return bytesOf(value, budget);
    if (tag === "$ArrayBuffer") return bytesOf(value, budget).buffer;
  }
  throw malformed(
    `unknown tag ${JSON.stringify(tag.slice(0, maxShownLength))}`,
  );
}

/**
 * A bigint as a text.
 *
 * @throws {TypeError} when it has too many digits.
 */
export function digitsOf(value: bigint): string {
  const text = String(value);
  if (!hasTooManyDigits(text)) return text;
  throw new TypeError(
    `Cannot send a bigint of more than ${maxBigIntDigits} digits`,
  );
}

function bigIntOf(text: string): bigint {
  if (!hasTooManyDigits(text) && /^-?\d+$/.test(text)) return BigInt(text);
  throw malformed(
    `a bigint is none, or has more than ${maxBigIntDigits} digits`,
  );
}

function hasTooManyDigits(text: string): boolean {
  return text.length > maxBigIntDigits + (text.startsWith("-") ? 1 : 0);
}

function bytesOf(base64: string, budget: Budget): Uint8Array<ArrayBuffer> {
  budget.spend(costOf.classed);
  try {
    return Uint8Array.fromBase64(base64);
  } catch (cause) {
    throw malformed("it has bytes that are not base64", cause);
  }
}
