// RivetKit's names of our stores, for `setup({ driver })`.

import { memoryStore } from "./memory.ts";
import { sqliteStore } from "./sqlite.ts";
import type { Store } from "./store.ts";

/** RivetKit's name of {@linkcode memoryStore}. */
export function createMemoryDriver(): Store {
  return memoryStore();
}

/**
 * RivetKit's name of the store in files: SQLite, in the folder `path`, or in that of the app, as
 * `setup({ store: "sqlite" })` has it. Opens nothing before the registry is used.
 */
export function createFileSystemDriver(
  { path }: { path?: string } = {},
): "sqlite" | (() => Promise<Store>) {
  if (path === undefined) return "sqlite";
  return async () => {
    const { join } = await import("node:path");
    return await sqliteStore({ path: join(path, "actors.sqlite") });
  };
}
