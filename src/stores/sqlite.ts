// One SQLite file for all actors: bun:sqlite on Bun, node:sqlite on Deno.
//
// Steps that are committed together share one transaction and one fsync (WAL, synchronous=FULL), so
// an accepted step survives power loss. A step is checked before it writes anything: a refused one
// leaves the transaction as it was. Any number of processes, of either runtime, may share the file;
// a writer waits up to five seconds for another's transaction, and its process with it.
//
// SQLite works without waiting; methods are async so that what they throw rejects.
// deno-lint-ignore-file require-await

import { mkdir } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import {
  bytesIn,
  type Database,
  numberIn,
  openDatabase,
  type Row,
  textIn,
} from "./sqlite_database.ts";
import { failed } from "./failed.ts";
import { prepareFormat } from "./sqlite_format.ts";
import { prepareStatements, type Statements } from "./sqlite_statements.ts";
import type {
  ActorAlarm,
  ActorRow,
  Alarm,
  KvPage,
  Outcome,
  Step,
  Store,
  StoredActor,
} from "./store.ts";

/** Up to this size a snapshot lies in the actor's row, and committing it rewrites that row only. */
const longestInlineSnapshot = 2048;
const mostAttempts = 100;
const longestPauseMs = 20;
/** Sorts behind every id. */
const behindAll = "\u{10FFFF}";

/**
 * Opens the file at `path`; creates it, and its folder, when missing. Rejects when it cannot be
 * written, is not a database of ours, or is of a newer version.
 */
export async function sqliteStore(options: { path: string }): Promise<Store> {
  const path = resolve(options.path);
  try {
    await mkdir(dirname(path), { recursive: true });
    return new SqliteStore(path, await openPrepared(path));
  } catch (cause) {
    throw failed(`Cannot open ${path} as a store`, cause);
  }
}

async function openPrepared(path: string): Promise<Database> {
  for (let attempt = 1;; attempt++) {
    const database = await openDatabase(path);
    try {
      prepareFormat(database);
      return database;
    } catch (error) {
      database.close();
      // The busy timeout does not hold while others switch a file to WAL, or close it last.
      const isLocked = String(error).includes("database is locked");
      if (!isLocked || attempt === mostAttempts) throw error;
      await pause(Math.random() * longestPauseMs);
    }
  }
}

class SqliteStore implements Store {
  readonly location: string;
  #database: Database;
  #sql: Statements;
  #isClosed = false;

  constructor(path: string, database: Database) {
    this.location = `SQLite at ${path}`;
    this.#database = database;
    this.#sql = prepareStatements(database);
  }

  async claim(): Promise<number> {
    return this.#write(() => numberIn(this.#sql.claim.get()!, "last"));
  }

