// Time, passed in so that tests own it.

/** Something that will be called at some time, unless it is cancelled. */
export interface Timer {
  /** Cancels; does nothing when it has been called. */
  cancel(): void;
}

/** Tells the time, and calls back later. */
export interface Clock {
  /** The time in milliseconds since the epoch. */
  now(): number;
  /** Calls back after a delay. The wait alone keeps no process alive. */
  after(delayMs: number, callback: () => void): Timer;
  /** Calls back when the runtime has handled the events that it has at hand. */
  soon(callback: () => void): void;
}

// A longer delay would make the runtime call back at once.
const maxDelayMs = 2 ** 31 - 1;

/** The clock of the machine. */
export const systemClock: Clock = {
  now: () => Date.now(),
  after(delayMs, callback) {
    let timer: ReturnType<typeof setTimeout>;
    const wait = (leftMs: number) => {
      const partMs = Math.min(leftMs, maxDelayMs);
      timer = setTimeout(
        () => leftMs > partMs ? wait(leftMs - partMs) : callback(),
        partMs,
      );
      timer.unref?.();
    };
    wait(Math.max(delayMs, 0));
    return { cancel: () => clearTimeout(timer) };
  },
  soon: (callback) => void setImmediate(callback),
};

/**
 * Calls back for each member when it has waited for the same delay, also when the clock is put back
 * meanwhile. One timer for all.
 */
export class Deadlines<M> {
  readonly #clock: Clock;
  readonly #delayMs: number;
  readonly #onDue: (member: M) => void;
  // In the order in which they were added, so that the first is always due first.
  readonly #dueMs = new Map<M, number>();
  #timer: Timer | undefined;
  // When the timer calls back, by a clock that is not put back.
  #timerMs = 0;

  constructor(clock: Clock, delayMs: number, onDue: (member: M) => void) {
    this.#clock = clock;
    this.#delayMs = delayMs;
    this.#onDue = onDue;
  }

  /** Begins the wait of a member, anew if it waits already. */
  add(member: M): void {
    this.#dueMs.delete(member);
    this.#dueMs.set(member, this.#clock.now() + this.#delayMs);
    if (this.#timer === undefined) this.#arm(this.#delayMs);
  }

  /** Ends the wait of a member. */
  delete(member: M): void {
    this.#dueMs.delete(member);
  }

  /** Ends all waits. */
  clear(): void {
    this.#dueMs.clear();
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
    for (let [member, dueMs] of this.#dueMs) {
      // Added before the clock was put back.
      if (dueMs - now > this.#delayMs) {
        dueMs -= backMs;
        this.#dueMs.set(member, dueMs);
      }
      if (dueMs > now) return this.#arm(dueMs - now);
      this.#dueMs.delete(member);
      this.#onDue(member);
    }
  }
}
