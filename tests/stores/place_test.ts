import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { dirname, join } from "@std/path";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import process from "node:process";
import { dataFolder, openDefault, openStore } from "../../src/stores/place.ts";
import { sqliteStore } from "../../src/stores/sqlite.ts";
import type { Store } from "../../src/stores/store.ts";
import { test } from "../harness.ts";

const hasDenoKv =
  typeof (globalThis as { Deno?: { openKv?: unknown } }).Deno?.openKv ===
    "function";

async function inFolder(
  use: (folder: string, env: (name: string) => string | undefined) => unknown,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "troupe-place-"));
  try {
    await use(folder, (name) => name === "TROUPE_DATA" ? folder : undefined);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function addActor(store: Store): Promise<void> {
  const [outcome] = await store.commit([{
    actorId: "a1",
    expectedRevision: 0,
    fence: await store.claim(),
    create: { name: "room", key: "a" },
    record: new Uint8Array([1]),
  }]);
  assertEquals(outcome, { ok: true });
}

test("data lies outside the source tree, in a folder of this working directory", async () => {
  const folder = await dataFolder((name) =>
    name === "HOME" ? "/home/ada" : undefined
  );
  assertEquals(dirname(folder), "/home/ada/.local/share/troupe");
  assert(!folder.startsWith(process.cwd()));
  const xdg = await dataFolder((name) =>
    name === "XDG_DATA_HOME" ? "/x" : undefined
  );
  assertEquals(dirname(xdg), "/x/troupe");
  const windows: Record<string, string> = {
    LOCALAPPDATA: "/local",
    USERPROFILE: "/users/ada",
  };
  assertEquals(
    dirname(await dataFolder((name) => windows[name])),
    "/local/troupe",
  );
  delete windows.LOCALAPPDATA;
  assertEquals(
    dirname(await dataFolder((name) => windows[name])),
    "/users/ada/.local/share/troupe",
  );
  assertEquals(await dataFolder(() => "/given"), "/given");
});

test("the default is Deno KV where there is one, and SQLite elsewhere", () =>
  inFolder(async (folder, env) => {
    const { store, warning } = await openDefault(env);
    assertStringIncludes(store.location, hasDenoKv ? "Deno KV" : "SQLite");
    assertStringIncludes(store.location, folder);
    assertEquals(warning, undefined);
    await store.close();
  }));

test("a default that is empty beside a database of the other kind says so", () =>
  inFolder(async (folder, env) => {
    const other = hasDenoKv ? "actors.sqlite" : "actors.kv";
    // Of what is in the other one only its being there counts: this runtime may not read it.
    await (await sqliteStore({ path: join(folder, other) })).close();
    const first = await openDefault(env);
    assertStringIncludes(first.warning!, join(folder, other));
    assertStringIncludes(first.warning!, "setup({ store:");
    await addActor(first.store);
    await first.store.close();

    const second = await openDefault(env);
    assertEquals(second.warning, undefined);
    await second.store.close();
  }));

test(
  "on Deno Deploy the default is the platform's own Deno KV, with no file",
  async () => {
    const { Deno } = globalThis as unknown as {
      Deno: { openKv(path?: string): Promise<unknown> };
    };
    const own = Object.getOwnPropertyDescriptor(Deno, "openKv")!;
    const { openKv } = Deno;
    const opened: unknown[] = [];
    Object.defineProperty(Deno, "openKv", {
      configurable: true,
      value: (path?: string) => {
        opened.push(path);
        return openKv(":memory:");
      },
    });
    try {
      const env = (name: string) => name === "DENO_DEPLOY" ? "1" : undefined;
      const { store, warning } = await openDefault(env);
      assertStringIncludes(store.location, "Deno KV");
      assertEquals([opened, warning], [[undefined], undefined]);
      await store.close();
    } finally {
      Object.defineProperty(Deno, "openKv", own);
    }
  },
  { skip: hasDenoKv ? undefined : "there is no Deno KV here" },
);

test("a store that is named is opened, whatever the default", () =>
  inFolder(async (folder, env) => {
    const store = await openStore("sqlite", env);
    assert(existsSync(join(folder, "actors.sqlite")));
    await store.close();
  }));
