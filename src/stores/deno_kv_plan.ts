// What one step changes in Deno KV, worked out without writing anything.

import {
  type Check,
  type Entry,
  type Key,
  keysUnder,
  type Kv,
  type Row,
} from "./deno_kv_database.ts";
import { frame, keyOf, packKey, rowsOf, unframe } from "./deno_kv_rows.ts";
import type { ActorAlarm, AlarmKey, KvWrite, Outcome, Step } from "./store.ts";

/** Up to this size a snapshot lies in the row of its head, and committing it writes that row only. */
const longestInline = 1024;

/** What every commit of an actor rewrites; kept small. */
export interface Head {
  name: string;
  key: string;
  revision: number;
  fence: number;
  recordRows: number;
  /** 0 when there is no snapshot, or it is in the row of the head. */
  snapshotRows: number;
  /** Whether the snapshot is in the row of the head. */
  isInline?: true;
  journalStart: number;
  journalEnd: number;
  /** Whether some connection or alarm may have more than one row. */
  hasLongRows: boolean;
  /** How many rows the value of a key may have; absent while the actor has had no key. */
  kvRows?: number;
  /** How many large steps the actor has had. */
  drafts?: number;
  /** A large step that is committed and not yet applied to the other rows. */
  draft?: string;
  /** The actor is destroyed; with a `draft`, as soon as that is applied. */
  isDestroyed?: true;
}

/** What is known of an actor before a step. */
export interface Known {
  /** `undefined` when there is no such actor. */
  head: Head | undefined;
  versionstamp: string | null;
  /** The snapshot, where that is in the row of the head. */
  inline?: Uint8Array | undefined;
  /** The actor that has the name and key which the step wants to create. */
  owner?: string | undefined;
  /** Drafts that somebody left of this actor; to be deleted after the next commit. */
  leftDrafts?: string[];
  /** Whether this was read, not expected. */
  isRead?: true;
}

/** The change of one step. */
export interface Plan {
  actorId: string;
  checks: Check[];
  /** The head to be, and the snapshot in its row. */
  head: Head;
  inline: Uint8Array | undefined;
  /** Rows by which an actor is found; they go with the head into one atomic write. */
  entryRows: Row[];
  /** All other rows. */
  rows: Row[];
  /** Drafts that can be deleted once this is committed. */
  leftDrafts: string[];
}

/** Why a step cannot follow what is known, if it cannot. */
export function refusalOf(step: Step, known: Known): Outcome | undefined {
  if (known.owner !== undefined) {
    return { ok: false, reason: "exists", actorId: known.owner };
  }
  if (known.head !== undefined && known.head.fence > step.fence) {
    return { ok: false, reason: "fence" };
  }
  const isExpected = (known.head?.revision ?? 0) === step.expectedRevision &&
    (known.head === undefined) === (step.create !== undefined);
  return isExpected ? undefined : { ok: false, reason: "revision" };
}

/** Works out the change of a step that was not refused; at once, unless something must be read for it. */
export function planOf(
  kv: Kv,
  step: Step,
  known: Known,
): Plan | Promise<Plan> {
  if (step.destroy) return planDestroy(kv, step, known);
  const mayBeLong = known.head?.hasLongRows &&
    (step.connections ?? step.addAlarms ?? step.deleteAlarms) !== undefined;
  return mayBeLong
    ? longRowsOf(kv, step).then((rows) => planChange(step, known, rows))
    : planChange(step, known, []);
}

function planChange(step: Step, known: Known, longRows: Row[]): Plan {
  const plan = newPlan(step, known);
  plan.rows.push(...longRows);
  if (step.create) {
    const key = nameAndKeyKey(step.create);
    plan.checks.push({ key, versionstamp: null });
    const value = frame({ actorId: step.actorId });
    plan.entryRows.push({ key, value });
  }
  if (step.record) setRecord(plan, step.record);
  if (step.snapshot) setSnapshot(plan, step.snapshot);
  if (step.journal) addJournal(plan, step.journal);
  for (const [id, bytes] of step.connections ?? []) {
    setConnection(plan, id, bytes);
  }
  for (const alarm of step.deleteAlarms ?? []) deleteAlarm(plan, alarm);
  for (const alarm of step.addAlarms ?? []) addAlarm(plan, alarm);
  for (const write of step.kv ?? []) setKv(plan, write);
  return plan;
}

