// The runs of the jobs of one actor that are remembered: each has a row of its own, under the id of its
// job and its number.

import type { KvRows } from "./kv_rows.ts";
import { decodeRun, encodeRecord, type RunRecord } from "./record.ts";

// What rows of an actor's own begin with, and which of them these are; see kv_rows.ts.
const prefix = [0, 2];
const numberLength = 6;

/** What is remembered of the runs of an actor's jobs. */
export class RunHistory {
  readonly #rows: KvRows;

  constructor(rows: KvRows) {
    this.#rows = rows;
  }

  /** Remembers what became of a run so far. */
  set(jobId: string, number: number, run: RunRecord): void {
    this.#rows.set(keyOf(jobId, number), encodeRecord(run, "the run"));
  }

  /** Forgets the runs from one number to another, that not included. */
  delete(jobId: string, { from, to }: { from: number; to: number }): void {
    for (let number = from; number < to; number++) {
      this.#rows.set(keyOf(jobId, number), undefined);
    }
  }

  /** The last runs of a job with their numbers, the newest first. */
  async list(jobId: string, limit: number): Promise<[number, RunRecord][]> {
    const rows = await this.#rows.list({
      start: keyOf(jobId, 0),
      end: keyOf(jobId, 2 ** (8 * numberLength) - 1),
      limit,
      reverse: true,
    });
    return rows.map(([key, bytes]) => [numberIn(key), decodeRun(bytes)]);
  }
}

function keyOf(jobId: string, number: number): Uint8Array {
  const id = new TextEncoder().encode(jobId);
  const key = new Uint8Array(prefix.length + id.length + numberLength);
  key.set(prefix);
  key.set(id, prefix.length);
  // The largest byte first, so that keys are in the order of the numbers.
  for (let at = key.length - 1; number > 0; at--) {
    key[at] = number % 256;
    number = Math.floor(number / 256);
  }
  return key;
}

function numberIn(key: Uint8Array): number {
  return key.subarray(-numberLength)
    .reduce((number, byte) => number * 256 + byte, 0);
}
