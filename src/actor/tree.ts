// A tree of values that can be saved, and the record of its changes. Holds no proxy and knows of
// none but to look through it; `tracking.ts` is what the user touches.
//
// What a caller can rely on:
// - A change is checked and recorded before it is made; a refused one changes nothing.
// - An object that stands in the tree twice stays one object, also when the record is replayed.
// - An object that the user assigned is part of the tree from then on. What is done to it past its
//   proxy, and what is done to dates, errors and buffers, which have none, is found by
//   `checkWatched()` until the next `unwatch()`.

import {
  formatChange,
  type Operation,
  reorder,
  setMember,
  splice,
  stepTo,
} from "./journal.ts";
import { isPlainData, membersOf, placeOf, rebuild, search } from "./members.ts";
import {
  checkPrimitive,
  invalidType,
  isLeaf,
  isPlainObject,
  isPlainPrimitive,
  maxDepth,
  memberPath,
  type Path,
  type Step,
  type Where,
} from "./savable.ts";
import { decodeValue, encodeValue } from "./value.ts";
import { Watch } from "./watch.ts";

/** An object with members of its own: an array, map, set or plain object. */
export type Container = object;

/**
 * An object of a tree that the user has seen or assigned, and where it was last seen. A place goes
 * stale when its parent changes; it is mended when it is needed.
 */
export class Node {
  readonly tree: Tree;
  readonly raw: Container;
  /** Where it was seen; absent as long as it was not, as the root is. */
  parents: Map<Node, Step> | undefined;
  proxy: object | undefined;

  constructor(tree: Tree, raw: Container) {
    this.tree = tree;
    this.raw = raw;
  }
}

const nodesByRaw = new WeakMap<object, Node>();
const nodesByProxy = new WeakMap<object, Node>();

/** Whoever has a tree. */
export interface TreeOwner {
  /** Something in the tree has changed. */
  treeChanged(): void;
  /** Something in it can change unseen from now on: `checkWatched()` is to be called. */
  treeWatched(): void;
}

/** The node of a proxy. */
export function nodeOfProxy(value: unknown): Node | undefined {
  return typeof value === "object" && value !== null
    ? nodesByProxy.get(value)
    : undefined;
}

/** The node of an object that has one. */
export function nodeOfRaw(raw: object): Node {
  return nodesByRaw.get(raw)!;
}

/** The value that a proxy stands for; anything else as it is. */
export function unwrap(value: unknown): unknown {
  return nodeOfProxy(value)?.raw ?? value;
}

/** One tree. */
export class Tree {
  /** Whether changes are recorded one by one; if not, it is only told that there are some. */
  isRecording = false;
  /** The texts of the changes since they were last taken. */
  changes: string[] = [];
  /** The length of all texts in `changes`. */
  changesLength = 0;
  /** How long all texts together may get before the record is given up. */
  maxChangesLength = 0;
  /** Whether the record misses a change, so that the tree must be written as a whole. */
  isRecordIncomplete = false;
  /** Whether JSON can write all of it as it is. What is not known to be so may still be. */
  isPlain: boolean;
  /** What begins the path of a value in an error, such as `state`. */
  readonly name: string;
  #root: unknown;
  #hasSharing: boolean;
  // Objects that stood in the tree twice when it was read may have places that no node knows.
  #hasUnknownPlaces: boolean;
  readonly #owner: TreeOwner;
  #watch: Watch | undefined;

  /** Makes a tree of a root that nobody else holds. */
  constructor(
    root: unknown,
    options: {
      name: string;
      isPlain: boolean;
      hasSharing: boolean;
      owner: TreeOwner;
    },
  ) {
    this.#root = root;
    this.isPlain = options.isPlain;
    this.name = options.name;
    this.#hasSharing = options.hasSharing;
    this.#hasUnknownPlaces = options.hasSharing;
    this.#owner = options.owner;
  }

  /** The root; setting it replaces the whole tree. */
  get root(): unknown {
    return this.#root;
  }

