// What the user touches of a tree: proxies that behave like the values they stand for, and tell the
// tree of every change. Dates, regular expressions, errors and buffers are handed out as they are,
// because a proxy of one would be refused by the runtime's own functions; the tree watches them.

import {
  type Node,
  nodeOfProxy,
  nodeOfRaw,
  type Tree,
  unwrap,
} from "./tree.ts";
import {
  invalidType,
  isLeaf,
  isMap,
  isPlainObject,
  isSet,
  maxDepth,
  setOwn,
  type Step,
} from "./savable.ts";

/** The root of a tree as the user sees it. */
export function track(tree: Tree): unknown {
  return wrap(tree, tree.root);
}

/** A value with all proxies in it replaced by what they stand for; itself when there are none. */
export function unwrapDeep(value: unknown, depth = 0): unknown {
  if (typeof value !== "object" || value === null) return value;
  const node = nodeOfProxy(value);
  if (node !== undefined) return node.raw;
  if (depth > maxDepth) return value;
  if (Array.isArray(value)) return unwrapMembers(value, depth);
  if (isSet(value)) {
    const members = [...value];
    const unwrapped = unwrapMembers(members, depth);
    return unwrapped === members ? value : new Set(unwrapped);
  }
  if (isMap(value)) {
    const members = [...value].flat(1);
    const unwrapped = unwrapMembers(members, depth);
    if (unwrapped === members) return value;
    let i = 0;
    return new Map(
      Array.from(value, () => [unwrapped[i++], unwrapped[i++]]),
    );
  }
  if (!isPlainObject(value)) return value;
  let copy: object | undefined;
  for (const key of Object.keys(value)) {
    const member = (value as Record<string, unknown>)[key];
    const unwrapped = unwrapDeep(member, depth + 1);
    if (unwrapped !== member) setOwn(copy ??= { ...value }, key, unwrapped);
  }
  return copy ?? value;
}

function unwrapMembers(members: unknown[], depth: number): unknown[] {
  let copy: unknown[] | undefined;
  for (let i = 0; i < members.length; i++) {
    const unwrapped = unwrapDeep(members[i], depth + 1);
    if (unwrapped !== members[i]) (copy ??= [...members])[i] = unwrapped;
  }
  return copy ?? members;
}

// The value as the user may have it; `parent` and `step` say where in the tree it was found.
function wrap(tree: Tree, raw: unknown, parent?: Node, step?: Step): unknown {
  if (typeof raw !== "object" || raw === null) return raw;
  const node = tree.nodeOf(raw, parent, step);
  if (isLeaf(raw)) {
    tree.watch(raw);
    return raw;
  }
  if (node.proxy === undefined) {
    tree.bind(node, new Proxy(raw, handlerOf(raw)));
  }
  return node.proxy;
}

function handlerOf(raw: object): ProxyHandler<object> {
  if (Array.isArray(raw)) return arrayHandler;
  if (isMap(raw)) return mapHandler;
  return isSet(raw) ? setHandler : objectHandler;
}

// The traps of a plain object, which the others build upon.
const objectHandler: ProxyHandler<object> = {
  get(raw, key) {
    const value: unknown = Reflect.get(raw, key);
    if (typeof value !== "object" || value === null) return value;
    if (typeof key === "symbol" || !Object.hasOwn(raw, key)) return value;
    const node = nodeOfRaw(raw);
    return wrap(node.tree, value, node, key);
  },
  set(raw, key, value, receiver) {
    const node = nodeOfRaw(raw);
    // An object that inherits from the proxy gets a property of its own.
    if (receiver !== node.proxy) return Reflect.set(raw, key, value, receiver);
    if (typeof key === "symbol") throw symbolKey(node);
    if (isUnchanged(raw, key, value)) return true;
    node.tree.set(node, key, value, (member) => setOwn(raw, key, member));
    return true;
  },
  defineProperty(raw, key, property) {
    const node = nodeOfRaw(raw);
    if (!("value" in property)) {
      throw invalidType(node.tree.name, "it has an accessor");
    }
    return Reflect.set(node.proxy!, key, property.value);
  },
  deleteProperty(raw, key) {
    if (typeof key === "symbol" || !Object.hasOwn(raw, key)) return true;
    const node = nodeOfRaw(raw);
    node.tree.delete(node, key, () => Reflect.deleteProperty(raw, key));
    return true;
  },
  getOwnPropertyDescriptor(raw, key) {
    const property = Reflect.getOwnPropertyDescriptor(raw, key);
    if (property === undefined || typeof key === "symbol") return property;
    const node = nodeOfRaw(raw);
    return { ...property, value: Reflect.get(node.proxy!, key) };
  },
  // A frozen proxy would promise what its tree cannot keep.
  preventExtensions: () => false,
  setPrototypeOf: () => false,
};

