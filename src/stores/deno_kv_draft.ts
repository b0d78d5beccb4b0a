// A step that is too large for one atomic write, and still all or nothing.
//
//   write    The rows of the step are written as one long value, the draft, under an id that nobody
//            has used; a marker tells that there is a draft.
//   commit   One atomic write: the actor's head, with the draft's id in it. From here on the step is
//            committed; whoever meets the head applies the draft before anything else.
//   apply    The rows of the draft are written where they belong, in as many atomic writes as it
//            takes, each only while the head is the same. Writing them twice does no harm.
//   finish   One atomic write takes the id out of the head. Then draft and marker are deleted.
//
// A process that dies before the commit leaves a draft that no head names. Who loads the actor notes
// it, and deletes it after a commit of its own: since the head has changed then, the draft's writer,
// should it be alive after all, cannot commit it any more. Opening the database deletes all that are
// not committed: it changes the marker first, which every write of a draft checks, so that a writer
// who is alive fails and begins anew.

import {
  entriesUnder,
  type Entry,
  type Key,
  keysUnder,
  type Kv,
  type Row,
  writeAtomic,
} from "./deno_kv_database.ts";
import {
  headIn,
  headKey,
  headRow,
  knownIn,
  type Plan,
} from "./deno_kv_plan.ts";
import {
  batchesOf,
  concat,
  frame,
  keyOf,
  rowsOf,
  unframe,
  valuesOf,
} from "./deno_kv_rows.ts";

/** How often somebody else may get in between before we give up. */
export const mostRounds = 100;

/** Commits a large step; `false` when a check failed and nothing of it was committed. */
export async function commitDraft(
  kv: Kv,
  plan: Plan,
): Promise<boolean> {
  const draft = { actorId: plan.actorId, draftId: crypto.randomUUID() };
  const isCommitted = await writeDraft(kv, plan, draft);
  if (isCommitted) await applyDraft(kv, plan.actorId);
  else await discardDraft(kv, draft);
  return isCommitted;
}

/** Applies the committed draft of an actor; `false` when it has none. */
export async function applyDraft(
  kv: Kv,
  actorId: string,
): Promise<boolean> {
  for (let round = 0; round < mostRounds; round++) {
    const entry = await kv.get(headKey(actorId));
    const draftId = headIn(entry)?.draft;
    if (draftId === undefined) return round > 0;
    const rows = await readDraft(kv, { actorId, draftId });
    // Whoever finished it before us has deleted it, but the head has changed before that.
    if (rows === undefined) continue;
    const isApplied = await finishDraft(kv, { actorId, entry, rows });
    if (!isApplied) continue;
    await discardDraft(kv, { actorId, draftId });
    return true;
  }
  throw changedTooOften(`Actor ${actorId}`);
}

/** Applies all committed drafts; a value that changes whenever somebody has applied one. */
export async function applyDrafts(kv: Kv): Promise<string | null> {
  for (let round = 0; round < mostRounds; round++) {
    const { lastApplied, drafts } = await listDrafts(kv);
    let isSettled = true;
    for (const { actorId } of drafts) {
      if (await applyDraft(kv, actorId)) isSettled = false;
    }
    if (isSettled) return lastApplied;
  }
  throw changedTooOften("The list of drafts");
}

/** Discards every draft that is not committed, and applies the others. */
export async function clearDrafts(kv: Kv): Promise<void> {
  await applyDrafts(kv);
  const { drafts } = await listDrafts(kv);
  for (const draft of drafts) {
    const head = await kv.get(headKey(draft.actorId));
    if (headIn(head)?.draft === draft.draftId) continue;
    const isOurs = await writeAtomic(kv, {
      // Its writer may commit it this very moment; then it is not ours to discard.
      checks: [{
        key: headKey(draft.actorId),
        versionstamp: head.versionstamp,
      }],
      rows: [{ key: markerKey(draft), value: frame({ isDiscarded: true }) }],
    });
    if (isOurs !== undefined) await discardDraft(kv, draft);
  }
}

