// What a write cannot do without: a commit whose one step has about the bytes of one of the counter's.

import type { Step, Store } from "../../src/stores/store.ts";

/** Makes an actor in a store, and returns what commits its next step; each has a state of its own. */
export async function openAlone(store: Store): Promise<() => Promise<void>> {
  const actorId = crypto.randomUUID();
  const fence = await store.claim();
  let revision = 0;
  const commit = async (step: Partial<Step>) => {
    const [outcome] = await store.commit([
      { actorId, fence, expectedRevision: revision++, ...step },
    ]);
    if (!outcome!.ok) throw new Error(`The store refused: ${outcome!.reason}`);
  };
  await commit({
    create: { name: "alone", key: actorId },
    record: new Uint8Array(9),
  });
  const encoder = new TextEncoder();
  return () =>
    commit({ snapshot: encoder.encode(`${revision} ${"x".repeat(100)}`) });
}
