// Reads and writes of one actor's rows, in every order, against the simplest thing that has them.

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import process from "node:process";
import { KvRows } from "../../src/actor/kv_rows.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import type { KvPage } from "../../src/stores/store.ts";
import { bytes, createStep } from "../contracts/store_steps.ts";
import { test } from "../harness.ts";

type Contents = Map<string, string>;

/** Rows over a store whose answers come when the test says so. */
class Rig {
  readonly rows: KvRows;
  readonly contents: Contents = new Map();
  changes = 0;
  /** How often the store was asked. */
  asks = 0;
  failure: Error | undefined;
  /** Awaited by each read, before it asks the store, and before it answers. */
  delay: () => Promise<void> | void = () => {};
  readonly #store = memoryStore();
  #revision = 0;
  #writes = 0;

  constructor() {
    const wait = async <V>(ask: () => Promise<V>): Promise<V> => {
      this.asks++;
      await this.delay();
      const answer = await ask();
      await this.delay();
      return answer;
    };
    this.rows = new KvRows({
      actorId: "a",
      store: {
        kvGet: (id, keys) => wait(() => this.#store.kvGet(id, keys)),
        kvList: (id, page) => wait(() => this.#store.kvList(id, page)),
      },
      check: () => {
        if (this.failure !== undefined) throw this.failure;
      },
      onChange: () => void this.changes++,
    });
  }

  set(key: string, value: string | undefined): void {
    this.#writes++;
    this.rows.set(bytes(key), value === undefined ? undefined : bytes(value));
    if (value === undefined) this.contents.delete(key);
    else this.contents.set(key, value);
  }

  /** How many writes there were. */
  get writes(): number {
    return this.#writes;
  }

  async get(...keys: string[]): Promise<(string | undefined)[]> {
    const values = await this.rows.get(keys.map(bytes));
    return values.map((value) => value && text(value));
  }

  async list(range: Partial<Omit<KvPage, "start" | "end">> = {}) {
    const pairs = await this.rows.list({ ...all, limit: 1_000, ...range });
    return pairs.map(([key, value]) => `${text(key)}=${text(value)}`);
  }

  /** Commits the next step; when it is durable the rows are told `later`, if that is given. */
  async commit(later?: () => Promise<void>): Promise<void> {
    const kv = this.rows.take();
    if (kv === undefined) return;
    await later?.();
    const [outcome] = await this.#store.commit([
      this.#revision === 0 ? { ...createStep("a"), kv } : {
        actorId: "a",
        expectedRevision: this.#revision,
        fence: 1,
        kv,
      },
    ]);
    assert(outcome!.ok);
    this.#revision++;
    await later?.();
    this.rows.settle();
  }
}

const all = { start: bytes("a"), end: bytes("z") };

test("reads see what was written before: pending, under way, and durable", async () => {
  const rig = new Rig();
  rig.set("a", "1");
  rig.set("b", "1");
  rig.set("c", "1");
  await rig.commit();
  rig.set("b", undefined);
  rig.set("d", "2");
  let isChecked = false;
  const check = async () => {
    assertEquals(await rig.get("a", "b", "c", "d", "e"), [
      "1",
      undefined,
      undefined,
      "3",
      undefined,
    ]);
    assertEquals(await rig.list(), ["a=1", "d=3"]);
    isChecked = true;
  };
  await rig.commit(async () => {
    if (isChecked) return;
    rig.set("c", undefined);
    rig.set("d", "3");
    await check();
  });
  assert(isChecked);
  await check();
  await rig.commit();
  await check();
});

test("what is not durable is read without the store, and kept no longer than that", async () => {
  const rig = new Rig();
  rig.set("a", "1");
  assertEquals(await rig.get("a"), ["1"]);
  await rig.commit(async () => assertEquals(await rig.get("a"), ["1"]));
  assertEquals(rig.asks, 0);
  assertEquals(await rig.get("a"), ["1"]);
  assertEquals(rig.asks, 1);
});

test("a list is as long as it may be, whatever was deleted or added since", async () => {
  const rig = new Rig();
  const keys = Array.from({ length: 600 }, (_, n) => `k${1000 + n}`);
  for (const key of keys) rig.set(key, "1");
  await rig.commit();
  for (const key of keys.slice(0, 300)) rig.set(key, undefined);
  for (const key of keys.slice(590)) rig.set(key, undefined);
  rig.set("k1200+", "2");
  const expected = ["k1200+=2", ...keys.slice(300, 590).map((k) => `${k}=1`)];
  assertEquals(await rig.list(), expected);
  assertEquals(await rig.list({ reverse: true }), expected.toReversed());
  for (const limit of [1, 2, 249, 250, 251, 290, 291, 292]) {
    assertEquals(await rig.list({ limit }), expected.slice(0, limit));
    assertEquals(
      await rig.list({ limit, reverse: true }),
      expected.toReversed().slice(0, limit),
    );
  }
});

test("a read does not see what is written after it has begun", async () => {
  const rig = new Rig();
  rig.set("a", "1");
  await rig.commit();
  rig.set("b", "1");
  const reads = [rig.get("a", "b", "c"), rig.list()];
  rig.set("a", "2");
  rig.set("b", "2");
  rig.set("c", "2");
  assertEquals(await Promise.all(reads), [
    ["1", "1", undefined],
    ["a=1", "b=1"],
  ]);
  assertEquals(await rig.get("a", "b", "c"), ["2", "2", "2"]);
});

