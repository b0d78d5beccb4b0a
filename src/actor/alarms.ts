// The alarms of all actors: one timer, for the next of them.
//
// What a caller can rely on:
// - Alarms are delivered in the order of their time, those of one actor one after the other: when
//   `deliver` of the one before has resolved.
// - An alarm is delivered again, with growing pauses, until it is gone from the store. Who delivers
//   it removes it there, in the same commit as its effects.
// - An actor whose alarms cannot be delivered does not hold up those of others.
// - Memory does not grow with the number of alarms: at most `maxRunning` are looked at at once.

import { isErrorKind } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { Alarm } from "../stores/store.ts";
import type { Clock, Timer } from "../clock.ts";

const maxRunning = 1000;
// Of one actor, so that it leaves room for others while it takes its time.
const maxRunningPerActor = 256;
// How many actors may be known to fail. Beyond that the first of them is tried again too early.
const maxPaused = 10_000;
const pageSize = 256;
// Behind the alarms of time 0, which say something of their actor and call nothing.
const first: Alarm = {
  dueMs: 0,
  id: "\x7f",
  actorId: "",
  call: new Uint8Array(),
};
const firstRetryMs = 1000;
const lastRetryMs = 60_000;

/** What the alarms of a process need. */
export interface AlarmsOptions {
  /** The alarms of all actors in the order of their time, those after one of them. */
  read: (page: { limit: number; after?: Alarm }) => Promise<Alarm[]>;
  clock: Clock;
  log: Logger;
  /** Wakes the actor and makes the call. Resolves when its removal is durable. */
  deliver: (alarm: Alarm) => Promise<void>;
}

/** The deliveries of one actor, of which each waits for the one before it. */
interface Queue {
  count: number;
  last: Promise<void>;
}

/** Until when the alarms of an actor wait, because one could not be delivered. */
interface Pause {
  untilMs: number;
  retryMs: number;
}

/** Delivers alarms when they are due. */
export class Alarms {
  readonly #options: AlarmsOptions;
  // Those being delivered, and those that wait for one of the same actor.
  readonly #running = new Set<string>();
  // Those that ended while a page was read, which may still show them.
  readonly #ended = new Set<string>();
  readonly #queues = new Map<string, Queue>();
  readonly #paused = new Map<string, Pause>();
  // Whether alarms were left because their actor has enough of them under way.
  #hasLeft = false;
  #timer: Timer | undefined;
  #nextMs = Infinity;
  #isLooking = false;
  #mustLookAgain = false;
  #isClosed = false;

  constructor(options: AlarmsOptions) {
    this.#options = options;
  }

  /** Delivers what is due, and waits for the rest. */
  start(): void {
    this.#look();
  }

  /** Tells that there is a new alarm in the store. */
  notice(dueMs: number): void {
    if (dueMs < this.#nextMs) this.#arm(dueMs);
  }

  /** Delivers nothing more. What is under way ends with the instance that is at it. */
  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
  }

  #arm(dueMs: number): void {
    if (this.#isClosed) return;
    const { clock } = this.#options;
    this.#timer?.cancel();
    this.#nextMs = dueMs;
    this.#timer = clock.after(dueMs - clock.now(), () => {
      this.#nextMs = Infinity;
      this.#look();
    });
  }

  async #look(): Promise<void> {
    this.#mustLookAgain = true;
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      while (this.#mustLookAgain && !this.#isClosed) {
        this.#mustLookAgain = false;
        await this.#lookOnce();
      }
    } catch (error) {
      this.#options.log.error({ msg: "cannot read the alarms", error });
      this.#arm(this.#options.clock.now() + firstRetryMs);
    } finally {
      this.#isLooking = false;
    }
  }

  async #lookOnce(): Promise<void> {
    const { read, clock } = this.#options;
    this.#hasLeft = false;
    let after = first;
    while (this.#running.size < maxRunning) {
      this.#ended.clear();
      const page = await read({ limit: pageSize, after });
      if (this.#isClosed) return;
      for (const alarm of page) {
        if (alarm.dueMs > clock.now()) return this.notice(alarm.dueMs);
        if (this.#running.size < maxRunning) this.#begin(alarm);
      }
      if (page.length < pageSize) return;
      after = page.at(-1)!;
    }
    // The end of a delivery looks again for those that were left.
  }

  #begin(alarm: Alarm): void {
    const { actorId } = alarm;
    const id = `${actorId}/${alarm.id}`;
    if (this.#running.has(id) || this.#ended.has(id)) return;
    const pause = this.#pauseOf(actorId);
    if (pause !== undefined) return this.notice(pause.untilMs);
    const queue = this.#queues.get(actorId) ??
      { count: 0, last: Promise.resolve() };
    if (queue.count >= maxRunningPerActor) {
      this.#hasLeft = true;
      return;
    }
    this.#running.add(id);
    this.#queues.set(actorId, queue);
    queue.count++;
    queue.last = this.#deliver(alarm, queue.last).finally(() => {
      if (--queue.count === 0) this.#queues.delete(actorId);
      const wasFull = this.#running.size >= maxRunning;
      this.#running.delete(id);
      if (this.#isLooking) this.#ended.add(id);
      if (wasFull || queue.count === 0 && this.#hasLeft) this.#look();
    });
  }

  async #deliver(alarm: Alarm, before: Promise<void>): Promise<void> {
    await before;
    const { actorId } = alarm;
    if (this.#isClosed || this.#pauseOf(actorId) !== undefined) return;
    try {
      await this.#options.deliver(alarm);
      this.#paused.delete(actorId);
    } catch (error) {
      if (this.#isClosed) return;
      const retryMs = this.#pause(actorId);
      const { log } = this.#options;
      const entry = { msg: "cannot deliver an alarm", actorId, retryMs, error };
      // Another program of this folder has the definition, and will deliver it.
      if (isErrorKind(error, "actor/not_registered")) log.debug(entry);
      else log.error(entry);
    }
  }

  #pauseOf(actorId: string): Pause | undefined {
    const pause = this.#paused.get(actorId);
    if (pause === undefined) return undefined;
    const leftMs = pause.untilMs - this.#options.clock.now();
    // A clock that was put back must not make it longer.
    return leftMs > 0 && leftMs <= pause.retryMs ? pause : undefined;
  }

  #pause(actorId: string): number {
    const before = this.#paused.get(actorId);
    const retryMs = before === undefined
      ? firstRetryMs
      : Math.min(before.retryMs * 2, lastRetryMs);
    const untilMs = this.#options.clock.now() + retryMs;
    this.#paused.delete(actorId);
    this.#paused.set(actorId, { untilMs, retryMs });
    if (this.#paused.size > maxPaused) {
      const [first] = this.#paused.keys();
      this.#paused.delete(first!);
    }
    this.notice(untilMs);
    return retryMs;
  }
}
