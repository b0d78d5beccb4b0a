// How values cross from one actor to another within a process: copied, never shared, and with all
// their types.

import type { Encoding, Frame } from "./messages.ts";

// Deeper values are refused; whoever walks them would overflow the stack.
const maxDepth = 256;

/**
 * A copy that shares nothing with the value. Members of objects are copied, their classes are not.
 *
 * @throws {TypeError} when there is a function, symbol or promise in it, or it is too deep.
 */
export function copyValue<V>(value: V): V {
  // A copy has the type of what it is a copy of, but for the classes of objects.
  return copy(value, 0) as V;
}

function copy(value: unknown, depth: number): unknown {
  if (typeof value === "function" || typeof value === "symbol") {
    throw new TypeError(`Cannot send a ${typeof value}`);
  }
  if (typeof value !== "object" || value === null) return value;
  if (depth > maxDepth) {
    throw new TypeError(`Cannot send a value deeper than ${maxDepth}`);
  }
  if (Array.isArray(value)) return value.map((item) => copy(item, depth + 1));
  if (value instanceof Map) {
    return new Map(
      Array.from(value, ([k, v]) => [copy(k, depth + 1), copy(v, depth + 1)]),
    );
  }
  if (value instanceof Set) {
    return new Set(Array.from(value, (item) => copy(item, depth + 1)));
  }
  if (value instanceof Promise) throw new TypeError("Cannot send a promise");
  if (isWhole(value)) return structuredClone(value);
  const copied: Record<string, unknown> = {};
  for (const [key, member] of Object.entries(value)) {
    const memberCopy = copy(member, depth + 1);
    if (key !== "__proto__") copied[key] = memberCopy;
    else Object.defineProperty(copied, key, { ...own, value: memberCopy });
  }
  return copied;
}

const own = { enumerable: true, configurable: true, writable: true };

function isWhole(value: object): boolean {
  return value instanceof Date || value instanceof RegExp ||
    value instanceof Error || value instanceof ArrayBuffer ||
    ArrayBuffer.isView(value);
}

// Within a process a frame is the message itself; only who decodes it looks into it.
const toFrame = (message: unknown) => copyValue(message) as Frame;
// deno-lint-ignore no-explicit-any -- the frame is what `toFrame` was given, of whatever type
const fromFrame = (frame: Frame) => copyValue(frame) as any;

/** The encoding of callers in this process. */
export const copied: Encoding = {
  name: "copied",
  contentType: "",
  spokenIn: () => copied,
  encodeCall: toFrame,
  decodeCall: fromFrame,
  encodeResult: toFrame,
  decodeResult: fromFrame,
  encodeSend: toFrame,
  decodeSend: fromFrame,
  encodeSent: toFrame,
  decodeSent: fromFrame,
  encodeError: toFrame,
  decodeError: fromFrame,
  encodeToServer: toFrame,
  decodeToServer: fromFrame,
  encodeToClient: toFrame,
  decodeToClient: fromFrame,
};
