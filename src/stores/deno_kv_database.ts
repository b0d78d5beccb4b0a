// Deno KV opened once per path and process, and the atomic write that every change goes through.
//
// A file that is open twice, be it in one process, makes checked writes fail with "database is
// locked" whenever both write; so stores of one path share what is open. Other processes still
// interfere, so a locked write, which had no effect, is tried again.

import { absolute, makeFolderOf, pause } from "./file.ts";

/** A key of Deno KV, as far as we use them. */
export type Key = (string | number)[];
/** A key with what it holds; `null` and `null` when there is nothing. */
export interface Entry {
  key: readonly unknown[];
  value: unknown;
  versionstamp: string | null;
}
/** A key that must have this versionstamp for an atomic write to happen. */
export interface Check {
  key: Key;
  versionstamp: string | null;
}
/** A key and what to put there; `undefined` deletes it. */
export interface Row {
  key: Key;
  value: Uint8Array | undefined;
}
/** Which keys to list. */
export type Selector =
  | { prefix: Key; end?: Key }
  | { start: Key; end: Key };

type Mutation =
  | { type: "set"; key: Key; value: Uint8Array }
  | { type: "delete"; key: Key };
interface Atomic {
  check(...checks: Check[]): Atomic;
  mutate(...mutations: Mutation[]): Atomic;
  commit(): Promise<{ ok: true; versionstamp: string } | { ok: false }>;
}
/** `Deno.Kv`, as far as we use it; Bun's types have no `Deno`. */
export interface Kv {
  get(key: Key): Promise<Entry>;
  getMany(keys: Key[]): Promise<Entry[]>;
  list(
    selector: Selector,
    options?: { limit?: number; reverse?: boolean; batchSize?: number },
  ): AsyncIterable<Entry>;
  atomic(): Atomic;
  close(): void;
}

interface Shared {
  kv: Promise<Kv>;
  users: number;
}

const sharedByPath = new Map<string, Shared>();
const mostAttempts = 500;
const longestPauseMs = 4;
const mostRowsAtOnce = 1_000;
const mostKeysAtOnce = 10;

/** Opens a database, or joins those who have it open; `undefined` is Deno's default one. */
export async function openKv(path: string | undefined): Promise<Kv> {
  const id = path ?? "";
  const shared = sharedByPath.get(id) ?? { kv: open(path), users: 0 };
  sharedByPath.set(id, shared);
  shared.users++;
  try {
    return await shared.kv;
  } catch (error) {
    await closeKv(path);
    throw error;
  }
}

/** Leaves the database; the last one closes it. */
export async function closeKv(path: string | undefined): Promise<void> {
  const id = path ?? "";
  const shared = sharedByPath.get(id);
  if (shared === undefined || --shared.users > 0) return;
  sharedByPath.delete(id);
  // What could not be opened has told those who opened it.
  const kv = await shared.kv.catch(() => undefined);
  kv?.close();
}

/** The absolute path of a database file; addresses of remote databases stay as they are. */
export async function toPath(
  path: string | undefined,
): Promise<string | undefined> {
  return path === undefined || isAddress(path) ? path : await absolute(path);
}

function isAddress(path: string): boolean {
  return /^https?:/.test(path);
}

async function open(path: string | undefined): Promise<Kv> {
  const { Deno } = globalThis as {
    Deno?: { openKv?: (path?: string) => Promise<Kv> };
  };
  if (Deno?.openKv === undefined) {
    throw new TypeError(
      'Deno KV is not switched on: run with --unstable-kv, or put "unstable": ["kv"] into deno.json',
    );
  }
  if (path !== undefined && !isAddress(path)) {
    await makeFolderOf(path);
  }
  return await Deno.openKv(path);
}

/**
 * Writes all rows, in order, if every check holds. The versionstamp of the write, or `undefined`
 * when a check failed and nothing was written.
 */
export async function writeAtomic(
  kv: Kv,
  { checks = [], rows }: { checks?: readonly Check[]; rows: readonly Row[] },
): Promise<string | undefined> {
  const mutations = rows.map(({ key, value }): Mutation =>
    value === undefined ? { type: "delete", key } : { type: "set", key, value }
  );
  for (let attempt = 1;; attempt++) {
    try {
      const result = await kv.atomic()
        .check(...checks).mutate(...mutations).commit();
      return result.ok ? result.versionstamp : undefined;
    } catch (error) {
      if (!isLocked(error) || attempt === mostAttempts) throw error;
      await pause(Math.random() * longestPauseMs);
    }
  }
}

/** The rows of a selection; as many as are read at once are of one moment. */
export async function entriesIn(
  kv: Kv,
  selector: Selector,
  options: { limit?: number; reverse?: boolean } = {},
): Promise<Entry[]> {
  const batchSize = Math.min(options.limit ?? mostRowsAtOnce, mostRowsAtOnce);
  const entries: Entry[] = [];
  for await (const entry of kv.list(selector, { ...options, batchSize })) {
    entries.push(entry);
  }
  return entries;
}

/** All rows behind `prefix`. */
export function entriesUnder(kv: Kv, prefix: Key): Promise<Entry[]> {
  return entriesIn(kv, { prefix });
}

/** The rows at these keys, in their order; those read at once are not of one moment. */
export async function entriesAt(
  kv: Kv,
  keys: readonly Key[],
): Promise<Entry[]> {
  const parts: Promise<Entry[]>[] = [];
  for (let at = 0; at < keys.length; at += mostKeysAtOnce) {
    parts.push(kv.getMany(keys.slice(at, at + mostKeysAtOnce)));
  }
  return (await Promise.all(parts)).flat();
}

/** The keys of all rows behind `prefix`. */
export async function keysUnder(kv: Kv, prefix: Key): Promise<Key[]> {
  const keys: Key[] = [];
  // The values may be many more bytes than memory has, so no more than needed are read at once.
  for await (const { key } of kv.list({ prefix }, { batchSize: 100 })) {
    // Every key behind a prefix of ours is ours: strings and numbers.
    keys.push(key as Key);
  }
  return keys;
}

function isLocked(error: unknown): boolean {
  return error instanceof Error && error.message.includes("database is locked");
}
