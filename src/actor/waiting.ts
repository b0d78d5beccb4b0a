// Wakes the actors whose messages wait for a run loop, where nobody else will: when the process
// starts, and when an instance was lost because a change of it could not be saved.
//
// What a caller can rely on: an actor that cannot be woken is tried again after 1 s at first, then
// after twice as long each time, up to 60 s. Memory does not grow with the number of actors: a page
// of them is woken at once, and `maxRetries` may be tried again; beyond that the first are given up,
// and wake with the next call or the next process.

import { isErrorKind } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { Alarm } from "../stores/store.ts";
import type { Clock, Timer } from "../clock.ts";

const pageSize = 64;
const maxRetries = 10_000;
const firstPauseMs = 1000;
const lastPauseMs = 60_000;

/** What it needs. */
export interface WaitingOptions {
  /** A page of alarms that say that messages wait, those after one of them. */
  read: (page: { limit: number; after?: Alarm }) => Promise<Alarm[]>;
  /** Wakes an actor. */
  wake: (actorId: string) => Promise<unknown>;
  clock: Clock;
  log: Logger;
}

/** Wakes actors for their messages. */
export class Waiting {
  readonly #options: WaitingOptions;
  readonly #retries = new Set<string>();
  #pauseMs = firstPauseMs;
  #timer: Timer | undefined;
  #endPause: (() => void) | undefined;
  #isClosed = false;

  constructor(options: WaitingOptions) {
    this.#options = options;
  }

  /** Wakes every actor for which a message waits. Never rejects. */
  async start(): Promise<void> {
    let after: Alarm | undefined;
    while (!this.#isClosed) {
      let page: Alarm[];
      try {
        page = await this.#options.read({ limit: pageSize, after });
      } catch (error) {
        if (this.#isClosed) return;
        this.#options.log.failure(error, {
          msg: "cannot read which actors have messages",
        });
        await this.#pause();
        continue;
      }
      await Promise.all(page.map(({ actorId }) => this.#wake(actorId)));
      if (page.length < pageSize) return;
      after = page.at(-1);
    }
  }

  /** Wakes an actor after a pause. */
  retry(actorId: string): void {
    if (this.#isClosed) return;
    this.#retries.add(actorId);
    if (this.#retries.size > maxRetries) {
      const [first] = this.#retries;
      this.#retries.delete(first!);
    }
    if (this.#timer !== undefined) return;
    const { clock } = this.#options;
    this.#timer = clock.after(this.#pauseMs, () => void this.#retryAll());
    this.#pauseMs = Math.min(this.#pauseMs * 2, lastPauseMs);
  }

  /** Wakes nobody any more. */
  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
    this.#endPause?.();
  }

  async #retryAll(): Promise<void> {
    const all = [...this.#retries];
    this.#retries.clear();
    for (let i = 0; i < all.length; i += pageSize) {
      const page = all.slice(i, i + pageSize);
      await Promise.all(page.map((actorId) => this.#wake(actorId)));
    }
    this.#timer = undefined;
    const [left] = this.#retries;
    if (left === undefined) this.#pauseMs = firstPauseMs;
    else this.retry(left);
  }

  async #wake(actorId: string): Promise<void> {
    try {
      if (!this.#isClosed) await this.#options.wake(actorId);
    } catch (error) {
      if (this.#isClosed) return;
      // Destroyed meanwhile; or of a kind that only another program of this folder has.
      if (isErrorKind(error, "actor/not_found")) return;
      if (isErrorKind(error, "actor/not_registered")) return;
      this.#options.log.failure(error, {
        msg: "cannot wake an actor for its messages",
        actorId,
      });
      this.retry(actorId);
    }
  }

  #pause(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = this.#options.clock.after(firstPauseMs, resolve);
    this.#endPause = () => {
      timer.cancel();
      resolve();
    };
    return promise;
  }
}
