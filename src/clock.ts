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

let ownSetImmediate: typeof setImmediate | undefined;

/**
 * The runtime's own, whatever a test puts in its place after this was called first. Not looked at before
 * it is needed, for that takes Deno 10 ms.
 */
export function realSetImmediate(): typeof setImmediate {
  return ownSetImmediate ??= globalThis.setImmediate;
}

/** Lets the runtime handle every event that it has at hand. */
export function turn(): Promise<void> {
  return new Promise((resolve) => void realSetImmediate()(resolve));
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
