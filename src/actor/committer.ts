// Joins the steps of all actors into shared store transactions (group commit).
//
// What a caller can rely on:
// - A source that asks is asked for its step as late as possible: when the store is free, and the
//   events at hand have been handled. Whatever it has changed until then is in that step.
// - Every step that is taken is settled, once: with the store's outcome, or with an error when the
//   store fails or does not answer within `timeoutMs`.

import { actorError } from "../errors.ts";
import type { Outcome, Step, Store } from "../stores/store.ts";
import type { Clock, Timer } from "../clock.ts";
import { Deadlines } from "../deadlines.ts";

/** Whoever has steps to commit: one actor. */
export interface StepSource {
  /** What to write, or `undefined` when there is nothing after all. */
  takeStep(): Step | undefined;
  /** What became of the step that was taken last. */
  settle(outcome: Outcome): void;
  /** Something that never should has thrown; nothing more is to be committed. */
  fail(error: Error): void;
}

// How many steps one transaction joins at most.
const maxSteps = 1000;

// How many commits that did not answer in time may be outstanding before new ones are refused.
const maxHanging = 4;

/** Commits the steps of many sources together. */
export class Committer {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #underWay: Deadlines;
  readonly #waiting = new Set<StepSource>();
  readonly #later = new Map<StepSource, { dueMs: number; delayMs: number }>();
  #laterTimer: Timer | undefined;
  #laterMs = Infinity;
  #isFlushing = false;
  #hanging = 0;

  constructor(store: Store, clock: Clock, timeoutMs: number) {
    this.#store = store;
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
    this.#underWay = new Deadlines(clock, timeoutMs);
  }

  /** Asks for a commit as soon as the store is free. */
  request(source: StepSource): void {
    this.#later.delete(source);
    this.#waiting.add(source);
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    this.#clock.soon(() => this.#flush());
  }

  /** Asks for a commit within `delayMs`. */
  requestWithin(source: StepSource, delayMs: number): void {
    if (this.#waiting.has(source)) return;
    const dueMs = this.#clock.now() + delayMs;
    if ((this.#later.get(source)?.dueMs ?? Infinity) <= dueMs) return;
    this.#later.set(source, { dueMs, delayMs });
    this.#armLater(dueMs);
  }

  /** Ends the waits: nobody will ask any more. */
  close(): void {
    this.#laterTimer?.cancel();
    this.#later.clear();
    this.#underWay.clear();
  }

  #armLater(dueMs: number): void {
    if (dueMs >= this.#laterMs) return;
    this.#laterTimer?.cancel();
    this.#laterMs = dueMs;
    this.#laterTimer = this.#clock.after(dueMs - this.#clock.now(), () => {
      this.#laterMs = Infinity;
      const now = this.#clock.now();
      let nextMs = Infinity;
      for (const [source, { dueMs, delayMs }] of this.#later) {
        const leftMs = dueMs - now;
        // More is left than there was where the clock was put back.
        if (leftMs <= 0 || leftMs > delayMs) this.request(source);
        else nextMs = Math.min(nextMs, dueMs);
      }
      this.#armLater(nextMs);
    });
  }

  async #flush(): Promise<void> {
    const taken: { source: StepSource; step: Step }[] = [];
    for (const source of this.#waiting) {
      this.#waiting.delete(source);
      const step = source.takeStep();
      if (step !== undefined) taken.push({ source, step });
      if (taken.length === maxSteps) break;
    }
    if (taken.length > 0) {
      const outcomes = await this.#commit(taken.map(({ step }) => step));
      taken.forEach(({ source }, i) => settle(source, outcomes[i]!));
    }
    if (this.#waiting.size > 0) this.#clock.soon(() => this.#flush());
    else this.#isFlushing = false;
  }

  async #commit(steps: Step[]): Promise<Outcome[]> {
    try {
      const outcomes = await this.#withTimeout(steps);
      if (outcomes.length === steps.length) return outcomes;
      throw new Error(
        `The store gave ${outcomes.length} outcomes for ${steps.length} steps`,
      );
    } catch (cause) {
      const error = cause instanceof Error ? cause : new Error(String(cause));
      return steps.map(() => ({ ok: false, reason: "error", error }));
    }
  }

  async #withTimeout(steps: Step[]): Promise<Outcome[]> {
    if (this.#hanging >= maxHanging) {
      throw unavailable(`${this.#hanging} commits hang`);
    }
    const commit = Promise.try(() => this.#store.commit(steps));
    return await this.#underWay.within(commit, () => {
      this.#hanging++;
      // Nobody can know what becomes of it; the actors will have loaded what is durable.
      const end = () => void this.#hanging--;
      commit.then(end, end);
      return unavailable(`no answer within ${this.#timeoutMs} ms`);
    });
  }
}

// What goes wrong with one actor must not keep the others from being committed.
function settle(source: StepSource, outcome: Outcome): void {
  try {
    source.settle(outcome);
  } catch (error) {
    source.fail(error as Error);
  }
}

function unavailable(why: string): Error {
  return actorError(
    "store/unavailable",
    `The store does not answer: ${why}`,
  );
}
