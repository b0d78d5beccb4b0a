// The values of an actor's own keys: what a step sets and deletes, and how they are read.

import { assert, assertEquals } from "@std/assert";
import type { KvWrite, Outcome, Store } from "../../src/stores/store.ts";
import { test } from "../harness.ts";
import {
  bytes,
  createStep,
  inStore,
  type OpenStore,
  pattern,
} from "./store_steps.ts";

const ok: Outcome = { ok: true };
/** Before and behind every key of these tests. */
const start = new Uint8Array();
const end = new Uint8Array(1_040).fill(0xff);
/** In the order of their bytes, with those that an encoding may get wrong. */
const ordered: number[][] = [
  [0],
  [0, 0],
  [0, 0, 0, 0],
  [0, 1],
  [0, 255],
  [1],
  [1, 0],
  [1, 0, 0],
  [1, 0, 0, 1],
  [1, 0, 1],
  [1, 1],
  [1, 63, 64],
  [1, 64],
  [1, 64, 0, 0, 0],
  [1, 127],
  [1, 128],
  [1, 255],
  [1, 255, 0],
  [1, 255, 255],
  [2],
  [127],
  [128],
  [254, 255, 255],
  [255],
  [255, 0],
  [255, 255],
];
const orderedKeys = ordered.map((key) => Uint8Array.from(key));

