// A store in memory that a test can watch, hold up, and let fail.

import { memoryStore } from "../../src/stores/memory.ts";
import type {
  ActorRow,
  Alarm,
  KvPage,
  Outcome,
  Step,
  Store,
  StoredActor,
} from "../../src/stores/store.ts";

/** What becomes of one commit. */
export type Fate =
  /** It works. */
  | "works"
  /** It rejects, and nothing has changed. */
  | "fails"
  /** It does not answer until `land()` is called, and changes nothing before that. */
  | "hangs"
  /** Each step is refused, and nothing has changed. */
  | "revision"
  | "fence";

/** A store in memory under a test's control. It outlives its host. */
export class FakeStore implements Store {
  readonly location = "fake";
  /** The steps of each commit. */
  readonly commits: (readonly Step[])[] = [];
  /** What becomes of the commits to come. */
  fate: Fate = "works";
  /** Whether `load()` never answers. */
  loadHangs = false;
  /** How many times an actor was loaded. */
  loads = 0;
  /** How many times it was asked for the actor of a key. */
  finds = 0;
  readonly inner: Store;
  readonly #hanging: (() => Promise<void>)[] = [];

  constructor(inner: Store = memoryStore()) {
    this.inner = inner;
  }

  /** The steps of all commits, in order. */
  get steps(): Step[] {
    return this.commits.flat();
  }

  /** Carries out every commit that hangs. */
  async land(): Promise<void> {
    for (const land of this.#hanging.splice(0)) await land();
  }

  async commit(steps: readonly Step[]): Promise<Outcome[]> {
    this.commits.push(steps);
    switch (this.fate) {
      case "works":
        return await this.inner.commit(steps);
      case "fails":
        throw new Error("the disk is on fire");
      case "hangs": {
        const { promise, resolve } = Promise.withResolvers<Outcome[]>();
        this.#hanging.push(async () => resolve(await this.inner.commit(steps)));
        return await promise;
      }
      default: {
        const reason = this.fate;
        return steps.map(() => ({ ok: false, reason }));
      }
    }
  }

  async load(actorId: string): Promise<StoredActor | undefined> {
    this.loads++;
    if (this.loadHangs) await new Promise(() => {});
    return await this.inner.load(actorId);
  }

  get(actorId: string): Promise<ActorRow | undefined> {
    return this.inner.get(actorId);
  }

  claim(): Promise<number> {
    return this.inner.claim();
  }

  find(name: string, key: string): Promise<string | undefined> {
    this.finds++;
    return this.inner.find(name, key);
  }

  list(
    name: string,
    options: { limit: number; before?: string },
  ): Promise<ActorRow[]> {
    return this.inner.list(name, options);
  }

  alarms(
    options: { limit: number; until?: number; after?: Alarm },
  ): Promise<Alarm[]> {
    return this.inner.alarms(options);
  }

  kvGet(
    actorId: string,
    keys: readonly Uint8Array[],
  ): Promise<(Uint8Array | undefined)[]> {
    return this.inner.kvGet(actorId, keys);
  }

  kvList(
    actorId: string,
    page: KvPage,
  ): Promise<[Uint8Array, Uint8Array][]> {
    return this.inner.kvList(actorId, page);
  }

  isEmpty(): Promise<boolean> {
    return this.inner.isEmpty();
  }

  async close(): Promise<void> {}
}
