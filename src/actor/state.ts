// The state of one actor, and what changed in it since the last commit.
//
// A small state is written whole at each commit. A larger one is journaled: a commit appends the
// changes it is made of, and when the journal has grown past the snapshot, a new snapshot replaces
// both. So a commit costs what changed, and a wake reads at most about twice the state.

import { formatEntry, replayEntry } from "./journal.ts";
import { track } from "./tracking.ts";
import { Tree, type TreeOwner, unwrap } from "./tree.ts";
import { decodeValue, encodeValue, hasSharing } from "./value.ts";

// In characters of text: up to this a state is written whole.
const maxWholeLength = 1024;

// The record of a step may be this much longer than the state before it is given up.
const recordAllowance = 65_536;

/** What a step writes of the state. */
export type StateChange = { snapshot: string } | { journal: string };

/** Whoever has a state. */
export interface StateOwner {
  /** The state has changed. */
  stateChanged(): void;
  /** The state can change unseen from now on: `look()` is to be called, until `unwatch()` is. */
  stateWatched(state: State): void;
}

/** The state of one actor. */
export class State implements TreeOwner {
  readonly #tree: Tree;
  readonly #owner: StateOwner;
  #isChanged: boolean;
  #snapshotLength: number;
  #journalLength: number;

  private constructor(
    root: unknown,
    options: {
      isChanged: boolean;
      isPlain: boolean;
      hasSharing: boolean;
      snapshotLength: number;
      journalLength: number;
      owner: StateOwner;
    },
  ) {
    this.#owner = options.owner;
    this.#isChanged = options.isChanged;
    this.#snapshotLength = options.snapshotLength;
    this.#journalLength = options.journalLength;
    this.#tree = new Tree(root, {
      name: "state",
      isPlain: options.isPlain,
      hasSharing: options.hasSharing,
      owner: this,
    });
    this.#setRecording();
  }

  /**
   * The first state of an actor: a copy of `value`, not saved yet.
   *
   * @throws {ActorError} `state/invalid_type` when `value` cannot be saved.
   */
  static create(value: unknown, owner: StateOwner): State {
    const text = encodeValue(unwrap(value), { path: "state" });
    return new State(decodeValue(text), {
      isChanged: true,
      isPlain: isPlainText(text),
      hasSharing: text.includes('["$Same"'),
      snapshotLength: 0,
      journalLength: 0,
      owner,
    });
  }

  /** The state as it was committed. */
  static load(
    snapshot: string,
    journal: readonly string[],
    owner: StateOwner,
  ): State {
    const mayShare = [snapshot, ...journal].some((text) =>
      text.includes('["$Same"') || text.includes('["$Ref"')
    );
    const root = journal.reduce(replayEntry, decodeValue(snapshot));
    return new State(root, {
      isChanged: false,
      // A change may have left a hole in an array.
      isPlain: journal.length === 0 && isPlainText(snapshot),
      hasSharing: mayShare && hasSharing(root),
      snapshotLength: snapshot.length,
      journalLength: journal.reduce((sum, { length }) => sum + length, 0),
      owner,
    });
  }

  treeChanged(): void {
    this.#isChanged = true;
    this.#owner.stateChanged();
  }

  treeWatched(): void {
    this.#owner.stateWatched(this);
  }

  /** The state as the user sees it; setting it replaces it. */
  get value(): unknown {
    return track(this.#tree);
  }

  set value(value: unknown) {
    this.#tree.root = value;
  }

  /** Whether something changed since the last `take()`. */
  get isChanged(): boolean {
    // Looking takes time, so it is left where the answer is known.
    if (!this.#isChanged) this.look();
    return this.#isChanged;
  }

  /** Looks for what the user's code did past the proxies. */
  look(): void {
    this.#tree.checkWatched();
  }

  /**
   * Ends the watch for what the user's code does past the proxies: it is not at work any more, and
   * the changes it made have been looked for.
   */
  unwatch(): void {
    this.#tree.unwatch();
  }

  /** What the next step writes; the changes count as taken. `undefined` when there are none. */
  take(): StateChange | undefined {
    this.look();
    if (!this.#isChanged) return undefined;
    const change = this.#nextChange();
    this.#isChanged = false;
    this.#tree.clearChanges();
    if ("snapshot" in change) {
      this.#snapshotLength = change.snapshot.length;
      this.#journalLength = 0;
      this.#setRecording();
    } else {
      this.#journalLength += change.journal.length;
    }
    return change;
  }

  #nextChange(): StateChange {
    const { changes, changesLength, isRecording, isRecordIncomplete } =
      this.#tree;
    const isTooLong =
      this.#journalLength + changesLength > this.#snapshotLength;
    return isRecording && !isRecordIncomplete && !isTooLong
      ? { journal: formatEntry(changes) }
      : { snapshot: this.#encode() };
  }

  // What is known to be plain JSON need not be looked through.
  #encode(): string {
    const tree = this.#tree;
    if (tree.isPlain) return JSON.stringify(tree.root);
    const text = encodeValue(tree.root, { path: "state" });
    tree.isPlain = isPlainText(text);
    return text;
  }

  #setRecording(): void {
    this.#tree.isRecording = this.#snapshotLength > maxWholeLength;
    this.#tree.maxChangesLength = this.#snapshotLength + recordAllowance;
  }
}

// Whether a value is written as JSON writes it, and will be, whatever is moved in it: a text that begins
// like a tag may become the first of an array.
function isPlainText(text: string): boolean {
  return !text.includes('"$');
}
