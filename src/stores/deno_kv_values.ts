// Reading the values of an actor's keys out of Deno KV.
//
// A page is one read, and so of one moment, unless a draft is applied right then: in part it has been
// then, in part not, and the page is read again. The further rows of a long value are read later; they
// are of the moment of the first one as long as they are of its revision.

import { applyDraft, changedTooOften, mostRounds } from "./deno_kv_draft.ts";
import {
  entriesIn,
  entriesUnder,
  type Entry,
  type Kv,
} from "./deno_kv_database.ts";
import { type Head, headIn, headKey, kvKeys } from "./deno_kv_plan.ts";
import {
  keyOf,
  packKey,
  type RowHeader,
  unframe,
  unpackKey,
  valuesOf,
} from "./deno_kv_rows.ts";
import type { KvPage } from "./store.ts";

/** How many keys Deno KV reads at once, besides the head. */
const mostKeysAtOnce = 9;

/** The values of keys, in their order. */
export async function kvValues(
  kv: Kv,
  actorId: string,
  keys: readonly Uint8Array[],
): Promise<(Uint8Array | undefined)[]> {
  const packed = keys.map(packKey);
  const parts = Array.from(
    { length: Math.ceil(packed.length / mostKeysAtOnce) },
    (_, n) => packed.slice(n * mostKeysAtOnce, (n + 1) * mostKeysAtOnce),
  );
  const values = await Promise.all(
    parts.map((part) => valuesAtOnce(kv, actorId, part)),
  );
  return values.flat();
}

/** A page of an actor's keys and their values. */
export async function kvPage(
  kv: Kv,
  actorId: string,
  { start, end, limit, reverse = false }: KvPage,
): Promise<[Uint8Array, Uint8Array][]> {
  const selector = {
    start: keyOf("kv", actorId, packKey(start)),
    end: keyOf("kv", actorId, packKey(end)),
  };
  // Deno KV refuses a range that ends before it starts.
  if (selector.start[3]! >= selector.end[3]!) return [];
  const options = { limit, reverse };
  for (let round = 0; round < mostRounds; round++) {
    const before = await settledHead(kv, actorId);
    if (before === undefined) return [];
    const entries = await entriesIn(kv, selector, options);
    const values = await Promise.all(
      entries.map((entry) => valueAt(kv, actorId, entry)),
    );
    const after = headIn(await kv.get(headKey(actorId)));
    const isOfOneMoment = after !== undefined &&
      before.drafts === after.drafts && !values.includes(undefined);
    if (isOfOneMoment) {
      return entries.map(({ key }, n) => [unpackKey(`${key[3]}`), values[n]!]);
    }
  }
  throw changedTooOften(`Actor ${actorId}`);
}

async function valuesAtOnce(
  kv: Kv,
  actorId: string,
  packed: readonly string[],
): Promise<(Uint8Array | undefined)[]> {
  const keys = packed.map((key) => kvKeys(actorId, key)(0));
  for (let round = 0; round < mostRounds; round++) {
    const [headEntry, ...entries] = await kv.getMany([
      headKey(actorId),
      ...keys,
    ]);
    const head = headIn(headEntry!);
    if (head === undefined) return packed.map(() => undefined);
    if (head.draft !== undefined) {
      await applyDraft(kv, actorId);
      continue;
    }
    const found = entries.filter(({ versionstamp }) => versionstamp !== null);
    const values = await Promise.all(
      found.map((entry) => valueAt(kv, actorId, entry)),
    );
    if (values.includes(undefined)) continue;
    return entries.map((entry) => values[found.indexOf(entry)]);
  }
  throw changedTooOften(`Actor ${actorId}`);
}

/** The head of an actor whose rows are as its last step left them; `undefined` for no actor. */
async function settledHead(
  kv: Kv,
  actorId: string,
): Promise<Head | undefined> {
  for (let round = 0; round < mostRounds; round++) {
    const head = headIn(await kv.get(headKey(actorId)));
    if (head?.draft === undefined) return head;
    await applyDraft(kv, actorId);
  }
  throw changedTooOften(`Actor ${actorId}`);
}

/** The value that begins in this row; `undefined` when it was replaced meanwhile. */
async function valueAt(
  kv: Kv,
  actorId: string,
  first: Entry,
): Promise<Uint8Array | undefined> {
  const { header, bytes } = unframe<RowHeader>(first.value);
  if (header.rows === 1) return bytes;
  const more = keyOf("kv more", actorId, `${first.key[3]}`);
  return valuesOf([first, ...await entriesUnder(kv, more)])?.[0];
}
