// `c.schedule` and `c.cron`: the future calls of an actor, as its own code sees them.

// Methods are async so that what is wrong with the arguments is told by the promise.
// deno-lint-ignore-file require-await

import type {
  ActorCronEveryOptions,
  ActorCronSetOptions,
  Cron,
  CronFire,
  CronJobInfo,
  CronJobOptions,
  Schedule,
  ScheduledEventInfo,
} from "../definition/schedule.ts";
import type { ActorAlarm } from "../stores/store.ts";
import type { Job, JobPlan } from "./jobs.ts";
import { observed } from "./observed.ts";
import { callIn } from "./schedule.ts";
import type { Self } from "./self.ts";

const maxHistory = 1000;
const defaultHistory = 100;
const longestName = 256;
const leastIntervalMs = 5000;

/** `c.schedule`. */
export class UserSchedule implements Schedule {
  readonly #self: Self;

  constructor(self: Self) {
    this.#self = self;
  }

  after(delayMs: number, action: string, ...args: unknown[]): Promise<string> {
    return tell(this.#self, () => {
      checkTime(delayMs, "delay");
      checkAction(action);
      const dueMs = this.#self.now() + Math.max(delayMs, 0);
      return this.#self.schedule.add(dueMs, { action, args });
    });
  }

  at(dueMs: number, action: string, ...args: unknown[]): Promise<string> {
    return tell(this.#self, () => {
      checkTime(dueMs, "time");
      checkAction(action);
      return this.#self.schedule.add(dueMs, { action, args });
    });
  }

  async get(id: string): Promise<ScheduledEventInfo | undefined> {
    const alarm = this.#self.schedule.get(id);
    return alarm && eventOf(alarm);
  }

  async list(): Promise<ScheduledEventInfo[]> {
    return Array.from(this.#self.schedule.all, eventOf)
      .filter((event) => event !== undefined)
      .sort((a, b) => a.runAt - b.runAt || (a.id < b.id ? -1 : 1));
  }

  async cancel(id: string): Promise<boolean> {
    const alarm = this.#self.schedule.get(id);
    if (alarm === undefined || eventOf(alarm) === undefined) return false;
    return this.#self.schedule.delete(id);
  }
}

/** `c.cron`. */
export class UserCron implements Cron {
  readonly #self: Self;

  constructor(self: Self) {
    this.#self = self;
  }

  set(options: ActorCronSetOptions): Promise<void> {
    return tell(this.#self, () => {
      const { expression, timezone = "UTC" } = options;
      checkText(timezone, "timezone");
      this.#self.jobs.set(planOf(options, { expression, timezone }));
    });
  }

  every(options: ActorCronEveryOptions): Promise<void> {
    return tell(this.#self, () => {
      const { interval } = options;
      checkWhole(interval, "interval", [
        leastIntervalMs,
        Number.MAX_SAFE_INTEGER,
      ]);
      this.#self.jobs.set(planOf(options, { interval }));
    });
  }

  async get(name: string): Promise<CronJobInfo | undefined> {
    const job = this.#self.jobs.get(name);
    return job && infoOf(job);
  }

  async list(): Promise<CronJobInfo[]> {
    return this.#self.jobs.all.map(infoOf)
      .sort((a, b) => a.name < b.name ? -1 : 1);
  }

  async delete(name: string): Promise<boolean> {
    return this.#self.jobs.delete(name);
  }

  async history(
    name: string,
    options: { limit?: number } = {},
  ): Promise<CronFire[]> {
    const { limit = maxHistory } = options;
    checkWhole(limit, "limit", [0, Number.MAX_SAFE_INTEGER]);
    return await this.#self.jobs.runs(name, Math.min(limit, maxHistory));
  }
}

function tell<V>(self: Self, work: () => V): Promise<V> {
  return observed(
    work,
    (error) => self.log.failure(error, { msg: "refused to schedule a call" }),
  );
}

// The calls of jobs are not for `c.schedule`.
function eventOf(alarm: ActorAlarm): ScheduledEventInfo | undefined {
  const { action, args, job } = callIn(alarm);
  return job === undefined
    ? { id: alarm.id, action, args, runAt: alarm.dueMs }
    : undefined;
}

function infoOf({ alarm, call }: Job): CronJobInfo {
  const { action, args, job } = call;
  const { name, expression, timezone, interval, lastRunAt, maxHistory } = job;
  return {
    name,
    action,
    args,
    nextRunAt: alarm.dueMs,
    maxHistory,
    ...lastRunAt === undefined ? {} : { lastRunAt },
    ...interval === undefined
      // A job without an interval has both.
      ? { kind: "cron", expression: expression!, timezone: timezone! }
      : { kind: "every", interval },
  };
}

function planOf(options: CronJobOptions, cadence: JobPlan["cadence"]): JobPlan {
  const { name, action, args = [], maxHistory: most = defaultHistory } =
    options;
  checkText(name, "name");
  if (name.length === 0 || name.length > longestName) {
    throw new RangeError(
      `Cannot set a job: its name has ${name.length} characters, not 1 to ${longestName}`,
    );
  }
  checkText(action, "action");
  if (!Array.isArray(args)) {
    throw new TypeError("Cannot set a job: args is not an array");
  }
  checkWhole(most, "maxHistory", [0, maxHistory]);
  return { name, action, args, maxHistory: most, cadence };
}

function checkText(value: unknown, what: string): void {
  if (typeof value === "string") return;
  throw new TypeError(`Cannot set a job: ${what} is not a string`);
}

function checkWhole(
  value: unknown,
  what: string,
  [least, most]: [number, number],
): void {
  if (typeof value !== "number") {
    throw new TypeError(`${what} is not a number`);
  }
  if (Number.isInteger(value) && value >= least && value <= most) return;
  const range = most === Number.MAX_SAFE_INTEGER
    ? `of at least ${least}`
    : `from ${least} to ${most}`;
  throw new RangeError(`${what} is ${value}, not a whole number ${range}`);
}

function checkAction(action: unknown): void {
  if (typeof action === "string") return;
  throw new TypeError("Cannot schedule: the action is not named by a string");
}

function checkTime(value: unknown, what: string): void {
  if (typeof value === "number" && Number.isFinite(value)) return;
  throw new TypeError(`Cannot schedule: the ${what} is ${value}`);
}
