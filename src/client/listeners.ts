/** Functions to call back. One that throws is reported, and does not keep the others from running. */
export class Listeners<Args extends unknown[]> {
  // Entries, because the same function may be added twice.
  readonly #entries = new Set<{ callback: (...args: Args) => void }>();

  get isEmpty(): boolean {
    return this.#entries.size === 0;
  }

  /** Adds a listener. What is returned removes it, and says whether it was still there. */
  add(callback: (...args: Args) => void): () => boolean {
    const entry = { callback };
    this.#entries.add(entry);
    return () => this.#entries.delete(entry);
  }

  /** Calls those that are there now and have not been removed when their turn comes. */
  emit(...args: Args): void {
    for (const entry of [...this.#entries]) {
      if (!this.#entries.has(entry)) continue;
      try {
        entry.callback(...args);
      } catch (error) {
        console.error("A listener of a connection has thrown:", error);
      }
    }
  }
}
