// An actor's keys and values as its own code sees them: what is durable, and over it what has been
// written since. Writes are part of the actor's steps, like changes of its state.
//
// What a caller can rely on:
// - A write is there for every read that begins after it, and gone for none that began before. Only
//   where a step with later writes was taken while a read waited for the store, that read is of the
//   moment when it ends. It is of one moment in any case.
// - Neither reads nor writes end a step.
//
// The keys of `c.kv` begin with a 1 (kv.ts). Those that begin with a 0 are ours; the next byte says
// whose: 1 is of the queues, 2 of the runs of jobs (run_history.ts).
//
// Writes lie in layers, the oldest first, which only ever grow at the end. A read holds the layers
// that were there when it began; what is written meanwhile goes into a new one. A layer whose writes
// are durable is forgotten by all but the reads that hold it.

import type { KvPage, KvWrite, Store } from "../stores/store.ts";

/** What the rows of an actor need. */
export interface KvRowsOptions {
  actorId: string;
  /** Reads what is durable. */
  store: Pick<Store, "kvGet" | "kvList">;
  /** Throws when nothing that is written from now on will be saved. */
  check: () => void;
  /** Something was written. */
  onChange: () => void;
}

/** Which keys. */
export type KvRange = Pick<KvPage, "start" | "end">;

/** A key and its value. The bytes are not to be changed. */
export type KvPair = [key: Uint8Array, value: Uint8Array];

/** Told of rows as they are read; may throw to end that. */
export type OnRows = (rows: readonly KvPair[]) => void;

// How many rows are read at once.
const longestPage = 250;

interface Layer {
  /** By key as a text, see `textOf()`. */
  readonly writes: Map<string, KvWrite>;
  /** Whether a step has these writes. */
  isTaken: boolean;
  /** Whether a read holds it, or did. */
  isHeld: boolean;
  next: Layer | undefined;
}

/** The keys and values of one actor. */
export class KvRows {
  readonly #options: KvRowsOptions;
  // The first layer that is not durable, the first that no step has, and the last.
  #oldest: Layer = newLayer();
  #pending: Layer = this.#oldest;
  #newest: Layer = this.#oldest;
  #pendingBytes = 0;
  #reads = 0;

  constructor(options: KvRowsOptions) {
    this.#options = options;
  }

  /** Whether the next step has something to write. */
  get isChanged(): boolean {
    return this.#pendingBytes > 0;
  }

  /** How many bytes of keys and values the next step writes. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /**
   * Sets the value of a key, or deletes it. The bytes become part of the step: they are not to be
   * changed any more.
   *
   * @throws {ActorError} when the instance has stopped.
   */
  set(key: Uint8Array, value: Uint8Array | undefined): void {
    this.#options.check();
    if (this.#newest.isHeld && this.#reads > 0) {
      this.#newest = this.#newest.next = newLayer();
    }
    const { writes } = this.#newest;
    const text = textOf(key);
    const before = writes.get(text);
    if (before !== undefined) this.#pendingBytes -= sizeOf(before);
    const write = { key, value };
    writes.set(text, write);
    this.#pendingBytes += sizeOf(write);
    this.#options.onChange();
  }

