// `c.kv`: texts and bytes by key, checked, and kept apart from what else the actor's rows hold.

import type {
  Kv,
  KvKey,
  KvListedKey,
  KvListOptions,
  KvOptions,
  KvType,
  KvTypes,
  KvValue,
} from "../definition/kv.ts";
import { actorError } from "../errors.ts";
import type { KvPair, KvRange, KvRows } from "./kv_rows.ts";
import { observed } from "./observed.ts";

const maxKeyBytes = 1024;
const maxValueBytes = 131_072;
const maxBatchKeys = 128;
const maxBatchBytes = 999_424;
const maxListed = 16_384;
const maxListBytes = 64 * 1024 * 1024;
const maxStepBytes = 16 * 1024 * 1024;

// The first byte of every key of the user's.
const userSpace = 1;

type KeyType = "text" | "binary";

const encoder = new TextEncoder();
// A mark at the begin of a text is part of it.
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

// Bytes are copied: the user may change what is read, and the rows must not change.
const readers: { [Type in KvType]: (bytes: Uint8Array) => KvTypes[Type] } = {
  text: (bytes) => decoder.decode(bytes),
  arrayBuffer: (bytes) => new Uint8Array(bytes).buffer,
  binary: (bytes) => new Uint8Array(bytes),
};

/** `c.kv` of one actor. */
export class ActorKv implements Kv {
  readonly #rows: KvRows;
  readonly #onRefused: (error: unknown) => void;

  /** `onRefused` is told of each write that fails. */
  constructor(rows: KvRows, onRefused: (error: unknown) => void) {
    this.#rows = rows;
    this.#onRefused = onRefused;
  }

  async get<Type extends KvType = "text">(
    key: KvKey,
    options?: KvOptions<Type>,
  ): Promise<KvTypes[Type] | null> {
    const [value] = await this.getBatch([key], options);
    return value!;
  }

  async getBatch<Type extends KvType = "text">(
    keys: readonly KvKey[],
    options?: KvOptions<Type>,
  ): Promise<(KvTypes[Type] | null)[]> {
    const read = readerOf(options);
    const values = await this.#rows.get(toKeys(keys));
    return values.map((bytes) => bytes === undefined ? null : read(bytes));
  }

  batchGet<Type extends KvType = "text">(
    keys: readonly KvKey[],
    options?: KvOptions<Type>,
  ): Promise<(KvTypes[Type] | null)[]> {
    return this.getBatch(keys, options);
  }

  put(key: KvKey, value: KvValue, options?: KvOptions): Promise<void> {
    return this.putBatch([[key, value]], options);
  }

  putBatch(
    entries: readonly (readonly [KvKey, KvValue])[],
    options?: KvOptions,
  ): Promise<void> {
    return observed(() => this.#put(entries, options), this.#onRefused);
  }

  #put(
    entries: readonly (readonly [KvKey, KvValue])[],
    options?: KvOptions,
  ): void {
    checkBatch(entries, "entries");
    const type = typeOf(options);
    const pairs = entries.map((entry): KvPair => {
      if (!Array.isArray(entry)) {
        throw new TypeError("Cannot put: an entry is not a key with a value");
      }
      const [key, value] = entry;
      return [toKey(key), toBytes(key, value, type)];
    });
    const size = pairs.reduce((sum, pair) => sum + sizeOf(pair), 0);
    // The byte that stands before each key is none of the user's.
    checkSize("batch", size - pairs.length, maxBatchBytes);
    this.#checkStep(size);
    for (const [key, value] of pairs) this.#rows.set(key, value);
  }

  batchPut(
    entries: readonly (readonly [KvKey, KvValue])[],
    options?: KvOptions,
  ): Promise<void> {
    return this.putBatch(entries, options);
  }

  delete(key: KvKey): Promise<void> {
    return this.deleteBatch([key]);
  }

  deleteBatch(keys: readonly KvKey[]): Promise<void> {
    return observed(() => {
      const checked = toKeys(keys);
      this.#checkStep(checked.reduce((sum, key) => sum + key.length, 0));
      for (const key of checked) this.#rows.set(key, undefined);
    }, this.#onRefused);
  }

  batchDelete(keys: readonly KvKey[]): Promise<void> {
    return this.deleteBatch(keys);
  }

  async list<Type extends KvType = "text", Keys extends KeyType = "text">(
    prefix: KvKey,
    options?: KvListOptions<Type, Keys>,
  ): Promise<[KvListedKey<Keys>, KvTypes[Type]][]> {
    const start = toKey(prefix);
    return await this.#list({ start, end: behind(start) }, {
      ...options,
      skip: start.length,
    });
  }

  async listRange<Type extends KvType = "text", Keys extends KeyType = "text">(
    start: KvKey,
    end: KvKey,
    options?: KvListOptions<Type, Keys>,
  ): Promise<[KvListedKey<Keys>, KvTypes[Type]][]> {
    const range = { start: toKey(start), end: toKey(end) };
    return await this.#list(range, { ...options, skip: 1 });
  }

  deleteRange(start: KvKey, end: KvKey): Promise<void> {
    return observed(() => {
      const range = { start: toKey(start), end: toKey(end) };
      let size = 0;
      return this.#rows.deleteRange(range, (page) => {
        for (const [key] of page) size += key.length;
        this.#checkStep(size);
      });
    }, this.#onRefused);
  }

  // `skip` is how many bytes are left out of each key.
  async #list<Type extends KvType, Keys extends KeyType>(
    range: KvRange,
    options: KvListOptions<Type, Keys> & { skip: number },
  ): Promise<[KvListedKey<Keys>, KvTypes[Type]][]> {
    const { limit = maxListed, reverse = false, skip } = options;
    if (!Number.isInteger(limit) || limit < 0 || limit > maxListed) {
      throw new RangeError(
        `Cannot list: the limit is ${limit}, not a whole number from 0 to ${maxListed}`,
      );
    }
    const read = readerOf(options);
    const readKey = keyReaderOf(options);
    if (limit === 0) return [];
    let size = 0;
    const pairs = await this.#rows.list(
      { ...range, limit, reverse },
      (page) => {
        for (const pair of page) size += sizeOf(pair);
        checkSize("list", size, maxListBytes);
      },
    );
    return pairs.map((
      [key, value],
    ) => [readKey(key.subarray(skip)), read(value)]);
  }

  #checkStep(size: number): void {
    checkSize("step", this.#rows.pendingBytes + size, maxStepBytes);
  }
}

