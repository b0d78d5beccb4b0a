// When a step is refused, and that nothing else is.

import { assertEquals } from "@std/assert";
import type { Outcome, Step, Store } from "../../src/stores/store.ts";
import { test } from "../harness.ts";
import { bytes, createStep, inStore, type OpenStore } from "./store_steps.ts";

const ok: Outcome = { ok: true };
const revisionRefused: Outcome = { ok: false, reason: "revision" };
const fenceRefused: Outcome = { ok: false, reason: "fence" };

/** One of those who create the same name and key, and what became of it. */
interface Attempt {
  id: string;
  outcome: Outcome;
}

/** Registers the part of the suite that is about refusals. */
export function storeRefusalsContract(name: string, open: OpenStore): void {
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

/** Creates one name and key many times at once, each as an actor of its own. */
export function race(
  stores: readonly Store[],
  count: number,
): Promise<Attempt[]> {
  return Promise.all(Array.from({ length: count }, async (_, n) => {
    const id = `racer ${n}`;
    const store = stores[n % stores.length]!;
    const [outcome] = await store.commit([createStep(id, { key: "raced" })]);
    return { id, outcome: outcome! };
  }));
}

/** Asserts that one attempt was accepted, and that all others know which. */
export function assertOneWins(attempts: readonly Attempt[]): void {
  const winners = attempts.filter(({ outcome }) => outcome.ok);
  assertEquals(winners.length, 1);
  const actorId = winners[0]!.id;
  for (const { id, outcome } of attempts) {
    if (id === actorId) continue;
    assertEquals(outcome, { ok: false, reason: "exists", actorId });
  }
}