  /** The values of at most 128 keys, in their order; `undefined` where there is none. */
  get(keys: readonly Uint8Array[]): Promise<(Uint8Array | undefined)[]> {
    return this.#read(async (view) => {
      const texts = keys.map(textOf);
      const known = texts.map((text) => view.find(text));
      const unknown = keys.filter((_, n) => known[n] === undefined);
      if (unknown.length === 0) return known.map((write) => write?.value);
      const { actorId, store } = this.#options;
      const stored = (await store.kvGet(actorId, unknown)).values();
      return texts.map((text, n) => {
        const value = known[n] === undefined ? stored.next().value : undefined;
        const write = view.find(text);
        return write === undefined ? value : write.value;
      });
    });
  }

  /**
   * The first `limit` keys of a range and their values, in the order of the keys' bytes; backwards,
   * the last ones, the last first. `onRows` sees what is kept of each page out of the store.
   */
  list(
    range: KvRange & { limit: number; reverse?: boolean },
    onRows: OnRows = () => {},
  ): Promise<KvPair[]> {
    const { limit, reverse = false } = range;
    return this.#read(async (view) => {
      const pairs = new Map<string, KvPair>();
      const length = limit + view.writesIn(range).size;
      for await (const page of this.#pages(range, { length, reverse })) {
        const writes = view.writesIn(range);
        const rows = page.filter(([key]) => !writes.has(textOf(key)));
        onRows(rows);
        for (const row of rows) pairs.set(textOf(row[0]), row);
        // Of those that were read before, some may have been written since.
        if (pairs.size - countIn(pairs, writes.keys()) >= limit) break;
      }
      for (const [text, { key, value }] of view.writesIn(range)) {
        if (value === undefined) pairs.delete(text);
        else pairs.set(text, [key, value]);
      }
      const order = reverse ? -1 : 1;
      return [...pairs].sort(([a], [b]) => a < b ? -order : order)
        .slice(0, limit).map(([, pair]) => pair);
    });
  }

  /** Deletes the keys of a range that were there at the call; resolves when that is recorded. */
  deleteRange(
    range: KvRange,
    onRows: OnRows = () => {},
  ): Promise<void> {
    return this.#read(async (view) => {
      const keys = new Map<string, Uint8Array>();
      for await (const page of this.#pages(range)) {
        onRows(page);
        for (const [key] of page) keys.set(textOf(key), key);
      }
      for (const [text, { key }] of view.writesIn(range)) keys.set(text, key);
      for (const [text, key] of keys) {
        if (!view.isWrittenLater(text)) this.set(key, undefined);
      }
    });
  }

  /** What the next step writes; `undefined` for nothing. */
  take(): KvWrite[] | undefined {
    if (!this.isChanged) return undefined;
    const taken = new Map<string, KvWrite>();
    for (const layer of layersFrom(this.#pending)) {
      layer.isTaken = true;
      for (const [text, write] of layer.writes) taken.set(text, write);
    }
    this.#pending = this.#newest = this.#newest.next = newLayer();
    this.#pendingBytes = 0;
    return [...taken.values()];
  }

  /** What was taken last is durable. */
  settle(): void {
    this.#oldest = this.#pending;
  }

  async #read<V>(read: (view: View) => Promise<V>): Promise<V> {
    this.#options.check();
    this.#newest.isHeld = true;
    this.#reads++;
    try {
      const value = await read(new View(this.#oldest, this.#newest));
      // Somebody else may have written what was read.
      this.#options.check();
      return value;
    } finally {
      this.#reads--;
    }
  }

  async *#pages(
    range: KvRange,
    { length = longestPage, reverse = false } = {},
  ): AsyncGenerator<readonly KvPair[]> {
    const { actorId, store } = this.#options;
    const limit = Math.min(length, longestPage);
    let { start, end } = range;
    for (;;) {
      const page = { start, end, limit, reverse };
      const rows = await store.kvList(actorId, page);
      yield rows;
      if (rows.length < limit) return;
      const last = rows.at(-1)![0];
      if (reverse) end = last;
      else start = Uint8Array.of(...last, 0);
    }
  }
}

/** The layers of one read. */
class View {
  readonly #first: Layer;
  readonly #last: Layer;

  constructor(first: Layer, last: Layer) {
    this.#first = first;
    this.#last = last;
  }

  /** The last write of a key that the read sees. */
  find(text: string): KvWrite | undefined {
    let found: KvWrite | undefined;
    for (const { writes } of this.#layers()) found = writes.get(text) ?? found;
    return found;
  }

  /** The writes of a range that the read sees. */
  writesIn({ start, end }: KvRange): Map<string, KvWrite> {
    const [first, behind] = [textOf(start), textOf(end)];
    const found = new Map<string, KvWrite>();
    for (const { writes } of this.#layers()) {
      for (const [text, write] of writes) {
        if (first <= text && text < behind) found.set(text, write);
      }
    }
    return found;
  }

  /** Whether a key was written after the read began. */
  isWrittenLater(text: string): boolean {
    const later = this.#last.next;
    return later !== undefined &&
      layersFrom(later).some(({ writes }) => writes.has(text));
  }

  // Once a step has later writes, the store may have them, too.
  #layers(): IteratorObject<Layer> {
    const isOutdated = this.#last.next?.isTaken === true;
    return layersFrom(this.#first, isOutdated ? undefined : this.#last);
  }
}

function newLayer(): Layer {
  return { writes: new Map(), isTaken: false, isHeld: false, next: undefined };
}

function* layersFrom(first: Layer, last?: Layer): Generator<Layer> {
  for (let at: Layer | undefined = first; at !== undefined; at = at.next) {
    yield at;
    if (at === last) return;
  }
}

function countIn(
  pairs: ReadonlyMap<string, KvPair>,
  texts: Iterable<string>,
): number {
  let count = 0;
  for (const text of texts) if (pairs.has(text)) count++;
  return count;
}

// Each byte is a character, so that texts are in the order of the bytes.
function textOf(key: Uint8Array): string {
  return String.fromCharCode(...key);
}

function sizeOf({ key, value }: KvWrite): number {
  return key.length + (value?.length ?? 0);
}
