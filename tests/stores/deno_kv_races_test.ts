// Two processes on one Deno KV file, in every order that matters.
//
// One store works, and right before the n-th operation that it asks of Deno KV another one acts; for
// every n. The other one comes to the file by a symbolic link, so that it has a connection of its
// own, as another process would.

import { assert, assertEquals } from "@std/assert";
import { mkdir, symlink } from "node:fs/promises";
import { join } from "@std/path";
import { denoKvStore } from "../../src/stores/deno_kv.ts";
import type {
  Outcome,
  Step,
  Store,
  StoredActor,
} from "../../src/stores/store.ts";
import {
  bytes,
  createStep,
  inFolder,
  pattern,
} from "../contracts/store_steps.ts";
import { test } from "../harness.ts";

/** More rows than one atomic write takes. */
const alarmCount = 460;
const valueCount = 15;
const keys = ["first", "long", "third"].map(bytes);
/** The atomic writes of a large step, from its marker to the deletion of the draft. */
const writesOfStep = 8;

/** Called before every operation on Deno KV, with its kind. */
type Watch = (kind: "read" | "write") => void | Promise<void>;

interface Place {
  /** A store on the connection that the step under test does not use. */
  other: Store;
  openWatched(name: "one" | "two", watch: Watch): Promise<Store>;
}

if ("Deno" in globalThis && typeof Deno.openKv === "function") testRaces();

function testRaces(): void {
  test("Deno KV: a reader sees a large step whole or not at all, wherever its writer dies", async () => {
    for (let death = 1; death <= writesOfStep; death++) {
      await atEveryOperation(async ({ openWatched, other }, interrupt) => {
        let writesLeft = Infinity;
        const dying = await openWatched("two", (kind) => {
          if (kind === "write" && --writesLeft <= 0) throw new Error("died");
        });
        await other.commit([largeStep(0)]);
        const reader = await openWatched(
          "one",
          interrupt(async () => {
            writesLeft = death;
            await dying.commit([largeStep(1)]).catch(() => {});
          }),
        );
        const before = revisionOf(await reader.load("a"));
        const alarms = await alarmRevisionOf(reader);
        const values = await valueRevisionOf(reader);
        const after = revisionOf(await reader.load("a"));
        assert(before <= alarms && alarms <= values && values <= after);
        await reader.close();
        await dying.close();
      });
    }
  });

  test("Deno KV: a page of values is of one moment, wherever the writer of a large step dies", async () => {
    for (let death = 1; death <= writesOfStep; death++) {
      await atEveryOperation(async ({ openWatched, other }, interrupt) => {
        let writesLeft = Infinity;
        const dying = await openWatched("two", (kind) => {
          if (kind === "write" && --writesLeft <= 0) throw new Error("died");
        });
        await other.commit([manyValuesStep(0)]);
        const reader = await openWatched(
          "one",
          interrupt(async () => {
            writesLeft = death;
            await dying.commit([manyValuesStep(1)]).catch(() => {});
          }),
        );
        const page = { start: bytes("a"), end: bytes("z"), limit: 99 };
        const pairs = await reader.kvList("a", page);
        assertEquals(pairs.length, valueCount);
        assertEquals(new Set(pairs.map(([, value]) => value[0])).size, 1);
        await reader.close();
        await dying.close();
      });
    }
  });

  test("Deno KV: a large step survives a database that is opened meanwhile, however slowly", async () => {
    for (let pausedAt = 1; pausedAt <= writesOfStep; pausedAt++) {
      await atEveryOperation(async ({ openWatched, other }, interrupt) => {
        await other.commit([largeStep(0)]);
        const waiting = Promise.withResolvers<void>();
        const resumed = Promise.withResolvers<void>();
        let opening: Promise<Store> | undefined;
        let writes = -Infinity;
        const writer = await openWatched("one", async (kind) => {
          // The two take turns: the writer makes one write while the other one waits.
          if (opening) {
            resumed.resolve();
            await opening;
          } else if (kind === "write" && ++writes === pausedAt) {
            opening = openWatched(
              "two",
              interrupt(async () => {
                waiting.resolve();
                await resumed.promise;
              }),
            );
            await Promise.race([waiting.promise, opening]);
          }
        });
        writes = 0;
        assertEquals(await writer.commit([largeStep(1)]), [{ ok: true }]);
        resumed.resolve();
        await (await opening)?.close();
        assertEquals(await wholeRevisionOf(other), 2);
        await writer.close();
      });
    }
  });

  test("Deno KV: a writer that is overtaken while it applies a large step changes nothing more", async () => {
    await atEveryOperation(async ({ openWatched, other }, interrupt) => {
      await other.commit([largeStep(0)]);
      let seen = 0;
      const store = await openWatched(
        "one",
        interrupt(async () => {
          seen = revisionOf(await other.load("a"));
          assertEquals(await other.commit([largeStep(seen)]), [{ ok: true }]);
        }),
      );
      const [ours] = await store.commit([largeStep(1)]);
      const revision = await wholeRevisionOf(other);
      assertEquals(ours!.ok, seen !== 1);
      assertEquals(revision, seen === 2 ? 3 : 2);
      await store.close();
    });
  });

  test("Deno KV: opening the database does not hurt a large step under way", async () => {
    await atEveryOperation(async ({ openWatched, other }, interrupt) => {
      await other.commit([largeStep(0)]);
      const store = await openWatched(
        "one",
        interrupt(async () => {
          await (await openWatched("two", () => {})).close();
        }),
      );
      assertEquals(await store.commit([largeStep(1)]), [{ ok: true }]);
      assertEquals(await wholeRevisionOf(other), 2);
      await store.close();
    });
  });

  const rivals = {
    "another large one": largeStep(1),
    "a destroy": { actorId: "a", expectedRevision: 1, fence: 1, destroy: true },
  } as const;
  for (const [what, rival] of Object.entries<Step>(rivals)) {
    test(`Deno KV: of a large step and ${what} after the same revision one is refused`, async () => {
      await atEveryOperation(async ({ openWatched, other }, interrupt) => {
        await other.commit([largeStep(0)]);
        let theirs: Outcome[] = [];
        const store = await openWatched(
          "one",
          interrupt(async () => {
            theirs = await other.commit([rival]);
          }),
        );
        const [ours] = await store.commit([largeStep(1)]);
        const revision = await wholeRevisionOf(other);
        if (theirs.length > 0) assertEquals(theirs[0]!.ok, !ours!.ok);
        assertEquals(revision, rival.destroy && !ours!.ok ? 0 : 2);
        await store.close();
      });
    });
  }
}

