// Many that wait equally long: one timer for all, and nothing to look up or to allocate for each.

import type { Clock, Timer } from "./clock.ts";

/** Something whose time will be up. It is among one {@linkcode Deadlines} at a time. */
export abstract class Due {
  /** When its time is up, its neighbours in the order of that: for {@linkcode Deadlines} alone. */
  dueMs = 0;
  before: Due | undefined;
  behind: Due | undefined;

  /** Its time is up. */
  abstract onDue(): void;
}

/** Calls back when its time is up. */
export class Reminder extends Due {
  readonly onDue: () => void;

  constructor(callback: () => void) {
    super();
    this.onDue = callback;
  }
}

/** Tells each member when it has waited for the same delay, also when the clock is put back meanwhile. */
export class Deadlines {
  readonly #clock: Clock;
  readonly #delayMs: number;
  // In the order in which they were added, so that the first is always due first.
  #first: Due | undefined;
  #last: Due | undefined;
  #timer: Timer | undefined;
  // When the timer calls back, by a clock that is not put back.
  #timerMs = 0;

  constructor(clock: Clock, delayMs: number) {
    this.#clock = clock;
    // Or whoever adds itself anew when it is told would be told for ever.
    this.#delayMs = Math.max(delayMs, 1);
  }

  /** Begins the wait of a member, anew if it waits already. */
  add(due: Due): void {
    this.delete(due);
    due.dueMs = this.#clock.now() + this.#delayMs;
    due.before = this.#last;
    if (this.#last === undefined) this.#first = due;
    else this.#last.behind = due;
    this.#last = due;
    if (this.#timer === undefined) this.#arm(this.#delayMs);
  }

  /** Ends the wait of a member. */
  delete(due: Due): void {
    const { before, behind } = due;
    if (before !== undefined) before.behind = behind;
    else if (this.#first === due) this.#first = behind;
    if (behind !== undefined) behind.before = before;
    else if (this.#last === due) this.#last = before;
    due.before = due.behind = undefined;
  }

  /** What `work` resolves to; rejects with `late()` when its time is up before. The work itself goes on. */
  within<V>(work: PromiseLike<V>, late: () => Error): Promise<V> {
    return new Promise((resolve, reject) => {
      const reminder = new Reminder(() => reject(late()));
      this.add(reminder);
      work.then((value) => {
        this.delete(reminder);
        resolve(value);
      }, (error) => {
        this.delete(reminder);
        reject(error);
      });
    });
  }

  /** Ends all waits. */
  clear(): void {
    while (this.#first !== undefined) this.delete(this.#first);
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #arm(delayMs: number): void {
    // A member that is told may have added itself anew.
    this.#timer?.cancel();
    this.#timerMs = this.#clock.now() + delayMs;
    this.#timer = this.#clock.after(delayMs, () => {
      this.#timer = undefined;
      this.#tell();
    });
  }

  #tell(): void {
    const now = this.#clock.now();
    const backMs = this.#timerMs - now;
    for (let due = this.#first; due !== undefined; due = this.#first) {
      // Added before the clock was put back.
      if (due.dueMs - now > this.#delayMs) due.dueMs -= backMs;
      if (due.dueMs > now) return this.#arm(due.dueMs - now);
      this.delete(due);
      due.onDue();
    }
  }
}
