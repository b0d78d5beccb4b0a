// The tables of the SQLite store, and how a file comes to have them.
//
// What a commit writes depends on what changed: the row in `actors`, which every step rewrites,
// holds small things only. The record, a large snapshot and each journal entry have rows of their
// own. Rows of one actor are found by its number, which is shorter than its id; alarms carry the id,
// because their order ends with it.

import type { Database } from "./sqlite_database.ts";

/** Marks a file as ours: "Trpe" in ASCII. */
const applicationId = 0x54727065;

/**
 * What makes a file of each format one of the next, from an empty file on. The format is kept in
 * the file as `user_version`.
 */
const changes = [
  `
  CREATE TABLE fences (last INTEGER NOT NULL);
  INSERT INTO fences VALUES (0);
  CREATE TABLE actors (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    key TEXT NOT NULL,
    revision INTEGER NOT NULL,
    fence INTEGER NOT NULL,
    snapshot BLOB,
    UNIQUE (name, key)
  );
  CREATE INDEX actors_by_name ON actors (name, id);
  CREATE TABLE records (actor INTEGER PRIMARY KEY, bytes BLOB NOT NULL);
  CREATE TABLE snapshots (actor INTEGER PRIMARY KEY, bytes BLOB NOT NULL);
  CREATE TABLE journal (
    actor INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (actor, revision)
  );
  CREATE TABLE connections (
    actor INTEGER NOT NULL,
    id TEXT NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (actor, id)
  );
  CREATE TABLE alarms (
    due_ms INTEGER NOT NULL,
    id TEXT NOT NULL,
    actor_id TEXT NOT NULL,
    call BLOB NOT NULL,
    PRIMARY KEY (due_ms, id, actor_id)
  );
  CREATE INDEX alarms_by_actor ON alarms (actor_id);
`,
  `
  CREATE TABLE kv (
    actor INTEGER NOT NULL,
    key BLOB NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (actor, key)
  );
`,
];
const newestFormat = changes.length;

/** Makes an empty file ours, and an older one new; refuses one that is not, and one of a newer format. */
export function prepareFormat(database: Database): void {
  database.exec("PRAGMA busy_timeout = 5000");
  refuseOthers(database);
  database.exec("PRAGMA journal_mode = WAL");
  database.exec("PRAGMA synchronous = FULL");
  // New actors go into four indexes, whose pages would not stay in the 2 MB that SQLite has by itself.
  database.exec("PRAGMA cache_size = -16384");
  // In pages of 4 KB. What is written twice before it goes into the file goes there once.
  database.exec("PRAGMA wal_autocheckpoint = 4000");
  database.exec("BEGIN IMMEDIATE");
  // Read again, because another process may have made the tables meanwhile.
  const format = pragma(database, "user_version");
  if (format < newestFormat) {
    for (const change of changes.slice(format)) database.exec(change);
    database.exec(`PRAGMA application_id = ${applicationId}`);
    database.exec(`PRAGMA user_version = ${newestFormat}`);
  }
  database.exec("COMMIT");
}

function refuseOthers(database: Database): void {
  const table = database.prepare("SELECT 1 FROM sqlite_schema LIMIT 1").get();
  if (table === undefined) return;
  if (pragma(database, "application_id") !== applicationId) {
    throw new Error("it is a database of another program");
  }
  const format = pragma(database, "user_version");
  if (format > newestFormat) {
    throw new Error(
      `it has format ${format}, the newest known is ${newestFormat}`,
    );
  }
}

function pragma(database: Database, name: string): number {
  return Number(database.prepare(`PRAGMA ${name}`).get()?.[name]);
}