/** Runs `body` in new places, where it is interrupted at its first, second, … last operation. */
async function atEveryOperation(
  body: (
    place: Place,
    interrupt: (action: () => Promise<unknown>) => Watch,
  ) => Promise<void>,
): Promise<void> {
  let isReached = true;
  for (let at = 1; isReached; at++) {
    isReached = false;
    let count = 0;
    await inPlace((place) =>
      body(place, (action) => async () => {
        if (++count !== at) return;
        isReached = true;
        await action();
      })
    );
  }
}

function inPlace(body: (place: Place) => Promise<void>): Promise<void> {
  return inFolder(async (folder) => {
    await mkdir(join(folder, "one"));
    for (const link of ["two", "three"]) {
      await symlink(join(folder, "one"), join(folder, link));
    }
    const pathIn = (name: string) => join(folder, name, "actors.kv");
    const other = await denoKvStore({ path: pathIn("three") });
    await body({
      other,
      openWatched: (name, watch) => openWatched(pathIn(name), watch),
    });
    await other.close();
  });
}

async function openWatched(path: string, watch: Watch): Promise<Store> {
  const real = Object.getOwnPropertyDescriptor(Deno, "openKv")!;
  const { openKv } = Deno;
  const value = async (path?: string) => watched(await openKv(path), watch);
  Object.defineProperty(Deno, "openKv", { value, configurable: true });
  try {
    return await denoKvStore({ path });
  } finally {
    Object.defineProperty(Deno, "openKv", real);
  }
}

