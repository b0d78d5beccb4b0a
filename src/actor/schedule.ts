// The future calls of one actor, in memory while it is awake: those of `c.schedule`, and of each job of
// `c.cron` the next one.
//
// What a caller can rely on: a call that is added, cancelled or taken is so at once for everybody who
// asks here, and durable with the step it is part of. There are never more than `maxCalls`.

import { actorError } from "../errors.ts";
import type { ActorAlarm, AlarmKey } from "../stores/store.ts";
import type { Clock } from "../clock.ts";
import { isOwnAlarm } from "./own_alarms.ts";
import { type CallRecord, decodeCall, encodeRecord } from "./record.ts";
import type { Steps } from "./steps.ts";
import { unwrapDeep } from "./tracking.ts";

/** What a schedule needs. */
export interface ScheduleOptions {
  steps: Steps;
  clock: Clock;
  maxCalls: number;
}

/** The future calls of one actor. */
export class Schedule {
  readonly #options: ScheduleOptions;
  readonly #calls = new Map<string, ActorAlarm>();

  constructor(options: ScheduleOptions) {
    this.#options = options;
  }

  /** Takes in what is durable. */
  adopt(alarms: readonly ActorAlarm[]): void {
    for (const alarm of alarms) {
      if (!isOwnAlarm(alarm)) this.#calls.set(alarm.id, alarm);
    }
  }

  /** All calls, in no order. */
  get all(): Iterable<ActorAlarm> {
    return this.#calls.values();
  }

  /** The call of this id. */
  get(id: string): ActorAlarm | undefined {
    return this.#calls.get(id);
  }

  /** The call that an alarm is for; `undefined` when it is not to be made any more. */
  callOf({ dueMs, id }: AlarmKey): ActorAlarm | undefined {
    const call = this.#calls.get(id);
    return call?.dueMs === dueMs ? call : undefined;
  }

  /**
   * Adds a call, and returns its id. The time is rounded up to whole milliseconds.
   *
   * @throws {ActorError} `schedule/too_many` when there are `maxCalls` already.
   */
  add(dueMs: number, call: CallRecord): string {
    const { clock, maxCalls } = this.#options;
    const bytes = encode(call);
    if (this.#calls.size >= maxCalls) {
      throw actorError(
        "schedule/too_many",
        `Cannot schedule: the actor has ${this.#calls.size} future calls, and may have ${maxCalls}`,
      );
    }
    const id = nextAlarmId(clock.now());
    this.#set({ dueMs: wholeTime(dueMs), id, call: bytes });
    return id;
  }

  /** Puts a call in the place of one that there was, whose id it takes over. */
  put({ dueMs, id }: AlarmKey, call: CallRecord): void {
    this.#set({ dueMs: wholeTime(dueMs), id, call: encode(call) });
  }

  /** Changes a call, and its time, unless it is as it should be. */
  replace(before: ActorAlarm, dueMs: number, call: CallRecord): void {
    const alarm = {
      dueMs: wholeTime(dueMs),
      id: before.id,
      call: encode(call),
    };
    const isMoved = alarm.dueMs !== before.dueMs;
    if (!isMoved && isSame(before.call, alarm.call)) return;
    if (isMoved) this.#options.steps.deleteAlarm(before);
    this.#set(alarm);
  }

  /** Removes a call; whether it was still to come. */
  delete(id: string): boolean {
    const call = this.#calls.get(id);
    if (call === undefined) return false;
    this.#calls.delete(id);
    this.#options.steps.deleteAlarm(call);
    return true;
  }

  /** Removes all calls. */
  clear(): void {
    for (const id of [...this.#calls.keys()]) this.delete(id);
  }

  #set(alarm: ActorAlarm): void {
    this.#calls.set(alarm.id, alarm);
    this.#options.steps.addAlarm(alarm);
  }
}

/** What to call, as it was when it was scheduled. */
export function callIn({ call }: ActorAlarm): CallRecord {
  return decodeCall(call);
}

function encode(call: CallRecord): Uint8Array {
  const args = unwrapDeep(call.args) as unknown[];
  return encodeRecord({ ...call, args }, "the scheduled call");
}

function wholeTime(ms: number): number {
  // Time 0 is for alarms of our own.
  return Math.min(Math.max(Math.ceil(ms), 1), Number.MAX_SAFE_INTEGER);
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}

let alarmCount = 0;

// In the order of creation, and never used twice, also by a later process.
function nextAlarmId(now: number): string {
  alarmCount = (alarmCount + 1) % 36 ** 6;
  return `${now.toString(36).padStart(9, "0")}${
    alarmCount.toString(36).padStart(6, "0")
  }`;
}
