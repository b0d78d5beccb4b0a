// What stays when a store is closed and opened again, or opened twice.

import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Outcome, Store } from "../../src/stores/store.ts";
import { test } from "../harness.ts";
import { assertOneWins, race } from "./store_refusals.ts";
import {
  bytes,
  createStep,
  inFolder,
  type OpenStore,
  pattern,
} from "./store_steps.ts";

const ok: Outcome = { ok: true };
const revisionRefused: Outcome = { ok: false, reason: "revision" };

/** Registers the part of the suite that is about closing; `isLasting` as in the whole. */
export function storeLastingContract(
  name: string,
  open: OpenStore,
  options: { isLasting: boolean },
): void {
  if (options.isLasting) testReopening(name, open);

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
      await assertRejects(() => store.kvGet("a", []), Error, "closed");
      const page = { start: bytes("a"), end: bytes("b"), limit: 1 };
      await assertRejects(() => store.kvList("a", page), Error, "closed");
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
        kv: [{ key: bytes("k"), value: pattern(100_000, 2) }],
      }]);
      const before = await first.load("a");
      await first.close();

      const second = await open(folder);
      assertEquals(await second.load("a"), before);
      assertEquals(await second.find("room", "k"), "a");
      assertEquals((await second.alarms({ limit: 2 })).length, 1);
      assertEquals(
        await second.kvGet("a", [bytes("k")]),
        [pattern(100_000, 2)],
      );
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
