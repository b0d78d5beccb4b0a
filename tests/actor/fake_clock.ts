// A time that passes only when a test says so.

import type { Clock, Timer } from "../../src/actor/clock.ts";

/** Lets the runtime handle every event that it has at hand. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** A clock that stands until it is told to go on. */
export class FakeClock implements Clock {
  #nowMs: number;
  #soon = 0;
  readonly #timers = new Map<object, { dueMs: number; callback: () => void }>();

  constructor(nowMs = 1_000_000) {
    this.#nowMs = nowMs;
  }

  now(): number {
    return this.#nowMs;
  }

  after(delayMs: number, callback: () => void): Timer {
    const key = {};
    const dueMs = this.#nowMs + Math.max(delayMs, 0);
    this.#timers.set(key, { dueMs, callback });
    return { cancel: () => void this.#timers.delete(key) };
  }

  soon(callback: () => void): void {
    this.#soon++;
    setImmediate(() => {
      this.#soon--;
      callback();
    });
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
}
