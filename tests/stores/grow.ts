// Steps whose every result is known from the revision alone, so that whatever a killed process left
// can be told from what it may not have left.

import { assert, assertEquals } from "@std/assert";
import type {
  Alarm,
  KvWrite,
  Step,
  Store,
  StoredActor,
} from "../../src/stores/store.ts";
import { bytes, createStep, pattern } from "../contracts/store_steps.ts";

const snapshotLength = 5_000_000;
const entryLength = 900_000;
const alarmCount = 1_200;
const valueLength = 100_000;

/** The step that follows `revision`: every third one a snapshot, the others journal entries. */
export function growStep(revision: number): Step {
  const start: Step = revision === 0
    ? createStep("grown")
    : { actorId: "grown", expectedRevision: revision, fence: 1 };
  const step = {
    ...start,
    connections: new Map([["c", bytes(`${revision}`)]]),
    deleteAlarms: revision === 0 ? [] : alarmsAt(revision - 1),
    addAlarms: alarmsAt(revision),
    kv: writesAt(revision),
  };
  return revision % 3 === 0
    ? { ...step, snapshot: pattern(snapshotLength, revision) }
    : { ...step, journal: pattern(entryLength, revision) };
}

/** Asserts that the store has exactly one of the committed states; answers with its revision. */
export async function assertGrown(store: Store): Promise<number> {
  const revision = assertActor(await store.load("grown"));
  assertEquals(await assertAlarms(store), revision);
  assertEquals(await assertValues(store), revision);
  assertEquals(await store.isEmpty(), revision === 0);
  return revision;
}

/** Asserts that the actor is as one of the steps left it; answers with its revision. */
export function assertActor(actor: StoredActor | undefined): number {
  if (actor === undefined) return 0;
  const last = actor.revision - 1;
  const lastSnapshot = last - last % 3;
  assertSame(actor.snapshot, pattern(snapshotLength, lastSnapshot));
  assertEquals(actor.journal.length, last - lastSnapshot);
  for (const [n, entry] of actor.journal.entries()) {
    assertSame(entry, pattern(entryLength, lastSnapshot + 1 + n));
  }
  assertEquals(actor.connections, new Map([["c", bytes(`${last}`)]]));
  return actor.revision;
}

/** Asserts that the alarms are those of one of the steps; answers with the revision after it. */
export async function assertAlarms(store: Store): Promise<number> {
  const alarms = await store.alarms({ limit: 2 * alarmCount });
  if (alarms.length === 0) return 0;
  const last = alarms[0]!.dueMs;
  assertEquals(
    alarms.map(({ dueMs, id }) => `${dueMs} ${id}`),
    alarmsAt(last).map(({ dueMs, id }) => `${dueMs} ${id}`).sort(),
  );
  return last + 1;
}

/** Asserts that keys and values are as one of the steps left them; answers with its revision. */
export async function assertValues(store: Store): Promise<number> {
  const [start, end] = [bytes("a"), bytes("z")];
  const pairs = await store.kvList("grown", { start, end, limit: 99 });
  if (pairs.length === 0) return 0;
  const last = pairs[0]![1][0]!;
  const expected = writesAt(last).filter(({ value }) => value !== undefined);
  assertEquals(pairs.map(([key]) => key), expected.map(({ key }) => key));
  for (const [n, [, value]] of pairs.entries()) {
    assertSame(value, expected[n]!.value!);
  }
  return last + 1;
}

/** Some of everything, for another runtime to read. */
export function sampleSteps(): Step[] {
  return [{
    ...createStep("sample", { key: "k/ä€😀", fence: 3 }),
    snapshot: pattern(100, 1),
    connections: new Map([["c", bytes("one")], ["d", new Uint8Array()]]),
    addAlarms: [
      { dueMs: Number.MAX_SAFE_INTEGER, id: "last", call: bytes("call") },
      { dueMs: 2 ** 40 + 1, id: "first", call: new Uint8Array() },
    ],
    kv: [
      { key: Uint8Array.of(0, 1, 0), value: new Uint8Array() },
      { key: Uint8Array.of(255), value: pattern(131_072, 3) },
    ],
  }, { ...createStep("large"), snapshot: pattern(100_000, 2) }];
}

// One key stays, with a value that is long and short in turn; each of the others lasts one step.
function writesAt(revision: number): KvWrite[] {
  const stamp = (length: number) => new Uint8Array(length).fill(revision);
  const length = revision % 2 === 0 ? valueLength : 1;
  return [
    { key: bytes("every step"), value: stamp(length) },
    { key: bytes(`step ${revision - 1}`), value: undefined },
    { key: bytes(`step ${revision}`), value: stamp(3) },
  ];
}

function alarmsAt(revision: number): Omit<Alarm, "actorId">[] {
  return Array.from({ length: alarmCount }, (_, n) => ({
    dueMs: revision,
    id: `alarm-${n}`,
    call: bytes("call"),
  }));
}

function assertSame(actual: Uint8Array | undefined, expected: Uint8Array) {
  assertEquals(actual?.length, expected.length);
  assert(actual?.every((byte, index) => byte === expected[index]));
}
