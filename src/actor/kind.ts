// One kind of actor in this process: its definition, and what all its instances share.

import type { ResolvedOptions } from "../definition/config.ts";
import {
  flattenActions,
  flattenSchemas,
  type UserAction,
} from "../definition/actions.ts";
import type { RunContext } from "../definition/context.ts";
import type { AnyActorDefinition } from "../definition/definition.ts";
import { type EventRules, readEvents } from "../definition/events.ts";
import { type QueueRules, readQueues } from "../definition/queues.ts";
import type { Clock } from "../clock.ts";
import { Deadlines } from "../deadlines.ts";
import { checkedAction } from "./validation.ts";

// The longest that all hooks of a start may take together, besides createVars, which has its own time.
const hooksTimeoutMs = 30_000;

/** A definition under the name it has in the registry. */
export class Kind {
  readonly name: string;
  readonly config: AnyActorDefinition["config"];
  readonly options: ResolvedOptions;
  /** The longest that all hooks of a start may take together. */
  readonly startTimeoutMs: number;
  /** Starts under way; due when their hooks have taken too long. */
  readonly starting: Deadlines;
  /** Actions that are running; due when they have taken too long. */
  readonly running: Deadlines;
  /** Instances with nothing to do; due when they should sleep. */
  readonly idle: Deadlines;
  /** What runs in the background of each instance. */
  readonly run: ((c: RunContext) => unknown) | undefined;
  /** What is said of its queues; `undefined` where it has none. */
  readonly queueRules: QueueRules | undefined;
  /** Whether an output waits for the changes before it. */
  readonly isDurableFirst: boolean;
  /** How the sockets of its actors are watched. */
  readonly liveness: {
    readonly intervalMs: number;
    readonly timeoutMs: number;
  };
  readonly hasState: boolean;
  readonly hasVars: boolean;
  readonly hasConnState: boolean;
  /**
   * Whether a caller without a connection gets one for its call, because a hook wants to know or a
   * schema checks its params.
   */
  readonly hasConnectionHooks: boolean;
  /** Whether connections are saved: they have state, or a hook that must run if one is lost. */
  readonly savesConnections: boolean;
  /** What the definition says of its events, if it does. */
  readonly events: EventRules | undefined;
  readonly #actions: ReadonlyMap<string, UserAction>;

  constructor(name: string, definition: AnyActorDefinition, clock: Clock) {
    const { config, options } = definition;
    this.name = name;
    this.config = config;
    this.options = options;
    this.startTimeoutMs = hooksTimeoutMs + options.createVarsTimeout;
    this.starting = new Deadlines(clock, this.startTimeoutMs);
    this.running = new Deadlines(clock, options.actionTimeout);
    this.idle = new Deadlines(clock, options.sleepTimeout);
    const { run } = config;
    this.queueRules = config.queues && readQueues(config.queues);
    this.run = typeof run === "object" ? run.run : run;
    this.isDurableFirst = options.durability === "commit";
    this.liveness = {
      intervalMs: options.connectionLivenessInterval,
      timeoutMs: options.connectionLivenessTimeout,
    };
    this.hasState = has(config, "state", "createState");
    this.hasVars = has(config, "vars", "createVars");
    this.hasConnState = has(config, "connState", "createConnState");
    this.hasConnectionHooks = this.hasConnState ||
      has(config, "onBeforeConnect", "onConnect", "onDisconnect") ||
      has(config, "connParamsSchema");
    this.savesConnections = this.hasConnState || has(config, "onDisconnect");
    this.events = config.events && readEvents(config.events);
    this.#actions = actionsOf(config);
  }

  /** The action of this name, which checks its arguments if they have a schema. */
  action(name: string): UserAction | undefined {
    return this.#actions.get(name);
  }

  /** Ends all waits: the process shuts down. */
  close(): void {
    this.starting.clear();
    this.running.clear();
    this.idle.clear();
  }
}

function actionsOf(
  { actions, actionInputSchemas }: AnyActorDefinition["config"],
): ReadonlyMap<string, UserAction> {
  const flat = flattenActions(actions);
  if (actionInputSchemas === undefined) return flat;
  for (const [name, schema] of flattenSchemas(actionInputSchemas, flat)) {
    flat.set(name, checkedAction(name, schema, flat.get(name)!));
  }
  return flat;
}

function has(config: object, ...keys: string[]): boolean {
  return keys.some((key) => Object.hasOwn(config, key));
}
