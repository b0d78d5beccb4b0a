import { assertEquals, assertRejects } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { writeFile } from "node:fs/promises";
import { join } from "@std/path";
import { memoryStore } from "../../src/stores/memory.ts";
import { sqliteStore } from "../../src/stores/sqlite.ts";
import { storeContract } from "../contracts/store.ts";
import { inFolder } from "../contracts/store_steps.ts";
import { test } from "../harness.ts";
import { sampleSteps } from "./grow.ts";
import { Child, hasOther, otherRuntime, runtime } from "./processes.ts";
import { testProcesses } from "./shared_tests.ts";

const pathIn = (folder: string) => join(folder, "actors.sqlite");
const open = (folder: string) => sqliteStore({ path: pathIn(folder) });

storeContract("SQLite", open, { isLasting: true });
testProcesses({ name: "SQLite", kind: "sqlite", open, pathIn });

test("sqliteStore() creates the folder of its file", () =>
  inFolder(async (folder) => {
    const store = await sqliteStore({ path: join(folder, "a/b/c.sqlite") });
    assertEquals(store.location, `SQLite at ${join(folder, "a/b/c.sqlite")}`);
    await store.close();
  }));

test("sqliteStore() names the path where it cannot create a folder, with the cause", () =>
  inFolder(async (folder) => {
    const file = join(folder, "file");
    await writeFile(file, "");
    for (const path of [join(file, "actors.sqlite"), "/proc/no/a.sqlite"]) {
      const error = await assertRejects(
        () => sqliteStore({ path }),
        Error,
        path,
      );
      assertEquals(error.cause instanceof Error, true);
    }
  }));

test("sqliteStore() refuses a file that is not a database", () =>
  inFolder(async (folder) => {
    await writeFile(pathIn(folder), "These are words. ".repeat(100));
    await assertRejects(() => open(folder), Error, "file is not a database");
  }));

test("sqliteStore() refuses the database of another program", () =>
  inFolder(async (folder) => {
    const database = new DatabaseSync(pathIn(folder));
    database.exec("CREATE TABLE theirs (id INTEGER)");
    database.close();
    await assertRejects(() => open(folder), Error, "of another program");
  }));

test("sqliteStore() refuses a file of a newer format", () =>
  inFolder(async (folder) => {
    await (await open(folder)).close();
    const database = new DatabaseSync(pathIn(folder));
    database.exec("PRAGMA user_version = 99");
    database.close();
    await assertRejects(() => open(folder), Error, "it has format 99");
  }));

test("sqliteStore() opens a file of the format before, with all that is in it", () =>
  inFolder(async (folder) => {
    const [sample] = sampleSteps();
    const { kv, ...step } = sample!;
    const before = await open(folder);
    await before.commit([step]);
    const actor = await before.load("sample");
    await before.close();
    const database = new DatabaseSync(pathIn(folder));
    // What format 2 has brought.
    database.exec("DROP TABLE kv; PRAGMA user_version = 1");
    database.close();

    const after = await open(folder);
    assertEquals(await after.load("sample"), actor);
    await after.commit([
      { actorId: "sample", expectedRevision: 1, fence: 3, kv: kv! },
    ]);
    assertEquals(
      await after.kvGet("sample", kv!.map(({ key }) => key)),
      kv!.map(({ value }) => value),
    );
    await after.close();
  }));

test("SQLite: a commit of nothing but a revision does not write a large state again", () =>
  inFolder(async (folder) => {
    const store = await open(folder);
    const [, large] = sampleSteps();
    await store.commit([{ ...large!, snapshot: new Uint8Array(3_000_000) }]);
    const database = new DatabaseSync(pathIn(folder));
    database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    await store.commit([{ actorId: "large", expectedRevision: 1, fence: 1 }]);
    // Each page in the WAL was written by that commit.
    const log = database.prepare("PRAGMA wal_checkpoint").get()!;
    database.close();
    await store.close();
    assertEquals(Number(log.log) < 5, true);
  }));

// Where the other runtime is missing, as on a contributor's machine, there is nothing to compare.
test(
  `SQLite: what ${otherRuntime} wrote ${runtime} reads`,
  () =>
    inFolder(async (folder) => {
      const child = new Child(["sqlite", pathIn(folder), "write"], {
        runtime: otherRuntime,
      });
      await child.closed();
      const store = await open(folder);
      const expected = memoryStore();
      await expected.commit(sampleSteps());
      for (const id of ["sample", "large"]) {
        assertEquals(await store.load(id), await expected.load(id));
      }
      assertEquals(
        await store.alarms({ limit: 9 }),
        await expected.alarms({ limit: 9 }),
      );
      const all = {
        start: new Uint8Array(),
        end: Uint8Array.of(255, 255),
        limit: 9,
      };
      assertEquals(
        await store.kvList("sample", all),
        await expected.kvList("sample", all),
      );
      await store.close();
    }),
  { skip: hasOther ? undefined : `no ${otherRuntime} on PATH` },
);
