// Makes the future calls that are due, each as one step.
//
// What a caller can rely on: the removal of a call is part of the first step with an effect of it, so
// no effect happens twice. That step holds all of a call that ends within a second and neither saves
// nor calls others. A call that takes longer goes on, but a crash may cut off the rest.

import type { ActorAlarm, Alarm } from "../stores/store.ts";
import { runScheduled } from "./calls.ts";
import { isJobCall } from "./jobs.ts";
import type { Parts } from "./parts.ts";
import type { CallRecord } from "./record.ts";
import { callIn } from "./schedule.ts";
import type { Steps } from "./steps.ts";

// How long a call may hold back the steps of its actor, and the calls that are due after it.
const maxHoldMs = 1000;

// How many calls that took longer may go on at once. The next one holds up those after it to its end.
const maxOutlasting = 100;

/** The deliveries of one instance. */
export class Deliveries {
  readonly #parts: Parts;
  #outlasting = 0;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /**
   * Makes the call of an alarm. Resolves when its removal is durable and the next one may begin: to
   * `false` when the actor has no such call.
   */
  async deliver(alarm: Alarm): Promise<boolean> {
    const { self, steps, work } = this.#parts;
    work.begin();
    const call = self.schedule.callOf(alarm);
    if (call === undefined) work.end();
    else await this.#make(call);
    await steps.durable();
    return call !== undefined;
  }

  // Resolves when the call has ended, or has taken its time.
  #make(call: ActorAlarm): Promise<void> {
    const { self, steps, services: { clock }, work } = this.#parts;
    const { promise, resolve } = Promise.withResolvers<void>();
    const hold = new Hold(steps);
    let hasOutlasted = false;
    const timer = clock.after(maxHoldMs, () => {
      try {
        hold.end();
      } catch (error) {
        // The instance has stopped meanwhile.
        self.log.failure(error, { msg: "a scheduled call was not saved" });
      }
      if (this.#outlasting >= maxOutlasting) return;
      hasOutlasted = true;
      this.#outlasting++;
      resolve();
    });
    this.#run(call, hold).catch((error) =>
      self.log.failure(error, { msg: "a scheduled call failed" })
    ).finally(() => {
      timer.cancel();
      if (hasOutlasted) this.#outlasting--;
      hold.end();
      work.end();
      resolve();
    });
    return promise;
  }

  async #run(alarm: ActorAlarm, hold: Hold): Promise<void> {
    const { self } = this.#parts;
    // Whatever is wrong with it. A job puts its next call there.
    self.schedule.delete(alarm.id);
    const call = callIn(alarm);
    if (!isJobCall(call)) return await this.#call(call, hold);
    const run = self.jobs.begin(alarm, call);
    if (run === undefined) return;
    hold.beforeEnd = run.goOn;
    let failure: { error: unknown } | undefined;
    try {
      await this.#call({ action: call.action, args: run.args }, hold);
    } catch (error) {
      failure = { error };
      throw error;
    } finally {
      hold.beforeEnd = undefined;
      run.end(failure);
    }
  }

  #call({ action, args }: CallRecord, hold: Hold): Promise<void> {
    return runScheduled(this.#parts, {
      name: action,
      args,
      beforeOutput: () => hold.end(),
    });
  }
}

// Holds back the steps of an actor.
class Hold {
  /** Adds to what was held back. */
  beforeEnd: (() => void) | undefined;
  readonly #steps: Steps;
  #isHeld = true;

  constructor(steps: Steps) {
    this.#steps = steps;
    steps.hold();
  }

  end(): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    this.beforeEnd?.();
    this.#steps.endHold();
  }
}
