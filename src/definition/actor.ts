import { flattenActions, flattenSchemas } from "./actions.ts";
import {
  type ActorConfig,
  type ActorOptions,
  defaultOptions,
  type ResolvedOptions,
} from "./config.ts";
import type { ActorDefinition } from "./definition.ts";
import { readEvents } from "./events.ts";
import { isStandardSchema } from "./schema.ts";
import { readQueues } from "./queues.ts";
import type { Bag } from "./types.ts";

const functionKeys = [
  "createState",
  "createVars",
  "createConnState",
  "onCreate",
  "onWake",
  "onSleep",
  "onDestroy",
  "onStateChange",
  "onBeforeConnect",
  "onConnect",
  "onDisconnect",
  "onBeforeActionResponse",
  "onRequest",
  "onWebSocket",
];
const knownKeys = new Set([
  ...functionKeys,
  "state",
  "vars",
  "connState",
  "actions",
  "connParamsSchema",
  "actionInputSchemas",
  "events",
  "queues",
  "run",
  "db",
  "options",
  "types",
]);

/**
 * Declares one kind of actor. The config is checked here, once, and frozen.
 *
 * @example
 * ```ts
 * import { actor } from "@troupe/actors";
 *
 * export const counter = actor({
 *   state: { count: 0 },
 *   actions: {
 *     increment: (c, by: number) => c.state.count += by,
 *   },
 * });
 * ```
 *
 * @throws {TypeError} when a key is unknown or a value has the wrong type; the message names the key.
 * @throws {RangeError} when a time is not a positive number of milliseconds.
 */
export function actor<
  State = undefined,
  Params = undefined,
  ConnState = undefined,
  Vars = undefined,
  Input = undefined,
  Db = undefined,
  E extends object = Record<never, never>,
  Q extends object = Record<never, never>,
  A extends object = Record<never, never>,
>(
  config: ActorConfig<State, Params, ConnState, Vars, Input, Db, E, Q, A>,
): ActorDefinition<Bag<State, Params, ConnState, Vars, Input, Db, E, Q>, A> {
  checkConfig(config);
  return Object.freeze({
    config: Object.freeze({ ...config }),
    options: resolveOptions(config.options),
  });
}

function checkConfig(config: object): void {
  if (typeof config !== "object" || config === null) {
    throw new TypeError("Cannot define an actor: the config is not an object");
  }
  const values = config as Record<string, unknown>;
  for (const key of Object.keys(values)) {
    if (!knownKeys.has(key)) {
      throw new TypeError(`Cannot define an actor: unknown key "${key}"`);
    }
  }
  for (const key of functionKeys) {
    const value = values[key];
    if (value !== undefined && typeof value !== "function") {
      throw new TypeError(`Cannot define an actor: ${key} is not a function`);
    }
  }
  const { db, run, actionInputSchemas, events, queues, connParamsSchema } =
    values;
  const actions = flattenActions(values.actions);
  if (actionInputSchemas !== undefined) {
    flattenSchemas(actionInputSchemas, actions);
  }
  if (events !== undefined) readEvents(events);
  if (connParamsSchema !== undefined && !isStandardSchema(connParamsSchema)) {
    throw new TypeError(
      "Cannot define an actor: connParamsSchema is not a Standard Schema of version 1",
    );
  }
  if (db !== undefined) checkDatabase(db);
  if (queues !== undefined) readQueues(queues);
  if (run !== undefined && typeof run !== "function") checkRun(run);
}

function checkDatabase(db: unknown): void {
  const { createClient } = (db ?? {}) as { createClient?: unknown };
  if (typeof createClient === "function") return;
  throw new TypeError("Cannot define an actor: db has no createClient");
}

function checkRun(run: unknown): void {
  if (typeof run !== "object" || run === null) {
    throw new TypeError(
      "Cannot define an actor: run is neither a function nor an object",
    );
  }
  for (const [key, value] of Object.entries(run)) {
    const expected = runTypes.get(key);
    if (expected === undefined) {
      throw new TypeError(`Cannot define an actor: unknown key "run.${key}"`);
    }
    if (value !== undefined && typeof value !== expected) {
      throw new TypeError(
        `Cannot define an actor: run.${key} is not a ${expected}`,
      );
    }
  }
  if (!("run" in run) || run.run === undefined) {
    throw new TypeError("Cannot define an actor: run.run is missing");
  }
}

const runTypes = new Map([
  ["name", "string"],
  ["icon", "string"],
  ["run", "function"],
]);

function resolveOptions(options: ActorOptions = {}): ResolvedOptions {
  for (const [key, value] of Object.entries(options)) {
    if (!Object.hasOwn(defaultOptions, key)) {
      throw new TypeError(
        `Cannot define an actor: unknown key "options.${key}"`,
      );
    }
    if (value !== undefined) checkOption(key as keyof ActorOptions, value);
  }
  const given = Object.entries(options).filter(([, value]) =>
    value !== undefined
  );
  return Object.freeze({ ...defaultOptions, ...Object.fromEntries(given) });
}

function checkOption(key: keyof ActorOptions, value: unknown): void {
  if (key === "durability") {
    if (value === "commit" || value === "interval") return;
    throw new TypeError(
      `Cannot define an actor: options.durability is neither "commit" nor "interval"`,
    );
  }
  if (key === "canHibernateWebSocket" && typeof value === "function") return;
  const expected: string = typeof defaultOptions[key];
  const actual: string = typeof value;
  if (actual !== expected) {
    throw new TypeError(
      `Cannot define an actor: options.${key} is not a ${expected}`,
    );
  }
  if (typeof value !== "number") return;
  const isCount = key.startsWith("max");
  const isFine = isCount ? Number.isSafeInteger(value) : value < Infinity;
  if (value > 0 && isFine) return;
  const unit = isCount ? "whole number" : "number of milliseconds";
  throw new RangeError(
    `Cannot define an actor: options.${key} is ${value}, not a positive ${unit}`,
  );
}
