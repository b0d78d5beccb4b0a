// The types of actors.js, for a caller.

import type { ActorDefinition } from "../../../src/definition/definition.ts";
import type { QueueType } from "../../../src/definition/schema.ts";
import type { ActorTypes, Bag } from "../../../src/definition/types.ts";

/** What the servers serve. */
export interface Registry {
  "~actors"?: {
    counter: ActorDefinition<ActorTypes, {
      increment(c: unknown, by?: number): number;
      value(c: unknown): number;
      count(c: unknown): number;
      later<V>(c: unknown, delayMs: number, result: V): V;
      whisper(c: unknown, ...args: unknown[]): void;
      leave(c: unknown, reason: string): void;
      end(c: unknown): void;
      key(c: unknown): string[];
      params(c: unknown): unknown;
    }>;
    values: ActorDefinition<ActorTypes, {
      input(c: unknown): unknown;
      echo(c: unknown, ...args: unknown[]): unknown[];
      nothing(c: unknown): void;
      tell(c: unknown, ...args: unknown[]): void;
      fill(c: unknown, length: number): string;
    }>;
    failing: ActorDefinition<ActorTypes, {
      refuse(c: unknown): void;
      plain(c: unknown): void;
      crash(c: unknown): void;
      missing(c: unknown): void;
    }>;
    guarded: ActorDefinition<ActorTypes, { hello(c: unknown): string }>;
    raw: ActorDefinition<ActorTypes, Record<never, never>>;
    jobs: ActorDefinition<
      Bag<unknown, unknown, unknown, unknown, unknown, unknown, unknown, {
        work: QueueType<unknown, unknown>;
        silent: QueueType<unknown, unknown>;
      }>,
      { done(c: unknown): unknown[] }
    >;
  };
}