  set root(value: unknown) {
    const raw = this.#take(value, undefined, () => this.name);
    if (Object.is(raw, this.#root)) return;
    this.#record("=", [], [], raw);
    this.#root = raw;
    this.#owner.treeChanged();
  }

  /** The node of an object of this tree; a parent says where it was seen. */
  nodeOf(raw: Container, parent?: Node, step?: Step): Node {
    let node = nodesByRaw.get(raw);
    if (node === undefined) {
      node = new Node(this, raw);
      nodesByRaw.set(raw, node);
    }
    if (parent !== undefined) {
      node.parents ??= new Map();
      node.parents.set(parent, step!);
    }
    return node;
  }

  /** Remembers the proxy of a node. */
  bind(node: Node, proxy: object): void {
    node.proxy = proxy;
    nodesByProxy.set(proxy, node);
  }

  /** Sets a member of an array, object or map; `apply` does it. */
  set(
    node: Node,
    step: Step,
    value: unknown,
    apply: (raw: unknown) => void,
  ): void {
    const raw = this.#take(value, node, () => this.#describe(node, step));
    this.#recordAt(node, "=", [step], [], raw);
    if (typeof step === "number" && step > (node.raw as unknown[]).length) {
      this.isPlain = false; // It gets holes.
    }
    apply(raw);
    this.#place(raw, node, step);
    this.#owner.treeChanged();
  }

  /** Replaces `count` members of an array from `start`; returns the replaced ones. */
  splice(
    node: Node,
    start: number,
    count: number,
    values: readonly unknown[],
  ): unknown[] {
    if (count === 0 && values.length === 0) return [];
    const array = node.raw as unknown[];
    const raws = values.map((value, i) =>
      this.#take(value, node, () => this.#describe(node, start + i))
    );
    this.#recordAt(node, "s", [], [start, count], raws);
    const removed = splice(array, start, count, raws);
    raws.forEach((raw, i) => this.#place(raw, node, start + i));
    this.#owner.treeChanged();
    return removed;
  }

  /** Adds a member to a set. */
  add(node: Node, value: unknown): void {
    const set = node.raw as Set<unknown>;
    if (set.has(unwrap(value))) return;
    const step = { place: set.size };
    const raw = this.#take(value, node, () => this.#describe(node, step));
    this.#recordAt(node, "+", [], [], raw);
    set.add(raw);
    this.#place(raw, node, step);
    this.#owner.treeChanged();
  }

  /** Deletes a member; `apply` does it. */
  delete(node: Node, step: Step, apply: () => void): void {
    this.#recordAt(node, "-", [step], []);
    if (typeof step === "number") this.isPlain = false;
    apply();
    this.#owner.treeChanged();
  }

  /** Sets an entry of a map. */
  setEntry(node: Node, key: unknown, value: unknown): void {
    const map = node.raw as Map<unknown, unknown>;
    const rawKey = unwrap(key);
    if (typeof rawKey !== "object" || rawKey === null) {
      checkPrimitive(rawKey, () => this.#describe(node));
      const apply = (raw: unknown) => map.set(rawKey, raw);
      this.set(node, { key: rawKey }, value, apply);
    } else if (map.has(rawKey)) {
      const apply = (raw: unknown) => map.set(rawKey, raw);
      this.set(node, { place: placeOf(map.keys(), rawKey) }, value, apply);
    } else {
      const step = { keyPlace: map.size };
      const where = () => this.#describe(node, step);
      const newKey = this.#take(key, node, where);
      const raw = this.#take(value, node, where);
      // A path cannot carry a new object, so the tree is written as a whole.
      this.isRecordIncomplete = true;
      map.set(newKey, raw);
      this.#place(newKey, node, step);
      this.#place(raw, node, { place: step.keyPlace });
      this.#owner.treeChanged();
    }
  }

  /** Deletes the entry of a map that has this key. */
  deleteEntry(node: Node, key: unknown): void {
    const map = node.raw as Map<unknown, unknown>;
    const step = typeof key === "object" && key !== null
      ? { keyPlace: placeOf(map.keys(), key) }
      : { key };
    this.delete(node, step, () => map.delete(key));
  }

  /** Deletes a member of a set. */
  deleteMember(node: Node, member: unknown): void {
    const set = node.raw as Set<unknown>;
    const step = typeof member === "object" && member !== null
      ? { place: placeOf(set.values(), member) }
      : { key: member };
    this.delete(node, step, () => set.delete(member));
  }

  /** Sets the length of an array. */
  setLength(node: Node, length: number): void {
    this.#recordAt(node, "l", [], [length]);
    const array = node.raw as unknown[];
    if (length > array.length) this.isPlain = false;
    array.length = length;
    this.#owner.treeChanged();
  }

  /** Empties a map or set. */
  clear(node: Node): void {
    const container = node.raw as Map<unknown, unknown> | Set<unknown>;
    if (container.size === 0) return;
    this.#recordAt(node, "c", [], []);
    container.clear();
    this.#owner.treeChanged();
  }

  /** Puts the members of an array in another order: that of their former places. */
  reorder(node: Node, places: readonly number[]): void {
    if (places.every((place, i) => place === i)) return;
    this.#recordAt(node, "o", [], [places]);
    reorder(node.raw as unknown[], places);
    this.#owner.treeChanged();
  }

  /** Watches an object that can change without the tree being told. */
  watch(raw: object): void {
    if (this.#watch === undefined) {
      this.#watch = new Watch();
      this.#owner.treeWatched();
    }
    this.#watch.add(raw);
  }

  /** Finds the changes that the tree was not told of, and records them. */
  checkWatched(): void {
    if (this.#watch === undefined) return;
    if (this.#watch.hasOverflowed) {
      this.isRecordIncomplete = true;
      this.isPlain = false;
      this.#owner.treeChanged();
      return;
    }
    for (const raw of this.#watch.changed()) {
      const node = nodeOfRaw(raw);
      const path = this.#pathOf(node);
      if (path === undefined) continue;
      try {
        this.#readopt(node);
        // A whole new value would be a second object where this one stands twice.
        if (this.#hasSharing) this.isRecordIncomplete = true;
        else this.#record("=", path, [], raw);
      } catch {
        // Nobody is here to be told; whoever writes the tree as a whole is.
        this.isRecordIncomplete = true;
        this.isPlain = false;
      }
      this.#owner.treeChanged();
    }
  }

  /** Ends the watch of all objects. */
  unwatch(): void {
    this.#watch = undefined;
  }

  /** Forgets the changes: whoever took them, or wrote the tree as a whole, has them. */
  clearChanges(): void {
    this.changes = [];
    this.changesLength = 0;
    this.isRecordIncomplete = false;
  }

  // Takes note of what the user has put into an object past its proxy.
  #readopt(node: Node): void {
    if (isLeaf(node.raw)) return;
    const at = { target: undefined, open: new Set([node.raw]) };
    const members = membersOf(node.raw, () => this.#describe(node));
    for (const [step, member] of members) {
      const where = () => this.#describe(node, step);
      const raw = this.#adopt(member, at, where, 0);
      if (raw === member) this.#place(raw, node, step);
      else setMember(node.raw, step, raw);
    }
  }

  // Checks a value that is to stand below `target`, and returns what will: an object that is known
  // here stays itself, any other becomes part of the tree, or a copy of it where it cannot.
  #take(value: unknown, target: Node | undefined, where: Where): unknown {
    if (typeof value !== "object" || value === null) {
      return this.#adoptPrimitive(value, where);
    }
    const raw = this.#adopt(value, { target, open: new Set() }, where, 0);
    if (raw === value) this.watch(raw);
    return raw;
  }

  #adopt(value: unknown, at: Adoption, where: Where, depth: number): unknown {
    if (typeof value !== "object" || value === null) {
      return this.#adoptPrimitive(value, where);
    }
    const node = nodesByProxy.get(value) ?? nodesByRaw.get(value);
    if (node?.tree === this) {
      if (at.target !== undefined && this.#isWithin(at.target, node)) {
        throw invalidType(where(), "it contains itself");
      }
      this.#hasSharing = true;
      this.isPlain = false;
      return node.raw;
    }
    // What belongs to another tree must not be shared with it.
    if (node !== undefined) value = decodeValue(encodeValue(node.raw));
    const fresh = value as object;
    if (isLeaf(fresh)) {
      this.isPlain = false;
      return fresh;
    }
    if (at.open.has(fresh)) throw invalidType(where(), "it contains itself");
    if (depth > maxDepth) {
      throw invalidType(where(), `it is nested more than ${maxDepth} deep`);
    }
    at.open.add(fresh);
    const raw = this.#adoptMembers(fresh, at, where, depth + 1);
    at.open.delete(fresh);
    return raw;
  }

  #adoptPrimitive(value: unknown, where: Where): unknown {
    checkPrimitive(value, where);
    // A text that begins so could be taken for a tag, were it the first of an array.
    const isTag = typeof value === "string" && value.startsWith("$");
    if (isTag || !isPlainPrimitive(value)) this.isPlain = false;
    return value;
  }

  #adoptMembers(
    fresh: object,
    at: Adoption,
    where: Where,
    depth: number,
  ): object {
    const members = membersOf(fresh, where);
    // A map or set, or an array with holes.
    const isArray = Array.isArray(fresh);
    if (isArray ? members.length < fresh.length : !isPlainObject(fresh)) {
      this.isPlain = false;
    }
    let isCopied = !isPlainData(fresh);
    const adopted = members.map(([step, member]): [Step, unknown] => {
      const below = () => memberPath(where(), step);
      const raw = this.#adopt(member, at, below, depth);
      isCopied ||= raw !== member;
      return [step, raw];
    });
    const raw = isCopied ? rebuild(fresh, adopted) : fresh;
    const node = this.nodeOf(raw);
    for (const [step, member] of adopted) this.#place(member, node, step);
    return raw;
  }

  #place(raw: unknown, parent: Node, step: Step): void {
    if (typeof raw === "object" && raw !== null) {
      this.nodeOf(raw, parent, step);
    }
  }

  #recordAt(
    node: Node,
    op: Operation,
    steps: Path,
    details: unknown[],
    ...value: [raw?: unknown]
  ): void {
    if (!this.isRecording) return;
    const path = this.#pathOf(node);
    // What is done to an object that is in the tree no more is no change of the tree.
    if (path !== undefined) {
      this.#record(op, [...path, ...steps], details, ...value);
    }
  }

