// Durable bytes: what every store promises to the actors above it.
//
// - A step is all or nothing. Steps of different actors may share one transaction, but each is
//   accepted or refused alone.
// - When `commit` resolves, every accepted step survives `kill -9`, and power loss where the medium
//   can promise that.
// - A step is refused when the actor's revision is not the one it expects, or when a later owner
//   has committed (fencing). A refused step has no effect at all.
// - Sizes are the store's business: a snapshot or journal entry may be as large as memory allows, and
//   a step may hold as many key-value pairs. A key has 1 to 1,040 bytes, a value of one at most
//   131,200.
// - A store keeps bytes and never looks into them.
//
// `tests/contracts/store.ts` is this page as a test; a store that passes it is good.

/** One actor as the store has it: everything that is needed to wake it. */
export interface StoredActor {
  /** The kind of actor: its name in the registry. */
  name: string;
  /** The key, serialized. */
  key: string;
  /** How many steps of this actor were committed, its creation included; at least 1. */
  revision: number;
  /** The fence of the owner that committed last. */
  fence: number;
  /** What does not change with the state: input, creation time. */
  record: Uint8Array;
  /** The whole state at a point; absent until a step wrote one. */
  snapshot: Uint8Array | undefined;
  /** What changed since the snapshot, in the order of the commits. */
  journal: Uint8Array[];
  /** Connections that were open at the last commit, by id. */
  connections: Map<string, Uint8Array>;
  /** Its alarms in the order of time and id. */
  alarms: ActorAlarm[];
}

/** A future call, as the alarm index has it. */
export interface Alarm {
  /** The actor to call. */
  actorId: string;
  /** When, in milliseconds since the epoch; a whole number from 0 to 2^53 - 1. */
  dueMs: number;
  /** Unique within the actor, at most 64 ASCII characters; alarms of one time are in its order. */
  id: string;
  /** What to call, for the actor to read. */
  call: Uint8Array;
}

/** An alarm of an actor that is known. */
export type ActorAlarm = Omit<Alarm, "actorId">;

/** Names one alarm of an actor. */
export type AlarmKey = Pick<Alarm, "dueMs" | "id">;

/** A key of an actor, and the value to put there; `undefined` deletes it. */
export interface KvWrite {
  /** The key. */
  key: Uint8Array;
  /** The value; `undefined` deletes. */
  value: Uint8Array | undefined;
}

/** A page of an actor's keys. */
export interface KvPage {
  /** The first key that may be in it. */
  start: Uint8Array;
  /** The first key behind those that may be in it. */
  end: Uint8Array;
  /** How many keys it has at most; at most 1,000. */
  limit: number;
  /** Whether the last keys come first. */
  reverse?: boolean;
}

/** What one commit of one actor changes. Absent members change nothing. */
export interface Step {
  /** The actor. */
  actorId: string;
  /** The revision that the actor must have; 0 when this step creates it. */
  expectedRevision: number;
  /** The owner's fence; the step is refused when the stored one is larger. */
  fence: number;
  /** Creates the actor. Refused when the name and key have an actor. */
  create?: { name: string; key: string };
  /** Replaces the record. Always there in a step that creates. */
  record?: Uint8Array;
  /** Replaces the snapshot and drops the journal before it. */
  snapshot?: Uint8Array;
  /** Appends one entry to the journal. Never in the same step as `snapshot`. */
  journal?: Uint8Array;
  /** Sets connections, or deletes those set to `undefined`. */
  connections?: ReadonlyMap<string, Uint8Array | undefined>;
  /** Adds alarms. One whose time and id exist is replaced. */
  addAlarms?: readonly ActorAlarm[];
  /** Deletes alarms; one that is not there is no error. Applied before `addAlarms`. */
  deleteAlarms?: readonly AlarmKey[];
  /** Sets and deletes values of the actor's keys; each key is there once at most. */
  kv?: readonly KvWrite[];
  /** Deletes the actor and all that is kept of it; its name and key are free again. */
  destroy?: true;
}

/** What became of a step. */
export type Outcome =
  | { ok: true }
  | { ok: false; reason: "exists"; actorId: string }
  | { ok: false; reason: "revision" | "fence" }
  | { ok: false; reason: "error"; error: Error };

/** One actor as a listing shows it. */
export interface ActorRow {
  /** The id. */
  id: string;
  /** The kind of actor: its name in the registry. */
  name: string;
  /** The key, serialized. */
  key: string;
  /** What does not change with the state. */
  record: Uint8Array;
}

/** A place that keeps actors. Every method rejects with an `Error` when the medium fails. */
export interface Store {
  /** What it is and where, as the start line says it: `SQLite at /home/ada/…/actors.sqlite`. */
  readonly location: string;
  /** A fence for a new owner: larger than every one given out before, by any process. Durable. */
  claim(): Promise<number>;
  /** Everything needed to wake one actor; `undefined` when there is none of this id. */
  load(actorId: string): Promise<StoredActor | undefined>;
  /** One actor as a listing shows it; costs the same however large its state is. */
  get(actorId: string): Promise<ActorRow | undefined>;
  /** The id of the actor of this name and serialized key. */
  find(name: string, key: string): Promise<string | undefined>;
  /** Actors of one name, largest id first; the next page begins `before` the last id of this one. */
  list(
    name: string,
    options: { limit: number; before?: string },
  ): Promise<ActorRow[]>;
  /**
   * Commits steps. Resolves, when all accepted ones are durable, to one outcome for each in the
   * same order. Rejects when the medium failed: then nothing is known of any of them, and the
   * caller must load again. At most one step per actor in one call.
   */
  commit(steps: readonly Step[]): Promise<Outcome[]>;
  /**
   * Alarms of all actors in the order of time and id, those due at `until` or before; the next page
   * begins after the alarm `after`. Without `until`, all.
   */
  alarms(
    options: { limit: number; until?: number; after?: Alarm },
  ): Promise<Alarm[]>;
  /**
   * The values of an actor's keys, in the order of the keys; `undefined` where there is none. Sees
   * every step committed before the call. Of steps committed meanwhile it may see one in one value
   * and not in another, but each value is whole. At most 128 keys.
   */
  kvGet(
    actorId: string,
    keys: readonly Uint8Array[],
  ): Promise<(Uint8Array | undefined)[]>;
  /**
   * An actor's keys and their values in the order of the keys' bytes, all of one moment. The next
   * page starts right behind the last key of this one: at that key and a zero byte; backwards it
   * ends at that key.
   */
  kvList(actorId: string, page: KvPage): Promise<[Uint8Array, Uint8Array][]>;
  /** Whether it has no actor at all. */
  isEmpty(): Promise<boolean>;
  /** Waits for commits under way and lets go of the medium. Later calls reject. */
  close(): Promise<void>;
}
