// A stand-in for the part of `@std/assert` that the tests use, so that they run where JSR cannot be
// reached.
//
// Whatever passes here passes with the real package. `assertEquals` is stricter than that one in
// three places: 0 and -0 differ, errors differ by name, message and cause, and buffers differ by
// their bytes.

import { AssertionError as NodeAssertionError } from "node:assert";
import { inspect } from "node:util";
import { equal } from "./equal.ts";

export { equal };

type Falsy = false | 0 | 0n | "" | null | undefined;
type ErrorClass<E extends Error> = abstract new (...args: never[]) => E;

/** The error of a failed assertion. */
export class AssertionError extends Error {
  override readonly name: string = "AssertionError";

  /** Makes an error that says `message`. */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
  }
}

/** Asserts that `expr` is truthy. */
export function assert(expr: unknown, msg = ""): asserts expr {
  if (!expr) throw new AssertionError(msg);
}

/** Asserts that `expr` is falsy. */
export function assertFalse(
  expr: unknown,
  msg?: string,
): asserts expr is Falsy {
  if (expr) {
    refuse(`Expected expression to be falsy, got ${show(expr)}`, msg);
  }
}

/** Asserts that the values are equal, deeply. */
export function assertEquals<T>(actual: T, expected: T, msg?: string): void {
  if (!equal(actual, expected)) {
    refuse(`Values are not equal:\n${difference(actual, expected)}`, msg);
  }
}

/** Asserts that the values are not equal, deeply. */
export function assertNotEquals<T>(actual: T, expected: T, msg?: string): void {
  if (equal(actual, expected)) {
    refuse(`Expected values to differ, both are ${show(actual)}`, msg);
  }
}

/** Asserts that the values are the same, as `Object.is` has it. */
export function assertStrictEquals<T>(
  actual: unknown,
  expected: T,
  msg?: string,
): asserts actual is T {
  if (!Object.is(actual, expected)) {
    refuse(
      equal(actual, expected)
        ? `Values are equal, but not the same: ${show(actual)}`
        : `Values are not the same:\n${difference(actual, expected)}`,
      msg,
    );
  }
}

/** Asserts that the values are not the same, as `Object.is` has it. */
export function assertNotStrictEquals<T>(
  actual: T,
  expected: T,
  msg?: string,
): void {
  if (Object.is(actual, expected)) {
    refuse(`Expected another value than ${show(actual)}`, msg);
  }
}

/** Asserts that `actual` is neither `null` nor `undefined`. */
export function assertExists<T>(
  actual: T,
  msg?: string,
): asserts actual is NonNullable<T> {
  if (actual === null || actual === undefined) {
    refuse(`Expected a value, got ${show(actual)}`, msg);
  }
}

/** Asserts that `actual` is an instance of `expectedType`. */
export function assertInstanceOf<
  T extends abstract new (...args: never[]) => unknown,
>(
  actual: unknown,
  expectedType: T,
  msg?: string,
): asserts actual is InstanceType<T> {
  if (!(actual instanceof expectedType)) {
    refuse(
      `Expected an instance of ${expectedType.name}, got ${show(actual)}`,
      msg,
    );
  }
}

/** Asserts that `actual` matches `expected`. */
export function assertMatch(
  actual: string,
  expected: RegExp,
  msg?: string,
): void {
  if (!expected.test(actual)) {
    refuse(`Expected ${show(actual)} to match ${expected}`, msg);
  }
}

/** Asserts that `actual` does not match `expected`. */
export function assertNotMatch(
  actual: string,
  expected: RegExp,
  msg?: string,
): void {
  if (expected.test(actual)) {
    refuse(`Expected ${show(actual)} not to match ${expected}`, msg);
  }
}

/** Asserts that `expected` is a part of `actual`. */
export function assertStringIncludes(
  actual: string,
  expected: string,
  msg?: string,
): void {
  if (!actual.includes(expected)) {
    refuse(`Expected ${show(actual)} to contain ${show(expected)}`, msg);
  }
}

/** Asserts that every member of `expected` is, deeply equal, a member of `actual`. */
export function assertArrayIncludes<T>(
  actual: ArrayLike<T>,
  expected: ArrayLike<T>,
  msg?: string,
): void {
  const members = Array.from(actual);
  const missing = Array.from(expected).filter((wanted) =>
    !members.some((member) => equal(member, wanted))
  );
  if (missing.length > 0) {
    refuse(`Expected ${show(actual)} to include ${show(missing)}`, msg);
  }
}

/** Asserts that what `expected` names is the same in `actual`; `actual` may have more. */
export function assertObjectMatch(
  actual: Record<PropertyKey, unknown>,
  expected: Record<PropertyKey, unknown>,
  msg?: string,
): void {
  const part = pick(actual, expected);
  if (!equal(part, expected)) {
    refuse(`Values do not match:\n${difference(part, expected)}`, msg);
  }
}

/** Asserts that `actual` is greater than `expected`. */
export function assertGreater<T>(actual: T, expected: T, msg?: string): void {
  if (!(actual > expected)) {
    refuse(`Expected ${show(actual)} > ${show(expected)}`, msg);
  }
}

/** Asserts that `actual` is greater than `expected`, or equal. */
export function assertGreaterOrEqual<T>(
  actual: T,
  expected: T,
  msg?: string,
): void {
  if (!(actual >= expected)) {
    refuse(`Expected ${show(actual)} >= ${show(expected)}`, msg);
  }
}

