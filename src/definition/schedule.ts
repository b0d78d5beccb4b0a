/** One future call. */
export interface ScheduledEventInfo {
  /** Names it among the future calls of its actor. */
  id: string;
  /** The action to call; one that is nested is written with dots. */
  action: string;
  /** Its arguments. */
  args: unknown[];
  /** When, in milliseconds since the epoch. */
  runAt: number;
}

/**
 * Calls of this actor's own actions in the future. They survive restarts and run once in effect.
 *
 * The action is called with the arguments given here and nothing else; `c.conn` is `undefined`, and
 * no timeout applies. What it throws is logged; it is not called again. Calls begin in the order of
 * their time, each when the one before it has ended, or has taken longer than a second.
 *
 * Everything here is part of the running step: saved with the state or not at all, whether or not
 * the caller waits for the promise.
 */
export interface Schedule {
  /**
   * Calls an action after `delayMs` milliseconds. Resolves to the id of the call when it is recorded;
   * it becomes durable with the step it is part of.
   *
   * @throws {TypeError} when the delay is not a finite number.
   * @throws {ActorError} `state/invalid_type` when an argument cannot be saved.
   * @throws {ActorError} `schedule/too_many` when the actor has `options.maxSchedules` future calls,
   * jobs included.
   */
  after(delayMs: number, action: string, ...args: unknown[]): Promise<string>;
  /**
   * Calls an action at `dueMs`, in milliseconds since the epoch; at once when that has passed.
   * Resolves to the id of the call, and throws as `after` does.
   */
  at(dueMs: number, action: string, ...args: unknown[]): Promise<string>;
  /** A future call; `undefined` when there is none of this id, or it has begun. */
  get(id: string): Promise<ScheduledEventInfo | undefined>;
  /** All future calls in the order of their time, but those of `c.cron`. */
  list(): Promise<ScheduledEventInfo[]>;
  /** Cancels a future call. Resolves to whether it was still to come. */
  cancel(id: string): Promise<boolean>;
}

/** What both kinds of jobs take. */
export interface CronJobOptions {
  /** Names the job, in 1 to 256 characters; a job of the same name is replaced. */
  name: string;
  /** The action to call; one that is nested is written with dots. */
  action: string;
  /** Its arguments. Default none. */
  args?: unknown[];
  /** How many runs are remembered: at most 1,000, 0 for none. Default 100. */
  maxHistory?: number;
}

/** What `c.cron.set()` takes. */
export interface ActorCronSetOptions extends CronJobOptions {
  /**
   * Five fields, minute, hour, day of the month, month and day of the week: `"30 9 * * MON-FRI"` is
   * half past nine on every working day. Or one of `@yearly`, `@monthly`, `@weekly`, `@daily` and
   * `@hourly`. If neither day begins with `*`, one of them is enough.
   */
  expression: string;
  /** The IANA time zone that the expression is read in. Default `"UTC"`. */
  timezone?: string;
}

/** What `c.cron.every()` takes. */
export interface ActorCronEveryOptions extends CronJobOptions {
  /** Whole milliseconds from one run to the next, at least 5,000. */
  interval: number;
}

/** One job that runs again and again. */
export type CronJobInfo =
  & {
    /** Its name. */
    name: string;
    /** The action it calls. */
    action: string;
    /** The arguments. */
    args: unknown[];
    /** When it runs next, in milliseconds since the epoch. */
    nextRunAt: number;
    /** When its last run began; absent before the first. */
    lastRunAt?: number;
    /** How many runs are remembered. */
    maxHistory: number;
  }
  & (
    | { kind: "cron"; expression: string; timezone: string }
    | { kind: "every"; interval: number }
  );

/** One run of a job. All times are in milliseconds since the epoch. */
export interface CronFire {
  /** The action that was called. */
  action: string;
  /** When it was due. */
  scheduledAt: number;
  /** When it began, or was skipped. */
  firedAt: number;
  /** When it ended; absent while it runs, and for one that was skipped or cut short. */
  finishedAt?: number;
  /** `"skipped"`: the run before it was still going. */
  result: "running" | "ok" | "error" | "skipped";
  /** What the action threw; `schedule/interrupted` when the end of its process has cut it short. */
  error?: CronFireError;
}

/** What the action of a job threw. */
export interface CronFireError {
  /** The family of the error; `"internal"` for what is not an `ActorError`. */
  group: string;
  /** The error within its family. */
  code: string;
  /** Its text, cut to 1,000 characters. */
  message: string;
}

/** What the action of a job is told after its arguments. All times are in ms since the epoch. */
export interface ScheduledFireInfo {
  /**
   * Whether the job was made by `c.cron.set()` or by `c.cron.every()`. It is never `"at"`, which is for
   * calls of `c.schedule` in RivetKit: here their actions are told nothing but their arguments.
   */
  kind: "at" | "cron" | "every";
  /** The same for all runs of a job, as long as there is one of its name. */
  id: string;
  /** The name of the job. */
  name: string;
  /** When it was due. */
  scheduledAt: number;
  /** When it began. */
  firedAt: number;
}

/**
 * Jobs: calls of this actor's own actions again and again, by name. They survive restarts.
 *
 * A job's action is called with its arguments and a {@linkcode ScheduledFireInfo} after them. A run,
 * its place in the history and the time of the next one are one step. While a run is still going, the
 * next is skipped. What came due while no process was there is made up for by one run. What an action
 * throws is logged and remembered; it is not called again before the next time. A job whose action
 * the definition has no more is deleted when it is due.
 *
 * Where clocks are put forward, an expression that names hours and minutes comes true right after the
 * gap; where they are put back, the first time only. One with `*` at the start of its minute or hour
 * follows the clocks as they are.
 */
export interface Cron {
  /**
   * Calls an action whenever an expression comes true.
   *
   * A job of the same name is replaced, and keeps its history; with the same expression and time zone
   * it also keeps its next time.
   *
   * @throws {TypeError} when an option has the wrong type, or the expression cannot be read.
   * @throws {RangeError} when there is no such time zone, the expression never comes true, or a
   * number is out of its range.
   * @throws {ActorError} `action/not_found`, `schedule/too_many` as for `c.schedule`, or
   * `state/invalid_type` when an argument cannot be saved.
   */
  set(options: ActorCronSetOptions): Promise<void>;
  /**
   * Calls an action at a fixed interval, counted from now and without drift. With the same interval, a
   * job of the same name keeps its next time. Throws as `set` does.
   */
  every(options: ActorCronEveryOptions): Promise<void>;
  /** The job of this name. */
  get(name: string): Promise<CronJobInfo | undefined>;
  /** All jobs in the order of their names. */
  list(): Promise<CronJobInfo[]>;
  /** Ends a job and forgets its runs; one that is going goes on. Resolves to whether there was one. */
  delete(name: string): Promise<boolean>;
  /**
   * The runs of a job, the newest first; at most `limit`, default all that are remembered. An actor
   * remembers 10,000 runs: with n jobs, at most 10,000 / n of each.
   */
  history(name: string, options?: { limit?: number }): Promise<CronFire[]>;
}
