// What a store that lasts must show with real processes: killed ones, and several at once.

import { assert, assertEquals } from "@std/assert";
import { setImmediate } from "node:timers/promises";
import { test } from "../harness.ts";
import { inFolder, type OpenStore } from "../contracts/store_steps.ts";
import type { Outcome } from "../../src/stores/store.ts";
import {
  assertActor,
  assertAlarms,
  assertGrown,
  assertValues,
} from "./grow.ts";
import { Child, hasOther, otherRuntime, runtime } from "./processes.ts";

/** A store and how `child.ts` opens the same one. */
export interface LastingStore {
  name: string;
  kind: "sqlite" | "kv";
  open: OpenStore;
  pathIn: (folder: string) => string;
}

/** Registers the tests. */
export function testProcesses(
  { name, kind, open, pathIn }: LastingStore,
): void {
  test(`${name}: a process killed while it commits loses nothing that it said, and leaves no half`, () =>
    inFolder(async (folder) => {
      let acknowledged = 0;
      for (const untilKilled of [1, 2, 3, 1, 2]) {
        const child = new Child([kind, pathIn(folder), "grow"]);
        let count = 0;
        for await (const line of child.lines()) {
          acknowledged = Number(line);
          if (++count === untilKilled) child.kill();
        }
        await child.closed();
        const store = await open(folder);
        const revision = await assertGrown(store);
        await store.close();
        assert(revision >= acknowledged && revision <= acknowledged + 1);
      }
    }));

  test(`${name}: what another process commits is seen whole or not at all`, () =>
    inFolder(async (folder) => {
      const store = await open(folder);
      const child = new Child([kind, pathIn(folder), "grow"]);
      let isKilled = false;
      const listening = (async () => {
        let count = 0;
        for await (const _ of child.lines()) {
          if (isKilled) continue;
          isKilled = ++count === 6;
          if (isKilled) child.kill();
          // To open the database tidies it, which must not hurt one who writes.
          else await (await open(folder)).close();
        }
      })();
      let last = 0;
      while (!isKilled) {
        const revision = assertActor(await store.load("grown"));
        const afterwards = await assertAlarms(store);
        const valuesAfterwards = await assertValues(store);
        assert(last <= revision && revision <= afterwards);
        assert(afterwards <= valuesAfterwards);
        last = revision;
        // SQLite answers without waiting; the child must be heard, too.
        await setImmediate();
      }
      await listening;
      await child.closed();
      await store.close();
    }));

  test(`${name}: of four processes that create one name and key one wins`, () =>
    inFolder(async (folder) => {
      const ids = ["one", "two", "three", "four"];
      // SQLite's file may be shared by both runtimes.
      const canMix = kind === "sqlite" && hasOther;
      const children = ids.map((id, n) =>
        new Child([kind, pathIn(folder), "create", id], {
          runtime: canMix && n % 2 === 1 ? otherRuntime : runtime,
        })
      );
      const outputs = children.map((child) =>
        child.lines()[Symbol.asyncIterator]()
      );
      for (const output of outputs) await output.next();
      for (const child of children) child.send("go");
      const outcomes: Outcome[][] = [];
      for (const output of outputs) {
        const own: Outcome[] = [];
        for (let n = 0; n < 10; n++) {
          own.push(JSON.parse((await output.next()).value));
        }
        outcomes.push(own);
      }
      await Promise.all(children.map((child) => child.closed()));
      const store = await open(folder);
      for (let n = 0; n < 10; n++) {
        const actorId = (await store.find("room", `raced ${n}`))!;
        assertEquals(
          outcomes.map((own) => own[n]),
          ids.map((id): Outcome =>
            actorId === `${id} ${n}`
              ? { ok: true }
              : { ok: false, reason: "exists", actorId }
          ),
        );
      }
      await store.close();
    }));
}
