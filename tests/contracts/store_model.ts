// Random commits against a store and against the simplest thing that keeps the contract.

import { assertEquals } from "@std/assert";
import process from "node:process";
import type {
  ActorAlarm,
  Alarm,
  Outcome,
  Step,
  Store,
  StoredActor,
} from "../../src/stores/store.ts";
import { test } from "../harness.ts";
import { bytes, inStore, type OpenStore, pattern } from "./store_steps.ts";

type Random = (below: number) => number;

const ids = ["a", "b", "c", "d", "e", "f", "g"];
const keys = ["k", "l", "m", "n"];
const rounds = 150;

/** Registers the randomized test; `STORE_SEED=n` repeats a run. */
export function storeModelContract(name: string, open: OpenStore): void {
  const seed = Number(
    process.env.STORE_SEED ?? Math.floor(Math.random() * 2 ** 31),
  );
  test(`${name}: answers like the model whatever is committed (seed ${seed})`, () =>
    inStore(open, async (store) => {
      const model = new Model();
      const random = randomFrom(seed);
      for (let round = 0; round < rounds; round++) {
        const steps = randomSteps(random, model);
        const outcomes = await store.commit(steps);
        assertEquals(outcomes, steps.map((step) => model.commit(step)));
        await assertLike(store, model, { isFull: round % 10 === 0 });
        await assertLikeKv(store, model, random);
      }
    }));
}

type ModelActor = Omit<StoredActor, "alarms">;

class Model {
  actors = new Map<string, ModelActor>();
  alarms: Alarm[] = [];
  /** Keys as texts of hexadecimal digits. */
  kv = new Map<string, Map<string, Uint8Array>>();

  load(id: string): StoredActor | undefined {
    const actor = this.actors.get(id);
    const alarms = this.alarms.filter(({ actorId }) => actorId === id)
      .map(({ dueMs, id, call }) => ({ dueMs, id, call }));
    return actor && { ...actor, alarms };
  }

  commit(step: Step): Outcome {
    const { actorId, create } = step;
    if (create !== undefined) {
      const owner = this.find(create.name, create.key);
      if (owner) return { ok: false, reason: "exists", actorId: owner };
    }
    const actor = this.actors.get(actorId);
    if (actor && actor.fence > step.fence) {
      return { ok: false, reason: "fence" };
    }
    if (
      (actor === undefined) !== (create !== undefined) ||
      (actor?.revision ?? 0) !== step.expectedRevision
    ) return { ok: false, reason: "revision" };
    if (step.destroy) {
      this.actors.delete(actorId);
      this.kv.delete(actorId);
      this.alarms = this.alarms.filter((alarm) => alarm.actorId !== actorId);
      return { ok: true };
    }
    this.#change(actor, step);
    return { ok: true };
  }

  find(name: string, key: string): string | undefined {
    for (const [id, actor] of this.actors) {
      if (actor.name === name && actor.key === key) return id;
    }
  }

  pairs(actorId: string): [string, string][] {
    const pairs = Array.from(
      this.kv.get(actorId) ?? [],
      ([key, value]): [string, string] => [key, digest(value)],
    );
    return pairs.sort(([a], [b]) => a < b ? -1 : 1);
  }

  #change(before: ModelActor | undefined, step: Step): void {
    const { actorId } = step;
    const kv = new Map(this.kv.get(actorId));
    for (const { key, value } of step.kv ?? []) {
      if (value === undefined) kv.delete(key.toHex());
      else kv.set(key.toHex(), value);
    }
    this.kv.set(actorId, kv);
    const connections = new Map(before?.connections);
    for (const [id, value] of step.connections ?? []) {
      if (value) connections.set(id, value);
      else connections.delete(id);
    }
    const journal = step.snapshot ? [] : before?.journal ?? [];
    this.actors.set(actorId, {
      name: before?.name ?? step.create!.name,
      key: before?.key ?? step.create!.key,
      revision: step.expectedRevision + 1,
      fence: step.fence,
      record: step.record ?? before!.record,
      snapshot: step.snapshot ?? before?.snapshot,
      journal: step.journal ? [...journal, step.journal] : journal,
      connections,
    });
    const added = (step.addAlarms ?? []).map((a) => ({ actorId, ...a }));
    const gone = [...step.deleteAlarms ?? [], ...added].map(alarmName);
    this.alarms = [
      ...this.alarms.filter((alarm) =>
        alarm.actorId !== actorId || !gone.includes(alarmName(alarm))
      ),
      ...added,
    ].sort((a, b) =>
      a.dueMs - b.dueMs || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0) ||
      (a.actorId < b.actorId ? -1 : 1)
    );
  }
}

async function assertLike(
  store: Store,
  model: Model,
  options: { isFull: boolean },
): Promise<void> {
  const alarms = await store.alarms({ limit: 1_000 });
  assertEquals(alarms.map(shortAlarm), model.alarms.map(shortAlarm));
  if (!options.isFull) return;
  for (const id of ids) {
    const actor = await store.load(id);
    assertEquals(short(actor), short(model.load(id)));
  }
  for (const key of keys) {
    assertEquals(await store.find("room", key), model.find("room", key));
  }
  const listed = await store.list("room", { limit: 100 });
  assertEquals(
    listed.map((row) => [row.id, row.key, digest(row.record)]),
    ids.toReversed().filter((id) => model.actors.has(id)).map((id) => {
      const { key, record } = model.actors.get(id)!;
      return [id, key, digest(record)];
    }),
  );
}

