// What every store promises, as `src/stores/store.ts` says it: one suite, run for each of them.

import { assert, assertEquals } from "@std/assert";
import type { Outcome, Step } from "../../src/stores/store.ts";
import { test } from "../harness.ts";
import { storeKvContract } from "./store_kv.ts";
import { storeLastingContract } from "./store_lasting.ts";
import { storeLimitsContract } from "./store_limits.ts";
import { storeModelContract } from "./store_model.ts";
import { storeRefusalsContract } from "./store_refusals.ts";
import {
  bytes,
  createStep,
  inStore,
  type OpenStore,
  pattern,
} from "./store_steps.ts";

/** What differs between media. */
export interface StoreContractOptions {
  /** Whether a folder that is opened again, or twice at once, has the same actors. */
  isLasting: boolean;
}

const ok: Outcome = { ok: true };

/** Registers the suite; `open` makes a store that keeps what it keeps in the folder. */
export function storeContract(
  name: string,
  open: OpenStore,
  options: StoreContractOptions,
): void {
  testActors(name, open);
  testAlarms(name, open);
  storeKvContract(name, open);
  storeRefusalsContract(name, open);
  storeLastingContract(name, open, options);
  storeLimitsContract(name, open);
  storeModelContract(name, open);
}

function testActors(name: string, open: OpenStore): void {
  test(`${name}: load() gives back what created the actor`, () =>
    inStore(open, async (store) => {
      const step: Step = {
        ...createStep("id-1", { name: "room", key: "k/ä€😀", fence: 4 }),
        record: bytes("record"),
        snapshot: bytes("state"),
        connections: new Map([["c1", bytes("one")]]),
        addAlarms: [{ dueMs: 7, id: "alarm", call: bytes("call") }],
      };
      assertEquals(await store.commit([step]), [ok]);
      assertEquals(await store.load("id-1"), {
        name: "room",
        key: "k/ä€😀",
        revision: 1,
        fence: 4,
        record: bytes("record"),
        snapshot: bytes("state"),
        journal: [],
        connections: new Map([["c1", bytes("one")]]),
        alarms: [{ dueMs: 7, id: "alarm", call: bytes("call") }],
      });
    }));

  test(`${name}: load() and find() know nothing of an actor that is not there`, () =>
    inStore(open, async (store) => {
      assertEquals(await store.load("id-1"), undefined);
      assertEquals(await store.find("room", "a"), undefined);
      assertEquals(await store.get("a"), undefined);
      assertEquals(await store.find("room", "a".repeat(5_000)), undefined);
      assertEquals(await store.list("room", { limit: 10 }), []);
    }));

  test(`${name}: find() tells names and keys apart`, () =>
    inStore(open, async (store) => {
      await store.commit([
        createStep("1", { name: "a", key: "b" }),
        createStep("2", { name: "a", key: "" }),
        createStep("3", { name: "ab", key: "" }),
      ]);
      assertEquals(await store.find("a", "b"), "1");
      assertEquals(await store.find("a", ""), "2");
      assertEquals(await store.find("ab", ""), "3");
      assertEquals(await store.find("b", "a"), undefined);
    }));

  test(`${name}: list() pages through the actors of one name, largest id first`, () =>
    inStore(open, async (store) => {
      const ids = ["a", "b", "c", "d", "e"];
      await store.commit([
        ...ids.map((id) => createStep(id, { name: "room" })),
        createStep("x", { name: "roomy" }),
      ]);
      const first = await store.list("room", { limit: 2 });
      const second = await store.list("room", { limit: 2, before: "d" });
      const third = await store.list("room", { limit: 2, before: "b" });
      assertEquals(
        [first, second, third].map((page) => page.map((r) => r.id)),
        [
          ["e", "d"],
          ["c", "b"],
          ["a"],
        ],
      );
      const record = bytes("record of e");
      assertEquals(first[0], {
        id: "e",
        name: "room",
        key: "key of e",
        record,
      });
    }));

  test(`${name}: the journal keeps its order until a snapshot replaces it`, () =>
    inStore(open, async (store) => {
      await store.commit([createStep("a")]);
      const commit = (revision: number, change: Partial<Step>) =>
        store.commit([
          { actorId: "a", expectedRevision: revision, fence: 1, ...change },
        ]);
      for (let revision = 1; revision <= 12; revision++) {
        await commit(revision, { journal: bytes(`entry ${revision}`) });
      }
      const grown = await store.load("a");
      assertEquals(
        grown?.journal,
        Array.from({ length: 12 }, (_, n) => bytes(`entry ${n + 1}`)),
      );
      await commit(13, { snapshot: bytes("whole") });
      await commit(14, { journal: bytes("next") });
      await commit(15, {});
      const { snapshot, journal, revision } = (await store.load("a"))!;
      assertEquals({ snapshot, journal, revision }, {
        snapshot: bytes("whole"),
        journal: [bytes("next")],
        revision: 16,
      });
    }));

  test(`${name}: empty bytes are not the same as none`, () =>
    inStore(open, async (store) => {
      const none = new Uint8Array();
      await store.commit([createStep("a")]);
      assertEquals((await store.load("a"))?.snapshot, undefined);
      await store.commit([{
        actorId: "a",
        expectedRevision: 1,
        fence: 1,
        record: none,
        snapshot: none,
        connections: new Map([["c", none]]),
        addAlarms: [{ dueMs: 0, id: "now", call: none }],
      }]);
      await store.commit([
        { actorId: "a", expectedRevision: 2, fence: 1, journal: none },
      ]);
      const actor = (await store.load("a"))!;
      assertEquals(actor.record, none);
      assertEquals(actor.snapshot, none);
      assertEquals(actor.journal, [none]);
      assertEquals(actor.connections, new Map([["c", none]]));
      assertEquals((await store.alarms({ limit: 2 }))[0]?.call, none);
    }));

  test(`${name}: a step sets and deletes connections and leaves the others`, () =>
    inStore(open, async (store) => {
      const connections = ["a", "b", "c"].map((id) => [id, bytes(id)] as const);
      await store.commit([
        { ...createStep("x"), connections: new Map(connections) },
      ]);
      await store.commit([{
        actorId: "x",
        expectedRevision: 1,
        fence: 1,
        connections: new Map([
          ["a", undefined],
          ["b", bytes("B")],
          ["d", bytes("d")],
          ["never", undefined],
        ]),
      }]);
      const loaded = (await store.load("x"))!.connections;
      assertEquals(
        loaded,
        new Map([["b", bytes("B")], ["c", bytes("c")], ["d", bytes("d")]]),
      );
    }));

  test(`${name}: bytes that the caller changes afterwards are not changed in the store`, () =>
    inStore(open, async (store) => {
      const snapshot = bytes("before");
      await store.commit([{ ...createStep("a"), snapshot }]);
      snapshot.fill(0);
      (await store.load("a"))!.snapshot!.fill(0);
      assertEquals((await store.load("a"))!.snapshot, bytes("before"));
    }));

  test(`${name}: a destroyed actor is gone, and its name and key are free again`, () =>
    inStore(open, async (store) => {
      await store.commit([{
        ...createStep("first", { key: "k" }),
        snapshot: bytes("state"),
        connections: new Map([["c", bytes("c")]]),
        addAlarms: [{ dueMs: 5, id: "alarm", call: bytes("call") }],
      }]);
      await store.commit([
        {
          actorId: "first",
          expectedRevision: 1,
          fence: 1,
          journal: bytes("j"),
        },
      ]);
      assertEquals(
        await store.commit([
          { actorId: "first", expectedRevision: 2, fence: 1, destroy: true },
        ]),
        [ok],
      );
      assertEquals(await store.load("first"), undefined);
      assertEquals(await store.find("room", "k"), undefined);
      assertEquals(await store.list("room", { limit: 1 }), []);
      assertEquals(await store.alarms({ limit: 1 }), []);
      await store.commit([createStep("second", { key: "k" })]);
      assertEquals(await store.find("room", "k"), "second");
      const { journal, snapshot, connections } = (await store.load("second"))!;
      assertEquals({ journal, snapshot, size: connections.size }, {
        journal: [],
        snapshot: undefined,
        size: 0,
      });
      // Nothing may come back under the same id either.
      await store.commit([createStep("first", { key: "other" })]);
      assertEquals((await store.load("first"))!.journal, []);
      assertEquals((await store.load("first"))!.revision, 1);
    }));

  test(`${name}: isEmpty() holds before the first actor and after the last`, () =>
    inStore(open, async (store) => {
      await store.claim();
      assertEquals(await store.isEmpty(), true);
      await store.commit([createStep("a")]);
      assertEquals(await store.isEmpty(), false);
      await store.commit([
        { actorId: "a", expectedRevision: 1, fence: 1, destroy: true },
      ]);
      assertEquals(await store.isEmpty(), true);
    }));

  test(`${name}: claim() gives every caller a larger fence`, () =>
    inStore(open, async (store) => {
      const first = await store.claim();
      const together = await Promise.all(
        Array.from({ length: 10 }, () => store.claim()),
      );
      const last = await store.claim();
      assertEquals(new Set(together).size, 10);
      assert(together.every((fence) => first < fence && fence < last));
    }));
}

