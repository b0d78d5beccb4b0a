// Every statement of the SQLite store, prepared once. `actor` is an actor's number, `id` its id.

import type { Database, Statement } from "./sqlite_database.ts";

/** The prepared statements, by what they do. */
export type Statements = Record<keyof typeof texts, Statement>;

const texts = {
  claim: "UPDATE fences SET last = last + 1 RETURNING last",

  row: `
    SELECT name, key, bytes AS record
    FROM actors JOIN records ON actor = number WHERE id = ?`,
  find: "SELECT id FROM actors WHERE name = ? AND key = ?",
  fence: "SELECT fence FROM actors WHERE id = ?",
  anyActor: "SELECT 1 FROM actors LIMIT 1",
  list: `
    SELECT id, key, bytes AS record
    FROM actors JOIN records ON actor = number
    WHERE name = ? AND id < ? ORDER BY id DESC LIMIT ?`,
  actor: `
    SELECT number, name, key, revision, fence, snapshot, bytes AS record
    FROM actors JOIN records ON actor = number WHERE id = ?`,
  snapshot: "SELECT bytes AS snapshot FROM snapshots WHERE actor = ?",
  journal: "SELECT bytes FROM journal WHERE actor = ? ORDER BY revision",
  connections: "SELECT id, bytes FROM connections WHERE actor = ?",
  alarms: `
    SELECT due_ms, id, actor_id, call FROM alarms
    WHERE due_ms <= ? AND (due_ms, id, actor_id) > (?, ?, ?)
    ORDER BY due_ms, id, actor_id LIMIT ?`,
  alarmsOf: `
    SELECT due_ms, id, call FROM alarms WHERE actor_id = ?
    ORDER BY due_ms, id`,
  kvGet: `
    SELECT value FROM kv
    WHERE actor = (SELECT number FROM actors WHERE id = ?) AND key = ?`,
  kvList: `
    SELECT key, value FROM kv
    WHERE actor = (SELECT number FROM actors WHERE id = ?)
      AND key >= ? AND key < ? ORDER BY key LIMIT ?`,
  kvListBackwards: `
    SELECT key, value FROM kv
    WHERE actor = (SELECT number FROM actors WHERE id = ?)
      AND key >= ? AND key < ? ORDER BY key DESC LIMIT ?`,

  known: `
    SELECT number, EXISTS (SELECT 1 FROM snapshots WHERE actor = number)
      OR EXISTS (SELECT 1 FROM journal WHERE actor = number) AS has_rows
    FROM actors WHERE id = ?`,
  create: `
    INSERT INTO actors (id, name, key, revision, fence, snapshot)
    VALUES (?, ?, ?, 1, ?, ?)
    ON CONFLICT DO NOTHING`,
  advance: `
    UPDATE actors SET revision = revision + 1, fence = ?1
    WHERE number = ?2 AND id = ?3 AND revision = ?4 AND fence <= ?1`,
  advanceTo: `
    UPDATE actors SET revision = revision + 1, fence = ?1, snapshot = ?5
    WHERE number = ?2 AND id = ?3 AND revision = ?4 AND fence <= ?1`,
  deleteActor: "DELETE FROM actors WHERE number = ?",

  setRecord: "INSERT OR REPLACE INTO records VALUES (?, ?)",
  deleteRecord: "DELETE FROM records WHERE actor = ?",
  setSnapshot: "INSERT OR REPLACE INTO snapshots VALUES (?, ?)",
  deleteSnapshot: "DELETE FROM snapshots WHERE actor = ?",
  addJournal: "INSERT INTO journal VALUES (?, ?, ?)",
  deleteJournal: "DELETE FROM journal WHERE actor = ?",
  setConnection: "INSERT OR REPLACE INTO connections VALUES (?, ?, ?)",
  deleteConnection: "DELETE FROM connections WHERE actor = ? AND id = ?",
  deleteConnections: "DELETE FROM connections WHERE actor = ?",
  addAlarm: "INSERT OR REPLACE INTO alarms VALUES (?, ?, ?, ?)",
  deleteAlarm: `
    DELETE FROM alarms WHERE due_ms = ? AND id = ? AND actor_id = ?`,
  deleteAlarms: "DELETE FROM alarms WHERE actor_id = ?",
  setKv: "INSERT OR REPLACE INTO kv VALUES (?, ?, ?)",
  deleteKv: "DELETE FROM kv WHERE actor = ? AND key = ?",
  deleteAllKv: "DELETE FROM kv WHERE actor = ?",
} as const;

/** Prepares all statements. */
export function prepareStatements(database: Database): Statements {
  const entries = Object.entries(texts)
    .map(([name, text]) => [name, database.prepare(text)]);
  // The type of `Object.fromEntries` forgets which names there are.
  return Object.fromEntries(entries) as Statements;
}
