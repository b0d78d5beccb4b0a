// The jobs of one actor: actions that are called again and again.
//
// What a caller can rely on:
// - Of each job the schedule has one call, the next. A run puts the one after it there, and itself into
//   the history, in the step that it is part of.
// - No two runs of a job are under way at once: what comes due meanwhile is remembered as skipped.
// - However late a run is, the next is in the future: what came due in between is not made up for.

import { actorError, toWireError } from "../errors.ts";
import type { ActorAlarm } from "../stores/store.ts";
import type { Clock } from "../clock.ts";
import { parseCron } from "./cron_expression.ts";
import { nextTime } from "./cron_times.ts";
import type { CallRecord, JobRecord, RunRecord } from "./record.ts";
import type { RunHistory } from "./run_history.ts";
import { callIn, type Schedule } from "./schedule.ts";
import { timeZoneOf } from "./time_zone.ts";

// How many runs are remembered of all jobs of an actor.
const maxRuns = 10_000;

const longestMessage = 1000;
const longestCode = 100;

/** What the jobs of an actor need. */
export interface JobsOptions {
  schedule: Schedule;
  history: RunHistory;
  clock: Clock;
  /** Whether the definition has an action of this name. */
  hasAction: (name: string) => boolean;
}

/** When a job is called: by an expression and a time zone, or at an interval in milliseconds. */
export type Cadence =
  | { expression: string; timezone: string }
  | { interval: number };

/** A job to be. */
export interface JobPlan {
  name: string;
  action: string;
  args: unknown[];
  maxHistory: number;
  cadence: Cadence;
}

/** A job and its next call. */
export interface Job {
  alarm: ActorAlarm;
  call: JobCall;
}

/** A call of a job. */
export type JobCall = CallRecord & { job: JobRecord };

/** One run of a job, from its begin to its end. */
export interface JobRun {
  /** What the action is called with. */
  args: unknown[];
  /** It goes on when the step it began with is written. */
  goOn: () => void;
  /** It has ended, or thrown this. */
  end: (failure?: { error: unknown }) => void;
}

/** The jobs of one actor. */
export class Jobs {
  readonly #options: JobsOptions;
  // The ids of their calls by name, once somebody has asked. The call of an id may be gone.
  #ids: Map<string, string> | undefined;
  // The number of the run that each job is at.
  readonly #running = new Map<string, number>();

  constructor(options: JobsOptions) {
    this.#options = options;
  }

  /** All jobs, in no order. */
  get all(): Job[] {
    return [...this.#known.keys()].flatMap((name) => this.get(name) ?? []);
  }

  /** The job of this name. */
  get(name: string): Job | undefined {
    const alarm = this.#options.schedule.get(this.#known.get(name) ?? "");
    if (alarm === undefined) return undefined;
    const call = callIn(alarm);
    return isJobCall(call) ? { alarm, call } : undefined;
  }

  /**
   * Makes a job, or changes the one of its name. With the same cadence it keeps its next time.
   *
   * @throws when there can be no such job; the message says why.
   */
  set(plan: JobPlan): void {
    const { schedule, history, clock, hasAction } = this.#options;
    const { name, action, args, maxHistory, cadence } = plan;
    if (!hasAction(action)) {
      throw actorError(
        "action/not_found",
        `Cannot set job "${name}": there is no action "${action}"`,
      );
    }
    const before = this.get(name);
    const isSame = before !== undefined && isCadence(before.call.job, cadence);
    // Also where it is not needed: what is wrong with it must be told.
    const next = nextRun(cadence, clock.now(), clock.now());
    const job: JobRecord = {
      firstRun: 0,
      nextRun: 0,
      ...before && pastOf(before.call.job),
      name,
      maxHistory,
      ...cadence,
    };
    const call: JobCall = { action, args, job };
    if (before === undefined) {
      this.#known.set(name, schedule.add(next, call));
    } else {
      const { alarm } = before;
      const forgotten = this.#cut(job);
      schedule.replace(alarm, isSame ? alarm.dueMs : next, call);
      history.delete(alarm.id, forgotten);
    }
  }

  /** Ends a job and forgets its runs; whether there was one. */
  delete(name: string): boolean {
    const job = this.get(name);
    if (job === undefined) return false;
    this.#options.schedule.delete(job.alarm.id);
    this.#end(job.alarm.id, job.call.job);
    return true;
  }

  /** The last runs of a job, the newest first. */
  async runs(name: string, limit: number): Promise<RunRecord[]> {
    const job = this.get(name);
    if (job === undefined || limit === 0) return [];
    const { id } = job.alarm;
    const runs = await this.#options.history.list(id, limit);
    return runs.map(([number, run]) =>
      run.result === "running" && this.#running.get(id) !== number
        ? interrupted(run)
        : run
    );
  }

  /**
   * Begins the run of a job whose call has left the schedule, and puts the next one there. Nothing is
   * to be run when the one before is still going.
   *
   * @throws when the job cannot go on; then it is deleted.
   */
  begin({ id, dueMs }: ActorAlarm, call: JobCall): JobRun | undefined {
    const { schedule, history, clock } = this.#options;
    const firedAt = clock.now();
    const { action, args } = call;
    const isSkipped = this.#running.has(id);
    const job = { ...call.job };
    const next = this.#nextOf(id, call, { dueMs, firedAt });
    const number = job.nextRun;
    if (job.maxHistory > 0) job.nextRun++;
    if (!isSkipped) job.lastRunAt = firedAt;
    this.#known.set(job.name, id);
    history.delete(id, this.#cut(job));
    schedule.put({ dueMs: next, id }, { action, args, job });
    const run = { action, scheduledAt: dueMs, firedAt };
    if (isSkipped) {
      this.#remember(id, number, { ...run, result: "skipped" });
      return undefined;
    }
    this.#running.set(id, number);
    const kind = job.interval === undefined ? "cron" : "every";
    const fire = { kind, id, name: job.name, scheduledAt: dueMs, firedAt };
    return {
      args: [...args, fire],
      goOn: () => this.#remember(id, number, { ...run, result: "running" }),
      end: (failure) => {
        this.#running.delete(id);
        this.#remember(id, number, {
          ...run,
          finishedAt: clock.now(),
          ...failure === undefined
            ? { result: "ok" }
            : { result: "error", error: shown(failure.error) },
        });
      },
    };
  }

