// A store that lasts as long as the process, for tests and for actors that need no disk.
//
// It keeps the whole contract but durability. Bytes are copied on their way in and out, as a disk
// would, so that nobody can change what is committed.

// Methods are async so that what they throw rejects.
// deno-lint-ignore-file require-await

import { Sorted } from "./sorted.ts";
import type {
  ActorRow,
  Alarm,
  KvPage,
  KvWrite,
  Outcome,
  Step,
  Store,
  StoredActor,
} from "./store.ts";

interface Actor extends Omit<StoredActor, "alarms"> {
  id: string;
  alarms: Map<string, Alarm>;
  kv: Sorted<Pair> | undefined;
}

interface Pair {
  /** The key, each byte a character: so texts are in the order of the bytes. */
  key: string;
  value: Uint8Array;
}

/** A store in memory; every call makes an empty one. */
export function memoryStore(): Store {
  return new MemoryStore();
}

class MemoryStore implements Store {
  readonly location = "memory";
  #fence = 0;
  #isClosed = false;
  #actors = new Map<string, Actor>();
  #ids = new Map<string, string>();
  #idsByName = new Map<string, Sorted<string>>();
  #alarms = new Sorted<Alarm>(compareAlarms);

  async claim(): Promise<number> {
    this.#assertOpen();
    return ++this.#fence;
  }

  async load(actorId: string): Promise<StoredActor | undefined> {
    this.#assertOpen();
    const actor = this.#actors.get(actorId);
    if (actor === undefined) return undefined;
    return {
      name: actor.name,
      key: actor.key,
      revision: actor.revision,
      fence: actor.fence,
      record: actor.record.slice(),
      snapshot: actor.snapshot?.slice(),
      journal: actor.journal.map((entry) => entry.slice()),
      connections: new Map(
        Array.from(actor.connections, ([id, bytes]) => [id, bytes.slice()]),
      ),
      alarms: [...actor.alarms.values()].sort(compareAlarms)
        .map(({ dueMs, id, call }) => ({ dueMs, id, call: call.slice() })),
    };
  }

  async get(id: string): Promise<ActorRow | undefined> {
    this.#assertOpen();
    const actor = this.#actors.get(id);
    return actor && rowOf(id, actor);
  }

  async find(name: string, key: string): Promise<string | undefined> {
    this.#assertOpen();
    return this.#ids.get(nameAndKey(name, key));
  }

  async list(
    name: string,
    options: { limit: number; before?: string },
  ): Promise<ActorRow[]> {
    this.#assertOpen();
    const ids = this.#idsByName.get(name)?.after(options.before) ?? [];
    return Iterator.from(ids).take(options.limit)
      .map((id) => rowOf(id, this.#actors.get(id)!))
      .toArray();
  }

  async commit(steps: readonly Step[]): Promise<Outcome[]> {
    this.#assertOpen();
    return steps.map((step) => this.#commitOne(step));
  }

  async alarms(
    options: { limit: number; until?: number; after?: Alarm },
  ): Promise<Alarm[]> {
    this.#assertOpen();
    const due: Alarm[] = [];
    for (const alarm of this.#alarms.after(options.after)) {
      if (due.length >= options.limit) break;
      if (alarm.dueMs > (options.until ?? Infinity)) break;
      due.push({ ...alarm, call: alarm.call.slice() });
    }
    return due;
  }

  async kvGet(
    actorId: string,
    keys: readonly Uint8Array[],
  ): Promise<(Uint8Array | undefined)[]> {
    this.#assertOpen();
    const kv = this.#actors.get(actorId)?.kv;
    return keys.map((key) => kv?.get(pairAt(key))?.value.slice());
  }

  async kvList(
    actorId: string,
    { start, end, limit, reverse }: KvPage,
  ): Promise<[Uint8Array, Uint8Array][]> {
    this.#assertOpen();
    const kv = this.#actors.get(actorId)?.kv;
    if (kv === undefined) return [];
    const [first, behind] = [pairAt(start), pairAt(end)];
    const pairs: [Uint8Array, Uint8Array][] = [];
    for (const pair of reverse ? kv.before(behind) : pairsFrom(kv, first)) {
      if (pairs.length >= limit) break;
      if (reverse ? pair.key < first.key : pair.key >= behind.key) break;
      pairs.push([bytesOf(pair.key), pair.value.slice()]);
    }
    return pairs;
  }

  async isEmpty(): Promise<boolean> {
    this.#assertOpen();
    return this.#actors.size === 0;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
  }

  #assertOpen(): void {
    if (this.#isClosed) throw new Error("The store in memory is closed");
  }

  #commitOne(step: Step): Outcome {
    const refusal = this.#refusalOf(step);
    if (refusal !== undefined) return refusal;
    const actor = step.create
      ? this.#create(step.actorId, step.create)
      : this.#actors.get(step.actorId)!;
    if (step.destroy) {
      this.#destroy(actor);
      return { ok: true };
    }
    actor.revision++;
    actor.fence = step.fence;
    this.#change(actor, step);
    return { ok: true };
  }

  #refusalOf(step: Step): Outcome | undefined {
    if (step.create !== undefined) {
      const { name, key } = step.create;
      const actorId = this.#ids.get(nameAndKey(name, key));
      if (actorId !== undefined) {
        return { ok: false, reason: "exists", actorId };
      }
    }
    const actor = this.#actors.get(step.actorId);
    if (actor !== undefined && actor.fence > step.fence) {
      return { ok: false, reason: "fence" };
    }
    const isExpected = (actor?.revision ?? 0) === step.expectedRevision &&
      (actor === undefined) === (step.create !== undefined);
    return isExpected ? undefined : { ok: false, reason: "revision" };
  }

  #create(id: string, { name, key }: { name: string; key: string }): Actor {
    const actor: Actor = {
      id,
      name,
      key,
      revision: 0,
      fence: 0,
      record: new Uint8Array(),
      snapshot: undefined,
      journal: [],
      connections: new Map(),
      alarms: new Map(),
      kv: undefined,
    };
    this.#actors.set(id, actor);
    this.#ids.set(nameAndKey(name, key), id);
    const ids = this.#idsByName.get(name) ?? new Sorted<string>(compareDown);
    ids.add(id);
    this.#idsByName.set(name, ids);
    return actor;
  }

