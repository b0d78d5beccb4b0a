// What a message of a caller may hold of values that cost a server much more than their bytes.
//
// - An array, an object and what is undefined cost 1 each: they are a byte, and tens of bytes in memory
//   and in a store.
// - Bytes, a typed array, Date, RegExp, Set, Map, and bigint beyond 64 bits cost 16 each.
// - A member of a Set or Map costs 16: who chooses them with care has all of them collide, and each then
//   takes as long as all before it together.
// - A unit of the source of a RegExp costs 16: runtimes compile some sources very slowly.
// - An Error costs 128: it looks for where it was made.
// - An index among the keys of an object costs 1 for every two that it leaves out: a runtime may take
//   memory for all of them.
//
// What comes from a server costs nothing: whoever calls it trusts it.

import { malformed } from "./shapes.ts";

/** The most that one message of a caller may cost, if that has no more than eight times as many bytes. */
export const maxCost = 262_144;

// Who lets callers send longer messages than usual means what they hold as well.
const bytesOfOne = 8;

/** What each costs. */
export const costOf = {
  plain: 1,
  member: 16,
  classed: 16,
  error: 128,
} as const;

// Further from the indexes before it, a runtime keeps an index by itself.
const maxGap = 2048;

/** What is left for one message. */
export class Budget {
  #left: number;

  /** Begins with what a message of this length may cost. */
  constructor(length: number) {
    this.#left = Math.max(maxCost, length / bytesOfOne);
  }

  /**
   * Takes from what is left.
   *
   * @throws {ActorError} `message/malformed` when it is not enough.
   */
  spend(cost: number): void {
    this.#left -= cost;
    if (this.#left < 0) throw malformed("it has too many costly values");
  }

  /** Takes what an index costs, the first behind those before being `next`; returns that behind it. */
  spendIndex(index: number, next: number): number {
    const gap = index - next;
    if (!(gap >= 0)) return next;
    if (gap > maxGap) return Infinity;
    this.spend(gap >> 1);
    return index + 1;
  }
}

/** For messages of whom we trust. */
export const unlimited: Budget = new Budget(Infinity);