const arrayHandler: ProxyHandler<unknown[]> = {
  ...objectHandler as ProxyHandler<unknown[]>,
  get(raw, key) {
    if (typeof key === "string" && Object.hasOwn(arrayMethods, key)) {
      return arrayMethods[key];
    }
    const value: unknown = Reflect.get(raw, key);
    if (typeof value !== "object" || value === null) return value;
    const index = indexOf(key);
    if (index === undefined) return value;
    const node = nodeOfRaw(raw);
    return wrap(node.tree, value, node, index);
  },
  set(raw, key, value, receiver) {
    const node = nodeOfRaw(raw);
    if (receiver !== node.proxy) return Reflect.set(raw, key, value, receiver);
    if (isUnchanged(raw, key, value)) return true;
    if (key === "length") {
      if (!Number.isInteger(value) || value < 0 || value >= 2 ** 32) {
        throw new RangeError("Invalid array length");
      }
      node.tree.setLength(node, value);
      return true;
    }
    const index = indexOf(key);
    if (index === undefined) {
      throw invalidType(
        `${node.tree.name}: ${String(key)}`,
        "an array has no members but those with an index",
      );
    }
    node.tree.set(node, index, value, (member) => raw[index] = member);
    return true;
  },
  deleteProperty(raw, key) {
    const index = indexOf(key);
    if (index === undefined || !(index in raw)) return key !== "length";
    const node = nodeOfRaw(raw);
    node.tree.delete(node, index, () => delete raw[index]);
    return true;
  },
};

type Methods = Record<string, (this: object, ...args: never[]) => unknown>;

// The methods that change an array in many places are one change each, and those that look for a
// member find it whether they are given its proxy or itself.
const arrayMethods: Methods = {
  push(...values: unknown[]) {
    const { node, raw } = arrayOf(this);
    node.tree.splice(node, raw.length, 0, values);
    return raw.length;
  },
  pop() {
    const { node, raw } = arrayOf(this);
    if (raw.length === 0) return undefined;
    return wrap(node.tree, node.tree.splice(node, raw.length - 1, 1, [])[0]);
  },
  shift() {
    const { node, raw } = arrayOf(this);
    if (raw.length === 0) return undefined;
    return wrap(node.tree, node.tree.splice(node, 0, 1, [])[0]);
  },
  unshift(...values: unknown[]) {
    const { node, raw } = arrayOf(this);
    node.tree.splice(node, 0, 0, values);
    return raw.length;
  },
  splice(...args: [start?: number, count?: number, ...values: unknown[]]) {
    const { node, raw } = arrayOf(this);
    const [first, second, ...values] = args;
    const from = toInteger(first);
    const start = from < 0
      ? Math.max(raw.length + from, 0)
      : Math.min(from, raw.length);
    const rest = raw.length - start;
    const count = args.length === 0
      ? 0
      : args.length === 1
      ? rest
      : Math.min(Math.max(toInteger(second), 0), rest);
    const removed = node.tree.splice(node, start, count, values);
    return removed.map((member) => wrap(node.tree, member));
  },
  sort(compare?: (a: unknown, b: unknown) => number) {
    const { node, raw } = arrayOf(this);
    const order = compare ?? ((a, b) => compareTexts(String(a), String(b)));
    const before = raw.slice();
    const places = Object.keys(before).map(Number);
    const member = (place: number) =>
      wrap(node.tree, before[place], node, place);
    places.sort((a, b) => {
      if (before[a] === undefined || before[b] === undefined) {
        return Number(before[a] === undefined) -
          Number(before[b] === undefined);
      }
      return order(member(a), member(b));
    });
    for (let i = 0; i < before.length; i++) if (!(i in before)) places.push(i);
    const isUntouched = raw.length === before.length &&
      raw.every((value, i) => Object.is(value, before[i]));
    if (isUntouched) node.tree.reorder(node, places);
    // The comparison has changed the array; what it was is what is sorted.
    else node.tree.splice(node, 0, before.length, places.map((i) => before[i]));
    return this;
  },
  reverse() {
    const { node, raw } = arrayOf(this);
    node.tree.reorder(node, Array.from(raw, (_, i) => raw.length - 1 - i));
    return this;
  },
  indexOf(...args: [member: unknown, from?: number]) {
    args[0] = unwrap(args[0]);
    return arrayOf(this).raw.indexOf(...args);
  },
  lastIndexOf(...args: [member: unknown, from: number]) {
    args[0] = unwrap(args[0]);
    return arrayOf(this).raw.lastIndexOf(...args);
  },
  includes(...args: [member: unknown, from?: number]) {
    args[0] = unwrap(args[0]);
    return arrayOf(this).raw.includes(...args);
  },
};

