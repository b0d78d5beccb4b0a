// The text of the values that can be saved. It is JSON. What JSON cannot write is an array that begins with a tag, such as
// `["$Date",0]`; an array of the user's that begins with a text with `$` gets one `$` more. A value
// that stands twice in a tree is written once: its other places say `["$Same",n]`, where n counts the
// objects from the start of the text. `["$Ref",path]` stands for a value that is elsewhere in a tree
// that the reader has.

import {
  checkPrimitive,
  invalidType,
  isLeaf,
  isMap,
  isPlainObject,
  isPlainPrimitive,
  isSet,
  maxDepth,
  memberPath,
  nameOf,
  type Path,
  setOwn,
  type Step,
  type Where,
} from "./savable.ts";

/** Finds where in a tree an object already stands, so that it is written as a reference. */
export type FindRef = (object: object) => Path | undefined;

/**
 * The text of a value.
 *
 * @throws {ActorError} `state/invalid_type` naming `path` when there is something that has no text.
 */
export function encodeValue(
  value: unknown,
  options: { path?: string; findRef?: FindRef } = {},
): string {
  const { path = "value", findRef } = options;
  const scan = new Scan(findRef);
  scan.visit(value, () => path, 0);
  // Most values are plain JSON, which the runtime writes much faster than we can.
  if (scan.isPlain) return JSON.stringify(value);
  return JSON.stringify(new Tagging(findRef).tag(value));
}

/** Whether some object stands more than once in a value that can be saved. */
export function hasSharing(value: unknown): boolean {
  const scan = new Scan(undefined);
  scan.visit(value, () => "value", 0);
  return scan.hasSharing;
}

/** The value of a text; `resolve` finds what a reference stands for. */
export function decodeValue(
  text: string,
  resolve?: (path: Path) => unknown,
): unknown {
  return reviveValue(JSON.parse(text), text.includes('["$'), resolve);
}

/** The value of a part of a parsed text; `isTagged` says whether there may be a tag in it. */
export function reviveValue(
  value: unknown,
  isTagged: boolean,
  resolve?: (path: Path) => unknown,
): unknown {
  return isTagged ? new Revival(resolve).revive(value) : value;
}

// Checks a value, and finds out whether JSON can write it as it is.
class Scan {
  isPlain = true;
  hasSharing = false;
  readonly #findRef: FindRef | undefined;
  readonly #visited = new Map<object, "open" | "done">();

  constructor(findRef: FindRef | undefined) {
    this.#findRef = findRef;
  }

  visit(value: unknown, where: Where, depth: number): void {
    if (typeof value !== "object") {
      checkPrimitive(value, where);
      if (!isPlainPrimitive(value)) this.isPlain = false;
      return;
    }
    if (value === null) return;
    const visit = this.#visited.get(value);
    if (visit === "open") throw invalidType(where(), "it contains itself");
    if (visit === "done") {
      this.isPlain = false;
      this.hasSharing = true;
      return;
    }
    if (this.#findRef?.(value) !== undefined) {
      this.isPlain = false;
      return;
    }
    if (depth > maxDepth) {
      throw invalidType(where(), `it is nested more than ${maxDepth} deep`);
    }
    this.#visited.set(value, "open");
    this.#visitMembers(value, where, depth + 1);
    this.#visited.set(value, "done");
  }

  #visitMembers(value: object, where: Where, depth: number): void {
    if (Array.isArray(value)) {
      const [first] = value;
      if (typeof first === "string" && first.startsWith("$")) {
        this.isPlain = false;
      }
      for (let i = 0; i < value.length; i++) {
        const member: unknown = value[i];
        if (isPlainPrimitive(member)) continue;
        this.visit(member, () => `${where()}[${i}]`, depth);
      }
    } else if (isPlainObject(value)) {
      if (Object.getOwnPropertySymbols(value).length > 0) {
        throw invalidType(where(), "it has a symbol for a key");
      }
      for (const key in value) {
        const member = (value as Record<string, unknown>)[key];
        if (isPlainPrimitive(member)) continue;
        this.visit(member, () => memberPath(where(), key), depth);
      }
    } else if (isMap(value)) {
      this.isPlain = false;
      let place = 0;
      for (const [key, member] of value) {
        const keyPlace = place++;
        this.visit(key, () => `${where()}.keys()[${keyPlace}]`, depth);
        this.visit(member, () => memberPath(where(), key), depth);
      }
    } else if (isSet(value)) {
      this.isPlain = false;
      let next = 0;
      for (const member of value) {
        const place = next++;
        this.visit(member, () => `${where()}.values()[${place}]`, depth);
      }
    } else if (isLeaf(value)) {
      this.isPlain = false;
    } else {
      throw invalidType(where(), `it is a ${nameOf(value)}`);
    }
  }
}

// Writes what has been scanned as a tree that JSON can write.
class Tagging {
  readonly #findRef: FindRef | undefined;
  readonly #numbers = new Map<object, number>();

  constructor(findRef: FindRef | undefined) {
    this.#findRef = findRef;
  }

  tag(value: unknown): unknown {
    if (value === undefined) return ["$Undefined"];
    if (typeof value === "bigint") return ["$BigInt", String(value)];
    if (Object.is(value, -0)) return ["$MinusZero"];
    if (typeof value !== "object" || value === null) return value;
    const number = this.#numbers.get(value);
    if (number !== undefined) return ["$Same", number];
    const ref = this.#findRef?.(value);
    if (ref !== undefined) return ["$Ref", tagPath(ref)];
    this.#numbers.set(value, this.#numbers.size);
    if (Array.isArray(value)) return this.#tagArray(value);
    if (value instanceof Map) {
      const entries = Array.from(
        value,
        ([key, member]) => [this.tag(key), this.tag(member)],
      );
      return ["$Map", entries];
    }
    if (value instanceof Set) {
      return ["$Set", Array.from(value, (member) => this.tag(member))];
    }
    if (isLeaf(value)) return this.#tagLeaf(value);
    const tagged = {};
    for (const key of Object.keys(value)) {
      setOwn(tagged, key, this.tag((value as Record<string, unknown>)[key]));
    }
    return tagged;
  }

