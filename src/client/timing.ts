/** Time, passed in so that tests own it. */
export interface Timing {
  /** The time in milliseconds, counted from anywhere. */
  now(): number;
  /** A number from 0 to 1. */
  random(): number;
  /** Calls back once after `delayMs`; what is returned cancels that. */
  delay(callback: () => void, delayMs: number): () => void;
}

/** The time that there is. */
export const systemTiming: Timing = {
  now: () => performance.now(),
  random: () => Math.random(),
  delay: (callback, delayMs) => {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};
