/** A key of `c.kv`: a text, written in UTF-8, or bytes. At most 1,024 bytes. */
export type KvKey = string | Uint8Array;

/** A value of `c.kv`. At most 131,072 bytes. */
export type KvValue = string | ArrayBuffer | Uint8Array;

/** The types of values by name. */
export interface KvTypes {
  /** UTF-8. */
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
  /** Reading: default `"text"`. Writing: default is what the value is. */
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
  /** The most entries. Default and maximum 1,000. */
  limit?: number;
}

/** A key as a list shows it. */
export type KvListedKey<KeyType extends "text" | "binary"> = KeyType extends
  "binary" ? Uint8Array : string;

/**
 * What an actor keeps besides its state, by key, in the order of the bytes of the keys. Writes are
 * part of the running step, and are seen by later reads at once.
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
  /** Sets the value of a key. */
  put(key: KvKey, value: KvValue, options?: KvOptions): Promise<void>;
  /** Sets the values of at most 128 keys. */
  putBatch(
    entries: readonly (readonly [KvKey, KvValue])[],
    options?: KvOptions,
  ): Promise<void>;
  /** Deletes a key; one that is not there is no error. */
  delete(key: KvKey): Promise<void>;
  /** Deletes at most 128 keys. */
  deleteBatch(keys: readonly KvKey[]): Promise<void>;
  /** The entries whose key begins with `prefix`, which is left out of the keys. */
  list<
    Type extends KvType = "text",
    KeyType extends "text" | "binary" = "text",
  >(
    prefix: KvKey,
    options?: KvListOptions<Type, KeyType>,
  ): Promise<[KvListedKey<KeyType>, KvTypes[Type]][]>;
  /** The entries from `start` to `end`, the end not included, with whole keys. */
  listRange<
    Type extends KvType = "text",
    KeyType extends "text" | "binary" = "text",
  >(
    start: KvKey,
    end: KvKey,
    options?: KvListOptions<Type, KeyType>,
  ): Promise<[KvListedKey<KeyType>, KvTypes[Type]][]>;
  /** Deletes the entries from `start` to `end`, the end not included. */
  deleteRange(start: KvKey, end: KvKey): Promise<void>;
}
