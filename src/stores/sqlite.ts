// One SQLite file for all actors: bun:sqlite on Bun, node:sqlite on Deno.
//
// Steps that are committed together share one transaction and one fsync (WAL, synchronous=FULL), so
// an accepted step survives power loss. A step is checked before it writes anything: a refused one
// leaves the transaction as it was. Any number of processes, of either runtime, may share the file;
// a writer waits up to five seconds for another's transaction, and its process with it.
//
// SQLite works without waiting; methods are async so that what they throw rejects.
// deno-lint-ignore-file require-await

import { Recent } from "../recent.ts";
import {
  bytesIn,
  type Database,
  numberIn,
  openDatabase,
  type Row,
  textIn,
} from "./sqlite_database.ts";
import { failed } from "./failed.ts";
import { absolute, makeFolderOf, pause } from "./file.ts";
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

/** How many actors are found by their numbers without a look at the index of ids. */
const mostKnown = 10_000;
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
  const path = await absolute(options.path);
  try {
    await makeFolderOf(path);
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

/** What a commit needs to know of an actor. Its revision tells whether that still holds. */
interface Known {
  number: number;
  /** Whether it may have rows in `snapshots` or `journal`. */
  hasRows: boolean;
}

class SqliteStore implements Store {
  readonly location: string;
  #database: Database;
  #sql: Statements;
  #isClosed = false;
  /** Of the actors that were loaded or created last. */
  readonly #known = new Recent<string, Known>(mostKnown);

  constructor(path: string, database: Database) {
    this.location = `SQLite at ${path}`;
    this.#database = database;
    this.#sql = prepareStatements(database);
  }

  async claim(): Promise<number> {
    return this.#write(() => numberIn(this.#sql.claim.get()!, "last"));
  }

  async load(actorId: string): Promise<StoredActor | undefined> {
    return this.#transaction("BEGIN", () => {
      const row = this.#sql.actor.get(actorId);
      if (row === undefined) return undefined;
      const actor = numberIn(row, "number");
      const snapshot = row.snapshot === null
        ? this.#sql.snapshot.get(actor)
        : row;
      const journal = this.#sql.journal.all(actor);
      const connections = this.#sql.connections.all(actor);
      const hasRows = row.snapshot === null || journal.length > 0;
      this.#known.set(actorId, { number: actor, hasRows });
      return {
        name: textIn(row, "name"),
        key: textIn(row, "key"),
        revision: numberIn(row, "revision"),
        fence: numberIn(row, "fence"),
        record: bytesIn(row, "record"),
        snapshot: snapshot && bytesIn(snapshot, "snapshot"),
        journal: journal.map((row) => bytesIn(row, "bytes")),
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

  /** Reads with one statement, which sees one view of the file, whatever other processes do. */
  #read<T>(work: () => T): T {
    this.#checkOpen();
    try {
      return work();
    } catch (cause) {
      throw failed(`Cannot use ${this.location}`, cause);
    }
  }

  /** Runs `work` as the only writer; what it wrote is durable when this returns. */
  #write<T>(work: () => T): T {
    try {
      return this.#transaction("BEGIN IMMEDIATE", work);
    } catch (error) {
      // What was found out in a transaction that is undone is not so.
      this.#known.clear();
      throw error;
    }
  }

  #transaction<T>(begin: "BEGIN" | "BEGIN IMMEDIATE", work: () => T): T {
    this.#checkOpen();
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

  #checkOpen(): void {
    if (this.#isClosed) throw new Error(`${this.location} is closed`);
  }

  #rollBack(): void {
    try {
      this.#database.exec("ROLLBACK");
    } catch {
      // After some errors, such as a full disk, SQLite has rolled back by itself and says so here.
    }
  }

  #commitOne(step: Step): Outcome {
    // A small snapshot is written with the row that every step rewrites.
    const inline = step.snapshot !== undefined &&
        step.snapshot.byteLength <= longestInlineSnapshot
      ? step.snapshot
      : null;
    const known = step.create
      ? this.#create(step, step.create, inline)
      : this.#advance(step, inline);
    if ("ok" in known) return known;
    if (step.destroy) this.#destroy(known.number, step.actorId);
    else this.#change(known, step, inline !== null);
    return { ok: true };
  }

  #find(name: string, key: string): string | undefined {
    const row = this.#sql.find.get(name, key);
    return row && textIn(row, "id");
  }

  /** The new actor, or why there is none. */
  #create(
    step: Step,
    { name, key }: { name: string; key: string },
    inline: Uint8Array | null,
  ): Known | Outcome {
    const { actorId, fence } = step;
    const number = this.#sql.create.insert(actorId, name, key, fence, inline);
    if (number !== undefined) {
      const known = { number, hasRows: false };
      this.#known.set(actorId, known);
      return known;
    }
    const existing = this.#find(name, key);
    return existing === undefined
      ? this.#refuse(step)
      : { ok: false, reason: "exists", actorId: existing };
  }

  /** The actor with its next revision, or why it cannot have that. */
  #advance(step: Step, inline: Uint8Array | null): Known | Outcome {
    const { actorId, fence, expectedRevision, snapshot } = step;
    const known = this.#known.get(actorId) ?? this.#look(actorId);
    if (known === undefined) return this.#refuse(step);
    const { number } = known;
    const changed = snapshot === undefined
      ? this.#sql.advance.run(fence, number, actorId, expectedRevision)
      : this.#sql.advanceTo.run(
        fence,
        number,
        actorId,
        expectedRevision,
        inline,
      );
    if (changed > 0) return known;
    this.#known.delete(actorId);
    return this.#refuse(step);
  }

  #look(actorId: string): Known | undefined {
    const row = this.#sql.known.get(actorId);
    if (row === undefined) return undefined;
    const known = {
      number: numberIn(row, "number"),
      hasRows: numberIn(row, "has_rows") > 0,
    };
    this.#known.set(actorId, known);
    return known;
  }

  #refuse(step: Step): Outcome {
    const row = this.#sql.fence.get(step.actorId);
    const isFenced = row !== undefined && numberIn(row, "fence") > step.fence;
    return { ok: false, reason: isFenced ? "fence" : "revision" };
  }

  #change(known: Known, step: Step, isInline: boolean): void {
    const sql = this.#sql;
    const { number: actor } = known;
    if (step.record) sql.setRecord.run(actor, step.record);
    if (step.snapshot) {
      if (known.hasRows) {
        sql.deleteSnapshot.run(actor);
        sql.deleteJournal.run(actor);
      }
      if (!isInline) sql.setSnapshot.run(actor, step.snapshot);
      known.hasRows = !isInline;
    }
    if (step.journal) {
      sql.addJournal.run(actor, step.expectedRevision, step.journal);
      known.hasRows = true;
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

  #destroy(actor: number, actorId: string): void {
    const sql = this.#sql;
    this.#known.delete(actorId);
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
