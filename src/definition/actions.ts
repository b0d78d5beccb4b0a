// Actions in groups: `{ users: { add(c) {} } }` is the action `users.add`. So are their schemas.

import { isStandardSchema, type StandardSchema } from "./schema.ts";

// How deep actions may be nested: `a.b` has a depth of 2.
const maxActionDepth = 8;

/** An action as it is run: a function of the context and the arguments. */
export type UserAction = (c: unknown, ...args: unknown[]) => unknown;

/**
 * The actions by their whole names, those of groups with the names of all groups before, joined by
 * dots. A Map, so that what objects inherit is no action.
 *
 * @throws {TypeError} when one is neither a function nor a plain object of actions, when its name is
 * empty, when there are two of one whole name, or when groups are nested too deep or in themselves.
 */
export function flattenActions(actions: unknown): Map<string, UserAction> {
  const flat = new Map<string, UserAction>();
  if (actions === undefined) return flat;
  if (
    typeof actions !== "object" || actions === null || Array.isArray(actions)
  ) {
    refuse("actions", "is not an object");
  }
  addGroup(actions, [], new Set(), flat);
  return flat;
}

/**
 * The schemas of `actions` by whole names. Those of groups are in groups too, or under whole names.
 *
 * @throws {TypeError} when one is no schema, is there twice, or belongs to no action.
 */
export function flattenSchemas(
  schemas: unknown,
  actions: ReadonlyMap<string, UserAction>,
): Map<string, StandardSchema> {
  const flat = new Map<string, StandardSchema>();
  const add = (value: unknown, path: string[]): void => {
    const name = path.join(".");
    const where = ["actionInputSchemas", ...path].join(".");
    if (isStandardSchema(value)) {
      if (!actions.has(name)) refuse(where, "belongs to no action");
      if (flat.has(name)) refuse(where, "is there twice");
      flat.set(name, value);
    } else if (isGroup(value) && path.length < maxActionDepth) {
      for (const [key, inner] of Object.entries(value)) {
        add(inner, [...path, key]);
      }
    } else refuse(where, "is not a Standard Schema of version 1");
  };
  if (isStandardSchema(schemas)) {
    refuse("actionInputSchemas", "is a schema, not an object of them");
  }
  add(schemas, []);
  return flat;
}

// Whether a value is an object of no class, as a literal makes it.
function isGroup(value: unknown): value is object {
  if (typeof value !== "object" || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function addGroup(
  group: object,
  path: string[],
  // The groups that this one is in.
  around: Set<object>,
  flat: Map<string, UserAction>,
): void {
  around.add(group);
  for (const [name, value] of Object.entries(group)) {
    const inner = [...path, name];
    const where = ["actions", ...inner].join(".");
    if (name === "") refuse(where, "has an empty name");
    if (typeof value === "function") {
      // A name may have dots of its own, and be that of a group's.
      const whole = inner.join(".");
      if (flat.has(whole)) refuse(where, "is there twice");
      flat.set(whole, value as UserAction);
      continue;
    }
    if (!isGroup(value)) {
      refuse(where, "is neither a function nor a plain object of functions");
    }
    if (around.has(value)) refuse(where, "is a group within itself");
    if (inner.length >= maxActionDepth) {
      refuse(where, `has actions more than ${maxActionDepth} names deep`);
    }
    addGroup(value, inner, around, flat);
  }
  around.delete(group);
}

function refuse(where: string, why: string): never {
  throw new TypeError(`Cannot define an actor: ${where} ${why}`);
}
