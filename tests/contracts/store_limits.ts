// Large states, many alarms, long steps: no size may show through.

import { assert, assertEquals } from "@std/assert";
import type { Alarm, Store } from "../../src/stores/store.ts";
import { test } from "../harness.ts";
import {
  bytes,
  createStep,
  inStore,
  type OpenStore,
  pattern,
} from "./store_steps.ts";

const many = 10_000;

/** Registers the part of the suite that is about sizes. */
export function storeLimitsContract(name: string, open: OpenStore): void {
  test(`${name}: a snapshot may have 5 MB, and be replaced by a smaller one`, () =>
    inStore(open, async (store) => {
      const record = pattern(300_000, 9);
      await store.commit([
        { ...createStep("a"), record, snapshot: pattern(5_000_000, 1) },
      ]);
      const change = { actorId: "a", fence: 1 };
      assertSame((await store.load("a"))!.snapshot, pattern(5_000_000, 1));
      for (const [n, length] of [5_000_001, 400_000, 70_000, 3].entries()) {
        const snapshot = pattern(length, n);
        await store.commit([{ ...change, expectedRevision: n + 1, snapshot }]);
        const actor = (await store.load("a"))!;
        assertSame(actor.snapshot, snapshot);
        assertSame(actor.record, record);
      }
      assertSame((await store.list("room", { limit: 1 }))[0]?.record, record);
    }));

  test(`${name}: journal entries, connections and calls may be large`, () =>
    inStore(open, async (store) => {
      await store.commit([createStep("a")]);
      const lengths = [5_000_000, 1, 61_999, 62_000, 62_001, 65_536, 900_000];
      for (const [n, length] of lengths.entries()) {
        await store.commit([{
          actorId: "a",
          expectedRevision: n + 1,
          fence: 1,
          journal: pattern(length, n),
          connections: new Map([["c", pattern(length, n + 1)]]),
          addAlarms: [{ dueMs: 1, id: "x", call: pattern(length, n + 2) }],
        }]);
        const actor = (await store.load("a"))!;
        assertSame(actor.journal[n], pattern(length, n));
        assertSame(actor.connections.get("c"), pattern(length, n + 1));
        const [alarm] = await store.alarms({ limit: 1 });
        assertSame(alarm?.call, pattern(length, n + 2));
        assertSame(actor.alarms[0]?.call, pattern(length, n + 2));
      }
      await store.commit([{
        actorId: "a",
        expectedRevision: 8,
        fence: 1,
        snapshot: bytes("s"),
        connections: new Map([["c", undefined]]),
        deleteAlarms: [{ dueMs: 1, id: "x" }],
      }]);
      const { journal, connections, alarms } = (await store.load("a"))!;
      assertEquals({ journal, connections, alarms }, {
        journal: [],
        connections: new Map(),
        alarms: [],
      });
      assertEquals(await store.alarms({ limit: 1 }), []);
    }));

  test(`${name}: an actor with a large state is destroyed whole`, () =>
    inStore(open, async (store) => {
      const step = createStep("a", { key: "k" });
      for (const seed of [1, 2]) {
        await store.commit([{ ...step, snapshot: pattern(2_000_000, seed) }]);
        await store.commit([{
          actorId: "a",
          expectedRevision: 1,
          fence: 1,
          journal: pattern(1_000_000, seed),
        }]);
        await store.commit([
          { actorId: "a", expectedRevision: 2, fence: 1, destroy: true },
        ]);
        assertEquals(await store.load("a"), undefined);
      }
      assertEquals(await store.isEmpty(), true);
    }));

  test(`${name}: a large step is refused like any other`, () =>
    inStore(open, async (store) => {
      await store.commit([createStep("a", { fence: 2 })]);
      const step = { actorId: "a", snapshot: pattern(2_000_000, 1) };
      const outcomes = [
        await store.commit([{ ...step, expectedRevision: 2, fence: 2 }]),
        await store.commit([{ ...step, expectedRevision: 1, fence: 1 }]),
        await store.commit([{
          ...step,
          ...createStep("b", { key: "key of a" }),
        }]),
      ].flat();
      assertEquals(outcomes, [
        { ok: false, reason: "revision" },
        { ok: false, reason: "fence" },
        { ok: false, reason: "exists", actorId: "a" },
      ]);
      assertEquals((await store.load("a"))!.snapshot, undefined);
      assertEquals(await store.load("b"), undefined);
    }));

  test(`${name}: a step may add 10,000 alarms, and one destroys them`, () =>
    inStore(open, async (store) => {
      const addAlarms = Array.from({ length: many }, (_, n) => ({
        dueMs: 1_700_000_000_000 + n * 7919 % many,
        id: `alarm-${n}`,
        call: bytes(`call ${n}`),
      }));
      await store.commit([
        { ...createStep("other"), addAlarms: addAlarms.slice(0, 2) },
        { ...createStep("a"), addAlarms },
      ]);
      const found = await allAlarms(store, 3_000);
      const ofActor = found.filter(({ actorId }) => actorId === "a");
      assertEquals(found.length, many + 2);
      assertEquals(
        ofActor.map(({ dueMs, id }) => `${dueMs} ${id}`),
        addAlarms.map(({ dueMs, id }) => `${dueMs} ${id}`).sort(),
      );
      await store.commit([{
        actorId: "a",
        expectedRevision: 1,
        fence: 1,
        deleteAlarms: addAlarms.slice(0, many / 2),
      }]);
      assertEquals((await allAlarms(store, 4_000)).length, many / 2 + 2);
      await store.commit([
        { actorId: "a", expectedRevision: 2, fence: 1, destroy: true },
      ]);
      assertEquals((await allAlarms(store, 100)).length, 2);
    }));

  test(`${name}: a reader sees all alarms of a long step or none`, () =>
    inStore(open, async (store) => {
      const addAlarms = Array.from({ length: 3_000 }, (_, n) => ({
        dueMs: n % 3 === 0 ? 5 : 5_000,
        id: `alarm-${n}`,
        call: bytes("call"),
      }));
      let isCommitted = false;
      const step = { ...createStep("a"), addAlarms };
      const committed = store.commit([step]).then(() => isCommitted = true);
      const counts = new Set<number>();
      do {
        counts.add((await store.alarms({ limit: 1_000, until: 5 })).length);
      } while (!isCommitted);
      await committed;
      counts.add((await store.alarms({ limit: 1_000, until: 5 })).length);
      counts.delete(0);
      assertEquals([...counts], [1_000]);
    }));

  test(`${name}: a step may set 2,000 connections`, () =>
    inStore(open, async (store) => {
      const ids = Array.from({ length: 2_000 }, (_, n) => `connection ${n}`);
      const connections = new Map(ids.map((id) => [id, bytes(id)]));
      await store.commit([{ ...createStep("a"), connections }]);
      assertEquals((await store.load("a"))!.connections.size, 2_000);
      await store.commit([{
        actorId: "a",
        expectedRevision: 1,
        fence: 1,
        connections: new Map(ids.slice(1).map((id) => [id, undefined])),
      }]);
      assertEquals(
        (await store.load("a"))!.connections,
        new Map([[ids[0]!, bytes(ids[0]!)]]),
      );
    }));

  test(`${name}: a name and key of 1,200 bytes work`, () =>
    inStore(open, async (store) => {
      const key = "ä".repeat(500);
      const name = "n".repeat(200);
      await store.commit([createStep("a", { name, key })]);
      assertEquals(await store.find(name, key), "a");
      assertEquals((await store.list(name, { limit: 1 }))[0]?.key, key);
    }));

  test(`${name}: an id, name or key of any length may be asked for, and has no actor`, () =>
    inStore(open, async (store) => {
      await store.commit([createStep("a")]);
      for (const length of [1_900, 2_000, 2_020, 2_040, 2_048, 5_000]) {
        const long = "x".repeat(length);
        assertEquals(await store.load(long), undefined);
        assertEquals(await store.get(long), undefined);
        assertEquals(await store.find(long, "a"), undefined);
        assertEquals(await store.find("room", long), undefined);
        assertEquals(await store.list(long, { limit: 9 }), []);
        assertEquals(await store.list(long, { limit: 9, before: "z" }), []);
      }
    }));

  test(`${name}: a very long key works or is refused alone, with a RangeError`, () =>
    inStore(open, async (store) => {
      const key = "k".repeat(5_000);
      const [long, short] = await store.commit([
        createStep("long", { key }),
        createStep("short"),
      ]);
      assertEquals(short, { ok: true });
      if (long!.ok) {
        assertEquals(await store.find("room", key), "long");
        return;
      }
      assert(long!.reason === "error" && long!.error instanceof RangeError);
      assertEquals(await store.load("long"), undefined);
    }));
}

/** Every alarm, page by page. */
async function allAlarms(store: Store, limit: number): Promise<Alarm[]> {
  const all: Alarm[] = [];
  let page: Alarm[];
  do {
    page = await store.alarms({ limit, after: all.at(-1) });
    all.push(...page);
  } while (page.length === limit);
  return all;
}

/** Compares megabytes, for which assertEquals takes seconds. */
function assertSame(
  actual: Uint8Array | undefined,
  expected: Uint8Array,
): void {
  assertEquals(actual?.length, expected.length);
  assert(actual?.every((byte, index) => byte === expected[index]));
}
