// Many steps into few atomic writes, each step accepted or refused alone.
//
// A commit usually reads nothing: it expects an actor as the last load or commit left it, and a name
// and key that it creates to be free. Where that is wrong the checks of the atomic write fail; then
// what they were about is read, and only that may refuse a step.

import type { Recent } from "../recent.ts";
import {
  applyDraft,
  changedTooOften,
  commitDraft,
  discardDraft,
  mostRounds,
} from "./deno_kv_draft.ts";
import { type Kv, writeAtomic } from "./deno_kv_database.ts";
import {
  headKey,
  headRow,
  type Known,
  knownIn,
  nameAndKeyKey,
  ownerIn,
  type Plan,
  planOf,
  refusalOf,
} from "./deno_kv_plan.ts";
import { Batch, keySize, longestKey } from "./deno_kv_rows.ts";
import type { Outcome, Step } from "./store.ts";

/** How many actors are committed without a look at what is stored of them. */
export const mostHeads = 10_000;

/** The heads of the actors that were loaded or committed last, as they were then. */
export type Heads = Recent<string, Known>;

/** A step without an outcome yet. */
interface Waiting {
  step: Step;
  index: number;
  /** Whether what was expected turned out to be wrong. */
  mustRead: boolean;
}

/** Steps that go into one atomic write. */
interface Pack {
  batch: Batch;
  members: { waiting: Waiting; plan: Plan }[];
}

/** Commits steps; one outcome for each, in the same order. */
export async function commitSteps(
  kv: Kv,
  heads: Heads,
  steps: readonly Step[],
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  let waiting = steps.map((step, index): Waiting => ({
    step,
    index,
    mustRead: false,
  }));
  for (let round = 0; waiting.length > 0; round++) {
    if (round === mostRounds) {
      throw changedTooOften(`Actor ${waiting[0]!.step.actorId}`);
    }
    waiting = await new Round(kv, heads, outcomes).run(waiting);
  }
  return outcomes;
}

/** One attempt at every step that has no outcome yet. */
class Round {
  #kv: Kv;
  #heads: Heads;
  #outcomes: Outcome[];
  #packs: Pack[] = [];
  /** Actors, and names and keys, that a step of this round changes; a second one has to wait. */
  #touched = new Set<string>();
  #left: Waiting[] = [];

  constructor(kv: Kv, heads: Heads, outcomes: Outcome[]) {
    this.#kv = kv;
    this.#heads = heads;
    this.#outcomes = outcomes;
  }

  /** Answers with the steps that need another round. */
  async run(all: Waiting[]): Promise<Waiting[]> {
    const known = all.map((one) => this.#look(one));
    // Reads, where there are some, are made together.
    await Promise.all(known.filter((one) => one instanceof Promise));
    for (const [index, waiting] of all.entries()) {
      const found = known[index]!;
      const placing = this.#place(
        waiting,
        found instanceof Promise ? await found : found,
      );
      if (placing !== undefined) await placing;
    }
    for (const pack of this.#packs) await this.#write(pack);
    return this.#left.sort((a, b) => a.index - b.index);
  }

  #look({ step, mustRead }: Waiting): Known | Promise<Known> {
    if (!mustRead) {
      if (step.create) return { head: undefined, versionstamp: null };
      const known = this.#heads.get(step.actorId);
      if (known) return known;
    }
    return readKnown(this.#kv, step);
  }

  /** Refuses a step, commits it if it is large, or puts it into a pack. */
  #place(waiting: Waiting, known: Known): void | Promise<void> {
    const { step, index } = waiting;
    if (this.#isTouched(step, known)) {
      this.#left.push(waiting);
      return;
    }
    const refusal = refusalOf(step, known);
    if (refusal !== undefined) {
      if (known.isRead) this.#outcomes[index] = refusal;
      else this.#tryAgain(waiting);
      return;
    }
    const plan = planOf(this.#kv, step, known);
    return plan instanceof Promise
      ? plan.then((plan) => this.#placePlan(waiting, plan))
      : this.#placePlan(waiting, plan);
  }

  #placePlan(waiting: Waiting, plan: Plan): void | Promise<void> {
    const error = keyErrorOf(plan);
    if (error !== undefined) {
      this.#outcomes[waiting.index] = { ok: false, reason: "error", error };
    } else if (!this.#pack(waiting, plan)) {
      return this.#commitAlone(waiting, plan);
    }
  }

  async #commitAlone(waiting: Waiting, plan: Plan): Promise<void> {
    this.#heads.delete(plan.actorId);
    if (await commitDraft(this.#kv, plan)) await this.#accept(waiting, plan);
    else this.#tryAgain(waiting);
  }

  #isTouched(step: Step, { head }: Known): boolean {
    const things = [step.actorId];
    const named = step.create ?? (step.destroy && head);
    if (named) things.push(JSON.stringify([named.name, named.key]));
    const isTouched = things.some((thing) => this.#touched.has(thing));
    for (const thing of things) this.#touched.add(thing);
    return isTouched;
  }

  /** Puts a step into the last pack or one of its own; `false` when it is too large for any. */
  #pack(waiting: Waiting, plan: Plan): boolean {
    const content = {
      checks: plan.checks,
      rows: [
        headRow(plan),
        ...plan.entryRows,
        ...plan.rows,
      ],
    };
    const last = this.#packs.at(-1);
    if (last?.batch.add(content)) {
      last.members.push({ waiting, plan });
      return true;
    }
    const batch = new Batch();
    if (!batch.add(content)) return false;
    this.#packs.push({ batch, members: [{ waiting, plan }] });
    return true;
  }

  async #write({ batch, members }: Pack): Promise<void> {
    const versionstamp = await writeAtomic(this.#kv, batch);
    for (const { waiting, plan } of members) {
      if (versionstamp === undefined) {
        this.#tryAgain(waiting);
        continue;
      }
      const { actorId, head, inline } = plan;
      if (head.isDestroyed) this.#heads.delete(actorId);
      else this.#heads.set(actorId, { head, versionstamp, inline });
      const accepting = this.#accept(waiting, plan);
      if (accepting !== undefined) await accepting;
    }
  }

  #accept({ index }: Waiting, plan: Plan): void | Promise<void> {
    this.#outcomes[index] = { ok: true };
    if (plan.leftDrafts.length > 0) return this.#discardLeft(plan);
  }

  async #discardLeft({ actorId, leftDrafts }: Plan): Promise<void> {
    for (const draftId of leftDrafts) {
      await discardDraft(this.#kv, { actorId, draftId });
    }
  }

  #tryAgain(waiting: Waiting): void {
    this.#left.push({ ...waiting, mustRead: true });
  }
}

async function readKnown(kv: Kv, step: Step): Promise<Known> {
  const keys = [headKey(step.actorId)];
  if (step.create) keys.push(nameAndKeyKey(step.create));
  for (let round = 0; round < mostRounds; round++) {
    const [entry, owner] = await kv.getMany(keys);
    const known = knownIn(entry!);
    if (known.head?.draft !== undefined) {
      await applyDraft(kv, step.actorId);
      continue;
    }
    return {
      ...known,
      owner: owner && ownerIn(owner),
      isRead: true,
    };
  }
  throw changedTooOften(`Actor ${step.actorId}`);
}

function keyErrorOf({ actorId, entryRows, rows }: Plan): Error | undefined {
  for (const { key } of [...entryRows, ...rows]) {
    const size = keySize(key);
    if (size <= longestKey) continue;
    return new RangeError(
      `Cannot store actor "${actorId}": a key of ${size} bytes is longer than Deno KV allows (${longestKey})`,
    );
  }
}
