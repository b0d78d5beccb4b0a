// Where an app's actors are kept unless it says otherwise, and in which store.
//
// The folder is outside the source tree, because the files that a store writes all the time would
// make a hot reloader restart for ever. It is one for each working directory.

import { denoKvStore } from "./deno_kv.ts";
import { sqliteStore } from "./sqlite.ts";
import type { Store } from "./store.ts";

/** The stores that can be chosen by name. */
export type StoreName = "sqlite" | "deno-kv";

/** Reads an environment variable. */
export type Env = (name: string) => string | undefined;

/** The folder of this app's data: `TROUPE_DATA`, or one below the user's data folder. */
export async function dataFolder(env: Env): Promise<string> {
  const given = env("TROUPE_DATA");
  if (given !== undefined && given !== "") return given;
  const { basename, join } = await import("node:path");
  const { cwd } = await import("node:process");
  const home = env("XDG_DATA_HOME") || env("LOCALAPPDATA") ||
    join(env("HOME") ?? env("USERPROFILE") ?? ".", ".local", "share");
  const app = cwd();
  const bytes = new TextEncoder().encode(app);
  const digest = await crypto.subtle.digest("SHA-256", bytes);
  const hash = new Uint8Array(digest, 0, 4).toHex();
  return join(home, "troupe", `${basename(app) || "root"}-${hash}`);
}

/** Opens a store of this app by its name. */
export async function openStore(name: StoreName, env: Env): Promise<Store> {
  const path = await pathOf(name, env);
  return name === "sqlite"
    ? await sqliteStore({ path })
    : await denoKvStore({ path });
}

/** Opens the default: Deno KV where it is switched on, SQLite elsewhere. */
export async function openDefault(env: Env): Promise<{
  store: Store;
  /** What a person should know: the app has a database of the other kind, and none of this. */
  warning: string | undefined;
}> {
  // On Deno Deploy the platform provides the one database there is.
  if (hasDenoKv() && env("DENO_DEPLOY") !== undefined) {
    return { store: await denoKvStore({}), warning: undefined };
  }
  const name: StoreName = hasDenoKv() ? "deno-kv" : "sqlite";
  const store = await openStore(name, env);
  return { store, warning: await warn(name, store, env) };
}

async function warn(
  name: StoreName,
  store: Store,
  env: Env,
): Promise<string | undefined> {
  const other: StoreName = name === "sqlite" ? "deno-kv" : "sqlite";
  const path = await pathOf(other, env);
  const { existsSync } = await import("node:fs");
  if (!existsSync(path) || !await store.isEmpty()) return undefined;
  const way = other === "sqlite"
    ? `setup({ store: "sqlite" })`
    : `Deno with --unstable-kv, or setup({ store: "deno-kv" })`;
  return `${store.location} is empty, but this app has a database at ${path}. To go on with that one, use ${way}.`;
}

async function pathOf(name: StoreName, env: Env): Promise<string> {
  const file = name === "sqlite" ? "actors.sqlite" : "actors.kv";
  const { join } = await import("node:path");
  return join(await dataFolder(env), file);
}

function hasDenoKv(): boolean {
  const { Deno } = globalThis as { Deno?: { openKv?: unknown } };
  return typeof Deno?.openKv === "function";
}