/** Compares a random page of a random actor, and the values of random keys. */
async function assertLikeKv(
  store: Store,
  model: Model,
  random: Random,
): Promise<void> {
  const actorId = ids[random(ids.length)]!;
  const pairs = model.pairs(actorId);
  const [start, end] = [randomKey(random), randomKey(random)];
  const limit = 1 + random(8);
  const reverse = random(2) === 0;
  const page = await store.kvList(actorId, { start, end, limit, reverse });
  const expected = pairs
    .filter(([key]) => start.toHex() <= key && key < end.toHex());
  assertEquals(
    page.map(([key, value]) => [key.toHex(), digest(value)]),
    (reverse ? expected.toReversed() : expected).slice(0, limit),
  );
  const wanted = Array.from({ length: random(40) }, () => randomKey(random));
  const values = await store.kvGet(actorId, wanted);
  assertEquals(
    values.map((value) => value && digest(value)),
    wanted.map((key) => new Map(pairs).get(key.toHex())),
  );
}

function randomSteps(random: Random, model: Model): Step[] {
  return ids.filter(() => random(2) === 0)
    .sort(() => random(2) - 0.5)
    .map((id) => randomStep(random, id, model.actors.get(id)));
}

function randomStep(
  random: Random,
  actorId: string,
  actor: ModelActor | undefined,
): Step {
  const oneIn = (chances: number) => random(chances) === 0;
  const value = () => randomBytes(random);
  const isCreating = actor === undefined ? !oneIn(8) : oneIn(20);
  const step: Step = {
    actorId,
    expectedRevision: isCreating ? 0 : actor?.revision ?? 0,
    fence: (actor?.fence ?? 1) + (oneIn(8) ? 1 : 0),
  };
  if (isCreating) {
    step.create = { name: "room", key: keys[random(keys.length)]! };
    step.record = value();
  } else {
    if (oneIn(8)) step.expectedRevision += random(3) - 1;
    if (oneIn(8)) step.fence = random(4);
    if (oneIn(10)) step.record = value();
    if (oneIn(10)) step.destroy = true;
  }
  if (oneIn(4)) step.snapshot = value();
  else if (!oneIn(4)) step.journal = value();
  if (oneIn(3)) {
    step.connections = new Map(
      ["x", "y", "z"].filter(() => oneIn(2))
        .map((id) => [id, oneIn(2) ? undefined : value()]),
    );
  }
  const alarmKeys = () =>
    Array.from({ length: random(4) }, () => ({
      dueMs: random(4) * 2 ** 40,
      id: `alarm-${random(4)}`,
    }));
  if (oneIn(3)) step.deleteAlarms = alarmKeys();
  if (oneIn(3)) {
    const unique = new Map(alarmKeys().map((key) => [alarmName(key), key]));
    step.addAlarms = Array.from(
      unique.values(),
      (key) => ({ ...key, call: value() }),
    );
  }
  if (oneIn(2)) {
    const written = Array.from(
      { length: random(10) },
      () => randomKey(random),
    );
    step.kv = Array.from(
      new Map(written.map((key) => [key.toHex(), key])).values(),
      (key) => ({
        key,
        value: oneIn(3) ? undefined : value().slice(0, 131_200),
      }),
    );
  }
  return step;
}

/** One of some forty keys, short and long, many of them with zero bytes. */
function randomKey(random: Random): Uint8Array {
  const length = random(8) === 0 ? 1_040 : 1 + random(3);
  const key = new Uint8Array(length).fill(random(2) * 255);
  key[0] = random(2);
  key[length - 1] = [0, 1, 255][random(3)]!;
  return key;
}

/** Mostly few bytes, seldom more than a row or a write of some medium takes. */
function randomBytes(random: Random): Uint8Array {
  const kind = random(40);
  if (kind === 0) return pattern(800_000 + random(100_000), random(1000));
  if (kind < 4) return pattern(50_000 + random(100_000), random(1000));
  if (kind < 8) return pattern(2_040 + random(20), random(1000));
  return bytes("some bytes ".repeat(random(4)));
}

function randomFrom(seed: number): Random {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

function alarmName({ dueMs, id }: { dueMs: number; id: string }): string {
  return `${dueMs}/${id}`;
}

function short(actor: StoredActor | undefined): unknown {
  return actor && {
    ...actor,
    record: digest(actor.record),
    snapshot: actor.snapshot && digest(actor.snapshot),
    journal: actor.journal.map(digest),
    connections: Array.from(
      actor.connections,
      ([id, value]) => [id, digest(value)],
    ).sort(),
    alarms: actor.alarms.map(shortAlarm),
  };
}

function shortAlarm(alarm: ActorAlarm): unknown {
  return { ...alarm, call: digest(alarm.call) };
}

/** Length and a hash: readable in a failure, and quick to compare. */
function digest(value: Uint8Array): string {
  let hash = 0;
  for (const byte of value) hash = (Math.imul(hash, 31) + byte) >>> 0;
  return `${value.length}:${hash}`;
}