function watched(kv: Deno.Kv, watch: Watch): Deno.Kv {
  const get = kv.get.bind(kv);
  kv.get = async <T>(key: Deno.KvKey) => {
    await watch("read");
    return await get<T>(key);
  };
  const getMany = kv.getMany.bind(kv);
  kv.getMany = async <T extends readonly unknown[]>(
    keys: readonly [...{ [K in keyof T]: Deno.KvKey }],
  ) => {
    await watch("read");
    return await getMany<T>(keys);
  };
  const list = kv.list.bind(kv);
  kv.list = <T>(
    selector: Deno.KvListSelector,
    options?: Deno.KvListOptions,
  ) => {
    const rows = list<T>(selector, options);
    const next = rows.next.bind(rows);
    let isFirst = true;
    rows.next = async () => {
      if (isFirst) await watch("read");
      isFirst = false;
      return await next();
    };
    return rows;
  };
  const atomic = kv.atomic.bind(kv);
  kv.atomic = () => {
    const operation = atomic();
    const commit = operation.commit.bind(operation);
    operation.commit = async () => {
      await watch("write");
      return await commit();
    };
    return operation;
  };
  return kv;
}

/** The step after `revision`, with alarms in the place of those before. */
function largeStep(revision: number): Step {
  const start: Step = revision === 0
    ? createStep("a")
    : { actorId: "a", expectedRevision: revision, fence: 1 };
  return {
    ...start,
    snapshot: pattern(1_000, revision),
    deleteAlarms: revision === 0 ? [] : alarmsAt(revision - 1),
    addAlarms: alarmsAt(revision),
    kv: keys.map((key, n) => ({
      key,
      value: pattern(n === 1 ? 70_000 : 1, revision),
    })),
  };
}

/** The step after `revision`, whose values take more than one atomic write. */
function manyValuesStep(revision: number): Step {
  const start: Step = revision === 0
    ? createStep("a")
    : { actorId: "a", expectedRevision: revision, fence: 1 };
  const kv = Array.from({ length: valueCount }, (_, n) => ({
    key: bytes(`value ${n}`),
    value: new Uint8Array(60_000).fill(revision),
  }));
  return { ...start, kv };
}

function alarmsAt(revision: number) {
  return Array.from({ length: alarmCount }, (_, n) => ({
    dueMs: revision,
    id: `alarm-${n}`,
    call: bytes("call"),
  }));
}

/** The revision of actor, alarms and values, which must be one. */
async function wholeRevisionOf(store: Store): Promise<number> {
  const revision = revisionOf(await store.load("a"));
  assertEquals(await alarmRevisionOf(store), revision);
  assertEquals(await valueRevisionOf(store), revision);
  return revision;
}

function revisionOf(actor: StoredActor | undefined): number {
  if (actor === undefined) return 0;
  assertEquals(actor.snapshot, pattern(1_000, actor.revision - 1));
  return actor.revision;
}

/** The revision that the alarms were added for; they must be all of one step. */
async function alarmRevisionOf(store: Store): Promise<number> {
  const alarms = await store.alarms({ limit: 2 * alarmCount });
  if (alarms.length === 0) return 0;
  assertEquals(alarms.length, alarmCount);
  const times = new Set(alarms.map(({ dueMs }) => dueMs));
  assertEquals(times.size, 1);
  return alarms[0]!.dueMs + 1;
}

/** The revision that set the values, as a page and by their keys; they must be all of one step. */
async function valueRevisionOf(store: Store): Promise<number> {
  const page = { start: bytes("a"), end: bytes("z"), limit: 9 };
  const listed = (await store.kvList("a", page)).map(([, value]) => value);
  const revision = revisionOfValues(listed);
  assert(revision <= revisionOfValues(await store.kvGet("a", keys)));
  return revision;
}

function revisionOfValues(values: (Uint8Array | undefined)[]): number {
  if (values.every((value) => value === undefined)) return 0;
  const [first, long, third] = values;
  const revision = [0, 1, 2].find((n) => first![0] === pattern(1, n)[0])!;
  assertEquals(third, first);
  assertEquals(long, pattern(70_000, revision));
  return revision + 1;
}
