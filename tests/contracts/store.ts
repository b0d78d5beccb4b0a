// What every store promises, as `src/stores/store.ts` says it: one suite, run for each of them.

import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Outcome, Step, Store } from "../../src/stores/store.ts";
import { test } from "../harness.ts";
import { storeLimitsContract } from "./store_limits.ts";
import { storeModelContract } from "./store_model.ts";
import {
  bytes,
  createStep,
  inFolder,
  inStore,
  type OpenStore,
  pattern,
} from "./store_steps.ts";

/** What differs between media. */
export interface StoreContractOptions {
  /** Whether a folder that is opened again, or twice at once, has the same actors. */
  isLasting: boolean;
}

const revisionRefused: Outcome = { ok: false, reason: "revision" };
const fenceRefused: Outcome = { ok: false, reason: "fence" };
const ok: Outcome = { ok: true };

/** Registers the suite; `open` makes a store that keeps what it keeps in the folder. */
export function storeContract(
  name: string,
  open: OpenStore,
  options: StoreContractOptions,
): void {
  testActors(name, open);
  testRefusals(name, open);
  testAlarms(name, open);
  testClosing(name, open);
  if (options.isLasting) testReopening(name, open);
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
      });
    }));

  test(`${name}: load() and find() know nothing of an actor that is not there`, () =>
    inStore(open, async (store) => {
      assertEquals(await store.load("id-1"), undefined);
      assertEquals(await store.find("room", "a"), undefined);
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

function testRefusals(name: string, open: OpenStore): void {
  test(`${name}: commit() refuses a step whose revision is stale, alone`, () =>
    inStore(open, async (store) => {
      await store.commit([createStep("a"), createStep("b"), createStep("c")]);
      const outcomes = await store.commit(["a", "b", "c"].map((actorId) => ({
        actorId,
        expectedRevision: actorId === "b" ? 2 : 1,
        fence: 1,
        snapshot: bytes("changed"),
        addAlarms: [{ dueMs: 1, id: actorId, call: bytes("") }],
      })));
      assertEquals(outcomes, [ok, revisionRefused, ok]);
      const refused = (await store.load("b"))!;
      assertEquals(refused.revision, 1);
      assertEquals(refused.snapshot, undefined);
      const due = await store.alarms({ limit: 5 });
      assertEquals(due.map((alarm) => alarm.id), ["a", "c"]);
    }));

  test(`${name}: commit() refuses an owner once a later one has committed`, () =>
    inStore(open, async (store) => {
      const earlier = await store.claim();
      const later = await store.claim();
      await store.commit([createStep("a", { fence: earlier })]);
      const commit = (fence: number, expectedRevision: number) =>
        store.commit([
          { actorId: "a", expectedRevision, fence, journal: bytes("j") },
        ]);
      assertEquals(await commit(later, 1), [ok]);
      assertEquals(await commit(earlier, 2), [fenceRefused]);
      assertEquals(await commit(earlier, 1), [fenceRefused]);
      assertEquals(await commit(later, 2), [ok]);
      assertEquals((await store.load("a"))!.fence, later);
      assertEquals((await store.load("a"))!.journal.length, 2);
    }));

  test(`${name}: commit() refuses a step of an actor that is not there`, () =>
    inStore(open, async (store) => {
      const step = { actorId: "a", fence: 1, snapshot: bytes("s") };
      assertEquals(
        await store.commit([
          { ...step, expectedRevision: 1 },
          { ...step, actorId: "b", expectedRevision: 0 },
          { ...step, actorId: "c", expectedRevision: 3, destroy: true },
        ]),
        [revisionRefused, revisionRefused, revisionRefused],
      );
      assertEquals(await store.isEmpty(), true);
    }));

  test(`${name}: commit() refuses to create an id that is there`, () =>
    inStore(open, async (store) => {
      await store.commit([createStep("a", { key: "k" })]);
      assertEquals(
        await store.commit([createStep("a", { key: "other" })]),
        [revisionRefused],
      );
      assertEquals(await store.find("room", "other"), undefined);
    }));

  test(`${name}: of 20 creators of one name and key one wins, the others learn its id`, () =>
    inStore(open, async (store) => {
      assertOneWins(await race([store], 20));
      assertOneWins((await store.commit(
        Array.from(
          { length: 20 },
          (_, n) => createStep(`id ${n}`, { key: "q" }),
        ),
      )).map((outcome, n) => ({ id: `id ${n}`, outcome })));
    }));

  test(`${name}: of 200 steps in one commit each has its own outcome`, () =>
    inStore(open, async (store) => {
      const ids = Array.from({ length: 200 }, (_, n) => `actor ${n}`);
      const created = await store.commit(ids.map((id) => createStep(id)));
      assertEquals(created, ids.map(() => ok));
      const outcomes = await store.commit(ids.map((actorId, n): Step => {
        const step = { actorId, expectedRevision: 1, fence: 1 };
        if (n % 10 === 3) return { ...step, expectedRevision: 7 };
        if (n % 10 === 5) return { ...step, fence: 0 };
        if (n % 10 === 7) {
          return createStep(`new ${n}`, { key: "key of actor 0" });
        }
        return { ...step, journal: bytes(`entry ${n}`) };
      }));
      assertEquals(
        outcomes,
        ids.map((_, n): Outcome => {
          if (n % 10 === 3) return revisionRefused;
          if (n % 10 === 5) return fenceRefused;
          if (n % 10 === 7) {
            return { ok: false, reason: "exists", actorId: "actor 0" };
          }
          return ok;
        }),
      );
      for (const n of [0, 3, 5, 7, 199]) {
        const actor = (await store.load(`actor ${n}`))!;
        assertEquals(
          actor.journal,
          outcomes[n]!.ok ? [bytes(`entry ${n}`)] : [],
        );
      }
    }));

  test(`${name}: a name and key that a commit frees can be taken in the same commit`, () =>
    inStore(open, async (store) => {
      await store.commit([createStep("a", { key: "k" })]);
      const outcomes = await store.commit([
        { actorId: "a", expectedRevision: 1, fence: 1, destroy: true },
        createStep("b", { key: "k" }),
        createStep("c", { key: "k" }),
      ]);
      assertEquals(outcomes, [ok, ok, {
        ok: false,
        reason: "exists",
        actorId: "b",
      }]);
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
    }));
}

function testClosing(name: string, open: OpenStore): void {
  test(`${name}: close() lets the commits under way finish, later calls reject`, () =>
    inFolder(async (folder) => {
      const store = await open(folder);
      const underWay = store.commit([createStep("a")]);
      await store.close();
      assertEquals(await underWay, [ok]);
      await assertRejects(() => store.claim(), Error, "closed");
      await assertRejects(() => store.load("a"), Error, "closed");
      await assertRejects(() => store.find("room", "a"), Error, "closed");
      await assertRejects(
        () => store.list("room", { limit: 1 }),
        Error,
        "closed",
      );
      await assertRejects(() => store.commit([]), Error, "closed");
      await assertRejects(() => store.alarms({ limit: 1 }), Error, "closed");
      await assertRejects(() => store.isEmpty(), Error, "closed");
      await store.close();
    }));
}

function testReopening(name: string, open: OpenStore): void {
  test(`${name}: what is opened again has all that was committed`, () =>
    inFolder(async (folder) => {
      const first = await open(folder);
      const fence = await first.claim();
      await first.commit([{
        ...createStep("a", { key: "k" }),
        snapshot: pattern(200_000, 1),
        connections: new Map([["c", bytes("c")]]),
        addAlarms: [{ dueMs: 7, id: "x", call: bytes("call") }],
      }]);
      const before = await first.load("a");
      await first.close();

      const second = await open(folder);
      assertEquals(await second.load("a"), before);
      assertEquals(await second.find("room", "k"), "a");
      assertEquals((await second.alarms({ limit: 2 })).length, 1);
      assert(await second.claim() > fence);
      assertEquals(
        await second.commit([
          { actorId: "a", expectedRevision: 1, fence, journal: bytes("j") },
        ]),
        [ok],
      );
      await second.close();
    }));

  test(`${name}: two stores at one place see each other's commits`, () =>
    inFolder(async (folder) => {
      const [one, two] = [await open(folder), await open(folder)];
      assertOneWins(await race([one, two], 20));
      await one.commit([createStep("a")]);
      const commit = (store: Store, expectedRevision: number) =>
        store.commit([
          { actorId: "a", expectedRevision, fence: 1, journal: bytes("j") },
        ]);
      assertEquals(await commit(two, 1), [ok]);
      assertEquals(await commit(one, 1), [revisionRefused]);
      assertEquals(await commit(one, 2), [ok]);
      await one.close();
      // The other one stays open.
      assertEquals((await two.load("a"))!.revision, 3);
      await two.close();
    }));
}

interface Attempt {
  id: string;
  outcome: Outcome;
}

/** Creates one name and key many times at once, each as an actor of its own. */
function race(stores: readonly Store[], count: number): Promise<Attempt[]> {
  return Promise.all(Array.from({ length: count }, async (_, n) => {
    const id = `racer ${n}`;
    const store = stores[n % stores.length]!;
    const [outcome] = await store.commit([createStep(id, { key: "raced" })]);
    return { id, outcome: outcome! };
  }));
}

function assertOneWins(attempts: readonly Attempt[]): void {
  const winners = attempts.filter(({ outcome }) => outcome.ok);
  assertEquals(winners.length, 1);
  const actorId = winners[0]!.id;
  for (const { id, outcome } of attempts) {
    if (id === actorId) continue;
    assertEquals(outcome, { ok: false, reason: "exists", actorId });
  }
}
