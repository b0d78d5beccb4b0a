/** One future call. */
export interface ScheduledCall {
  /** Names it among the future calls of its actor. */
  id: string;
  /** The action to call; one that is nested is written with dots. */
  action: string;
  /** Its arguments. */
  args: unknown[];
  /** When, in milliseconds since the epoch. */
  runAt: number;
}

/** Calls of this actor's own actions in the future. They survive restarts and run once in effect. */
export interface Schedule {
  /**
   * Calls an action after `delayMs` milliseconds. Resolves to the id of the call when it is recorded;
   * it becomes durable with the step it is part of.
   *
   * @throws {TypeError} when the delay is not a finite number, or an argument cannot be saved.
   * @throws {ActorError} `schedule/too_many` when there are `options.maxSchedules` already.
   */
  after(delayMs: number, action: string, ...args: unknown[]): Promise<string>;
  /**
   * Calls an action at `dueMs`, in milliseconds since the epoch; at once when that has passed.
   * Resolves to the id of the call, and throws as `after` does.
   */
  at(dueMs: number, action: string, ...args: unknown[]): Promise<string>;
  /** A future call; `undefined` when there is none of this id, or it has begun. */
  get(id: string): Promise<ScheduledCall | undefined>;
  /** All future calls in the order of their time, but those of `c.cron`. */
  list(): Promise<ScheduledCall[]>;
  /** Cancels a future call. Resolves to whether it was still to come. */
  cancel(id: string): Promise<boolean>;
}

/** What `c.cron.set()` takes. */
export interface CronOptions {
  /** Names the job; a job of the same name is replaced. */
  name: string;
  /** Five fields: minute, hour, day of the month, month, day of the week. */
  expression: string;
  /** The action to call. */
  action: string;
  /** Its arguments. Default none. */
  args?: unknown[];
  /** The IANA time zone that the expression is read in. Default `"UTC"`. */
  timezone?: string;
  /** How many runs are remembered: at most 1,000, 0 for none. Default 100. */
  maxHistory?: number;
}

/** What `c.cron.every()` takes. */
export interface EveryOptions {
  /** Names the job; a job of the same name is replaced. */
  name: string;
  /** Milliseconds from one run to the next, at least 5,000. */
  interval: number;
  /** The action to call. */
  action: string;
  /** Its arguments. Default none. */
  args?: unknown[];
  /** How many runs are remembered: at most 1,000, 0 for none. Default 100. */
  maxHistory?: number;
}

/** One job that runs again and again. */
export interface CronJob {
  /** Its name. */
  name: string;
  /** The action it calls. */
  action: string;
  /** The arguments. */
  args: unknown[];
  /** Its expression; absent for a job of a fixed interval. */
  expression?: string;
  /** The time zone of the expression. */
  timezone?: string;
  /** Milliseconds from one run to the next; absent for a job with an expression. */
  interval?: number;
  /** When it runs next, in milliseconds since the epoch. */
  nextRunAt: number;
  /** How many runs are remembered. */
  maxHistory: number;
}

/** One run of a job. */
export interface CronRun {
  /** When it was due, in milliseconds since the epoch. */
  scheduledAt: number;
  /** When it began; absent for one that was skipped. */
  startedAt?: number;
  /** When it ended; absent while it runs, and for one that a crash has cut short. */
  finishedAt?: number;
  /** `"skipped"`: the run before it was still going. */
  status: "running" | "ok" | "error" | "skipped";
  /** What the action threw. */
  error?: string;
}

/** Calls of this actor's own actions again and again, by name. */
export interface Cron {
  /**
   * Calls an action whenever the expression says so.
   *
   * @throws {TypeError} when the expression, the time zone or an argument is not valid.
   */
  set(options: CronOptions): Promise<void>;
  /**
   * Calls an action at a fixed interval, counted from now and without drift.
   *
   * @throws {RangeError} when the interval is under 5,000 milliseconds.
   */
  every(options: EveryOptions): Promise<void>;
  /** The job of this name. */
  get(name: string): Promise<CronJob | undefined>;
  /** All jobs in the order of their names. */
  list(): Promise<CronJob[]>;
  /** Ends a job and forgets its runs. Resolves to whether there was one. */
  delete(name: string): Promise<boolean>;
  /** The runs of a job, the newest first. Default limit 20. */
  history(name: string, options?: { limit?: number }): Promise<CronRun[]>;
}