function toKeys(keys: readonly KvKey[]): Uint8Array[] {
  checkBatch(keys, "keys");
  return keys.map(toKey);
}

// The key among the actor's rows; a copy.
function toKey(key: KvKey): Uint8Array {
  const isText = typeof key === "string";
  if (!isText && !(key instanceof Uint8Array)) {
    throw new TypeError(
      `The key is ${kindOf(key)}, not a string or Uint8Array`,
    );
  }
  // Half of a surrogate pair has no UTF-8, and would be one key with every other.
  if (isText && !key.isWellFormed()) {
    throw new TypeError(
      `The key ${JSON.stringify(key)} is not well-formed Unicode`,
    );
  }
  const bytes = isText ? encoder.encode(key) : key;
  checkSize("key", bytes.length, maxKeyBytes);
  const own = new Uint8Array(1 + bytes.length);
  own[0] = userSpace;
  own.set(bytes, 1);
  return own;
}

// The first key behind all that begin with this one. The first byte is never the last there is.
function behind(prefix: Uint8Array): Uint8Array {
  const end = prefix.findLastIndex((byte) => byte < 255);
  const key = prefix.slice(0, end + 1);
  key[end]!++;
  return key;
}

function toBytes(
  key: KvKey,
  value: KvValue,
  type: KvType | undefined,
): Uint8Array {
  const kind = typeof value === "string"
    ? "text"
    : value instanceof ArrayBuffer
    ? "arrayBuffer"
    : value instanceof Uint8Array
    ? "binary"
    : undefined;
  if (kind === undefined || (type !== undefined && type !== kind)) {
    const expected = type ?? "string, ArrayBuffer or Uint8Array";
    throw new TypeError(
      `Cannot put ${nameOf(key)}: the value is ${
        kindOf(value)
      }, not ${expected}`,
    );
  }
  const bytes = typeof value === "string"
    ? encoder.encode(value)
    : new Uint8Array(value instanceof ArrayBuffer ? value.slice(0) : value);
  checkSize("value", bytes.length, maxValueBytes);
  return bytes;
}

function typeOf(options: KvOptions | undefined): KvType | undefined {
  const type = options?.type;
  if (type === undefined || Object.hasOwn(readers, type)) return type;
  throw new TypeError(
    `The type of a value is ${
      String(type)
    }, not "text", "arrayBuffer" or "binary"`,
  );
}

function readerOf<Type extends KvType>(
  options: KvOptions<Type> | undefined,
): (bytes: Uint8Array) => KvTypes[Type] {
  // The default of the type parameter is the same.
  return readers[(typeOf(options) ?? "text") as Type];
}

function keyReaderOf<Keys extends KeyType>(
  { keyType = "text" as Keys }: { keyType?: Keys },
): (bytes: Uint8Array) => KvListedKey<Keys> {
  if (keyType === "text" || keyType === "binary") {
    // The type of the reader follows its name, which the compiler does not see.
    return readers[keyType] as (bytes: Uint8Array) => KvListedKey<Keys>;
  }
  throw new TypeError(`The type of keys is ${keyType}, not "text" or "binary"`);
}

function checkBatch(batch: readonly unknown[], what: string): void {
  if (!Array.isArray(batch)) {
    throw new TypeError(`The ${what} are ${kindOf(batch)}, not an array`);
  }
  if (batch.length <= maxBatchKeys) return;
  throw actorError(
    "kv/batch_too_large",
    `A batch of c.kv has ${batch.length} keys, more than ${maxBatchKeys}`,
  );
}

function checkSize(
  what: "key" | "value" | "batch" | "list" | "step",
  bytes: number,
  maxBytes: number,
): void {
  if (bytes <= maxBytes) return;
  const advice = what === "list"
    ? ": narrow the range, or give it a limit"
    : what === "step"
    ? ": save with c.saveState() before you go on"
    : "";
  throw actorError(
    `kv/${what}_too_large`,
    `A ${what} of c.kv has ${bytes} bytes, more than ${maxBytes}${advice}`,
  );
}

function sizeOf([key, value]: KvPair): number {
  return key.length + value.length;
}

function nameOf(key: KvKey): string {
  return typeof key === "string" ? JSON.stringify(key) : "a value";
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  return Array.isArray(value) ? "an array" : `of type ${typeof value}`;
}
