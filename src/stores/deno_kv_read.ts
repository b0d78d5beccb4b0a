// Reading actors, listings and alarms out of Deno KV.
//
// One read is one moment of the database, several are not. What takes several is read again when
// something that would have changed it changed meanwhile.

import { actorError } from "../errors.ts";
import {
  applyDraft,
  applyDrafts,
  changedTooOften,
  mostRounds,
} from "./deno_kv_draft.ts";
import {
  entriesAt,
  entriesIn,
  entriesUnder,
  type Entry,
  type Kv,
} from "./deno_kv_database.ts";
import {
  type Head,
  headIn,
  headKey,
  type Known,
  knownIn,
} from "./deno_kv_plan.ts";
import { keyOf, type RowHeader, unframe, valuesOf } from "./deno_kv_rows.ts";
import type { ActorRow, Alarm, AlarmKey, StoredActor } from "./store.ts";

/** An actor, and what a commit will need to know of it. */
export async function loadActor(
  kv: Kv,
  actorId: string,
): Promise<{ actor: StoredActor; known: Known } | undefined> {
  for (let round = 0; round < mostRounds; round++) {
    const entry = await kv.get(headKey(actorId));
    const { head, inline } = knownIn(entry);
    if (head === undefined) return undefined;
    if (head.draft !== undefined) {
      await applyDraft(kv, actorId);
      continue;
    }
    const [record, rows, alarms] = await Promise.all([
      kv.get(keyOf("name", head.name, actorId)),
      entriesUnder(kv, keyOf("actor", actorId)),
      readAlarmRows(kv, actorId),
    ]);
    const { versionstamp } = await kv.get(headKey(actorId));
    if (versionstamp !== entry.versionstamp) continue;
    const actor = actorOf(actorId, { head, inline, record, rows, alarms });
    const leftDrafts = draftsIn(rows);
    const known = { head, versionstamp, inline, leftDrafts };
    return { actor, known };
  }
  throw changedTooOften(`Actor ${actorId}`);
}

/** Actors of one name, largest id first. */
export async function listActors(
  kv: Kv,
  name: string,
  { limit, before }: { limit: number; before?: string },
): Promise<ActorRow[]> {
  const prefix = keyOf("name", name);
  const selector = before === undefined
    ? { prefix }
    : { prefix, end: [...prefix, before] };
  const entries = await entriesIn(kv, selector, { limit, reverse: true });
  const actors: ActorRow[] = [];
  for (const entry of entries) {
    const row = await rowIn(kv, name, entry);
    // Destroyed meanwhile.
    if (row !== undefined) actors.push(row);
  }
  return actors;
}

/** One actor as a listing shows it. */
export async function readActorRow(
  kv: Kv,
  actorId: string,
): Promise<ActorRow | undefined> {
  for (let round = 0; round < mostRounds; round++) {
    const head = headIn(await kv.get(headKey(actorId)));
    if (head === undefined) return undefined;
    if (head.draft !== undefined) {
      await applyDraft(kv, actorId);
      continue;
    }
    const entry = await kv.get(keyOf("name", head.name, actorId));
    const row = entry.value === null
      ? undefined
      : await rowIn(kv, head.name, entry);
    if (row !== undefined) return row;
  }
  throw changedTooOften(`Actor ${actorId}`);
}

async function rowIn(
  kv: Kv,
  name: string,
  entry: Entry,
): Promise<ActorRow | undefined> {
  const id = String(entry.key[3]);
  const { key } = unframe<RowHeader>(entry.value).header;
  const record = valuesOf([entry])?.[0] ?? await longRecord(kv, { name, id });
  return record && { id, name, key: key ?? "", record };
}

/** Alarms in the order of time and id. */
export async function listAlarms(
  kv: Kv,
  options: { limit: number; until?: number; after?: Alarm },
): Promise<Alarm[]> {
  for (let round = 0; round < mostRounds; round++) {
    const lastApplied = await applyDrafts(kv);
    const alarms = await readAlarms(kv, options);
    // A draft that was applied while we read may be in the page by half.
    const isSettled = await applyDrafts(kv) === lastApplied;
    if (isSettled && alarms !== undefined) return alarms;
  }
  throw changedTooOften("The list of alarms");
}

