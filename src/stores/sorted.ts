// A sorted set that stays fast with a hundred thousand members: an array of short sorted arrays, so
// that adding or deleting moves a few hundred members at most.

const longestChunk = 512;

/** Members in the order of `compare`, no two of them equal by it. */
export class Sorted<T> {
  #compare: (a: T, b: T) => number;
  #chunks: T[][] = [];

  constructor(compare: (a: T, b: T) => number) {
    this.#compare = compare;
  }

  get isEmpty(): boolean {
    return this.#chunks.length === 0;
  }

  /** Adds a member, in the place of one that is equal. */
  add(member: T): void {
    const at = this.#chunkOf(member);
    const chunk = this.#chunks[at];
    if (chunk === undefined) {
      this.#chunks.push([member]);
      return;
    }
    const index = this.#firstFrom(chunk, member);
    const isThere = index < chunk.length &&
      this.#compare(chunk[index]!, member) === 0;
    chunk.splice(index, isThere ? 1 : 0, member);
    if (chunk.length > longestChunk) {
      this.#chunks.splice(at + 1, 0, chunk.splice(longestChunk / 2));
    }
  }

  /** Deletes the member that is equal, if there is one. */
  delete(member: T): void {
    const at = this.#chunkOf(member);
    const chunk = this.#chunks[at];
    if (chunk === undefined) return;
    const index = this.#firstFrom(chunk, member);
    if (index === chunk.length) return;
    if (this.#compare(chunk[index]!, member) !== 0) return;
    chunk.splice(index, 1);
    if (chunk.length === 0) this.#chunks.splice(at, 1);
  }

  /** The member that is equal, if there is one. */
  get(member: T): T | undefined {
    const chunk = this.#chunks[this.#chunkOf(member)];
    const found = chunk?.[this.#firstFrom(chunk, member)];
    if (found === undefined) return undefined;
    return this.#compare(found, member) === 0 ? found : undefined;
  }

  /** The members before `member`, which need not be one, backwards. */
  *before(member: T): Generator<T> {
    for (let at = this.#chunkOf(member); at >= 0; at--) {
      const chunk = this.#chunks[at] ?? [];
      for (let n = this.#firstFrom(chunk, member) - 1; n >= 0; n--) {
        yield chunk[n]!;
      }
    }
  }

  /** The members behind `member`, which need not be one; all without it. */
  *after(member?: T): Generator<T> {
    let at = member === undefined ? 0 : this.#chunkOf(member);
    for (; at < this.#chunks.length; at++) {
      for (const next of this.#chunks[at]!) {
        if (member === undefined || this.#compare(next, member) > 0) yield next;
      }
    }
  }

  /** The index of the last chunk that begins at `member` or before it; 0 when there is none. */
  #chunkOf(member: T): number {
    let low = 0;
    let high = this.#chunks.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (this.#compare(this.#chunks[middle]![0]!, member) > 0) high = middle;
      else low = middle;
    }
    return low;
  }

  /** The index of the first member of the chunk that is equal or behind. */
  #firstFrom(chunk: T[], member: T): number {
    let low = 0;
    let high = chunk.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#compare(chunk[middle]!, member) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
