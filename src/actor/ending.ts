// How an instance ends: the hook of its sleep or of its end, then the work that goes on, then those
// who are connected, then the last commit. Whatever fails on the way is logged, and it goes on.

import type { Connection } from "./connection.ts";
import type { Connections } from "./connections.ts";
import type { InstanceContext } from "./context.ts";
import type { Clock } from "./clock.ts";
import { runHook, within } from "./deadline.ts";
import type { Kind } from "./kind.ts";
import type { Queueing } from "./queueing.ts";
import type { RawSockets } from "./raw_sockets.ts";
import type { Self } from "./self.ts";
import type { Steps } from "./steps.ts";
import type { Work } from "./work.ts";

/** Why an instance stops. */
export type StopReason = "sleep" | "destroy" | "shutdown";

/** What an ending needs of its instance. */
export interface EndingOptions {
  kind: Kind;
  clock: Clock;
  self: Self;
  context: InstanceContext;
  steps: Steps;
  connections: Connections;
  work: Work;
  queueing: Queueing;
  /** The raw sockets, if there have been any. */
  rawSockets: () => RawSockets | undefined;
  /** Runs the hook of a connection that has closed. Never rejects. */
  disconnected: (connection: Connection) => Promise<void>;
}

/** The end of one instance. */
export class Ending {
  /** Whether somebody has asked for the end of the actor; it may come at any time until the last commit. */
  mustDestroy = false;
  readonly #options: EndingOptions;
  #isToldDestroy = false;
  #isOutlasted = false;

  constructor(options: EndingOptions) {
    this.#options = options;
  }

  /** Ends everything but the instance itself. Never rejects. */
  async run(reason: StopReason): Promise<void> {
    const { kind: { options, config }, context, queueing } = this.#options;
    if (!this.mustDestroy) {
      await this.#lastHook(
        "onSleep",
        options.onSleepTimeout,
        () => config.onSleep?.(context),
      );
    }
    await this.#finish();
    await this.#seeOut(reason);
    // The hooks of connections may have begun more work, or asked for the end of the actor.
    await this.#finish();
    await this.#seeOut(reason);
    if (!this.mustDestroy) queueing.leave();
    await this.#lastCommit();
  }

  /** Closes the database of the actor. Never rejects. */
  async closeDatabase(): Promise<void> {
    const { kind: { options }, self } = this.#options;
    await this.#lastHook(
      "db.onStop",
      options.onSleepTimeout,
      () => self.closeDatabase(),
    );
  }

  // Waits for what goes on, and tells onDestroy, once, when somebody has asked for that.
  async #finish(): Promise<void> {
    const { kind: { options, config }, context } = this.#options;
    do {
      if (this.mustDestroy && !this.#isToldDestroy) {
        this.#isToldDestroy = true;
        await this.#lastHook(
          "onDestroy",
          options.onDestroyTimeout,
          () => config.onDestroy?.(context),
        );
      }
      await this.#quiet(options.waitUntilTimeout);
    } while (this.mustDestroy && !this.#isToldDestroy);
  }

  async #lastHook(
    name: string,
    timeoutMs: number,
    run: () => unknown,
  ): Promise<void> {
    const { clock, self } = this.#options;
    try {
      await runHook(clock, { name, timeoutMs, run });
    } catch (error) {
      self.log.failure(error, { msg: `${name} failed` });
    }
  }

  // Waits for running actions and background work, for a time; no more once that was too short.
  async #quiet(timeoutMs: number): Promise<void> {
    if (this.#isOutlasted) return;
    const { clock, self, queueing, work } = this.#options;
    await within(
      clock,
      timeoutMs,
      Promise.resolve(queueing.ended).then(() => work.done()),
      () => new Error(`Work went on for more than ${timeoutMs} ms`),
    ).catch((error) => {
      this.#isOutlasted = true;
      self.log.failure(error, { msg: "stopping anyway" });
    });
  }

  // Disconnects everybody, but for those who may stay while the actor sleeps.
  async #seeOut(reason: StopReason): Promise<void> {
    const { connections, rawSockets, disconnected } = this.#options;
    const isShutdown = reason === "shutdown" && !this.mustDestroy;
    const [code, why] = isShutdown ? [1001, "ws.going_away"] : [1000, ""];
    const mayKeep = reason === "sleep" && !this.mustDestroy;
    const leaving = [...connections].filter(({ channel }) =>
      !mayKeep || (channel !== undefined && channel.lasts !== "socket")
    );
    await rawSockets()?.leave(leaving, code, why);
    await Promise.all(leaving.map(disconnected));
    for (const connection of leaving) connections.close(connection, code, why);
  }

  // What fails here has told everybody who waits.
  async #lastCommit(): Promise<void> {
    const { steps, self } = this.#options;
    try {
      // An actor that is not created yet must be, before it can be destroyed.
      await steps.durable();
      if (!this.mustDestroy) return;
      steps.destroy();
      await steps.durable();
    } catch (error) {
      self.log.debug({ msg: "stopped without a last commit", error });
    }
  }
}