function draftsIn(rows: readonly Entry[]): string[] {
  return rows.filter(({ key }) => key[3] === "draft" && key[5] === 0)
    .map(({ key }) => String(key[4]));
}

function actorOf(
  actorId: string,
  { head, inline, record, rows, alarms }: {
    head: Head;
    inline: Uint8Array | undefined;
    record: Entry;
    rows: readonly Entry[];
    alarms: AlarmRows;
  },
): StoredActor {
  const whole = (kind: string, entries: readonly Entry[]): Uint8Array[] => {
    const values = valuesOf(entries);
    if (values !== undefined) return values;
    const message = `The ${kind} of actor "${actorId}" lacks rows in Deno KV`;
    throw actorError("store/corrupt", message);
  };
  const read = (kind: string, first: Entry[] = []): Uint8Array[] =>
    whole(kind, [...first, ...rows.filter(({ key }) => key[3] === kind)]);
  const connectionIds = rows
    .filter(({ key }) => key[3] === "connection" && key[5] === 0)
    .map(({ key }) => String(key[4]));
  const connections = read("connection");
  const calls = whole("alarms", alarms.rows);
  return {
    name: head.name,
    key: head.key,
    revision: head.revision,
    fence: head.fence,
    record: read("record", [record])[0]!,
    snapshot: inline ?? read("snapshot")[0],
    journal: read("journal"),
    connections: new Map(connectionIds.map((id, n) => [id, connections[n]!])),
    alarms: alarms.keys.map((key, n) => ({ ...key, call: calls[n]! })),
  };
}

/** The alarms of one actor, and the rows of their calls in the same order. */
interface AlarmRows {
  keys: AlarmKey[];
  rows: Entry[];
}

async function readAlarmRows(kv: Kv, actorId: string): Promise<AlarmRows> {
  const entries = await entriesUnder(kv, keyOf("alarm", actorId));
  // One of five parts says that the actor has the alarm; six are a further row of its call.
  const keys = entries.filter(({ key }) => key.length === 5)
    .map(({ key }) => ({ dueMs: Number(key[3]), id: String(key[4]) }));
  const first = await entriesAt(
    kv,
    keys.map(({ dueMs, id }) => keyOf("due", dueMs, id, actorId)),
  );
  let at = 0;
  const rows = entries.map((entry) =>
    entry.key.length === 5 ? first[at++]! : entry
  );
  return { keys, rows };
}

/** `undefined` when a row changed between two of our reads. */
async function readAlarms(
  kv: Kv,
  { limit, until, after }: { limit: number; until?: number; after?: Alarm },
): Promise<Alarm[] | undefined> {
  const start = after
    // One part more sorts right behind.
    ? keyOf("due", after.dueMs, after.id, after.actorId, "")
    : keyOf("due");
  const end = keyOf("due", Math.floor(until ?? Infinity) + 1);
  const entries = await entriesIn(kv, { start, end }, { limit });
  const alarms: Alarm[] = [];
  for (const entry of entries) {
    const [, , dueMs, id, actorId] = entry.key;
    const name = {
      actorId: String(actorId),
      dueMs: Number(dueMs),
      id: String(id),
    };
    const call = valuesOf([entry])?.[0] ?? await longCall(kv, name, entry);
    if (call === undefined) return undefined;
    alarms.push({ ...name, call });
  }
  return alarms;
}

async function longRecord(
  kv: Kv,
  { name, id }: { name: string; id: string },
): Promise<Uint8Array | undefined> {
  for (let round = 0; round < mostRounds; round++) {
    await applyDraft(kv, id);
    const first = await kv.get(keyOf("name", name, id));
    if (first.versionstamp === null) return undefined;
    const more = await entriesUnder(kv, keyOf("actor", id, "record"));
    const [record] = valuesOf([first, ...more]) ?? [];
    if (record !== undefined) return record;
  }
  throw changedTooOften(`Actor ${id}`);
}

async function longCall(
  kv: Kv,
  { actorId, dueMs, id }: Omit<Alarm, "call">,
  first: Entry,
): Promise<Uint8Array | undefined> {
  const more = keyOf("alarm", actorId, dueMs, id);
  return valuesOf([first, ...await entriesUnder(kv, more)])?.[0];
}