/** Registers the part of the suite that is about keys and values. */
export function storeKvContract(name: string, open: OpenStore): void {
  test(`${name}: kvGet() gives values in the order of the keys, and undefined where there is none`, () =>
    inStore(open, async (store) => {
      const empty = new Uint8Array();
      await store.commit([{
        ...createStep("a"),
        kv: [set("x", bytes("1")), set("y", empty), set("gone", undefined)],
      }, { ...createStep("b"), kv: [set("x", bytes("of b"))] }]);
      assertEquals(
        await store.kvGet("a", ["y", "no", "x", "gone", "y"].map(bytes)),
        [empty, undefined, bytes("1"), undefined, empty],
      );
      assertEquals(await store.kvGet("b", [bytes("x")]), [bytes("of b")]);
      assertEquals(await store.kvGet("c", [bytes("x")]), [undefined]);
      assertEquals(await store.kvGet("a", []), []);
      assertEquals(await store.kvList("c", { start, end, limit: 9 }), []);
    }));

  test(`${name}: a step replaces and deletes values together with the state, or nothing`, () =>
    inStore(open, async (store) => {
      await store.commit([{
        ...createStep("a", { fence: 2 }),
        kv: [set("x", bytes("1")), set("y", bytes("1")), set("z", bytes("1"))],
      }]);
      const change = {
        actorId: "a",
        journal: bytes("j"),
        kv: [set("x", bytes("2")), set("y", undefined), set("w", bytes("2"))],
      };
      const refused = [
        ...await store.commit([{ ...change, expectedRevision: 1, fence: 1 }]),
        ...await store.commit([{ ...change, expectedRevision: 2, fence: 2 }]),
        ...await store.commit([{
          ...createStep("b", { key: "key of a" }),
          kv: change.kv,
        }]),
      ];
      assertEquals(refused.map(({ ok }) => ok), [false, false, false]);
      assertEquals(await listed(store, "a"), ["x=1", "y=1", "z=1"]);
      assertEquals(await listed(store, "b"), []);
      assertEquals(
        await store.commit([{ ...change, expectedRevision: 1, fence: 2 }]),
        [ok],
      );
      assertEquals(await listed(store, "a"), ["w=2", "x=2", "z=1"]);
      assertEquals((await store.load("a"))!.journal, [bytes("j")]);
    }));

  test(`${name}: kvList() has the keys in the order of their bytes, from both ends and in pages`, () =>
    inStore(open, async (store) => {
      const kv = shuffled(orderedKeys).map((key) => ({ key, value: key }));
      await store.commit([{ ...createStep("a"), kv }, {
        ...createStep("b"),
        kv: [{ key: Uint8Array.of(1, 0), value: bytes("of b") }],
      }]);
      const pairs = orderedKeys.map((key): [Uint8Array, Uint8Array] => [
        key,
        key,
      ]);
      assertEquals(await store.kvList("a", { start, end, limit: 99 }), pairs);
      assertEquals(
        await store.kvList("a", { start, end, limit: 99, reverse: true }),
        pairs.toReversed(),
      );
      for (const [n, from] of orderedKeys.entries()) {
        for (const [m, until] of orderedKeys.entries()) {
          const range = { start: from, end: until };
          assertEquals(
            await store.kvList("a", { ...range, limit: 4 }),
            pairs.slice(n, Math.max(m, n)).slice(0, 4),
          );
          assertEquals(
            await store.kvList("a", { ...range, limit: 4, reverse: true }),
            pairs.slice(n, Math.max(m, n)).toReversed().slice(0, 4),
          );
        }
      }
    }));

  test(`${name}: kvList() begins and ends at keys that are not there, too`, () =>
    inStore(open, async (store) => {
      const keys = ["b", "d", "f"];
      const kv = keys.map((key) => set(key, bytes("")));
      await store.commit([{ ...createStep("a"), kv }]);
      const between = async (from: string, to: string) => {
        const range = { start: bytes(from), end: bytes(to) };
        const page = await store.kvList("a", { ...range, limit: 9 });
        const back = { ...range, limit: 9, reverse: true };
        assertEquals((await store.kvList("a", back)).toReversed(), page);
        return page.map(([key]) => new TextDecoder().decode(key)).join("");
      };
      assertEquals(await between("a", "g"), "bdf");
      assertEquals(await between("c", "f"), "d");
      assertEquals(await between("b", "b"), "");
      assertEquals(await between("f", "b"), "");
      assertEquals(await between("b\0", "f\0"), "df");
    }));

  test(`${name}: what the caller does to keys and values afterwards changes nothing`, () =>
    inStore(open, async (store) => {
      const [key, value] = [bytes("key"), bytes("value")];
      await store.commit([{ ...createStep("a"), kv: [{ key, value }] }]);
      key.fill(0);
      value.fill(0);
      (await store.kvGet("a", [bytes("key")]))[0]!.fill(0);
      assertEquals(await listed(store, "a"), ["key=value"]);
    }));

  test(`${name}: a destroyed actor leaves no value, also for one of the same id`, () =>
    inStore(open, async (store) => {
      const kv = [set("x", bytes("1")), set("long", pattern(131_072, 1))];
      await store.commit([
        { ...createStep("a"), kv },
        { ...createStep("b"), kv: [set("x", bytes("of b"))] },
      ]);
      await store.commit([
        { actorId: "a", expectedRevision: 1, fence: 1, destroy: true },
      ]);
      assertEquals(await listed(store, "a"), []);
      await store.commit([createStep("a")]);
      assertEquals(await listed(store, "a"), []);
      assertEquals(await store.kvGet("a", [bytes("x")]), [undefined]);
      assertEquals(await listed(store, "b"), ["x=of b"]);
    }));

  test(`${name}: keys of 1,040 bytes and values of 131,200 keep every byte`, () =>
    inStore(open, async (store) => {
      const keys = [0, 1, 127, 128, 255].flatMap((byte) => {
        const key = new Uint8Array(1_040).fill(byte);
        const next = key.slice();
        next[1_039] = byte ^ 1;
        return byte === 255 ? [next, key] : [key, next];
      }).sort(compareBytes);
      await store.commit([createStep("a")]);
      const lengths = [131_200, 0, 62_000, 131_072, 124_001, 62_001, 3];
      for (const [revision, length] of lengths.entries()) {
        const kv = keys.map((key, n) => ({ key, value: pattern(length, n) }));
        const step = { actorId: "a", expectedRevision: revision + 1, fence: 1 };
        assertEquals(await store.commit([{ ...step, kv }]), [ok]);
        const found = await store.kvGet("a", keys);
        const range = { start: keys[0]!, end: Uint8Array.of(255, 255, 255) };
        const page = await store.kvList("a", { ...range, limit: 99 });
        assertEquals(page.length, keys.length - 2);
        for (const [n, key] of keys.entries()) {
          assertSame(found[n], pattern(length, n));
          if (n >= page.length) continue;
          assertSame(page[n]![0], key);
          assertSame(page[n]![1], pattern(length, n));
        }
      }
      const kv = keys.map((key) => ({ key, value: undefined }));
      const step = { actorId: "a", expectedRevision: 8, fence: 1, kv };
      assertEquals(await store.commit([step]), [ok]);
      assertEquals(await listed(store, "a"), []);
    }));

  test(`${name}: a step may set and delete 5,000 values, and 10 MB of them`, () =>
    inStore(open, async (store) => {
      const many = Array.from({ length: 5_000 }, (_, n) => `key-${n}`);
      const long = Array.from({ length: 80 }, (_, n) => `long-${n}`);
      await store.commit([{
        ...createStep("a"),
        kv: [
          ...many.map((key) => set(key, bytes(`value of ${key}`))),
          ...long.map((key, n) => set(key, pattern(131_072, n))),
        ],
      }]);
      const all = await allPairs(store, "a", 700);
      assertEquals(
        all.map(([key]) => new TextDecoder().decode(key)),
        [...many, ...long].sort(),
      );
      const values = await store.kvGet("a", long.map(bytes));
      for (const [n, value] of values.entries()) {
        assertSame(value, pattern(131_072, n));
      }
      await store.commit([{
        actorId: "a",
        expectedRevision: 1,
        fence: 1,
        kv: [...many.slice(1), ...long].map((key) => set(key, undefined)),
      }]);
      assertEquals(await listed(store, "a"), ["key-0=value of key-0"]);
      await store.commit([
        { actorId: "a", expectedRevision: 2, fence: 1, destroy: true },
      ]);
    }));

  test(`${name}: a page shows each step whole or not at all`, () =>
    inStore(open, async (store) => {
      const keys = Array.from({ length: 500 }, (_, n) => `key-${n}`);
      await store.commit([createStep("a")]);
      let isDone = false;
      const writing = (async () => {
        for (let revision = 1; revision <= 8; revision++) {
          // Every second one is more than one write of some medium takes.
          const length = revision % 2 === 0 ? 2_000 : 0;
          const kv = keys.map((key) =>
            set(key, new Uint8Array(length + 1).fill(revision))
          );
          await store.commit([
            { actorId: "a", expectedRevision: revision, fence: 1, kv },
          ]);
        }
        isDone = true;
      })();
      let last = 0;
      do {
        const page = await store.kvList("a", { start, end, limit: 1_000 });
        const seen = new Set(page.map(([, value]) => value[0]!));
        assert(seen.size <= 1, `Of one page: ${[...seen].join()}`);
        assertEquals(page.length, seen.size * keys.length);
        const [revision = 0] = seen;
        assert(last <= revision);
        last = revision;
      } while (!isDone);
      await writing;
      assertEquals(last <= 8, true);
      assertEquals((await store.kvGet("a", [bytes("key-7")]))[0]![0], 8);
    }));
}

