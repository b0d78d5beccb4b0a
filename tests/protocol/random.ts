// Numbers that look random, and that a seed makes again.

/** Random numbers of one seed. */
export class Random {
  #state: number;

  /** The same seed makes the same numbers. */
  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A whole number of 32 bits. */
  uint32(): number {
    this.#state = this.#state + 0x6d2b79f5 >>> 0;
    let mixed = Math.imul(
      this.#state ^ this.#state >>> 15,
      this.#state | 1,
    );
    mixed ^= mixed + Math.imul(mixed ^ mixed >>> 7, mixed | 61);
    return (mixed ^ mixed >>> 14) >>> 0;
  }

  /** A whole number from 0 on, less than `limit`. */
  below(limit: number): number {
    return this.uint32() % limit;
  }

  /** Whether something happens that does once in `times`. */
  once(times: number): boolean {
    return this.below(times) === 0;
  }

  /** One of them. */
  of<I>(items: readonly I[]): I {
    return items[this.below(items.length)]!;
  }

  /** So many bytes. */
  bytes(length: number): Uint8Array<ArrayBuffer> {
    return Uint8Array.from({ length }, () => this.below(256));
  }

  /** So many of what `make` makes. */
  many<I>(count: number, make: () => I): I[] {
    return Array.from({ length: count }, make);
  }
}
