// The values that can be saved: null, undefined, booleans, finite numbers, texts, bigints, dates,
// regular expressions, errors, buffers and typed arrays, and arrays, plain objects, maps and sets of
// them. Anything else is refused with its path.

import { actorError } from "../errors.ts";

/** The steps from the root of a tree to a value in it. */
export type Path = readonly Step[];

/** A property or array index, a primitive map key, or the place of a map entry or set member. */
export type Step =
  | string
  | number
  | { key: unknown }
  | { place: number }
  | { keyPlace: number };

/** Where a value stands, as messages name it. It takes long to say, and is seldom asked. */
export type Where = () => string;

/** Deeper values are refused; whoever walks them would overflow the stack. */
export const maxDepth = 256;

/** Whether a value is an object of its kind and of no class: a plain object. */
export function isPlainObject(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** Whether an object is a map, of no class of the user's. */
export function isMap(value: object): value is Map<unknown, unknown> {
  return Object.getPrototypeOf(value) === Map.prototype;
}

/** Whether an object is a set, of no class of the user's. */
export function isSet(value: object): value is Set<unknown> {
  return Object.getPrototypeOf(value) === Set.prototype;
}

/** Whether an object is written as a whole and has no members that can be saved: a date, a buffer. */
export function isLeaf(value: object): boolean {
  return value instanceof Date || value instanceof RegExp ||
    value instanceof Error || value instanceof ArrayBuffer ||
    ArrayBuffer.isView(value);
}

/** Sets a member, be it named `__proto__`. */
export function setOwn(object: object, key: string, value: unknown): void {
  if (key === "__proto__") {
    Object.defineProperty(object, key, {
      value,
      enumerable: true,
      configurable: true,
      writable: true,
    });
  } else {
    (object as Record<string, unknown>)[key] = value;
  }
}

/** The path of a member, as messages name it: `state.users["a b"][3]`. */
export function memberPath(path: string, key: unknown): string {
  if (typeof key === "object" && key !== null) {
    if ("keyPlace" in key) return `${path}.keys()[${key.keyPlace}]`;
    if ("place" in key) return `${path}.values()[${key.place}]`;
    if ("key" in key) return memberPath(path, key.key);
  }
  return typeof key === "string" && /^[\p{L}_$][\p{L}\p{N}_$]*$/u.test(key)
    ? `${path}.${key}`
    : `${path}[${typeof key === "string" ? JSON.stringify(key) : String(key)}]`;
}

/** The error for a value that cannot be saved. */
export function invalidType(path: string, what: string): Error {
  return actorError(
    "state/invalid_type",
    `Cannot save ${path}: ${what}. Values that can be saved are null, undefined, booleans, finite numbers, strings, bigints, Date, RegExp, Error, ArrayBuffer, typed arrays, and arrays, plain objects, Map and Set of them`,
  );
}

/**
 * Checks a primitive.
 *
 * @throws {ActorError} `state/invalid_type` when it cannot be saved.
 */
export function checkPrimitive(value: unknown, where: Where): void {
  switch (typeof value) {
    case "number":
      if (Number.isFinite(value)) return;
      throw invalidType(where(), `it is ${value}`);
    case "function":
    case "symbol":
      throw invalidType(where(), `it is a ${typeof value}`);
  }
}

/** The name of the class of an object, for an error. */
export function nameOf(value: object): string {
  const name: unknown = value.constructor?.name;
  return typeof name === "string" && name !== "" ? name : "foreign object";
}

/** Whether JSON writes a value as it is, and that is no object. JSON has no minus zero. */
export function isPlainPrimitive(value: unknown): boolean {
  switch (typeof value) {
    case "string":
    case "boolean":
      return true;
    case "number":
      return Number.isFinite(value) && !Object.is(value, -0);
    default:
      return value === null;
  }
}
