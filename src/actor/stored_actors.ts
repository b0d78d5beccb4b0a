// What the store has of the actors of this process. Every read has a time limit, and what goes wrong
// with it is told as `store/unavailable`.

import { ActorError, actorError } from "../errors.ts";
import type { Logger } from "../log.ts";
import { formatKey, parseKey } from "../protocol/key.ts";
import type {
  ActorRow,
  Alarm,
  KvPage,
  Store,
  StoredActor,
} from "../stores/store.ts";
import type { Clock } from "../clock.ts";
import { Deadlines } from "../deadlines.ts";
import { decodeActor } from "./record.ts";

/** One actor as a listing shows it. */
export interface ActorListing {
  actorId: string;
  name: string;
  key: string[];
  createdAt: number;
}

/** What it needs. */
export interface StoredActorsOptions {
  store: Store;
  clock: Clock;
  log: Logger;
  /** The longest that the store may take for an answer. */
  storeTimeoutMs: number;
}

/** The actors that the store has. */
export class StoredActors {
  readonly #options: StoredActorsOptions;
  readonly #asked: Deadlines;
  #isClosed = false;

  constructor(options: StoredActorsOptions) {
    this.#options = options;
    this.#asked = new Deadlines(options.clock, options.storeTimeoutMs);
  }

  get #store(): Store {
    return this.#options.store;
  }

  /** What fails from now on fails because the host closes. */
  beginClose(): void {
    this.#isClosed = true;
  }

  /** Ends the waits: nobody will ask any more. */
  close(): void {
    this.#asked.clear();
  }

  /** Everything that is needed to wake an actor. */
  load(actorId: string): Promise<StoredActor | undefined> {
    return this.#ask(this.#store.load(actorId));
  }

  /** The id of the actor of this name and key. */
  find(name: string, key: readonly string[]): Promise<string | undefined> {
    return this.#ask(this.#store.find(name, formatKey(key)));
  }

  /** One actor; `undefined` when there is none of this id. */
  async get(actorId: string): Promise<ActorListing | undefined> {
    const row = await this.#ask(this.#store.get(actorId));
    return row && listing(row);
  }

  /** Actors of one kind, the newest first; without those whose record is damaged. */
  async list(name: string, limit: number): Promise<ActorListing[]> {
    const rows = await this.#ask(this.#store.list(name, { limit }));
    return rows.flatMap((row) => {
      try {
        return [listing(row)];
      } catch (error) {
        const msg = "cannot list an actor";
        this.#options.log.failure(error, { msg, actorId: row.id });
        return [];
      }
    });
  }

  /** Alarms of all actors in the order of their time. */
  alarms(
    page: { limit: number; until?: number; after?: Alarm },
  ): Promise<Alarm[]> {
    return this.#ask(this.#store.alarms(page));
  }

  /** Whether the store has an alarm now, which was on a page before. */
  async hasAlarm({ dueMs, id, actorId, call }: Alarm): Promise<boolean> {
    // Other actors may have one of the same time and id, if another process made it.
    const after = { dueMs, id, actorId: "", call };
    const page = await this.alarms({ limit: 10, until: dueMs, after });
    return page.some((each) => each.id === id && each.actorId === actorId);
  }

  /** The values of keys of an actor. */
  kvGet(
    actorId: string,
    keys: readonly Uint8Array[],
  ): Promise<(Uint8Array | undefined)[]> {
    return this.#ask(this.#store.kvGet(actorId, keys));
  }

  /** A page of the keys of an actor. */
  kvList(actorId: string, page: KvPage): Promise<[Uint8Array, Uint8Array][]> {
    return this.#ask(this.#store.kvList(actorId, page));
  }

  async #ask<V>(answer: Promise<V>): Promise<V> {
    const { storeTimeoutMs } = this.#options;
    try {
      return await this.#asked.within(answer, () =>
        actorError(
          "store/unavailable",
          `The store does not answer within ${storeTimeoutMs} ms`,
        ));
    } catch (cause) {
      if (cause instanceof ActorError) throw cause;
      if (this.#isClosed) throw shuttingDown();
      throw actorError("store/unavailable", "The store cannot be read", {
        cause,
      });
    }
  }
}

/** The error for whoever comes when the host closes. */
export function shuttingDown(): Error {
  return actorError("server/shutting_down", "The server is shutting down");
}

function listing({ id, name, key, record }: ActorRow): ActorListing {
  const { createdAt } = decodeActor(record);
  return { actorId: id, name, key: parseKey(key), createdAt };
}
