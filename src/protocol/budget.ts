// What a message of a caller may hold of values that cost a runtime much more than their bytes.
//
// - Bytes, typed arrays, Dates, RegExps, Errors, Sets, Maps and bigints beyond 64 bits count 1 each.
// - A member of a Set or Map counts 1: who chooses them with care has all of them collide, and each then
//   takes as long as all before it together.
// - A unit of the source of a RegExp counts 1: runtimes compile some sources very slowly.
// - A key of an object that is an index counts 1 for every 32 indexes that it leaves out: a runtime may
//   take memory for all of them.
//
// What comes from a server is not counted: whoever calls it trusts it.

import { malformed } from "./shapes.ts";

/** The most that one message of a caller may come to. */
export const maxCost = 16_384;

// Further from the indexes before it, a runtime keeps an index by itself.
const maxGap = 2048;
const indexesPerCost = 32;

/** What is left for one message. */
export class Budget {
  #left: number;

  /** Begins with `cost`. */
  constructor(cost: number = maxCost) {
    this.#left = cost;
  }

  /**
   * Takes from what is left.
   *
   * @throws {ActorError} `message/malformed` when it is not enough.
   */
  spend(cost: number): void {
    this.#left -= cost;
    if (this.#left >= 0) return;
    throw malformed(`it has more than ${maxCost} values that cost more`);
  }

  /** Takes what an index costs, the first behind those before being `next`; returns that behind it. */
  spendIndex(index: number, next: number): number {
    const gap = index - next;
    if (!(gap >= 0)) return next;
    if (gap > maxGap) return Infinity;
    this.spend(Math.floor(gap / indexesPerCost));
    return index + 1;
  }
}

/** For messages of whom we trust. */
export const unlimited: Budget = new Budget(Infinity);
