import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { actor, ActorError, type DatabaseProvider } from "../../mod.ts";
import { test } from "../harness.ts";
import { World } from "./world.ts";

// A database of the actor's own, which tells what is done with it.
class Rows {
  isClosed = false;
  version = 0;
  readonly rows: string[] = [];
}

function provider(log: string[]): DatabaseProvider<Rows> {
  return {
    createClient: ({ name, key }) => {
      log.push(`open ${name} ${key.join("/")}`);
      return new Rows();
    },
    onMigrate: (db) => {
      log.push("migrate");
      db.version = 1;
    },
    onStop: (db) => {
      log.push("close");
      db.isClosed = true;
    },
  };
}

test("c.db is opened and migrated before every hook of a start, and closed after the last of a stop", async () => {
  const log: string[] = [];
  const rows = actor({
    db: provider(log),
    createState: () => {
      log.push("createState");
      return { count: 0 };
    },
    onCreate: (c) => log.push(`onCreate ${c.db.version}`),
    createVars: (c) => ({ version: c.db.version }),
    onWake: (c) => log.push(`onWake ${c.db.isClosed}`),
    onSleep: (c) => log.push(`onSleep ${c.db.isClosed}`),
    actions: {
      add: (c, row: string) => c.db.rows.push(row),
      version: (c) => c.vars.version,
    },
    options: { sleepTimeout: 1000 },
  });
  await using world = await World.open({ rows });
  const handle = world.client.rows.getOrCreate(["a", "b"]);
  assertEquals(await handle.add("x"), 1);
  assertEquals(await handle.version(), 1);
  await world.clock.pass(1000);
  assertEquals(log, [
    "open rows a/b",
    "migrate",
    "createState",
    "onCreate 1",
    "onWake false",
    "onSleep false",
    "close",
  ]);
  assertEquals(await handle.add("y"), 1);
  assertEquals(log.slice(7), ["open rows a/b", "migrate", "onWake false"]);
});

test("a database that cannot be opened or migrated fails the start, and leaves nothing open", async () => {
  const log: string[] = [];
  const broken = actor({
    db: {
      ...provider(log),
      onMigrate: () => Promise.reject(new Error("no such table")),
    },
    actions: { ping: () => "pong" },
  });
  await using world = await World.open({ broken });
  const error = await assertRejects(
    () => world.client.broken.getOrCreate("a").ping(),
    ActorError,
  );
  assertEquals(error.code, "internal_error");
  assertEquals(log, ["open broken a", "close"]);
});

test("a database that cannot be closed is logged, and the actor wakes again", async () => {
  const rows = actor({
    db: {
      ...provider([]),
      onStop: () => {
        throw new Error("still busy");
      },
    },
    actions: { add: (c, row: string) => c.db.rows.push(row) },
    options: { sleepTimeout: 1000 },
  });
  await using world = await World.open({ rows });
  const handle = world.client.rows.getOrCreate("a");
  await handle.add("x");
  await world.clock.pass(1000);
  assertEquals(world.log.length, 1);
  assertEquals(world.log[0]!.includes("still busy"), true);
  assertEquals(await handle.add("y"), 1);
});

test("c.db without a provider says that it is not enabled, and a provider that is none is refused", async () => {
  const plain = actor({ actions: { read: (c) => c.db } });
  await using world = await World.open({ plain }, { exposesErrors: true });
  const error = await assertRejects(() =>
    world.client.plain.getOrCreate("a").read()
  );
  assertEquals((error as Error).message.includes("c.db is not enabled"), true);
  assertThrows(
    // deno-lint-ignore no-explicit-any -- what a program without types may hand in
    () => actor({ db: {} as any }),
    TypeError,
    "createClient",
  );
});
