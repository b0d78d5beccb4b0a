// Who is at work in an instance, and so whether it may rest.
//
// - A run is work for a caller: what it changes until it ends is one step, and a stop waits for it.
// - Background work is what the user's code wants to be waited for.
// - A hold keeps the actor awake, and a stop does not wait for it.
//
// While there is none of them the instance waits for its time to sleep, on the one timer of its kind.

import { actorError } from "../errors.ts";
import type { Due } from "../deadlines.ts";
import type { Caller } from "./caller.ts";
import type { Self } from "./self.ts";
import type { Identity } from "./services.ts";
import type { Steps } from "./steps.ts";

// How many calls of an actor, and of one connection, may run or wait for their commit.
const maxCalls = 10_000;
const maxCallsPerConnection = 2000;

/** What an instance goes through, in this order. */
export type Phase = "starting" | "running" | "stopping" | "stopped";

/** What the work of an instance belongs to; it is told when it has rested for `options.sleepTimeout`. */
export interface WorkOwner extends Due {
  readonly identity: Identity;
  readonly steps: Steps;
  readonly self: Self;
}

/** Who is at work in one instance. */
export class Work {
  phase: Phase = "starting";
  readonly #owner: WorkOwner;
  #runs = 0;
  #holds = 0;
  #background: Set<Promise<unknown>> | undefined;
  #onRunEnd: (() => void) | undefined;

  constructor(owner: WorkOwner) {
    this.#owner = owner;
  }

  /** Whether it takes calls. */
  get isRunning(): boolean {
    return this.phase === "running";
  }

  get isStopped(): boolean {
    return this.phase === "stopped";
  }

  /** Whether anybody is at work. */
  get isBusy(): boolean {
    return this.#runs > 0 || this.#holds > 0 || this.#hasBackground;
  }

  get #hasBackground(): boolean {
    return this.#background !== undefined && this.#background.size > 0;
  }

  /**
   * A run for a caller begins.
   *
   * @throws {ActorError} `actor/overloaded` when there is too much already, else as `begin`.
   */
  beginFor({ connection }: Caller): void {
    const calls = this.#runs + this.#owner.steps.waiting;
    const own = connection?.calls ?? 0;
    // An actor that is asked for more than it can do refuses, and keeps what it has taken on.
    if (calls >= maxCalls || own > maxCallsPerConnection) {
      throw actorError(
        "actor/overloaded",
        `The actor is overloaded: ${calls} calls are under way, ${own} of this connection`,
      );
    }
    this.begin();
  }

  /**
   * A run begins.
   *
   * @throws {ActorError} `actor/stopping` when it takes no calls.
   */
  begin(): void {
    if (!this.isRunning) {
      throw actorError("actor/stopping", "The actor is stopping");
    }
    this.enter();
  }

  /** A run begins, whatever the actor is about to do. */
  enter(): void {
    this.#runs++;
    this.#wakeUp();
    this.#owner.steps.beginRun();
  }

  /** A run has ended. */
  end(): void {
    this.#runs--;
    this.#owner.steps.endRun();
    if (this.#runs > 0) return;
    this.#onRunEnd?.();
    this.rest();
  }

  /** Keeps it awake until `release()` is called as often. */
  hold(): void {
    this.#holds++;
    this.#wakeUp();
  }

  /** Ends a hold. */
  release(): void {
    this.#holds--;
    this.rest();
  }

  /** Takes a promise for background work until it settles; its rejection is logged. */
  waitUntil(promise: Promise<unknown>): void {
    const { self, steps } = this.#owner;
    const background = this.#background ??= new Set();
    const work = Promise.resolve(promise).catch((error) =>
      self.log.failure(error, { msg: "background work failed" })
    ).finally(() => {
      background.delete(work);
      steps.endWork();
      this.rest();
    });
    background.add(work);
    steps.beginWork();
    this.#wakeUp();
  }

  /** Waits for the time to sleep, if there is nothing to do. */
  rest(): void {
    const { kind } = this.#owner.identity;
    if (this.isBusy || !this.isRunning || kind.options.noSleep) return;
    kind.idle.add(this.#owner);
  }

  /** It takes no calls any more, or is gone. */
  leave(phase: "stopping" | "stopped"): void {
    this.phase = phase;
    this.#wakeUp();
  }

  /** Resolves when all runs and all background work have ended. */
  async done(): Promise<void> {
    // What is waited for may begin more.
    while (this.#runs > 0 || this.#hasBackground) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#onRunEnd = resolve;
      if (this.#runs === 0) resolve();
      await Promise.all([promise, ...this.#background ?? []]);
    }
  }

  #wakeUp(): void {
    this.#owner.identity.kind.idle.delete(this.#owner);
  }
}
