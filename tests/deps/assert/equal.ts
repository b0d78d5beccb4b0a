// Deep equality, the same on every runtime. A member that is undefined differs from one that is
// absent; the order of a Map, a Set or an object's keys does not count.

/** Whether `a` and `b` are equal, deeply. */
export function equal(a: unknown, b: unknown): boolean {
  return compare(a, b, new Map());
}

// `seen` holds the pairs under comparison, so that cycles end.
type Seen = Map<object, object>;

function compare(a: unknown, b: unknown, seen: Seen): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object") return false;
  if (a === null || b === null) return false;
  if (!isSameKind(a, b)) return false;
  if (seen.get(a) === b) return true;
  seen.set(a, b);
  return contentEqual(a, b, seen) && membersEqual(a, b, seen);
}

function isSameKind(a: object, b: object): boolean {
  // An object without a prototype counts as a plain one.
  return (a.constructor ?? Object) === (b.constructor ?? Object) &&
    Object.prototype.toString.call(a) === Object.prototype.toString.call(b);
}

// What an object holds besides its own members.
function contentEqual(a: object, b: object, seen: Seen): boolean {
  if (a instanceof Date && b instanceof Date) {
    return Object.is(a.getTime(), b.getTime());
  }
  if (a instanceof RegExp || a instanceof URL) return String(a) === String(b);
  if (a instanceof Error && b instanceof Error) {
    return a.name === b.name && a.message === b.message &&
      compare(a.cause, b.cause, seen);
  }
  if (isBytes(a) && isBytes(b)) return bytesEqual(toBytes(a), toBytes(b));
  if (a instanceof Set && b instanceof Set) {
    return entriesEqual([...a], [...b], seen);
  }
  if (a instanceof Map && b instanceof Map) {
    return entriesEqual([...a], [...b], seen);
  }
  if (a instanceof WeakMap || a instanceof WeakSet) {
    throw new TypeError("Cannot compare weak collections");
  }
  if (a instanceof WeakRef && b instanceof WeakRef) {
    return compare(a.deref(), b.deref(), seen);
  }
  if (
    a instanceof Number || a instanceof String || a instanceof Boolean ||
    a instanceof BigInt || a instanceof Symbol
  ) {
    return Object.is(a.valueOf(), b.valueOf());
  }
  return true;
}

function membersEqual(a: object, b: object, seen: Seen): boolean {
  // The elements of a typed array were compared as bytes.
  if (ArrayBuffer.isView(a)) return true;
  const keys = enumerableKeys(a);
  return keys.length === enumerableKeys(b).length &&
    keys.every((key) =>
      Object.prototype.propertyIsEnumerable.call(b, key) &&
      compare(Reflect.get(a, key), Reflect.get(b, key), seen)
    );
}

function enumerableKeys(value: object): PropertyKey[] {
  return Reflect.ownKeys(value).filter((key) =>
    Object.prototype.propertyIsEnumerable.call(value, key)
  );
}

function entriesEqual(a: unknown[], b: unknown[], seen: Seen): boolean {
  if (a.length !== b.length) return false;
  return a.every((entry) => {
    // A failed try must not leave its pairs behind as if they were equal.
    const index = b.findIndex((other) => compare(entry, other, new Map(seen)));
    if (index >= 0) b.splice(index, 1);
    return index >= 0;
  });
}

type Bytes = ArrayBufferLike | ArrayBufferView;

function isBytes(value: object): value is Bytes {
  return ArrayBuffer.isView(value) || value instanceof ArrayBuffer ||
    (typeof SharedArrayBuffer === "function" &&
      value instanceof SharedArrayBuffer);
}

function toBytes(value: Bytes): Uint8Array {
  return ArrayBuffer.isView(value)
    ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
    : new Uint8Array(value);
}

function bytesEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