  get #known(): Map<string, string> {
    if (this.#ids !== undefined) return this.#ids;
    this.#ids = new Map();
    for (const alarm of this.#options.schedule.all) {
      const { job } = callIn(alarm);
      if (job !== undefined) this.#ids.set(job.name, alarm.id);
    }
    return this.#ids;
  }

  #nextOf(
    id: string,
    { action, job }: JobCall,
    { dueMs, firedAt }: { dueMs: number; firedAt: number },
  ): number {
    try {
      if (!this.#options.hasAction(action)) {
        throw new Error(`there is no action "${action}" any more`);
      }
      return nextRun(cadenceOf(job), dueMs, firedAt);
    } catch (cause) {
      this.#end(id, job);
      const { message } = cause as Error;
      throw new Error(`Job "${job.name}" is deleted: ${message}`, { cause });
    }
  }

  #end(id: string, { name, firstRun, nextRun }: JobRecord): void {
    this.#known.delete(name);
    this.#options.history.delete(id, { from: firstRun, to: nextRun });
  }

  #remember(id: string, number: number, run: RunRecord): void {
    const alarm = this.#options.schedule.get(id);
    // The job may be gone by now, or have forgotten this run.
    const job = alarm && callIn(alarm).job;
    if (job === undefined) return;
    if (number < job.firstRun || number >= job.nextRun) return;
    this.#options.history.set(id, number, run);
  }

  // Leaves a job the runs that it may remember; the others are to be forgotten.
  #cut(job: JobRecord): { from: number; to: number } {
    const share = Math.floor(maxRuns / this.#known.size);
    const from = job.firstRun;
    const most = Math.min(job.maxHistory, share);
    job.firstRun = Math.max(from, job.nextRun - most);
    return { from, to: job.firstRun };
  }
}

/** Whether a call is one of a job. */
export function isJobCall(call: CallRecord): call is JobCall {
  return call.job !== undefined;
}

function nextRun(cadence: Cadence, dueMs: number, now: number): number {
  // A clock that was put back must not bring the same time again.
  const last = Math.max(dueMs, now);
  if ("interval" in cadence) {
    const { interval } = cadence;
    return dueMs + interval * (Math.floor((last - dueMs) / interval) + 1);
  }
  const { expression, timezone } = cadence;
  const next = nextTime(parseCron(expression), timeZoneOf(timezone), last);
  if (next !== undefined) return next;
  throw new RangeError(
    `The cron expression "${expression}" does not come true in fifty years`,
  );
}

function cadenceOf({ expression, timezone, interval }: JobRecord): Cadence {
  return interval !== undefined
    ? { interval }
    // A record without an interval has both; that was checked when it was read.
    : { expression: expression!, timezone: timezone! };
}

function isCadence(job: JobRecord, cadence: Cadence): boolean {
  return "interval" in cadence
    ? job.interval === cadence.interval
    : job.expression === cadence.expression &&
      job.timezone === cadence.timezone;
}

// What a job keeps when it is changed.
function pastOf(
  { firstRun, nextRun, lastRunAt }: JobRecord,
): Pick<JobRecord, "firstRun" | "nextRun" | "lastRunAt"> {
  return lastRunAt === undefined
    ? { firstRun, nextRun }
    : { firstRun, nextRun, lastRunAt };
}

function interrupted(run: RunRecord): RunRecord {
  const error = actorError(
    "schedule/interrupted",
    "The run was cut short by the end of its process",
  );
  return { ...run, result: "error", error: shown(error) };
}

function shown(error: unknown): NonNullable<RunRecord["error"]> {
  const { group, code, message } = toWireError(error, { exposesErrors: true });
  return {
    group: group.slice(0, longestCode),
    code: code.slice(0, longestCode),
    message: message.slice(0, longestMessage),
  };
}