/** Deletes a draft that nobody can commit or apply any more. */
export async function discardDraft(kv: Kv, draft: Draft): Promise<void> {
  const keys = await keysUnder(kv, draftKey(draft));
  // The marker goes last: as long as there are rows, it tells of them.
  const rows = [...keys, markerKey(draft)]
    .map((key) => ({ key, value: undefined }));
  for (const batch of batchesOf(rows, [])) await writeAtomic(kv, batch);
}

/** Something changed under every one of our attempts. */
export function changedTooOften(what: string): Error {
  return new Error(
    `${what} was changed by others ${mostRounds} times in a row`,
  );
}

interface Draft {
  actorId: string;
  draftId: string;
}

async function writeDraft(
  kv: Kv,
  plan: Plan,
  draft: Draft,
): Promise<boolean> {
  const marker = markerKey(draft);
  const versionstamp = await writeAtomic(kv, {
    rows: [{ key: marker, value: frame({}) }],
  });
  const checks = [{ key: marker, versionstamp: versionstamp! }];
  const rows = rowsOf(encodeRows(plan.rows), {
    revision: plan.head.revision,
    keyAt: (n) => [...draftKey(draft), n],
  });
  for (const batch of batchesOf(rows, checks)) {
    if (await writeAtomic(kv, batch) === undefined) return false;
  }
  const head = {
    ...plan.head,
    draft: draft.draftId,
    drafts: (plan.head.drafts ?? 0) + 1,
  };
  const committed = await writeAtomic(kv, {
    checks: [...plan.checks, ...checks],
    rows: [headRow({ ...plan, head }), ...plan.entryRows],
  });
  return committed !== undefined;
}

async function readDraft(
  kv: Kv,
  draft: Draft,
): Promise<Row[] | undefined> {
  const entries = await entriesUnder(kv, draftKey(draft));
  const [bytes] = valuesOf(entries) ?? [];
  return bytes && decodeRows(bytes);
}

/** Writes the rows and takes the draft out of the head; `false` when somebody else has. */
async function finishDraft(
  kv: Kv,
  { actorId, entry, rows }: { actorId: string; entry: Entry; rows: Row[] },
): Promise<boolean> {
  const check = { key: headKey(actorId), versionstamp: entry.versionstamp };
  for (const batch of batchesOf(rows, [check])) {
    if (await writeAtomic(kv, batch) === undefined) return false;
  }
  const { head: before, inline } = knownIn(entry);
  const { draft, ...head } = before!;
  const finished = await writeAtomic(kv, {
    checks: [check],
    rows: [
      headRow({ actorId, head, inline }),
      { key: lastAppliedKey, value: frame({ draft }) },
    ],
  });
  return finished !== undefined;
}

async function listDrafts(
  kv: Kv,
): Promise<{ lastApplied: string | null; drafts: Draft[] }> {
  const entries = await entriesUnder(kv, keyOf("drafts"));
  const drafts: Draft[] = [];
  let lastApplied: string | null = null;
  for (const { key: [, , actorId, draftId], versionstamp } of entries) {
    if (typeof actorId === "string" && typeof draftId === "string") {
      drafts.push({ actorId, draftId });
    } else lastApplied = versionstamp;
  }
  return { lastApplied, drafts };
}

/** Rows as one value: keys and lengths first, then the bytes of all. */
function encodeRows(rows: readonly Row[]): Uint8Array {
  const lengths = rows.map(({ key, value }) => [key, value?.length ?? null]);
  const values = rows.map(({ value }) => value ?? new Uint8Array());
  return frame(lengths, concat(values));
}

function decodeRows(encoded: Uint8Array): Row[] {
  const { header, bytes } = unframe<[Key, number | null][]>(encoded);
  let at = 0;
  return header.map(([key, length]) => {
    if (length === null) return { key, value: undefined };
    at += length;
    return { key, value: bytes.slice(at - length, at) };
  });
}

const lastAppliedKey = keyOf("drafts", 0);

function markerKey({ actorId, draftId }: Draft): Key {
  return keyOf("drafts", actorId, draftId);
}

function draftKey({ actorId, draftId }: Draft): Key {
  return keyOf("actor", actorId, "draft", draftId);
}