  #destroy(actor: Actor): void {
    this.#actors.delete(actor.id);
    this.#ids.delete(nameAndKey(actor.name, actor.key));
    const ids = this.#idsByName.get(actor.name)!;
    ids.delete(actor.id);
    if (ids.isEmpty) this.#idsByName.delete(actor.name);
    for (const alarm of actor.alarms.values()) this.#alarms.delete(alarm);
  }

  #change(actor: Actor, step: Step): void {
    if (step.record) actor.record = step.record.slice();
    if (step.snapshot) {
      actor.snapshot = step.snapshot.slice();
      actor.journal = [];
    }
    if (step.journal) actor.journal.push(step.journal.slice());
    for (const [id, bytes] of step.connections ?? []) {
      if (bytes === undefined) actor.connections.delete(id);
      else actor.connections.set(id, bytes.slice());
    }
    for (const { dueMs, id } of step.deleteAlarms ?? []) {
      const alarm = actor.alarms.get(`${dueMs}/${id}`);
      if (alarm === undefined) continue;
      actor.alarms.delete(`${dueMs}/${id}`);
      this.#alarms.delete(alarm);
    }
    for (const { dueMs, id, call } of step.addAlarms ?? []) {
      const alarm = { actorId: actor.id, dueMs, id, call: call.slice() };
      actor.alarms.set(`${dueMs}/${id}`, alarm);
      this.#alarms.add(alarm);
    }
    for (const write of step.kv ?? []) this.#setKv(actor, write);
  }

  #setKv(actor: Actor, { key, value }: KvWrite): void {
    const kv = actor.kv ??= new Sorted<Pair>((a, b) => compare(a.key, b.key));
    if (value === undefined) kv.delete(pairAt(key));
    else kv.add({ ...pairAt(key), value: value.slice() });
  }
}

function pairAt(key: Uint8Array): Pair {
  return { key: String.fromCharCode(...key), value: key };
}

function bytesOf(key: string): Uint8Array {
  return Uint8Array.from(key, (character) => character.charCodeAt(0));
}

function* pairsFrom(kv: Sorted<Pair>, first: Pair): Generator<Pair> {
  const found = kv.get(first);
  if (found !== undefined) yield found;
  yield* kv.after(first);
}

function nameAndKey(name: string, key: string): string {
  return JSON.stringify([name, key]);
}

function compareAlarms(a: Alarm, b: Alarm): number {
  return a.dueMs - b.dueMs || compare(a.id, b.id) ||
    compare(a.actorId, b.actorId);
}

function compareDown(a: string, b: string): number {
  return compare(b, a);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function rowOf(id: string, { name, key, record }: Actor): ActorRow {
  return { id, name, key, record: record.slice() };
}