  #tagArray(array: unknown[]): unknown[] {
    const tagged: unknown[] = [];
    for (let i = 0; i < array.length; i++) {
      tagged.push(i in array ? this.tag(array[i]) : ["$Hole"]);
    }
    const [first] = array;
    if (typeof first === "string" && first.startsWith("$")) {
      tagged[0] = `$${first}`;
    }
    return tagged;
  }

  #tagLeaf(value: object): unknown[] {
    if (value instanceof Date) {
      return ["$Date", Number.isNaN(+value) ? null : +value];
    }
    if (value instanceof RegExp) return ["$RegExp", value.source, value.flags];
    if (value instanceof Error) {
      const { name, message, stack } = value;
      return ["$Error", name, message, stack ?? null];
    }
    if (value instanceof ArrayBuffer) {
      return ["$ArrayBuffer", new Uint8Array(value).toBase64()];
    }
    const view = value as ArrayBufferView;
    const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
    return [`$${viewName(view)}`, bytes.toBase64()];
  }
}

/** The steps of a path as JSON can write them. */
export function tagPath(path: Path): unknown[] {
  return path.map((step) =>
    typeof step === "object" && "key" in step
      ? { key: new Tagging(undefined).tag(step.key) }
      : step
  );
}

/** The path of {@linkcode tagPath}. */
export function revivePath(steps: unknown): Path {
  return (steps as Step[]).map((step) =>
    typeof step === "object" && "key" in step
      ? { key: new Revival(undefined).revive(step.key) }
      : step
  );
}

function viewName(view: ArrayBufferView): string {
  const name = Object.prototype.toString.call(view).slice(8, -1);
  return Object.hasOwn(views, name) ? name : "Uint8Array";
}

const views: Record<string, new (buffer: ArrayBuffer) => ArrayBufferView> = {
  DataView,
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
  Float16Array,
};

const errors: Record<string, ErrorConstructor> = {
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError,
};

// Turns a parsed text back, counting objects in the order in which Tagging met them.
class Revival {
  readonly #resolve: ((path: Path) => unknown) | undefined;
  readonly #objects: object[] = [];

  constructor(resolve: ((path: Path) => unknown) | undefined) {
    this.#resolve = resolve;
  }

  revive(value: unknown): unknown {
    if (typeof value !== "object" || value === null) return value;
    if (Array.isArray(value)) return this.#reviveArray(value);
    this.#objects.push(value);
    for (const key of Object.keys(value)) {
      const member = (value as Record<string, unknown>)[key];
      if (typeof member === "object" && member !== null) {
        setOwn(value, key, this.revive(member));
      }
    }
    return value;
  }

  #reviveArray(array: unknown[]): unknown {
    const [first] = array;
    if (typeof first === "string" && first.startsWith("$")) {
      if (!first.startsWith("$$")) return this.#reviveTagged(first, array);
      array[0] = first.slice(1);
    }
    this.#objects.push(array);
    for (let i = 0; i < array.length; i++) {
      const member = array[i];
      if (typeof member !== "object" || member === null) continue;
      if (Array.isArray(member) && member[0] === "$Hole") delete array[i];
      else array[i] = this.revive(member);
    }
    return array;
  }

  #reviveTagged(tag: string, array: unknown[]): unknown {
    const [, first, second, third] = array;
    switch (tag) {
      case "$Undefined":
        return undefined;
      case "$MinusZero":
        return -0;
      case "$BigInt":
        return BigInt(first as string);
      case "$Same":
        return this.#objects[first as number];
      case "$Ref":
        return this.#resolve?.(revivePath(first));
      case "$Date":
        return this.#keep(new Date((first as number | null) ?? NaN));
      case "$RegExp":
        return this.#keep(new RegExp(first as string, second as string));
      case "$Error":
        return this.#keep(reviveError(first, second, third));
      case "$Map": {
        const map = this.#keep(new Map<unknown, unknown>());
        for (const [key, member] of first as [unknown, unknown][]) {
          const revivedKey = this.revive(key);
          map.set(revivedKey, this.revive(member));
        }
        return map;
      }
      case "$Set": {
        const set = this.#keep(new Set<unknown>());
        for (const member of first as unknown[]) set.add(this.revive(member));
        return set;
      }
    }
    const { buffer } = Uint8Array.fromBase64(first as string);
    if (tag === "$ArrayBuffer") return this.#keep(buffer);
    const name = tag.slice(1);
    if (!Object.hasOwn(views, name)) {
      throw new SyntaxError(`Cannot read a saved value: unknown tag "${tag}"`);
    }
    return this.#keep(new views[name]!(buffer));
  }

  #keep<O extends object>(object: O): O {
    this.#objects.push(object);
    return object;
  }
}

function reviveError(name: unknown, message: unknown, stack: unknown): Error {
  const kind = Object.hasOwn(errors, name as string)
    ? errors[name as string]!
    : Error;
  const error = new kind(message as string);
  const define = (key: string, value: unknown) =>
    Object.defineProperty(error, key, {
      value,
      configurable: true,
      writable: true,
    });
  if (error.name !== name) define("name", name);
  define("stack", stack ?? undefined);
  return error;
}

/** A copy of a value that can be saved, which shares nothing with it. */
export function copySaved(value: unknown, path: string): unknown {
  return decodeValue(encodeValue(value, { path }));
}
