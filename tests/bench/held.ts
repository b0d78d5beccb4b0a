// What this process has in memory. It must have been started so that it may ask for the garbage to be
// collected.

import process from "node:process";
import { setTimeout as pause } from "node:timers/promises";

/** What a process has in memory. */
export interface Held {
  heapBytes: number;
  residentBytes: number;
}

/** Measures it when the garbage has been collected. */
export async function measureHeld(): Promise<Held> {
  const { gc } = globalThis as { gc?: () => void };
  if (gc === undefined) throw new Error("Run it with --expose-gc");
  for (let i = 0; i < 5; i++) {
    gc();
    await pause(50);
  }
  const { heapUsed, external, rss } = process.memoryUsage();
  return { heapBytes: heapUsed + external, residentBytes: rss };
}
