// Deno KV is there under `deno test --unstable-kv` only; elsewhere one test says what happens without.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { writeFile } from "node:fs/promises";
import { join } from "@std/path";
import { denoKvStore } from "../../src/stores/deno_kv.ts";
import { storeContract } from "../contracts/store.ts";
import {
  bytes,
  createStep,
  inFolder,
  pattern,
} from "../contracts/store_steps.ts";
import { test } from "../harness.ts";
import { assertGrown } from "./grow.ts";
import { Child } from "./processes.ts";
import { testProcesses } from "./shared_tests.ts";

const pathIn = (folder: string) => join(folder, "actors.kv");
const open = (folder: string) => denoKvStore({ path: pathIn(folder) });

if ("Deno" in globalThis && typeof Deno.openKv === "function") testDenoKv();
else testWithout();

function testWithout(): void {
  test("denoKvStore() says how to switch Deno KV on where it is off", async () => {
    await assertRejects(() => denoKvStore(), Error, "--unstable-kv");
  });
}

function testDenoKv(): void {
  storeContract("Deno KV", open, { isLasting: true });
  testProcesses({ name: "Deno KV", kind: "kv", open, pathIn });

  test("Deno KV: a process killed at any write of a large step leaves it whole or not at all", () =>
    inFolder(async (folder) => {
      // Opening takes one write, the first step twenty, the second one thirteen.
      const deaths = Array.from({ length: 34 }, (_, n) => n + 2);
      const revisions = new Set<number>();
      await Promise.all([0, 1, 2, 3].map(async (lane) => {
        for (const n of deaths.filter((death) => death % 4 === lane)) {
          const place = join(folder, `${n}`);
          const child = new Child(["kv", pathIn(place), "grow", `${n}`]);
          let acknowledged = 0;
          for await (const line of child.lines()) acknowledged = Number(line);
          await child.closed();
          const store = await open(place);
          const revision = await assertGrown(store);
          await store.close();
          assert(revision >= acknowledged && revision <= acknowledged + 1);
          revisions.add(revision);
          assertEquals(await draftsIn(place), 0);
        }
      }));
      assertEquals([...revisions].sort().slice(0, 3), [0, 1, 2]);
    }));

  test("Deno KV: what a killed process left of a large step goes with the next commit", () =>
    inFolder(async (folder) => {
      const store = await open(folder);
      // The second step, of journal and alarms, begins with the 22nd write.
      const child = new Child(["kv", pathIn(folder), "grow", "25"]);
      for await (const line of child.lines()) assertEquals(line, "1");
      await child.closed();
      assertEquals(await draftsIn(folder) > 0, true);
      assertEquals((await store.load("grown"))?.revision, 1);
      await store.commit([
        {
          actorId: "grown",
          expectedRevision: 1,
          fence: 1,
          journal: bytes("j"),
        },
      ]);
      assertEquals(await draftsIn(folder), 0);
      await store.close();
    }));

  test("Deno KV: two stores at one path share it, and the last one closes it", () =>
    inFolder(async (folder) => {
      const stores = await Promise.all([open(folder), open(folder)]);
      await Promise.all(
        Array.from(
          { length: 200 },
          (_, n) => stores[n % 2]!.commit([createStep(`actor ${n}`)]),
        ),
      );
      await stores[0]!.close();
      assertEquals((await stores[1]!.list("room", { limit: 500 })).length, 200);
      await stores[1]!.close();
    }));

  test("Deno KV: writers of other processes only make a commit wait", () =>
    inFolder(async (folder) => {
      const store = await open(folder);
      const child = new Child(["kv", pathIn(folder), "grow"]);
      const lines = child.lines()[Symbol.asyncIterator]();
      await lines.next();
      for (let n = 0; n < 100; n++) {
        const [outcome] = await store.commit([createStep(`actor ${n}`)]);
        assertEquals(outcome, { ok: true });
      }
      child.kill();
      await child.closed();
      assertEquals((await store.list("room", { limit: 500 })).length, 101);
      await store.close();
    }));

  test("Deno KV: what others keep in the database stays", () =>
    inFolder(async (folder) => {
      const kv = await Deno.openKv(pathIn(folder));
      await kv.set(["actor", "a"], "theirs");
      const store = await open(folder);
      await store.commit([createStep("a")]);
      await store.commit([
        { actorId: "a", expectedRevision: 1, fence: 1, destroy: true },
      ]);
      await store.close();
      assertEquals((await kv.get(["actor", "a"])).value, "theirs");
      kv.close();
    }));

  test("Deno KV: a destroyed actor leaves no row", () =>
    inFolder(async (folder) => {
      const store = await open(folder);
      const large = pattern(1_000_000, 1);
      await store.commit([{
        ...createStep("a"),
        record: large,
        connections: new Map([["c", large]]),
        addAlarms: [{ dueMs: 1, id: "x", call: large }],
        kv: [{ key: bytes("long"), value: large.subarray(0, 131_072) }],
      }]);
      await store.commit([
        { actorId: "a", expectedRevision: 1, fence: 1, snapshot: large },
      ]);
      await store.commit([{
        actorId: "a",
        expectedRevision: 2,
        fence: 1,
        snapshot: bytes("small"),
        connections: new Map([["c", bytes("small")]]),
        addAlarms: [{ dueMs: 1, id: "x", call: bytes("small") }],
        kv: [
          { key: bytes("long"), value: bytes("small") },
          { key: bytes("other"), value: bytes("small") },
        ],
      }]);
      await store.commit([
        { actorId: "a", expectedRevision: 3, fence: 1, destroy: true },
      ]);
      await store.close();
      assertEquals(await keysIn(folder), ["troupe/drafts/0", "troupe/format"]);
    }));

  test("denoKvStore() refuses a database of a newer format", () =>
    inFolder(async (folder) => {
      await (await open(folder)).close();
      const kv = await Deno.openKv(pathIn(folder));
      const { value } = await kv.get<Uint8Array>(["troupe", "format"]);
      const text = new TextDecoder().decode(value!).replace("2", "7");
      await kv.set(["troupe", "format"], bytes(text));
      kv.close();
      await assertRejects(() => open(folder), Error, "it has format 7");
    }));

  test("denoKvStore() opens a database of the format before, with all that is in it", () =>
    inFolder(async (folder) => {
      const kv = await Deno.openKv(pathIn(folder));
      // As format 1 wrote an actor: its snapshot has a row of its own.
      const head = {
        name: "counter",
        key: "a",
        revision: 1,
        fence: 1,
        recordRows: 1,
        snapshotRows: 1,
        journalStart: 0,
        journalEnd: 0,
        hasLongRows: false,
      };
      const one = { rows: 1, revision: 1 };
      for (
        const [key, header, text] of [
          [["format"], { format: 1 }, ""],
          [["fence"], { fence: 1 }, ""],
          [["head", "a1"], head, ""],
          [["key", "counter", "a"], { actorId: "a1" }, ""],
          [["name", "counter", "a1"], { ...one, key: "a" }, "record"],
          [["actor", "a1", "snapshot", 0], one, "old"],
        ] as const
      ) {
        await kv.set(["troupe", ...key], framed(header, text));
      }
      kv.close();

      const store = await open(folder);
      assertEquals(await store.claim(), 2);
      const before = await store.load("a1");
      assertEquals(before?.snapshot, bytes("old"));
      await store.commit([
        {
          actorId: "a1",
          expectedRevision: 1,
          fence: 2,
          snapshot: bytes("new"),
        },
      ]);
      const after = await store.load("a1");
      assertEquals(after, {
        ...before!,
        revision: 2,
        fence: 2,
        snapshot: bytes("new"),
      });
      await store.close();
      // The row that it had is gone, and the small snapshot is with its head.
      const rows = await keysIn(folder);
      assertEquals(rows.filter((key) => key.includes("a1/snapshot")), []);
    }));

  test("denoKvStore() names the path where it cannot open it, with the cause", () =>
    inFolder(async (folder) => {
      const file = join(folder, "file");
      await writeFile(file, "These are words. ".repeat(100));
      for (const path of [file, join(file, "actors.kv"), "/proc/no/a.kv"]) {
        const opening = () => denoKvStore({ path });
        const error = await assertRejects(opening, Error, path);
        assertEquals(error.cause instanceof Error, true);
      }
    }));
}

/** A row: a header behind its length, and a text. */
function framed(header: object, text: string): Uint8Array {
  const json = bytes(JSON.stringify(header));
  const value = new Uint8Array([0, 0, 0, 0, ...json, ...bytes(text)]);
  new DataView(value.buffer).setUint32(0, json.length);
  return value;
}

/** How many rows of drafts, and markers, there are. */
async function draftsIn(folder: string): Promise<number> {
  const keys = await keysIn(folder);
  return keys.filter((key) => /draft.*-/.test(key)).length;
}

/** All keys in the database, their parts joined. */
async function keysIn(folder: string): Promise<string[]> {
  const kv = await Deno.openKv(pathIn(folder));
  const entries = await Array.fromAsync(kv.list({ prefix: [] }));
  kv.close();
  return entries.map(({ key }) => key.join("/"));
}
