// What stands in an object that can be saved, step by step.

import {
  invalidType,
  isLeaf,
  isMap,
  isPlainObject,
  isSet,
  nameOf,
  type Path,
  setOwn,
  type Step,
  type Where,
} from "./savable.ts";

/**
 * The members of an object; those of a map are its keys and its values.
 *
 * @throws {ActorError} `state/invalid_type` when it is of no kind that can be saved.
 */
export function membersOf(
  container: object,
  where: Where,
): [Step, unknown][] {
  if (Array.isArray(container)) {
    const members: [Step, unknown][] = [];
    for (let i = 0; i < container.length; i++) {
      if (i in container) members.push([i, container[i]]);
    }
    return members;
  }
  if (isMap(container)) {
    let place = 0;
    return [...container].flatMap(([key, member]): [Step, unknown][] => {
      const isPrimitive = typeof key !== "object" || key === null;
      const step = isPrimitive ? { key } : { place };
      return [[{ keyPlace: place++ }, key], [step, member]];
    });
  }
  if (isSet(container)) {
    return [...container].map((member, place) => [{ place }, member]);
  }
  if (!isPlainObject(container)) {
    throw invalidType(where(), `it is a ${nameOf(container)}`);
  }
  if (Object.getOwnPropertySymbols(container).length > 0) {
    throw invalidType(where(), "it has a symbol for a key");
  }
  return Object.entries(container);
}

/** Whether an object can be changed member by member, and holds nothing that runs code. */
export function isPlainData(container: object): boolean {
  if (!Object.isExtensible(container)) return false;
  if (isMap(container) || isSet(container)) return true;
  const properties = Object.getOwnPropertyDescriptors(container);
  return Object.values(properties).every((property) =>
    property.writable === true
  );
}

/** An object of the same kind with these members. */
export function rebuild(container: object, members: [Step, unknown][]): object {
  if (Array.isArray(container)) {
    const array: unknown[] = [];
    array.length = container.length;
    for (const [index, member] of members) array[index as number] = member;
    return array;
  }
  const values = members.map(([, member]) => member);
  if (isSet(container)) return new Set(values);
  if (isMap(container)) {
    const map = new Map<unknown, unknown>();
    for (let i = 0; i < values.length; i += 2) {
      map.set(values[i], values[i + 1]);
    }
    return map;
  }
  const object = {};
  for (const [key, member] of members) setOwn(object, key as string, member);
  return object;
}

/** The path from `container` to an object in it, found by looking at everything. */
export function search(
  container: unknown,
  object: object,
  seen = new Set<object>(),
): Path | undefined {
  if (container === object) return [];
  if (typeof container !== "object" || container === null) return undefined;
  if (isLeaf(container) || seen.has(container)) return undefined;
  seen.add(container);
  for (const [step, member] of membersOf(container, () => "")) {
    const path = search(member, object, seen);
    if (path !== undefined) return [step, ...path];
  }
  return undefined;
}

/** The place of a member among others, in which it is. */
export function placeOf(members: Iterator<unknown>, member: unknown): number {
  let place = 0;
  while (members.next().value !== member) place++;
  return place;
}