const mapHandler = handlerOfMethods<Map<unknown, unknown>>(
  {
    get(key: unknown) {
      return entryOf(this, unwrap(key));
    },
    has(key: unknown) {
      return mapOf(this).raw.has(unwrap(key));
    },
    set(key: unknown, value: unknown) {
      const { node, raw } = mapOf(this);
      const rawKey = unwrap(key);
      const before = raw.get(rawKey);
      if (!Object.is(before, unwrap(value)) || !raw.has(rawKey)) {
        node.tree.setEntry(node, key, value);
      }
      return this;
    },
    delete(key: unknown) {
      const { node, raw } = mapOf(this);
      const rawKey = unwrap(key);
      if (!raw.has(rawKey)) return false;
      node.tree.deleteEntry(node, rawKey);
      return true;
    },
    clear() {
      const { node } = mapOf(this);
      node.tree.clear(node);
    },
    getOrInsert(key: unknown, value: unknown) {
      const map = this as Map<unknown, unknown>;
      if (!map.has(key)) map.set(key, value);
      return map.get(key);
    },
    getOrInsertComputed(key: unknown, compute: (key: unknown) => unknown) {
      const map = this as Map<unknown, unknown>;
      if (!map.has(key)) map.set(key, compute(key));
      return map.get(key);
    },
    forEach(callback: (value: unknown, key: unknown, map: object) => void) {
      for (const [key, value] of entriesOf(this)) callback(value, key, this);
    },
    *keys() {
      for (const [key] of entriesOf(this)) yield key;
    },
    *values() {
      for (const [, value] of entriesOf(this)) yield value;
    },
    entries() {
      return entriesOf(this);
    },
  },
  "entries",
  (map) => new Map(entriesOf(map)),
);

const setHandler = handlerOfMethods<Set<unknown>>(
  {
    has(member: unknown) {
      return setOf(this).raw.has(unwrap(member));
    },
    add(member: unknown) {
      const { node } = setOf(this);
      node.tree.add(node, member);
      return this;
    },
    delete(member: unknown) {
      const { node, raw } = setOf(this);
      const rawMember = unwrap(member);
      if (!raw.has(rawMember)) return false;
      node.tree.deleteMember(node, rawMember);
      return true;
    },
    clear() {
      const { node } = setOf(this);
      node.tree.clear(node);
    },
    forEach(callback: (member: unknown, same: unknown, set: object) => void) {
      for (const member of membersOf(this)) callback(member, member, this);
    },
    keys() {
      return membersOf(this);
    },
    values() {
      return membersOf(this);
    },
    *entries() {
      for (const member of membersOf(this)) yield [member, member];
    },
  },
  "values",
  (set) => new Set(membersOf(set)),
);

// The handler of a container that is changed by methods. A method that is not ours only reads: it
// is called on a copy.
function handlerOfMethods<
  C extends Map<unknown, unknown> | Set<unknown>,
>(
  methods: Methods,
  iterator: string,
  copy: (proxy: object) => object,
): ProxyHandler<C> {
  return {
    get(raw, key) {
      if (key === "size") return raw.size;
      if (key === Symbol.iterator) return methods[iterator];
      if (typeof key === "string" && Object.hasOwn(methods, key)) {
        return methods[key];
      }
      const value: unknown = Reflect.get(raw, key, raw);
      if (typeof value !== "function" || key === "constructor") return value;
      return (...args: unknown[]) =>
        value.apply(copy(nodeOfRaw(raw).proxy!), args);
    },
    set(raw, key) {
      throw invalidType(
        `${nodeOfRaw(raw).tree.name}: ${String(key)}`,
        "a map or set has no properties",
      );
    },
    defineProperty: () => false,
    preventExtensions: () => false,
    setPrototypeOf: () => false,
  };
}

function arrayOf(proxy: object): { node: Node; raw: unknown[] } {
  const node = nodeOfProxy(proxy)!;
  return { node, raw: node.raw as unknown[] };
}

function mapOf(proxy: object): { node: Node; raw: Map<unknown, unknown> } {
  const node = nodeOfProxy(proxy)!;
  return { node, raw: node.raw as Map<unknown, unknown> };
}

function setOf(proxy: object): { node: Node; raw: Set<unknown> } {
  const node = nodeOfProxy(proxy)!;
  return { node, raw: node.raw as Set<unknown> };
}

function entryOf(proxy: object, key: unknown): unknown {
  const { node, raw } = mapOf(proxy);
  return wrap(node.tree, raw.get(key), node, { key });
}

function* entriesOf(proxy: object): Generator<[unknown, unknown]> {
  const { node, raw } = mapOf(proxy);
  let place = 0;
  for (const [key, value] of raw) {
    const isPrimitive = typeof key !== "object" || key === null;
    const step = isPrimitive ? { key } : { place };
    yield [
      wrap(node.tree, key, node, { keyPlace: place }),
      wrap(node.tree, value, node, step),
    ];
    place++;
  }
}

function* membersOf(proxy: object): Generator<unknown> {
  const { node, raw } = setOf(proxy);
  let place = 0;
  for (const member of raw) {
    yield wrap(node.tree, member, node, { place: place++ });
  }
}

function isUnchanged(raw: object, key: PropertyKey, value: unknown): boolean {
  return Object.hasOwn(raw, key) &&
    Object.is(Reflect.get(raw, key), unwrap(value));
}

function indexOf(key: string | symbol): number | undefined {
  if (typeof key === "symbol") return undefined;
  const index = Number(key);
  return Number.isInteger(index) && index >= 0 && index < 2 ** 32 - 1 &&
      String(index) === key
    ? index
    : undefined;
}

function toInteger(value: unknown): number {
  const number = Math.trunc(Number(value));
  return Number.isNaN(number) ? 0 : number;
}

function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function symbolKey(node: Node): Error {
  return invalidType(node.tree.name, "it has a symbol for a key");
}