  #record(
    op: Operation,
    path: Path,
    details: unknown[],
    ...value: [raw?: unknown]
  ): void {
    if (!this.isRecording || this.isRecordIncomplete) return;
    // Where nothing stands twice, an object found elsewhere is what this change replaces.
    const findRef = this.#hasSharing
      ? (object: object) => this.#findRef(object)
      : undefined;
    const text = formatChange(
      op,
      path,
      details,
      value.length === 0 ? undefined : { of: value[0], findRef },
    );
    this.changes.push(text);
    this.changesLength += text.length + 1;
    if (this.changesLength > this.maxChangesLength) {
      this.clearChanges();
      this.isRecordIncomplete = true;
    }
  }

  #findRef(object: object): Path | undefined {
    const node = nodesByRaw.get(object);
    return node === undefined ? undefined : this.#pathOf(node);
  }

  #pathOf(node: Node): Path | undefined {
    if (node.raw === this.#root) return [];
    for (const [parent, hint] of node.parents ?? []) {
      const step = stepTo(parent.raw, node.raw, hint);
      if (step === undefined) {
        node.parents!.delete(parent);
        continue;
      }
      if (step !== hint) node.parents!.set(parent, step);
      const path = this.#pathOf(parent);
      if (path !== undefined) return [...path, step];
    }
    return this.#hasUnknownPlaces ? search(this.#root, node.raw) : undefined;
  }

  // Whether `inner` is `outer` or stands in it at any depth.
  #isWithin(inner: Node, outer: Node): boolean {
    if (this.#hasUnknownPlaces) {
      return search(outer.raw, inner.raw) !== undefined;
    }
    if (inner === outer) return true;
    for (const [parent, hint] of inner.parents ?? []) {
      if (
        stepTo(parent.raw, inner.raw, hint) !== undefined &&
        this.#isWithin(parent, outer)
      ) return true;
    }
    return false;
  }

  #describe(node: Node, ...steps: Step[]): string {
    const path = this.#pathOf(node) ?? [];
    return [...path, ...steps].reduce<string>(memberPath, this.name);
  }
}

interface Adoption {
  target: Node | undefined;
  open: Set<object>;
}