/** Asserts that `actual` is less than `expected`. */
export function assertLess<T>(actual: T, expected: T, msg?: string): void {
  if (!(actual < expected)) {
    refuse(`Expected ${show(actual)} < ${show(expected)}`, msg);
  }
}

/** Asserts that `actual` is less than `expected`, or equal. */
export function assertLessOrEqual<T>(
  actual: T,
  expected: T,
  msg?: string,
): void {
  if (!(actual <= expected)) {
    refuse(`Expected ${show(actual)} <= ${show(expected)}`, msg);
  }
}

/** Asserts that `error` is an error, of `errorClass` and with `msgMatches` in its message if given. */
export function assertIsError<E extends Error = Error>(
  error: unknown,
  errorClass?: ErrorClass<E>,
  msgMatches?: string | RegExp,
  msg?: string,
): asserts error is E {
  if (!(error instanceof Error)) {
    refuse(`Expected an Error, got ${show(error)}`, msg);
  }
  if (errorClass && !(error instanceof errorClass)) {
    const name = error.constructor.name;
    refuse(
      `Expected an error of ${errorClass.name}, got ${name}: ${error.message}`,
      msg,
    );
  }
  if (msgMatches === undefined) return;
  const matches = typeof msgMatches === "string"
    ? error.message.includes(msgMatches)
    : msgMatches.test(error.message);
  if (!matches) {
    refuse(
      `Expected error message to include ${show(msgMatches)}, got ${
        show(error.message)
      }`,
      msg,
    );
  }
}

/** Asserts that `fn` throws, and returns what it threw. */
export function assertThrows(fn: () => unknown, msg?: string): unknown;
/** Asserts that `fn` throws an error of `errorClass`, and returns that error. */
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  errorClass: ErrorClass<E>,
  msgIncludes?: string,
  msg?: string,
): E;
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  ...rest: Expectation<E>
): unknown {
  try {
    fn();
  } catch (error) {
    return expectError(error, rest);
  }
  refuse("Expected function to throw", customMessage(rest));
}

/** Asserts that the promise of `fn` rejects, and resolves to what it rejected with. */
export function assertRejects(
  fn: () => PromiseLike<unknown>,
  msg?: string,
): Promise<unknown>;
/** Asserts that the promise of `fn` rejects with an error of `errorClass`, and resolves to it. */
export function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  errorClass: ErrorClass<E>,
  msgIncludes?: string,
  msg?: string,
): Promise<E>;
export async function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  ...rest: Expectation<E>
): Promise<unknown> {
  let promise: PromiseLike<unknown>;
  try {
    promise = fn();
  } catch (error) {
    throw new AssertionError(
      withMessage(
        "Function throws when expected to reject",
        customMessage(rest),
      ),
      { cause: error },
    );
  }
  if (typeof promise?.then !== "function") {
    refuse("Function returns no promise", customMessage(rest));
  }
  try {
    await promise;
  } catch (error) {
    return expectError(error, rest);
  }
  refuse("Expected function to reject", customMessage(rest));
}

/** Fails. */
export function fail(msg?: string): never {
  refuse("Failed assertion", msg);
}

/** Fails, where the code should never have come. */
export function unreachable(reason?: string): never {
  refuse("Unreachable", reason);
}

// What may follow `fn` in assertThrows and assertRejects: a class, the text in the error's message
// and a message of one's own, or that message alone.
type Expectation<E extends Error> = [
  errorClassOrMsg?: ErrorClass<E> | string,
  msgIncludes?: string,
  msg?: string,
];

function customMessage<E extends Error>(
  [errorClassOrMsg, , msg]: Expectation<E>,
): string | undefined {
  return typeof errorClassOrMsg === "string" ? errorClassOrMsg : msg;
}

function expectError<E extends Error>(
  error: unknown,
  [errorClass, msgIncludes, msg]: Expectation<E>,
): unknown {
  if (typeof errorClass === "function") {
    assertIsError(error, errorClass, msgIncludes, msg);
  }
  return error;
}

// The part of `actual` that `expected` names.
function pick(actual: unknown, expected: unknown): unknown {
  if (!isTree(actual) || !isTree(expected)) return actual;
  const part: Record<PropertyKey, unknown> = {};
  for (const key of Reflect.ownKeys(expected)) {
    if (key in actual) part[key] = pick(actual[key], expected[key]);
  }
  return Array.isArray(actual) && Array.isArray(expected)
    ? Object.assign([], part)
    : part;
}

function isTree(value: unknown): value is Record<PropertyKey, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return Array.isArray(value) || prototype === Object.prototype ||
    prototype === null;
}

function difference(actual: unknown, expected: unknown): string {
  const { message } = new NodeAssertionError({
    actual,
    expected,
    operator: "deepStrictEqual",
  });
  return message.includes("\n")
    ? message
    : `actual:   ${show(actual)}\nexpected: ${show(expected)}`;
}

function show(value: unknown): string {
  return inspect(value, { depth: 10, sorted: true });
}

function withMessage(text: string, msg?: string): string {
  return msg ? `${text}: ${msg}` : text;
}

function refuse(text: string, msg?: string): never {
  throw new AssertionError(withMessage(text, msg));
}