  async load(actorId: string): Promise<StoredActor | undefined> {
    return this.#read(() => {
      const row = this.#sql.actor.get(actorId);
      if (row === undefined) return undefined;
      const actor = numberIn(row, "number");
      const snapshot = row.snapshot === null
        ? this.#sql.snapshot.get(actor)
        : row;
      const connections = this.#sql.connections.all(actor);
      return {
        name: textIn(row, "name"),
        key: textIn(row, "key"),
        revision: numberIn(row, "revision"),
        fence: numberIn(row, "fence"),
        record: bytesIn(row, "record"),
        snapshot: snapshot && bytesIn(snapshot, "snapshot"),
        journal: this.#sql.journal.all(actor).map((row) =>
          bytesIn(row, "bytes")
        ),
        connections: new Map(
          connections.map((row) => [textIn(row, "id"), bytesIn(row, "bytes")]),
        ),
        alarms: this.#sql.alarmsOf.all(actorId).map(alarmIn),
      };
    });
  }

  async get(id: string): Promise<ActorRow | undefined> {
    const row = this.#read(() => this.#sql.row.get(id));
    return row && {
      id,
      name: textIn(row, "name"),
      key: textIn(row, "key"),
      record: bytesIn(row, "record"),
    };
  }

  async find(name: string, key: string): Promise<string | undefined> {
    return this.#read(() => this.#find(name, key));
  }

  async list(
    name: string,
    options: { limit: number; before?: string },
  ): Promise<ActorRow[]> {
    const before = options.before ?? behindAll;
    const rows = this.#read(() =>
      this.#sql.list.all(name, before, options.limit)
    );
    return rows.map((row) => ({
      id: textIn(row, "id"),
      name,
      key: textIn(row, "key"),
      record: bytesIn(row, "record"),
    }));
  }

  async commit(steps: readonly Step[]): Promise<Outcome[]> {
    return this.#write(() => steps.map((step) => this.#commitOne(step)));
  }

  async alarms(
    options: { limit: number; until?: number; after?: Alarm },
  ): Promise<Alarm[]> {
    const { limit, until = Infinity, after } = options;
    const rows = this.#read(() =>
      this.#sql.alarms.all(
        Math.min(until, Number.MAX_SAFE_INTEGER),
        after?.dueMs ?? -1,
        after?.id ?? "",
        after?.actorId ?? "",
        limit,
      )
    );
    return rows.map((row) => ({
      actorId: textIn(row, "actor_id"),
      ...alarmIn(row),
    }));
  }

  async kvGet(
    actorId: string,
    keys: readonly Uint8Array[],
  ): Promise<(Uint8Array | undefined)[]> {
    return this.#read(() =>
      keys.map((key) => {
        const row = this.#sql.kvGet.get(actorId, key);
        return row && bytesIn(row, "value");
      })
    );
  }

  async kvList(
    actorId: string,
    { start, end, limit, reverse }: KvPage,
  ): Promise<[Uint8Array, Uint8Array][]> {
    const list = reverse ? this.#sql.kvListBackwards : this.#sql.kvList;
    const rows = this.#read(() => list.all(actorId, start, end, limit));
    return rows.map((row) => [bytesIn(row, "key"), bytesIn(row, "value")]);
  }

  async isEmpty(): Promise<boolean> {
    return this.#read(() => this.#sql.anyActor.get() === undefined);
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#database.close();
  }

  /** Runs `work` on one view of the file, whatever other processes commit meanwhile. */
  #read<T>(work: () => T): T {
    return this.#transaction("BEGIN", work);
  }

  /** Runs `work` as the only writer; what it wrote is durable when this returns. */
  #write<T>(work: () => T): T {
    return this.#transaction("BEGIN IMMEDIATE", work);
  }

  #transaction<T>(begin: "BEGIN" | "BEGIN IMMEDIATE", work: () => T): T {
    if (this.#isClosed) throw new Error(`${this.location} is closed`);
    try {
      this.#database.exec(begin);
      const result = work();
      this.#database.exec("COMMIT");
      return result;
    } catch (cause) {
      this.#rollBack();
      throw failed(`Cannot use ${this.location}`, cause);
    }
  }

  #rollBack(): void {
    try {
      this.#database.exec("ROLLBACK");
    } catch {
      // After some errors, such as a full disk, SQLite has rolled back by itself and says so here.
    }
  }

  #commitOne(step: Step): Outcome {
    const actor = step.create
      ? this.#create(step, step.create)
      : this.#advance(step);
    if (typeof actor !== "number") return actor;
    if (step.destroy) this.#destroy(actor, step.actorId);
    else this.#change(actor, step);
    return { ok: true };
  }

  #find(name: string, key: string): string | undefined {
    const row = this.#sql.find.get(name, key);
    return row && textIn(row, "id");
  }

  /** The new actor's number, or why there is none. */
  #create(
    step: Step,
    { name, key }: { name: string; key: string },
  ): number | Outcome {
    const actorId = this.#find(name, key);
    if (actorId !== undefined) return { ok: false, reason: "exists", actorId };
    const row = this.#sql.create.get(step.actorId, name, key, step.fence);
    return row ? numberIn(row, "number") : this.#refuse(step);
  }

  /** The actor's number, or why it cannot have a next revision. */
  #advance(step: Step): number | Outcome {
    const { actorId, fence, expectedRevision } = step;
    const row = this.#sql.advance.get(actorId, fence, expectedRevision);
    return row ? numberIn(row, "number") : this.#refuse(step);
  }

  #refuse(step: Step): Outcome {
    const row = this.#sql.fence.get(step.actorId);
    const isFenced = row !== undefined && numberIn(row, "fence") > step.fence;
    return { ok: false, reason: isFenced ? "fence" : "revision" };
  }

  #change(actor: number, step: Step): void {
    const sql = this.#sql;
    if (step.record) sql.setRecord.run(actor, step.record);
    if (step.snapshot) this.#setSnapshot(actor, step.snapshot);
    if (step.journal) {
      sql.addJournal.run(actor, step.expectedRevision, step.journal);
    }
    for (const [id, bytes] of step.connections ?? []) {
      if (bytes === undefined) sql.deleteConnection.run(actor, id);
      else sql.setConnection.run(actor, id, bytes);
    }
    for (const { dueMs, id } of step.deleteAlarms ?? []) {
      sql.deleteAlarm.run(dueMs, id, step.actorId);
    }
    for (const { dueMs, id, call } of step.addAlarms ?? []) {
      sql.addAlarm.run(dueMs, id, step.actorId, call);
    }
    for (const { key, value } of step.kv ?? []) {
      if (value === undefined) sql.deleteKv.run(actor, key);
      else sql.setKv.run(actor, key, value);
    }
  }

  #setSnapshot(actor: number, snapshot: Uint8Array): void {
    const isInline = snapshot.byteLength <= longestInlineSnapshot;
    this.#sql.setInlineSnapshot.run(actor, isInline ? snapshot : null);
    if (isInline) this.#sql.deleteSnapshot.run(actor);
    else this.#sql.setSnapshot.run(actor, snapshot);
    this.#sql.deleteJournal.run(actor);
  }

  #destroy(actor: number, actorId: string): void {
    const sql = this.#sql;
    sql.deleteActor.run(actor);
    sql.deleteRecord.run(actor);
    sql.deleteSnapshot.run(actor);
    sql.deleteJournal.run(actor);
    sql.deleteConnections.run(actor);
    sql.deleteAlarms.run(actorId);
    sql.deleteAllKv.run(actor);
  }
}

function alarmIn(row: Row): ActorAlarm {
  return {
    dueMs: numberIn(row, "due_ms"),
    id: textIn(row, "id"),
    call: bytesIn(row, "call"),
  };
}
