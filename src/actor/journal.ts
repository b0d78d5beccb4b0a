// The changes of a tree as text, and their replay. One entry of the journal is a JSON array of
// changes, each an array of an operation, the path of what it changes, and what it needs:
//
//   ["=", path, value]                    a member, or the root itself at the empty path
//   ["-", path]                           no member any more
//   ["l", path, length]                   the length of an array
//   ["s", path, start, count, [values]]   members of an array in place of others
//   ["o", path, [places]]                 the members of an array in another order
//   ["+", path, value]                    one more member of a set
//   ["c", path]                           an empty map or set

import { type Path, setOwn, type Step } from "./savable.ts";
import {
  encodeValue,
  type FindRef,
  revivePath,
  reviveValue,
  tagPath,
} from "./value.ts";

/** What a change does. */
export type Operation = "=" | "-" | "l" | "s" | "o" | "+" | "c";

/** The text of a change. `details` are written as JSON before the value. */
export function formatChange(
  op: Operation,
  path: Path,
  details: unknown[],
  value?: { of: unknown; findRef: FindRef | undefined },
): string {
  const head = JSON.stringify([op, tagPath(path), ...details]);
  if (value === undefined) return head;
  const text = encodeValue(value.of, { findRef: value.findRef });
  return `${head.slice(0, -1)},${text}]`;
}

/** The text of a journal entry. */
export function formatEntry(changes: readonly string[]): string {
  return `[${changes.join(",")}]`;
}

/** Makes the changes of one entry; returns the root, which may be another one. */
export function replayEntry(root: unknown, entry: string): unknown {
  const isTagged = entry.includes('["$');
  for (const change of JSON.parse(entry) as unknown[][]) {
    root = replay(root, change, isTagged);
  }
  return root;
}

/** The member of a container that a step leads to. */
export function memberAt(container: unknown, step: Step): unknown {
  if (typeof step !== "object") {
    return (container as Record<string | number, unknown>)[step];
  }
  if ("key" in step) return (container as Map<unknown, unknown>).get(step.key);
  if (container instanceof Set) return nth(container.values(), step);
  const map = container as Map<unknown, unknown>;
  return nth("place" in step ? map.values() : map.keys(), step);
}

/** The step to a member of a container: `hint` if it still leads there, `undefined` if none does. */
export function stepTo(
  container: object,
  member: unknown,
  hint: Step,
): Step | undefined {
  if (memberAt(container, hint) === member) return hint;
  if (Array.isArray(container)) {
    const index = container.indexOf(member);
    return index < 0 ? undefined : index;
  }
  if (container instanceof Map) {
    let place = 0;
    for (const [key, value] of container) {
      if (value === member) return { place };
      if (key === member) return { keyPlace: place };
      place++;
    }
    return undefined;
  }
  if (container instanceof Set) {
    const place = [...container].indexOf(member);
    return place < 0 ? undefined : { place };
  }
  return Object.keys(container).find((key) =>
    (container as Record<string, unknown>)[key] === member
  );
}

function nth(
  members: Iterator<unknown>,
  step: { place: number } | { keyPlace: number },
): unknown {
  let place = "place" in step ? step.place : step.keyPlace;
  let next = members.next();
  while (place-- > 0 && !next.done) next = members.next();
  return next.value;
}

function replay(
  root: unknown,
  [op, steps, ...rest]: unknown[],
  isTagged: boolean,
): unknown {
  const path = revivePath(steps);
  const resolve = (path: Path) => path.reduce(memberAt, root);
  const value = (part: unknown) => reviveValue(part, isTagged, resolve);
  if (op === "=" && path.length === 0) return value(rest[0]);
  const step = path.at(-1)!;
  switch (op as Operation) {
    case "=":
      setMember(resolve(path.slice(0, -1)), step, value(rest[0]));
      return root;
    case "-":
      deleteMember(resolve(path.slice(0, -1)), step);
      return root;
    case "l":
      (resolve(path) as unknown[]).length = rest[0] as number;
      return root;
    case "s": {
      const [start, count, values] = rest as [number, number, unknown];
      const array = resolve(path) as unknown[];
      const members = value(values) as unknown[];
      splice(array, start, count, members);
      return root;
    }
    case "o":
      reorder(resolve(path) as unknown[], rest[0] as number[]);
      return root;
    case "+":
      (resolve(path) as Set<unknown>).add(value(rest[0]));
      return root;
    case "c":
      (resolve(path) as Map<unknown, unknown> | Set<unknown>).clear();
      return root;
    default:
      throw new SyntaxError(`Cannot replay a journal: unknown change "${op}"`);
  }
}

/** Puts values in place of `count` members of an array; returns those. */
export function splice(
  array: unknown[],
  start: number,
  count: number,
  values: readonly unknown[],
): unknown[] {
  const removed = array.splice(start, count);
  // More arguments than this at once could overflow the stack.
  const most = 10_000;
  for (let i = 0; i < values.length; i += most) {
    array.splice(start + i, 0, ...values.slice(i, i + most));
  }
  return removed;
}

/** Puts the members of an array in the order of their former places; a hole stays a hole. */
export function reorder(array: unknown[], places: readonly number[]): void {
  const before = array.slice();
  places.forEach((place, i) => {
    if (place in before) array[i] = before[place];
    else delete array[i];
  });
}

/** Sets the member that a step leads to. */
export function setMember(
  container: unknown,
  step: Step,
  value: unknown,
): void {
  if (typeof step === "string") setOwn(container as object, step, value);
  else if (typeof step === "number") (container as unknown[])[step] = value;
  else if (container instanceof Set) replaceMember(container, step, value);
  else {
    const map = container as Map<unknown, unknown>;
    if ("keyPlace" in step) replaceKey(map, step.keyPlace, value);
    else map.set("key" in step ? step.key : keyOfPlace(map, step), value);
  }
}

function replaceMember(set: Set<unknown>, step: Step, value: unknown): void {
  const before = memberAt(set, step);
  const members = Array.from(
    set,
    (member) => member === before ? value : member,
  );
  set.clear();
  for (const member of members) set.add(member);
}

function replaceKey(map: Map<unknown, unknown>, place: number, key: unknown) {
  const entries = [...map];
  entries[place]![0] = key;
  map.clear();
  for (const [key, value] of entries) map.set(key, value);
}

function deleteMember(container: unknown, step: Step): void {
  if (typeof step !== "object") {
    delete (container as Record<string | number, unknown>)[step];
  } else if (container instanceof Set) {
    container.delete("key" in step ? step.key : memberAt(container, step));
  } else {
    const map = container as Map<unknown, unknown>;
    map.delete("key" in step ? step.key : keyOfPlace(map, step));
  }
}

function keyOfPlace(
  map: Map<unknown, unknown>,
  step: { place: number } | { keyPlace: number },
): unknown {
  const keyPlace = "place" in step ? step.place : step.keyPlace;
  return memberAt(map, { keyPlace });
}
