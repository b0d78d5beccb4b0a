import { abortable } from "../abort.ts";

/** Work that several callers wait for. It is aborted when the last of them has given up. */
export class Shared<T> {
  readonly #giveUp = new AbortController();
  readonly #work: Promise<T>;
  #waiting = 0;
  #isSettled = false;
  #isOver = false;

  constructor(work: (signal: AbortSignal) => Promise<T>) {
    this.#work = work(this.#giveUp.signal)
      .finally(() => this.#isSettled = true);
  }

  /** Whether nobody waits for it any more; who comes now needs another. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** What comes of the work; rejects with the reason of `signal` if that comes first. */
  async wait(signal: AbortSignal | undefined): Promise<T> {
    this.#waiting++;
    try {
      return await abortable(this.#work, signal);
    } finally {
      if (--this.#waiting === 0) {
        this.#isOver = true;
        // What has ended is not aborted: the error that would be made for it costs more than a call.
        if (!this.#isSettled) this.#giveUp.abort();
      }
    }
  }
}
