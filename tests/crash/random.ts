/** Numbers that follow from a seed (mulberry32), so that a run can be repeated. */
export class Random {
  #state: number;

  /** Begins the row of numbers of this seed. */
  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** The next number, from 0 to below 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let bits = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  }

  /** The next whole number, from 0 to below `limit`. */
  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  /** One of these. */
  pick<V>(values: readonly V[]): V {
    return values[this.below(values.length)]!;
  }

  /** A row of numbers of its own. */
  fork(): Random {
    return new Random(this.below(2 ** 32));
  }
}
