// `c.schedule`: the future calls of an actor, as its own code sees them.

// Methods are async so that what is wrong with the arguments is told by the promise.
// deno-lint-ignore-file require-await

import type { Schedule, ScheduledEventInfo } from "../definition/schedule.ts";
import type { ActorAlarm } from "../stores/store.ts";
import type { CallRecord } from "./record.ts";
import { callIn, type Schedule as Calls } from "./schedule.ts";
import type { Self } from "./self.ts";

/** `c.schedule`. */
export class UserSchedule implements Schedule {
  readonly #self: Self;

  constructor(self: Self) {
    this.#self = self;
  }

  get #calls(): Calls {
    return this.#self.schedule;
  }

  after(delayMs: number, action: string, ...args: unknown[]): Promise<string> {
    return this.#add(() => {
      checkTime(delayMs, "delay");
      return this.#self.now() + Math.max(delayMs, 0);
    }, { action, args });
  }

  at(dueMs: number, action: string, ...args: unknown[]): Promise<string> {
    return this.#add(() => {
      checkTime(dueMs, "time");
      return dueMs;
    }, { action, args });
  }

  async get(id: string): Promise<ScheduledEventInfo | undefined> {
    const alarm = this.#calls.get(id);
    return alarm && eventOf(alarm);
  }

  async list(): Promise<ScheduledEventInfo[]> {
    return Array.from(this.#calls.all, eventOf)
      .filter((event) => event !== undefined)
      .sort((a, b) => a.runAt - b.runAt || (a.id < b.id ? -1 : 1));
  }

  async cancel(id: string): Promise<boolean> {
    const alarm = this.#calls.get(id);
    const isOurs = alarm !== undefined && eventOf(alarm) !== undefined;
    return isOurs && this.#calls.delete(id);
  }

  #add(dueMs: () => number, call: CallRecord): Promise<string> {
    const adding = Promise.try(() => {
      const ms = dueMs();
      checkAction(call.action);
      return this.#calls.add(ms, call);
    });
    // Many do not wait for it, and one call too many must not end the process.
    adding.catch((error) =>
      this.#self.log.failure(error, { msg: "refused to schedule a call" })
    );
    return adding;
  }
}

// The calls of jobs are not for `c.schedule`.
function eventOf(alarm: ActorAlarm): ScheduledEventInfo | undefined {
  const { action, args, job } = callIn(alarm);
  return job === undefined
    ? { id: alarm.id, action, args, runAt: alarm.dueMs }
    : undefined;
}

function checkAction(action: unknown): void {
  if (typeof action === "string") return;
  throw new TypeError("Cannot schedule: the action is not named by a string");
}

function checkTime(value: unknown, what: string): void {
  if (typeof value === "number" && Number.isFinite(value)) return;
  throw new TypeError(`Cannot schedule: the ${what} is ${value}`);
}
