// The alarms of all actors: one timer, for the next of them.
//
// What a caller can rely on:
// - Alarms are delivered in the order of their time, those of one actor one after the other.
// - An alarm is delivered again, with growing pauses, until it is gone from the store. Who delivers
//   it removes it there, in the same commit as its effects.
// - Memory does not grow with the number of alarms: at most `maxRunning` are looked at at once.

import type { Logger } from "../log.ts";
import type { Alarm, Store } from "../stores/store.ts";
import type { Clock, Timer } from "./clock.ts";

const maxRunning = 1000;
const pageSize = 256;
const firstRetryMs = 1000;
const lastRetryMs = 60_000;

/** What the alarms of a process need. */
export interface AlarmsOptions {
  store: Store;
  clock: Clock;
  log: Logger;
  /** Wakes the actor and makes the call. Resolves when its effects and its removal are durable. */
  deliver: (alarm: Alarm) => Promise<void>;
}

/** Delivers alarms when they are due. */
export class Alarms {
  readonly #options: AlarmsOptions;
  // Those being delivered, and those that wait to be delivered again.
  readonly #running = new Set<string>();
  // Those that ended while a page was read, which may still show them.
  readonly #ended = new Set<string>();
  // The last delivery of each actor that has one under way.
  readonly #last = new Map<string, Promise<void>>();
  #timer: Timer | undefined;
  #nextMs = Infinity;
  #isLooking = false;
  #mustLookAgain = false;
  #isClosed = false;
  readonly #closing = Promise.withResolvers<void>();

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

  /** Delivers nothing more; resolves when what is under way has ended. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#closing.resolve();
    this.#timer?.cancel();
    await Promise.allSettled(this.#last.values());
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
    const { store, clock } = this.#options;
    let after: Alarm | undefined;
    while (this.#running.size < maxRunning) {
      this.#ended.clear();
      const page = await store.alarms({ limit: pageSize, after });
      if (this.#isClosed) return;
      for (const alarm of page) {
        if (alarm.dueMs > clock.now()) return this.notice(alarm.dueMs);
        if (this.#running.size < maxRunning) this.#begin(alarm);
      }
      if (page.length < pageSize) return;
      after = page.at(-1);
    }
    // The end of a delivery looks again for those that were left.
  }

  #begin(alarm: Alarm): void {
    const id = `${alarm.actorId}/${alarm.id}`;
    if (this.#running.has(id) || this.#ended.has(id)) return;
    this.#running.add(id);
    const before = this.#last.get(alarm.actorId);
    const delivery = this.#deliver(alarm, before).finally(() => {
      if (this.#last.get(alarm.actorId) === delivery) {
        this.#last.delete(alarm.actorId);
      }
      const wasFull = this.#running.size >= maxRunning;
      this.#running.delete(id);
      if (this.#isLooking) this.#ended.add(id);
      if (wasFull) this.#look();
    });
    this.#last.set(alarm.actorId, delivery);
  }

  async #deliver(
    alarm: Alarm,
    before: Promise<void> | undefined,
  ): Promise<void> {
    await before;
    const { deliver, log, clock } = this.#options;
    for (let retryMs = firstRetryMs; !this.#isClosed;) {
      try {
        return await deliver(alarm);
      } catch (error) {
        if (this.#isClosed) return;
        const { actorId } = alarm;
        log.error({ msg: "cannot deliver an alarm", actorId, retryMs, error });
      }
      const pause = Promise.withResolvers<void>();
      const timer = clock.after(retryMs, pause.resolve);
      await Promise.race([pause.promise, this.#closing.promise]);
      timer.cancel();
      retryMs = Math.min(retryMs * 2, lastRetryMs);
    }
  }
}
