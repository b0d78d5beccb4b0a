/**
 * A key of {@linkcode Kv}: a text, which is saved in UTF-8, or bytes. At most 1,024 bytes. A text that
 * is not well-formed, having half of a surrogate pair, is refused with a `TypeError`.
 */
export type KvKey = string | Uint8Array;

/**
 * A value of {@linkcode Kv}; a text is saved in UTF-8, in which half of a surrogate pair is U+FFFD. At
 * most 131,072 bytes.
 */
export type KvValue = string | ArrayBuffer | Uint8Array;

/** The types of values by name. */
export interface KvTypes {
  /** A text, read as UTF-8; what is none is read with U+FFFD in its place. */
  text: string;
  /** Bytes, as a buffer of their own. */
  arrayBuffer: ArrayBuffer;
  /** Bytes. */
  binary: Uint8Array;
}

/** The name of a type of values. */
export type KvType = keyof KvTypes;

/** How a value is read or written. */
export interface KvOptions<Type extends KvType = KvType> {
  /**
   * What a value is read as; the default is `"text"`. What is saved are bytes, so a value may be
   * read as another type than it was written as. A writer may name the type that its value has.
   */
  type?: Type;
}

/** What a list shows. */
export interface KvListOptions<
  Type extends KvType = KvType,
  KeyType extends "text" | "binary" = "text" | "binary",
> extends KvOptions<Type> {
  /** How keys are read. Default `"text"`. */
  keyType?: KeyType;
  /** Whether the largest key comes first. Default `false`. */
  reverse?: boolean;
  /** The most pairs; a whole number. The default, and the most, is 16,384. */
  limit?: number;
}

/** A key as a list shows it. */
export type KvListedKey<KeyType extends "text" | "binary"> = KeyType extends
  "binary" ? Uint8Array : string;

/**
 * What an actor keeps besides its state: values by key, in the order of the bytes of the keys. They
 * stay in the store until they are read, so there may be more of them than memory holds.
 *
 * What an action writes is saved together with its other changes, or not at all, before anybody
 * hears of it; with `options.durability: "interval"` it is saved like the state. Reads that begin
 * later see it at once. To await a write is to wait for its record, not for the store: whatever is
 * wrong with it is told then. Everything goes when the actor is destroyed.
 *
 * In one step an actor writes at most 16 MiB of keys and values.
 *
 * Every method rejects with a `TypeError` that names what is of a wrong type, and with an
 * `ActorError`: `kv/key_too_large` (more than 1,024 bytes in UTF-8), `kv/value_too_large` (131,072),
 * `kv/batch_too_large` (128 keys, or keys and values of together 999,424 bytes),
 * `kv/list_too_large` (64 MiB), `kv/step_too_large` (16 MiB), `actor/stopping` when the instance has
 * stopped, and `store/unavailable` when the store does not answer.
 *
 * @example
 * ```ts
 * import { actor } from "@troupe/actors";
 *
 * export const notebook = actor({
 *   actions: {
 *     write: (c, day: string, text: string) => c.kv.put(`day/${day}`, text),
 *     read: (c, day: string) => c.kv.get(`day/${day}`),
 *     year: (c, year: string) => c.kv.list(`day/${year}-`),
 *   },
 * });
 * ```
 */
export interface Kv {
  /** The value of a key; `null` when there is none. */
  get<Type extends KvType = "text">(
    key: KvKey,
    options?: KvOptions<Type>,
  ): Promise<KvTypes[Type] | null>;
  /** The values of at most 128 keys, in their order; `null` where there is none. */
  getBatch<Type extends KvType = "text">(
    keys: readonly KvKey[],
    options?: KvOptions<Type>,
  ): Promise<(KvTypes[Type] | null)[]>;
  /** The same as `getBatch`. */
  batchGet: Kv["getBatch"];
  /** Sets the value of a key. */
  put(key: KvKey, value: KvValue, options?: KvOptions): Promise<void>;
  /** Sets the values of at most 128 keys, all or none; of a key that is there twice, the last. */
  putBatch(
    entries: readonly (readonly [KvKey, KvValue])[],
    options?: KvOptions,
  ): Promise<void>;
  /** The same as `putBatch`. */
  batchPut: Kv["putBatch"];
  /** Deletes a key; one that is not there is no error. */
  delete(key: KvKey): Promise<void>;
  /** Deletes at most 128 keys, all or none. */
  deleteBatch(keys: readonly KvKey[]): Promise<void>;
  /** The same as `deleteBatch`. */
  batchDelete: Kv["deleteBatch"];
  /**
   * The pairs whose key begins with `prefix`, in order. The prefix is left out of the keys that are
   * listed: `list("day/")` has `"2026-01-31"`, not `"day/2026-01-31"`.
   *
   * @throws {RangeError} when the limit is not a whole number from 0 to 16,384.
   */
  list<
    Type extends KvType = "text",
    KeyType extends "text" | "binary" = "text",
  >(
    prefix: KvKey,
    options?: KvListOptions<Type, KeyType>,
  ): Promise<[KvListedKey<KeyType>, KvTypes[Type]][]>;
  /**
   * The pairs whose key is `start`, or behind it and before `end`, in order and with whole keys.
   *
   * @throws {RangeError} when the limit is not a whole number from 0 to 16,384.
   */
  listRange<
    Type extends KvType = "text",
    KeyType extends "text" | "binary" = "text",
  >(
    start: KvKey,
    end: KvKey,
    options?: KvListOptions<Type, KeyType>,
  ): Promise<[KvListedKey<KeyType>, KvTypes[Type]][]>;
  /** Deletes the keys that `listRange` would list, however many, at the time of the call. */
  deleteRange(start: KvKey, end: KvKey): Promise<void>;
}
