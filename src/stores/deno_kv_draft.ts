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
// A process that dies before the commit leaves a draft that no head names: the next load of the
// actor, or opening the database, discards it. To discard changes the marker first, which every
// write of the draft checks, so that a writer who is alive after all fails and begins anew.

import {
  entriesUnder,
  type Entry,
  type Handle,
  type Key,
  keysUnder,
  type Row,
  writeAtomic,
} from "./deno_kv_handle.ts";
import {
  type Head,
  headIn,
  headKey,
  headRow,
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
  handle: Handle,
  plan: Plan,
): Promise<boolean> {
  const draft = { actorId: plan.actorId, draftId: crypto.randomUUID() };
  handle.ownDrafts.add(draft.draftId);
  try {
    const isCommitted = await writeDraft(handle, plan, draft);
    if (isCommitted) await applyDraft(handle, plan.actorId);
    else await discardDraft(handle, draft);
    return isCommitted;
  } finally {
    handle.ownDrafts.delete(draft.draftId);
  }
}

/** Applies the committed draft of an actor; `false` when it has none. */
export async function applyDraft(
  handle: Handle,
  actorId: string,
): Promise<boolean> {
  for (let round = 0; round < mostRounds; round++) {
    const entry = await handle.kv.get(headKey(actorId));
    const draftId = headIn(entry)?.draft;
    if (draftId === undefined) return round > 0;
    const rows = await readDraft(handle, { actorId, draftId });
    // Whoever finished it before us has deleted it, but the head has changed before that.
    if (rows === undefined) continue;
    const isApplied = await finishDraft(handle, { actorId, entry, rows });
    if (!isApplied) continue;
    await discardDraft(handle, { actorId, draftId });
    return true;
  }
  throw changedTooOften(`Actor ${actorId}`);
}

/** Applies all committed drafts; a value that changes whenever somebody has applied one. */
export async function applyDrafts(handle: Handle): Promise<string | null> {
  for (let round = 0; round < mostRounds; round++) {
    const { lastApplied, drafts } = await listDrafts(handle);
    let isSettled = true;
    for (const { actorId } of drafts) {
      if (await applyDraft(handle, actorId)) isSettled = false;
    }
    if (isSettled) return lastApplied;
  }
  throw changedTooOften("The list of drafts");
}

/** Discards every draft that a writer left behind. */
export async function discardDrafts(handle: Handle): Promise<void> {
  await applyDrafts(handle);
  const { drafts } = await listDrafts(handle);
  for (const draft of drafts) await discardIfLeft(handle, draft);
}

/** Discards a draft if no head names it and this process is not writing it. */
export async function discardIfLeft(
  handle: Handle,
  draft: Draft,
): Promise<void> {
  if (handle.ownDrafts.has(draft.draftId)) return;
  const head = await handle.kv.get(headKey(draft.actorId));
  if (headIn(head)?.draft === draft.draftId) return;
  const isOurs = await writeAtomic(handle, {
    // Its writer may commit it this very moment; then it is not ours to discard.
    checks: [{
      key: headKey(draft.actorId),
      versionstamp: head.versionstamp,
    }],
    rows: [{ key: markerKey(draft), value: frame({ isDiscarded: true }) }],
  });
  if (isOurs !== undefined) await discardDraft(handle, draft);
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
  handle: Handle,
  plan: Plan,
  draft: Draft,
): Promise<boolean> {
  const marker = markerKey(draft);
  const versionstamp = await writeAtomic(handle, {
    rows: [{ key: marker, value: frame({}) }],
  });
  const checks = [{ key: marker, versionstamp: versionstamp! }];
  const rows = rowsOf(encodeRows(plan.rows), {
    revision: plan.head.revision,
    keyAt: (n) => [...draftKey(draft), n],
  });
  for (const batch of batchesOf(rows, checks)) {
    if (await writeAtomic(handle, batch) === undefined) return false;
  }
  const head = { ...plan.head, draft: draft.draftId };
  const committed = await writeAtomic(handle, {
    checks: [...plan.checks, ...checks],
    rows: [headRow(plan.actorId, head), ...plan.entryRows],
  });
  return committed !== undefined;
}

async function readDraft(
  handle: Handle,
  draft: Draft,
): Promise<Row[] | undefined> {
  const entries = await entriesUnder(handle, draftKey(draft));
  const [bytes] = valuesOf(entries) ?? [];
  return bytes && decodeRows(bytes);
}

/** Writes the rows and takes the draft out of the head; `false` when somebody else has. */
async function finishDraft(
  handle: Handle,
  { actorId, entry, rows }: { actorId: string; entry: Entry; rows: Row[] },
): Promise<boolean> {
  const check = { key: headKey(actorId), versionstamp: entry.versionstamp };
  for (const batch of batchesOf(rows, [check])) {
    if (await writeAtomic(handle, batch) === undefined) return false;
  }
  const { draft, ...head } = unframe<Head>(entry.value).header;
  const finished = await writeAtomic(handle, {
    checks: [check],
    rows: [
      headRow(actorId, head),
      { key: lastAppliedKey, value: frame({ draft }) },
    ],
  });
  return finished !== undefined;
}

async function discardDraft(handle: Handle, draft: Draft): Promise<void> {
  const keys = await keysUnder(handle, draftKey(draft));
  // The marker goes last: as long as there are rows, it tells of them.
  const rows = [...keys, markerKey(draft)]
    .map((key) => ({ key, value: undefined }));
  for (const batch of batchesOf(rows, [])) await writeAtomic(handle, batch);
}

async function listDrafts(
  handle: Handle,
): Promise<{ lastApplied: string | null; drafts: Draft[] }> {
  const entries = await entriesUnder(handle, keyOf("drafts"));
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