function newPlan(step: Step, known: Known): Plan {
  const { actorId } = step;
  const before = known.head ?? newHead(step);
  return {
    actorId,
    checks: [{ key: headKey(actorId), versionstamp: known.versionstamp }],
    head: { ...before, revision: before.revision + 1, fence: step.fence },
    inline: known.inline,
    entryRows: [],
    rows: [],
    leftDrafts: known.leftDrafts ?? [],
  };
}

/** The row of an actor's head; nothing when the actor is gone. */
export function headRow(
  { actorId, head, inline }: Pick<Plan, "actorId" | "head" | "inline">,
): Row {
  const isGone = head.isDestroyed && head.draft === undefined;
  return {
    key: headKey(actorId),
    value: isGone ? undefined : frame(head, inline),
  };
}

/** The key of an actor's head. */
export function headKey(actorId: string): Key {
  return keyOf("head", actorId);
}

/** The head in a row; `undefined` when there is none. */
export function headIn(entry: Entry): Head | undefined {
  return knownIn(entry).head;
}

/** What the row of a head says. */
export function knownIn({ value, versionstamp }: Entry): Known {
  if (versionstamp === null) return { head: undefined, versionstamp };
  const { header: head, bytes } = unframe<Head>(value);
  return { head, versionstamp, inline: head.isInline && bytes };
}

/** The key that says which actor has a name and key. */
export function nameAndKeyKey(
  { name, key }: { name: string; key: string },
): Key {
  return keyOf("key", name, key);
}

/** The keys of the rows of an actor's value, by the actor's own key, packed. */
export function kvKeys(actorId: string, packed: string): (n: number) => Key {
  return (n) =>
    n === 0
      ? keyOf("kv", actorId, packed)
      : keyOf("kv more", actorId, packed, n);
}

/** The actor that has a name and key; `undefined` when there is none. */
export function ownerIn({ value, versionstamp }: Entry): string | undefined {
  return versionstamp === null
    ? undefined
    : unframe<{ actorId: string }>(value).header.actorId;
}

function newHead(step: Step): Head {
  return {
    name: "",
    key: "",
    ...step.create,
    revision: 0,
    fence: 0,
    recordRows: 0,
    snapshotRows: 0,
    journalStart: 0,
    journalEnd: 0,
    hasLongRows: false,
  };
}

async function planDestroy(kv: Kv, step: Step, known: Known): Promise<Plan> {
  const { actorId } = step;
  const before = known.head ?? newHead(step);
  const entryKeys = [
    nameAndKeyKey(before),
    keyOf("name", before.name, actorId),
  ];
  const alarmKeys = await keysUnder(kv, keyOf("alarm", actorId));
  const keys = [
    ...await keysUnder(kv, keyOf("actor", actorId)),
    ...alarmKeys,
    // One of five parts says that the actor has the alarm; six are a further row of its call.
    ...alarmKeys.filter((key) => key.length === 5)
      .map(([, , , dueMs, id]) => keyOf("due", dueMs!, id!, actorId)),
  ];
  if (before.kvRows !== undefined) {
    keys.push(...await keysUnder(kv, keyOf("kv", actorId)));
    keys.push(...await keysUnder(kv, keyOf("kv more", actorId)));
  }
  const plan = newPlan(step, known);
  return {
    ...plan,
    head: { ...plan.head, isDestroyed: true },
    entryRows: entryKeys.map(deleted),
    rows: keys.map(deleted),
  };
}

function setRecord(plan: Plan, bytes: Uint8Array): void {
  const { actorId, head } = plan;
  const nameKey = keyOf("name", head.name, actorId);
  const keyAt = (n: number) =>
    n === 0 ? nameKey : keyOf("actor", actorId, "record", n);
  const [first, ...more] = rowsOf(bytes, {
    revision: head.revision,
    keyAt,
    first: { key: head.key },
  });
  plan.entryRows.push(first!);
  plan.rows.push(...more, ...surplus(keyAt, 1 + more.length, head.recordRows));
  head.recordRows = 1 + more.length;
}

