// How an instance ends: the hook of its sleep or of its end, then the work that goes on, then those
// who are connected, then the last commit. Whatever fails on the way is logged, and it goes on.

import type { InstanceContext } from "./context.ts";
import { runHook, within } from "./deadline.ts";
import type { Parts } from "./parts.ts";
import type { Queueing } from "./queueing.ts";
import type { RawSockets } from "./raw_sockets.ts";

/** Why an instance stops. */
export type StopReason = "sleep" | "destroy" | "shutdown";

/** What ends, with the parts that only some instances have. */
export interface EndingParts extends Parts {
  /** `c` of hooks. */
  readonly context: InstanceContext;
  readonly queueing: Queueing | undefined;
  readonly rawSockets: RawSockets | undefined;
}

/** The end of one instance. */
export class Ending {
  /** Whether somebody has asked for the end of the actor; it may come at any time until the last commit. */
  mustDestroy = false;
  readonly #parts: EndingParts;
  #isToldDestroy = false;
  #isOutlasted = false;

  constructor(parts: EndingParts) {
    this.#parts = parts;
  }

  /** Ends everything but the instance itself. Never rejects. */
  async run(reason: StopReason): Promise<void> {
    const { identity: { kind: { options, config } }, context } = this.#parts;
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
    if (!this.mustDestroy) this.#parts.queueing?.leave();
    await this.#lastCommit();
  }

  /** Closes the database of the actor. Never rejects. */
  async closeDatabase(): Promise<void> {
    const { identity: { kind: { options } }, self } = this.#parts;
    await this.#lastHook(
      "db.onStop",
      options.onSleepTimeout,
      () => self.closeDatabase(),
    );
  }

  // Waits for what goes on, and tells onDestroy, once, when somebody has asked for that.
  async #finish(): Promise<void> {
    const { identity: { kind: { options, config } }, context } = this.#parts;
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
    const { services: { clock }, self } = this.#parts;
    try {
      await runHook(clock, { name, timeoutMs, run });
    } catch (error) {
      self.log.failure(error, { msg: `${name} failed` });
    }
  }

  // Waits for running actions and background work, for a time; no more once that was too short.
  async #quiet(timeoutMs: number): Promise<void> {
    if (this.#isOutlasted) return;
    const { services: { clock }, self, queueing, work } = this.#parts;
    await within(
      clock,
      timeoutMs,
      Promise.resolve(queueing?.ended).then(() => work.done()),
      () => new Error(`Work went on for more than ${timeoutMs} ms`),
    ).catch((error) => {
      this.#isOutlasted = true;
      self.log.failure(error, { msg: "stopping anyway" });
    });
  }

  // Disconnects everybody, but for those who may stay while the actor sleeps.
  async #seeOut(reason: StopReason): Promise<void> {
    const { connections, rawSockets } = this.#parts;
    const isShutdown = reason === "shutdown" && !this.mustDestroy;
    const [code, why] = isShutdown ? [1001, "ws.going_away"] : [1000, ""];
    const mayKeep = reason === "sleep" && !this.mustDestroy;
    const leaving = [...connections].filter(({ channel }) =>
      !mayKeep || (channel !== undefined && channel.lasts !== "socket")
    );
    await rawSockets?.leave(leaving, code, why);
    await Promise.all(
      leaving.map((connection) => this.#parts.disconnected(connection)),
    );
    for (const connection of leaving) connections.close(connection, code, why);
  }

  // What fails here has told everybody who waits.
  async #lastCommit(): Promise<void> {
    const { steps, self } = this.#parts;
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
