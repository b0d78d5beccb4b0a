// Deno KV, local or on Deno Deploy, for all actors.
//
// Every actor has a head, which each of its commits checks and rewrites; that is what refuses a step
// whose revision or fence is stale. Steps of different actors are packed into as few atomic writes
// as Deno KV's limits allow. Since an atomic write fails as a whole, the heads of a failed one are
// read, the steps that are really refused leave it, and the others are tried again.
//
// The limits are not the user's: a long value takes several rows (deno_kv_rows.ts), and a step too
// large for one atomic write is written as a draft (deno_kv_draft.ts), committed by one write of the
// head. Only names and keys of actors are limited: a step with a name and key of together more than about 2,000 bytes in
// UTF-8 has the outcome `error`, with a `RangeError`.
//
// An atomic write survives `kill -9`, and power loss where the disk keeps its word.

import { Recent } from "../recent.ts";
import { commitSteps, type Heads, mostHeads } from "./deno_kv_commit.ts";
import { changedTooOften, clearDrafts, mostRounds } from "./deno_kv_draft.ts";
import {
  closeKv,
  entriesIn,
  type Key,
  type Kv,
  openKv,
  toPath,
  writeAtomic,
} from "./deno_kv_database.ts";
import { kvPage, kvValues } from "./deno_kv_values.ts";
import { headKey, nameAndKeyKey, ownerIn } from "./deno_kv_plan.ts";
import {
  listActors,
  listAlarms,
  loadActor,
  readActorRow,
} from "./deno_kv_read.ts";
import { frame, keyOf, keySize, longestKey, unframe } from "./deno_kv_rows.ts";
import { failed } from "./failed.ts";
import type {
  ActorRow,
  Alarm,
  KvPage,
  Outcome,
  Step,
  Store,
  StoredActor,
} from "./store.ts";

// Format 2: a small snapshot is in the row of its head.
const format = 2;

/**
 * Opens Deno KV at `path`, a file or an address; without one, the default database of the program.
 * Rejects where Deno KV is not switched on, and for a database of a newer version.
 */
export async function denoKvStore(
  options: { path?: string } = {},
): Promise<Store> {
  const path = await toPath(options.path);
  const location = `Deno KV at ${path ?? "its default path"}`;
  try {
    const kv = await openKv(path);
    try {
      await prepareFormat(kv);
      await clearDrafts(kv);
    } catch (error) {
      await closeKv(path);
      throw error;
    }
    return new DenoKvStore(kv, { path, location });
  } catch (cause) {
    throw failed(`Cannot open ${location} as a store`, cause);
  }
}

class DenoKvStore implements Store {
  readonly location: string;
  #path: string | undefined;
  #kv: Kv;
  #heads: Heads = new Recent(mostHeads);
  #isClosed = false;
  #running = new Set<Promise<unknown>>();

  constructor(
    kv: Kv,
    { path, location }: { path: string | undefined; location: string },
  ) {
    this.#kv = kv;
    this.#path = path;
    this.location = location;
  }

  claim(): Promise<number> {
    return this.#run(() => claimFence(this.#kv));
  }

  load(actorId: string): Promise<StoredActor | undefined> {
    return this.#run(async () => {
      if (!fits(headKey(actorId))) return undefined;
      const loaded = await loadActor(this.#kv, actorId);
      if (loaded === undefined) this.#heads.delete(actorId);
      else this.#heads.set(actorId, loaded.known);
      return loaded?.actor;
    });
  }

  get(actorId: string): Promise<ActorRow | undefined> {
    return this.#run(async () =>
      fits(headKey(actorId)) ? await readActorRow(this.#kv, actorId) : undefined
    );
  }

  find(name: string, key: string): Promise<string | undefined> {
    return this.#run(async () => {
      const entryKey = nameAndKeyKey({ name, key });
      if (!fits(entryKey)) return undefined;
      return ownerIn(await this.#kv.get(entryKey));
    });
  }

  list(
    name: string,
    options: { limit: number; before?: string },
  ): Promise<ActorRow[]> {
    return this.#run(async () =>
      fits(keyOf("name", name, ""))
        ? await listActors(this.#kv, name, options)
        : []
    );
  }

  commit(steps: readonly Step[]): Promise<Outcome[]> {
    return this.#run(() => commitSteps(this.#kv, this.#heads, steps));
  }

  alarms(
    options: { limit: number; until?: number; after?: Alarm },
  ): Promise<Alarm[]> {
    return this.#run(() => listAlarms(this.#kv, options));
  }

  kvGet(
    actorId: string,
    keys: readonly Uint8Array[],
  ): Promise<(Uint8Array | undefined)[]> {
    return this.#run(() => kvValues(this.#kv, actorId, keys));
  }

  kvList(
    actorId: string,
    page: KvPage,
  ): Promise<[Uint8Array, Uint8Array][]> {
    return this.#run(() => kvPage(this.#kv, actorId, page));
  }

  isEmpty(): Promise<boolean> {
    return this.#run(async () => {
      const selector = { prefix: keyOf("key") };
      const rows = await entriesIn(this.#kv, selector, { limit: 1 });
      return rows.length === 0;
    });
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await Promise.allSettled(this.#running);
    await closeKv(this.#path);
  }

  async #run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#isClosed) throw new Error(`${this.location} is closed`);
    const running = work();
    this.#running.add(running);
    try {
      return await running;
    } catch (cause) {
      throw failed(`Cannot use ${this.location}`, cause);
    } finally {
      this.#running.delete(running);
    }
  }
}

// Callers may ask for anything. No actor has a key that does not fit, and Deno KV would throw.
function fits(key: Key): boolean {
  return keySize(key) <= longestKey;
}

// What an earlier format has written is read as it is; from now on its programs refuse the database.
async function prepareFormat(kv: Kv): Promise<void> {
  const key = keyOf("format");
  for (let round = 0; round < mostRounds; round++) {
    const { value, versionstamp } = await kv.get(key);
    const found = versionstamp === null
      ? 0
      : unframe<{ format: number }>(value).header.format;
    if (found === format) return;
    if (found > format) {
      throw new Error(`it has format ${found}, the newest known is ${format}`);
    }
    await writeAtomic(kv, {
      checks: [{ key, versionstamp }],
      rows: [{ key, value: frame({ format }) }],
    });
  }
  throw changedTooOften("The format");
}

async function claimFence(kv: Kv): Promise<number> {
  const key = keyOf("fence");
  for (let round = 0; round < mostRounds; round++) {
    const { value, versionstamp } = await kv.get(key);
    const last = versionstamp === null
      ? 0
      : unframe<{ fence: number }>(value).header.fence;
    const isOurs = await writeAtomic(kv, {
      checks: [{ key, versionstamp }],
      rows: [{ key, value: frame({ fence: last + 1 }) }],
    });
    if (isOurs !== undefined) return last + 1;
  }
  throw changedTooOften("The fence");
}