function setSnapshot(plan: Plan, bytes: Uint8Array): void {
  const { actorId, head, rows } = plan;
  const isInline = bytes.length <= longestInline;
  const keyAt = (n: number) => keyOf("actor", actorId, "snapshot", n);
  const written = isInline
    ? []
    : rowsOf(bytes, { revision: head.revision, keyAt });
  rows.push(...written, ...surplus(keyAt, written.length, head.snapshotRows));
  head.snapshotRows = written.length;
  plan.inline = isInline ? bytes : undefined;
  if (isInline) head.isInline = true;
  else delete head.isInline;
  for (let n = head.journalStart; n < head.journalEnd; n++) {
    rows.push(deleted(keyOf("actor", actorId, "journal", n)));
  }
  head.journalStart = head.journalEnd;
}

function addJournal(plan: Plan, bytes: Uint8Array): void {
  const { actorId, head, rows } = plan;
  const keyAt = (n: number) =>
    keyOf("actor", actorId, "journal", head.journalEnd + n);
  const written = rowsOf(bytes, { revision: head.revision, keyAt });
  rows.push(...written);
  head.journalEnd += written.length;
}

function setConnection(
  { actorId, head, rows }: Plan,
  id: string,
  bytes: Uint8Array | undefined,
): void {
  const key = keyOf("actor", actorId, "connection", id);
  if (bytes === undefined) {
    rows.push(deleted([...key, 0]));
    return;
  }
  const keyAt = (n: number) => [...key, n];
  const written = rowsOf(bytes, { revision: head.revision, keyAt });
  rows.push(...written);
  head.hasLongRows ||= written.length > 1;
}

function addAlarm(
  { actorId, head, rows }: Plan,
  { dueMs, id, call }: ActorAlarm,
): void {
  const key = keyOf("alarm", actorId, dueMs, id);
  const dueKey = keyOf("due", dueMs, id, actorId);
  const keyAt = (n: number) => n === 0 ? dueKey : [...key, n];
  const written = rowsOf(call, { revision: head.revision, keyAt });
  rows.push({ key, value: new Uint8Array() }, ...written);
  head.hasLongRows ||= written.length > 1;
}

function deleteAlarm({ actorId, rows }: Plan, { dueMs, id }: AlarmKey): void {
  const key = keyOf("alarm", actorId, dueMs, id);
  rows.push(deleted(key), deleted(keyOf("due", dueMs, id, actorId)));
}

function setKv(plan: Plan, { key, value }: KvWrite): void {
  const { actorId, head, rows } = plan;
  const keyAt = kvKeys(actorId, packKey(key));
  const written = value === undefined
    ? []
    : rowsOf(value, { revision: head.revision, keyAt });
  rows.push(...written, ...surplus(keyAt, written.length, head.kvRows ?? 1));
  head.kvRows = Math.max(head.kvRows ?? 1, written.length);
}

/** The rows of what a step replaces or deletes, where that may have more than the step knows of. */
async function longRowsOf(kv: Kv, step: Step): Promise<Row[]> {
  const { actorId, connections, addAlarms = [], deleteAlarms = [] } = step;
  const under = [
    ...Array.from(
      connections?.keys() ?? [],
      (id) => keyOf("actor", actorId, "connection", id),
    ),
    ...[...addAlarms, ...deleteAlarms].map(({ dueMs, id }) =>
      keyOf("alarm", actorId, dueMs, id)
    ),
  ];
  const keys = await Promise.all(under.map((key) => keysUnder(kv, key)));
  return keys.flat().map(deleted);
}

/** Deletes the rows that a longer value had and the one in its place has not. */
function surplus(
  keyAt: (n: number) => Key,
  count: number,
  countBefore: number,
): Row[] {
  const rows: Row[] = [];
  for (let n = count; n < countBefore; n++) rows.push(deleted(keyAt(n)));
  return rows;
}

function deleted(key: Key): Row {
  return { key, value: undefined };
}