function set(key: string, value: Uint8Array | undefined): KvWrite {
  return { key: bytes(key), value };
}

/** The actor's keys and values as `key=value`. */
async function listed(store: Store, actorId: string): Promise<string[]> {
  const decoder = new TextDecoder();
  const pairs = await allPairs(store, actorId, 100);
  return pairs.map((pair) =>
    pair.map((part) => decoder.decode(part)).join("=")
  );
}

/** All pairs, page by page. */
async function allPairs(
  store: Store,
  actorId: string,
  limit: number,
): Promise<[Uint8Array, Uint8Array][]> {
  const all: [Uint8Array, Uint8Array][] = [];
  for (let from = start;;) {
    const page = await store.kvList(actorId, { start: from, end, limit });
    all.push(...page);
    if (page.length < limit) return all;
    from = Uint8Array.of(...page.at(-1)![0], 0);
  }
}

function shuffled<T>(values: readonly T[]): T[] {
  return values.map((value) => ({ value, order: Math.random() }))
    .sort((a, b) => a.order - b.order).map(({ value }) => value);
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  for (let n = 0; n < Math.min(a.length, b.length); n++) {
    if (a[n] !== b[n]) return a[n]! - b[n]!;
  }
  return a.length - b.length;
}

function assertSame(
  actual: Uint8Array | undefined,
  expected: Uint8Array,
): void {
  assertEquals(actual?.length, expected.length);
  assert(actual?.every((byte, index) => byte === expected[index]));
}
