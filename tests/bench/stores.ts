// The stores that the bench compares, each in a folder of the bench's own.

import { join } from "node:path";
import { denoKvStore, sqliteStore } from "../../mod.ts";
import type { Store } from "../../src/stores/store.ts";
import { runtime } from "./program.ts";

/** A store that keeps what it is given. */
export type StoreName = "sqlite" | "deno-kv";

/** Those that this runtime has. */
export const storeNames: readonly StoreName[] = runtime === "deno"
  ? ["sqlite", "deno-kv"]
  : ["sqlite"];

/** Opens a store; its file is in `folder`. */
export function openStore(name: StoreName, folder: string): Promise<Store> {
  return name === "sqlite"
    ? sqliteStore({ path: join(folder, "actors.sqlite") })
    : denoKvStore({ path: join(folder, "actors.kv") });
}