test("a read that waits while later writes are committed sees all of them or none", async () => {
  for (const isLate of [true, false]) {
    const rig = new Rig();
    rig.set("a", "1");
    rig.set("b", "1");
    await rig.commit();
    rig.set("a", "2");
    const { promise, resolve } = Promise.withResolvers<void>();
    let waits = 0;
    // Held up before it asks the store, or before it hands over the answer.
    rig.delay = () => ++waits % 2 === (isLate ? 1 : 0) ? promise : undefined;
    const reads = [rig.get("a", "b"), rig.list()];
    rig.set("a", "3");
    rig.set("b", "3");
    await rig.commit();
    resolve();
    assertEquals(await Promise.all(reads), [["3", "3"], ["a=3", "b=3"]]);
  }
});

test("a list is as long as it may be, when what it has read is deleted before it ends", async () => {
  const rig = new Rig();
  const keys = Array.from({ length: 600 }, (_, n) => `k${1000 + n}`);
  for (const key of keys) rig.set(key, "1");
  await rig.commit();
  let waits = 0;
  rig.delay = async () => {
    // The second page was asked for.
    if (++waits !== 3) return;
    for (const key of keys.slice(0, 250)) rig.set(key, undefined);
    await rig.commit();
  };
  assertEquals(
    await rig.list({ limit: 300 }),
    keys.slice(250, 550).map((key) => `${key}=1`),
  );
  assertEquals(waits > 4, true);
});

test("deleteRange() deletes what was there at its call, and nothing that was written since", async () => {
  const rig = new Rig();
  for (const key of ["b", "c", "d", "e"]) rig.set(key, "1");
  await rig.commit();
  rig.set("c1", "1");
  rig.set("d", undefined);
  const deleted = rig.rows.deleteRange({ start: bytes("c"), end: bytes("e") });
  rig.set("c", "2");
  rig.set("d1", "2");
  await deleted;
  assertEquals(await rig.list(), ["b=1", "c=2", "d1=2", "e=1"]);
  await rig.commit();
  assertEquals(await rig.list(), ["b=1", "c=2", "d1=2", "e=1"]);
});

test("a step has each key once, as it was written last", () => {
  const rig = new Rig();
  assertEquals(rig.rows.take(), undefined);
  rig.set("a", "1");
  rig.set("b", "1");
  rig.set("a", "22");
  rig.set("b", undefined);
  assertEquals([rig.rows.isChanged, rig.rows.pendingBytes], [true, 4]);
  assertEquals(rig.changes, 4);
  assertEquals(rig.rows.take(), [
    { key: bytes("a"), value: bytes("22") },
    { key: bytes("b"), value: undefined },
  ]);
  assertEquals([rig.rows.isChanged, rig.rows.pendingBytes], [false, 0]);
});

test("rows that nobody saves any more are neither read nor written", async () => {
  const rig = new Rig();
  rig.set("a", "1");
  await rig.commit();
  const { promise, resolve } = Promise.withResolvers<void>();
  rig.delay = () => promise;
  const reads = [rig.get("a"), rig.list()];
  rig.failure = new RangeError("over");
  resolve();
  for (const read of reads) await assertRejects(() => read, RangeError, "over");
  await assertRejects(() => rig.get("a"), RangeError, "over");
  await assertRejects(() => rig.rows.deleteRange(all), RangeError, "over");
  assertThrows(() => rig.set("a", "2"), RangeError, "over");
});

const seed = Number(process.env.SEED ?? Date.now() % 1e9);

test(`reads are of one moment, whatever is written and committed meanwhile (SEED=${seed})`, async () => {
  const random = randomFrom(seed);
  const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
  const pause = async () => {
    for (let n = random(4); n > 0; n--) await turn();
  };
  let [early, late] = [0, 0];
  for (let run = 0; run < 60; run++) {
    const rig = new Rig();
    const key = () => `k${random(12)}`;
    let committing: Promise<void> | undefined;
    const reads: Promise<void>[] = [];
    // The number of writes that steps have taken.
    let taken = 0;
    const read = async () => {
      const [before, writes] = [new Map(rig.contents), rig.writes];
      const isList = random(2) === 0;
      const options = { limit: 1 + random(8), reverse: random(2) === 0 };
      const keys = Array.from({ length: 1 + random(6) }, key);
      const seen = await (isList ? rig.list(options) : rig.get(...keys));
      const isLate = taken > writes;
      if (isLate) late++;
      else early++;
      const expected = (contents: Contents) =>
        isList ? listed(contents, options) : keys.map((k) => contents.get(k));
      // What needs no store is of the beginning in any case.
      const isOfEnd = isLate && equal(seen, expected(rig.contents));
      if (!isOfEnd) assertEquals(seen, expected(before));
    };
    rig.delay = pause;
    for (let step = 0; step < 120; step++) {
      const dice = random(10);
      if (dice < 4) rig.set(key(), random(3) === 0 ? undefined : `${step}`);
      else if (dice < 8) reads.push(read());
      // Reads that are about to end do so before the next write.
      else if (dice < 9) await turn();
      else if (committing === undefined) {
        taken = rig.writes;
        committing = rig.commit(pause).then(() => committing = undefined);
      }
    }
    await committing;
    await Promise.all(reads);
    await rig.commit();
    assertEquals(
      await rig.list(),
      listed(rig.contents, { limit: 99, reverse: false }),
    );
  }
  // The test would show little if one of the two were rare.
  assert(early > 500 && late > 500, `${early} early, ${late} late`);
});

function listed(
  contents: Contents,
  { limit, reverse }: { limit: number; reverse: boolean },
): string[] {
  const pairs = [...contents].map(([key, value]) => ({ key, value }))
    .sort((a, b) => a.key < b.key ? -1 : 1);
  return (reverse ? pairs.toReversed() : pairs).slice(0, limit)
    .map(({ key, value }) => `${key}=${value}`);
}

function equal(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

function randomFrom(seed: number): (below: number) => number {
  let state = seed >>> 0 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}
