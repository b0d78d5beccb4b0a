// The user's `run`: work in the background of one instance, for as long as it lives.
//
//   at rest ──start()──▶ at work ◀──▶ waiting for a message ──▶ at rest: it has returned or thrown
//
// What a caller can rely on:
// - It begins when the instance is ready, and is told by `c.abortSignal` when that stops.
// - The actor stays awake while it is at work. It may sleep while it waits for a message, and has
//   none that it has not completed.
// - What it changes is saved like the changes of other background work: with the next output, and
//   at the latest `saveIntervalMs` after the change, however long it runs.

import { isErrorKind } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { Clock, Timer } from "../clock.ts";
import type { Steps } from "./steps.ts";

/** What a run loop needs. */
export interface RunLoopOptions {
  /** The user's function, with its context. */
  run: () => unknown;
  steps: Steps;
  clock: Clock;
  log: Logger;
  saveIntervalMs: number;
  /** Whether the instance stops. */
  isAborted: () => boolean;
  /** It is at work, or not any more. */
  onWork: (isAtWork: boolean) => void;
  /** It has returned, or thrown this. */
  onEnd: (failure: { error: unknown } | undefined) => void;
}

/** The user's `run`. */
export class RunLoop {
  readonly #options: RunLoopOptions;
  #isRunning = false;
  #isWaiting = false;
  #isAtWork = false;
  #ended = Promise.resolve();
  #look: Timer | undefined;

  constructor(options: RunLoopOptions) {
    this.#options = options;
  }

  /** Whether it has begun, and neither returned nor thrown. */
  get isRunning(): boolean {
    return this.#isRunning;
  }

  /** Resolves when it has returned or thrown. */
  get ended(): Promise<void> {
    return this.#ended;
  }

  /** Begins it; it has not begun, or has ended. */
  start(): void {
    this.#isRunning = true;
    this.#isWaiting = false;
    this.#update();
    this.#ended = this.#run();
  }

  /** It waits for a message and has nothing to do until one comes; or that is over. */
  setWaiting(isWaiting: boolean): void {
    this.#isWaiting = isWaiting;
    this.#update();
  }

  async #run(): Promise<void> {
    const { run, onEnd } = this.#options;
    let failure: { error: unknown } | undefined;
    try {
      await run();
    } catch (error) {
      failure = { error };
      this.#log(error);
    }
    this.#isRunning = false;
    onEnd(failure);
    this.#update();
  }

  // A loop that is told to stop may end by throwing what told it so.
  #log(error: unknown): void {
    const { isAborted, log } = this.#options;
    const isAbort = isErrorKind(error, "actor/aborted") ||
      error instanceof DOMException && error.name === "AbortError";
    if (isAbort && isAborted()) return;
    log.failure(error, { msg: "run failed" });
  }

  #update(): void {
    const isAtWork = this.#isRunning && !this.#isWaiting;
    if (isAtWork === this.#isAtWork) return;
    this.#isAtWork = isAtWork;
    const { steps, onWork } = this.#options;
    if (isAtWork) {
      steps.beginWork();
      this.#lookLater();
    } else {
      this.#look?.cancel();
      steps.endWork();
    }
    onWork(isAtWork);
  }

  // What it changes without telling would be found when its work ends, which may be never.
  #lookLater(): void {
    const { clock, steps, saveIntervalMs } = this.#options;
    this.#look = clock.after(saveIntervalMs, () => {
      // When that fails the instance stops, and says why.
      steps.durable().catch(() => {});
      this.#lookLater();
    });
  }
}