function testAlarms(name: string, open: OpenStore): void {
  test(`${name}: alarms() lists those of all actors by time and id, in pages`, () =>
    inStore(open, async (store) => {
      const call = bytes("call");
      const most = Number.MAX_SAFE_INTEGER;
      const alarms = (dueMs: readonly number[], id: string) =>
        dueMs.map((due) => ({ dueMs: due, id, call }));
      await store.commit([
        { ...createStep("a"), addAlarms: alarms([0, 9, 10, 2 ** 32], "y") },
        { ...createStep("b"), addAlarms: alarms([9, most], "x") },
        { ...createStep("c"), addAlarms: alarms([9, most - 1], "y") },
      ]);
      const expected = [
        { actorId: "a", dueMs: 0, id: "y", call },
        { actorId: "b", dueMs: 9, id: "x", call },
        { actorId: "a", dueMs: 9, id: "y", call },
        { actorId: "c", dueMs: 9, id: "y", call },
        { actorId: "a", dueMs: 10, id: "y", call },
        { actorId: "a", dueMs: 2 ** 32, id: "y", call },
        { actorId: "c", dueMs: most - 1, id: "y", call },
        { actorId: "b", dueMs: most, id: "x", call },
      ];
      assertEquals(await store.alarms({ limit: 100 }), expected);
      for (const [n, after] of expected.entries()) {
        const page = await store.alarms({ limit: 3, after });
        assertEquals(page, expected.slice(n + 1, n + 4));
      }
      assertEquals(
        await store.alarms({ limit: 100, until: 9 }),
        expected.slice(0, 4),
      );
      assertEquals(await store.alarms({ limit: 100, until: most }), expected);
      assertEquals(
        await store.alarms({ limit: 1, until: 10, after: expected[3]! }),
        [expected[4]],
      );
    }));

  test(`${name}: load() gives the alarms of the actor alone, by time and id`, () =>
    inStore(open, async (store) => {
      const alarms = Array.from({ length: 25 }, (_, n) => ({
        dueMs: 2 ** (n % 5),
        id: `alarm-${n}`,
        call: n === 3 ? pattern(200_000, n) : bytes(`call ${n}`),
      }));
      await store.commit([
        { ...createStep("a"), addAlarms: alarms },
        { ...createStep("b"), addAlarms: alarms.slice(0, 1) },
        createStep("c"),
      ]);
      const key = ({ dueMs, id }: { dueMs: number; id: string }) =>
        `${String(dueMs).padStart(9, "0")}/${id}`;
      const sorted = alarms.toSorted((a, b) => key(a) < key(b) ? -1 : 1);
      assertEquals((await store.load("a"))!.alarms, sorted);
      assertEquals((await store.load("b"))!.alarms, alarms.slice(0, 1));
      assertEquals((await store.load("c"))!.alarms, []);
    }));

  test(`${name}: a step replaces and deletes alarms`, () =>
    inStore(open, async (store) => {
      const alarm = (dueMs: number, id: string, call: string) => ({
        dueMs,
        id,
        call: bytes(call),
      });
      await store.commit([{
        ...createStep("a"),
        addAlarms: [alarm(1, "x", "1"), alarm(2, "x", "2"), alarm(3, "z", "3")],
      }, { ...createStep("b"), addAlarms: [alarm(2, "x", "of b")] }]);
      await store.commit([{
        actorId: "a",
        expectedRevision: 1,
        fence: 1,
        deleteAlarms: [
          { dueMs: 2, id: "x" },
          { dueMs: 3, id: "z" },
          { dueMs: 4, id: "never" },
        ],
        addAlarms: [alarm(1, "x", "one"), alarm(3, "z", "three")],
      }]);
      assertEquals(await store.alarms({ limit: 10 }), [
        { actorId: "a", ...alarm(1, "x", "one") },
        { actorId: "b", ...alarm(2, "x", "of b") },
        { actorId: "a", ...alarm(3, "z", "three") },
      ]);
      assertEquals((await store.load("a"))!.alarms, [
        alarm(1, "x", "one"),
        alarm(3, "z", "three"),
      ]);
    }));
}
