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
      }
    }));
}

type ModelActor = Omit<StoredActor, "alarms">;

class Model {
  actors = new Map<string, ModelActor>();
  alarms: Alarm[] = [];

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

  #change(before: ModelActor | undefined, step: Step): void {
    const { actorId } = step;
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
  return step;
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
