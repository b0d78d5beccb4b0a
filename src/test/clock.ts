// A time that passes only when a test says so. Where the test has put fake timers in the place of the
// runtime's own, it is their time.

import { type Clock, realSetImmediate, type Timer, turn } from "../clock.ts";
import type { Timing } from "../client/timing.ts";

// As they are before any test puts something else in their place.
const { setTimeout: realSetTimeout } = globalThis;
realSetImmediate();

/** Fake timers of the kind that vitest and jest install. */
interface FakeTimers {
  tickAsync?: (ms: number) => Promise<unknown>;
}

/** A clock that stands until it is told to go on. */
export class VirtualClock implements Clock {
  #nowMs: number;
  #soon = 0;
  readonly #timers = new Map<object, { dueMs: number; callback: () => void }>();

  /** It stands at `nowMs`, in milliseconds since the epoch. */
  constructor(nowMs: number) {
    this.#nowMs = nowMs;
  }

  now(): number {
    return hasFakeTimers() ? Date.now() : this.#nowMs;
  }

  after(delayMs: number, callback: () => void): Timer {
    if (hasFakeTimers()) {
      const timer = globalThis.setTimeout(callback, Math.max(delayMs, 0));
      return { cancel: () => globalThis.clearTimeout(timer) };
    }
    const key = {};
    const dueMs = this.#nowMs + Math.max(delayMs, 0);
    this.#timers.set(key, { dueMs, callback });
    return { cancel: () => void this.#timers.delete(key) };
  }

  soon(callback: () => void): void {
    this.#soon++;
    realSetImmediate()(() => {
      this.#soon--;
      callback();
    });
  }

  /** The same time, for a client. */
  get timing(): Timing {
    return {
      now: () => this.now(),
      random: () => 0,
      delay: (callback, delayMs) => {
        const timer = this.after(delayMs, callback);
        return () => timer.cancel();
      },
    };
  }

  /** How many timers wait. */
  get waiting(): number {
    return this.#timers.size;
  }

  /** How long until the next timer is due; `undefined` when none waits. */
  get nextInMs(): number | undefined {
    const due = [...this.#timers.values()].map(({ dueMs }) => dueMs);
    return due.length === 0 ? undefined : Math.min(...due) - this.#nowMs;
  }

  /** Resolves when nothing more happens without time. */
  async settle(): Promise<void> {
    for (let quiet = 0; quiet < 4; quiet++) {
      await turn();
      if (this.#soon > 0) quiet = -1;
    }
  }

  /** Lets time pass; every timer is called at its time, and what it began settles before the next. */
  async pass(ms: number): Promise<void> {
    if (hasFakeTimers()) return await this.#passFake(ms);
    const endMs = this.#nowMs + ms;
    await this.settle();
    for (;;) {
      const [next] = [...this.#timers].sort(([, a], [, b]) =>
        a.dueMs - b.dueMs
      );
      if (next === undefined || next[1].dueMs > endMs) break;
      const [key, { dueMs, callback }] = next;
      this.#timers.delete(key);
      this.#nowMs = Math.max(this.#nowMs, dueMs);
      callback();
      await this.settle();
    }
    this.#nowMs = endMs;
    await this.settle();
  }

  async #passFake(ms: number): Promise<void> {
    const clock = mark();
    await this.settle();
    if (ms > 0) {
      if (typeof clock !== "object" || clock.tickAsync === undefined) {
        throw new TypeError(
          "Cannot advance: the test has fake timers of its own, which know better how",
        );
      }
      await clock.tickAsync(ms);
      await this.settle();
    }
  }
}

// What puts fake timers in place leaves a mark on them: vitest and jest themselves, Bun only `true`.
function mark(): FakeTimers | true | undefined {
  const { clock } = globalThis.setTimeout as { clock?: FakeTimers | true };
  return clock;
}

function hasFakeTimers(): boolean {
  return globalThis.setTimeout !== realSetTimeout || mark() !== undefined;
}
