// What a definition says of its events, as it is used: the schemas, and who may subscribe.

import { isRecord, isStandardSchema, type StandardSchema } from "./schema.ts";

/** Whether a connection may get an event. `c` is a context, which this file does not know. */
export type CanSubscribe = (c: unknown, event: string) => unknown;

/** The events of a definition. */
export interface EventRules {
  /** Every name that is declared. */
  names: ReadonlySet<string>;
  /** The schemas of those that are checked. */
  schemas: ReadonlyMap<string, StandardSchema>;
  /** `canSubscribe` of those that not everybody may have. */
  guards: ReadonlyMap<string, CanSubscribe>;
}

/**
 * Reads what a definition says of its events.
 *
 * @throws {TypeError} when one is neither `event()`, a schema, nor an object of `schema` and
 * `canSubscribe`.
 */
export function readEvents(events: unknown): EventRules {
  if (typeof events !== "object" || events === null || Array.isArray(events)) {
    throw new TypeError("Cannot define an actor: events is not an object");
  }
  const schemas = new Map<string, StandardSchema>();
  const guards = new Map<string, CanSubscribe>();
  for (const [name, value] of Object.entries(events)) {
    const { schema, canSubscribe } = readEvent(name, value);
    if (schema !== undefined) schemas.set(name, schema);
    if (canSubscribe !== undefined) guards.set(name, canSubscribe);
  }
  return { names: new Set(Object.keys(events)), schemas, guards };
}

interface EventRule {
  schema?: StandardSchema | undefined;
  canSubscribe?: CanSubscribe | undefined;
}

function readEvent(name: string, value: unknown): EventRule {
  if (isStandardSchema(value)) return { schema: value };
  if (isRecord(value)) {
    const { kind, schema, canSubscribe } = value;
    if (canSubscribe !== undefined && typeof canSubscribe !== "function") {
      refuse(`${name}.canSubscribe is not a function`);
    }
    const rule = { canSubscribe: canSubscribe as CanSubscribe | undefined };
    if (kind === "event") return rule;
    if (isStandardSchema(schema)) return { ...rule, schema };
    if (isRecord(schema) && schema.kind === "event") {
      return { ...readEvent(name, schema), ...(canSubscribe && rule) };
    }
  }
  refuse(
    `${name} is neither event(), a Standard Schema of version 1, nor an object of schema and canSubscribe`,
  );
}

function refuse(why: string): never {
  throw new TypeError(`Cannot define an actor: events.${why}`);
}
