// Checks what a program without types may have given for an object of options.

/** Says what is wrong with a value, or nothing. */
export type Check = (value: unknown) => string | undefined;

/** The keys that an object may have, each with the check of its value or the shape of its object. */
export interface Shape {
  readonly [key: string]: Check | Shape;
}

/**
 * Checks an object of options. A value that is `undefined` is as good as none.
 *
 * @throws {TypeError} when a key is unknown or a value wrong; the message names it with its path.
 */
export function checkShape(value: object, shape: Shape, path = ""): void {
  for (const [key, each] of Object.entries(value)) {
    const name = path + key;
    if (!Object.hasOwn(shape, key)) {
      throw new TypeError(`Cannot set up: unknown key "${name}"`);
    }
    if (each === undefined) continue;
    const expected = shape[key]!;
    if (typeof expected === "function") {
      const wrong = expected(each);
      if (wrong) throw new TypeError(`Cannot set up: ${name} ${wrong}`);
    } else {
      if (!isObject(each)) {
        throw new TypeError(`Cannot set up: ${name} is not an object`);
      }
      checkShape(each, expected, `${name}.`);
    }
  }
}

/** Whether a value is an object, and no list. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export const anything: Check = () => undefined;
export const flag: Check = (value) =>
  typeof value === "boolean" ? undefined : "is neither true nor false";
export const text: Check = (value) =>
  typeof value === "string" && value !== "" ? undefined : "is not a text";
export const positive: Check = (value) =>
  Number.isSafeInteger(value) && Number(value) > 0
    ? undefined
    : "is not a positive integer";
export const count: Check = (value) =>
  Number.isSafeInteger(value) && Number(value) >= 0
    ? undefined
    : "is not an integer of 0 or more";
export const port: Check = (value) =>
  count(value) === undefined && Number(value) < 65_536
    ? undefined
    : "is not a number from 0 to 65535";
export const object: Check = (value) =>
  isObject(value) ? undefined : "is not an object";
export const texts: Check = (value) =>
  isObject(value) &&
    Object.values(value).every((each) => typeof each === "string")
    ? undefined
    : "is not an object of texts";
// A base path is joined with the path of a request, and must not be taken for a URL.
export const path: Check = (value) =>
  typeof value === "string" && /^\/(?!\/)[^?#]*$/.test(value)
    ? undefined
    : "is not a path that begins with one slash";
/** One of some texts. */
export function oneOf(known: readonly string[]): Check {
  return (value) =>
    typeof value === "string" && known.includes(value)
      ? undefined
      : `is none of ${known.join(", ")}`;
}
