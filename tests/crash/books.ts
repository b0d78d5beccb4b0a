// What the rig was told about each actor, and whether the actor, read after a restart, is as it was
// told. A check closes the book: what was unknown until then is now known, and must stay so.

import { assertEquals } from "@std/assert";
import type {
  AgendaReading,
  ArchiveReading,
  LedgerReading,
  RoomState,
} from "./actors.ts";
import {
  callerOf,
  digestOf,
  noteOf,
  numberOf,
  piecesOf,
  recentLength,
  rowOf,
  textOf,
} from "./entries.ts";
import type { Breach, Findings } from "./findings.ts";

/** How something was told: as the result of a write, or otherwise. */
export type Told = "result" | "event";

/** All books. */
export class Books {
  readonly ledgers: Map<string, LedgerBook> = new Map();
  readonly agendas: Map<string, AgendaBook> = new Map();
  readonly archive: ArchiveBook = new ArchiveBook();
  readonly rooms: Map<string, RoomBook> = new Map();
}

/** What is known of a ledger. */
export class LedgerBook {
  /** Whether it was destroyed. */
  isEnded = false;
  readonly #name: string;
  readonly #findings: Findings;
  // The entries that were there at the last check, but for those that were taken off the front.
  #known: string[] = [];
  #settled = 0;
  readonly #sent = new Set<string>();
  readonly #told = new Map<number, { id: string; told: Told }>();
  // Connections that were open since the last check: the caller of each.
  readonly #opened = new Map<string, string>();

  constructor(name: string, findings: Findings) {
    this.#name = name;
    this.#findings = findings;
  }

  /** How many entries it had at the last check. */
  get length(): number {
    return this.#known.length;
  }

  /** An entry is on its way. */
  send(id: string): void {
    this.#sent.add(id);
  }

  /** Somebody was told that this entry stands at this place. */
  tell(index: number, id: string, told: Told): void {
    if (told === "result") this.#findings.writes++;
    const before = this.#told.get(index);
    if (before !== undefined && before.id !== id) {
      this.#add("other", `two entries were told at ${index}`, [before.id, id]);
    }
    if (before?.told !== "result") this.#told.set(index, { id, told });
  }

  /** A connection knows that it is open. */
  open(connId: string, caller: string): void {
    this.#opened.set(connId, caller);
  }

  /** Checks the state of the actor; `undefined` when there is no such actor. Tells what is new. */
  check(state: LedgerReading | undefined): string[] {
    if (state === undefined) {
      if (this.isEnded || this.#known.length + this.#told.size === 0) return [];
      this.#add("lost write", "the actor is gone", []);
      return [];
    }
    if (this.isEnded) this.#add("other", "it was destroyed", []);
    const ids = state.entries.map(({ id }) => id);
    this.#checkTold(ids);
    this.#checkCaused(ids);
    this.#checkDerived(state, ids);
    this.#checkConnections(state);
    const fresh = ids.slice(this.#known.length);
    this.#known = ids;
    this.#sent.clear();
    this.#told.clear();
    this.#opened.clear();
    return fresh;
  }

  /** So many entries were taken off the front. */
  settle(count: number): void {
    this.#known.splice(0, count);
    this.#settled += count;
  }

  #checkTold(ids: string[]): void {
    const lost = this.#known.filter((id, place) => ids[place] !== id);
    if (lost.length > 0) {
      this.#add("lost write", "entries of an earlier round", lost);
    }
    for (const [index, { id, told }] of this.#told) {
      const place = index - this.#settled;
      // Nobody but a look can tell of what was settled.
      if (place < 0 || ids[place] === id) continue;
      this.#add(
        told === "result" ? "lost write" : "ahead of the state",
        `${id} is not at ${index}`,
        [ids[place]],
      );
    }
  }

  #checkCaused(ids: string[]): void {
    const seen = new Set<string>();
    const last = new Map<string, number>();
    for (const [place, id] of ids.entries()) {
      if (seen.has(id)) this.#add("run twice", "an entry is there twice", [id]);
      seen.add(id);
      if (place >= this.#known.length && !this.#sent.has(id)) {
        this.#add("other", "an entry that nobody made lately", [id]);
      }
      if (!id.startsWith("socket") || /[+>]$/.test(id)) continue;
      const caller = callerOf(id);
      if (numberOf(id) < (last.get(caller) ?? 0)) {
        this.#add("other", "an entry is out of order", [id]);
      }
      last.set(caller, numberOf(id));
    }
  }

  #checkDerived(state: LedgerReading, ids: string[]): void {
    const { settled } = state;
    const callers = new Map<string, number>();
    for (const id of ids) {
      callers.set(callerOf(id), (callers.get(callerOf(id)) ?? 0) + 1);
    }
    const derived = {
      count: settled.count + ids.length,
      digest: ids.reduce(digestOf, settled.digest),
      recent: ids.slice(-recentLength).reverse(),
      callers,
      entries: ids.map((id, place) => ({
        id,
        note: noteOf(id),
        made: settled.count + place,
      })),
      rows: ids.map((id, place) => [rowOf(settled.count + place), id]),
    };
    const { count, digest, recent, entries, rows } = state;
    const actual = {
      count,
      digest,
      recent: recent.slice(0, ids.length),
      callers: new Map(state.callers),
      entries,
      rows,
    };
    this.#compare("the state", actual, derived);
    this.#compare("what was settled", settled.count, this.#settled);
  }

  // What a connection has made was counted in its own state, in the same steps as the entries.
  #checkConnections({ left, callers }: LedgerReading): void {
    const ids = left.map(({ connId }) => connId);
    if (new Set(ids).size < ids.length) {
      this.#add("run twice", "a connection has left twice", ids);
    }
    const entries = new Map(callers);
    const made = new Map(left.map(({ connId, made }) => [connId, made]));
    for (const [connId, caller] of this.#opened) {
      const counts = [made.get(connId), entries.get(caller) ?? 0];
      if (counts[0] === counts[1]) continue;
      this.#add("other", `connection ${connId} of ${caller} has made`, counts);
    }
  }

  #compare(what: string, actual: unknown, expected: unknown): void {
    try {
      assertEquals(actual, expected);
    } catch (error) {
      this.#add("other", `${what} is not what follows: ${error}`, []);
    }
  }

  #add(breach: Breach, text: string, more: unknown[]) {
    const some = more.slice(0, 5).join(", ");
    this.#findings.add(
      breach,
      `ledger ${this.#name}: ${text}: ${some} (${more.length})`,
    );
  }
}

/** What is known of an agenda. */
export class AgendaBook {
  readonly #name: string;
  readonly #findings: Findings;
  #known: ReadonlySet<string> = new Set();
  readonly #sent = new Set<string>();
  readonly #acknowledged = new Set<string>();
  readonly #cancelled = new Set<string>();
  // Ids with the life of the server that they were seen to run in.
  readonly #seen = new Set<string>();
  readonly #forgotten = new Set<string>();

  constructor(name: string, findings: Findings) {
    this.#name = name;
    this.#findings = findings;
  }

  /** How many calls it had at the last check. */
  get size(): number {
    return this.#known.size;
  }

  /** A call, with so many further links, is about to be scheduled. */
  send(id: string, links: number): void {
    for (const each of chainOf(id, links)) this.#sent.add(each);
  }

  /** A schedule was acknowledged. */
  acknowledge(id: string, links: number): void {
    this.#findings.schedules++;
    for (const each of chainOf(id, links)) this.#acknowledged.add(each);
  }

  /** A cancel was acknowledged. */
  cancel(id: string): void {
    this.#cancelled.add(id);
  }

  /** Somebody was told that a call ran. */
  see(ran: string): void {
    this.#seen.add(ran);
  }

  /** Whether all that must run has run. */
  isQuiet(state: AgendaReading | undefined): boolean {
    const done = doneIn(state);
    return this.#acknowledged.isSubsetOf(done) &&
      (state?.planned ?? []).every((id) => done.has(id));
  }

  /** Checks the state of the actor once it is quiet, or was given all its time. */
  check(state: AgendaReading | undefined): void {
    const { planned, cancelled, begun, ran } = state ??
      { planned: [], cancelled: [], begun: [], ran: [] };
    const ranIds = new Set(ran.map(idOf));
    const done = doneIn(state);
    for (const [list, what] of [[begun, "begun"], [ran, "run"]] as const) {
      const twice = repeated(list.map(idOf));
      if (twice.length > 0) this.#add("run twice", `${what} twice`, twice);
    }
    const lost = [...this.#acknowledged, ...planned, ...this.#known]
      .filter((id) => !done.has(id));
    for (const id of new Set(lost)) {
      this.#add("lost schedule", "has not run", [id]);
    }
    const revived = begun.map(idOf).filter((id) => cancelled.includes(id));
    if (revived.length > 0) {
      this.#add("run twice", "run though cancelled", revived);
    }
    for (const id of this.#cancelled) {
      if (cancelled.includes(id)) continue;
      this.#add("lost write", "not cancelled, as was told", [id]);
    }
    for (const id of this.#seen) {
      if (ran.includes(id)) continue;
      const others = ran.filter((other) => idOf(other) === idOf(id));
      this.#add("ahead of the state", `was seen to run as ${id}`, others);
    }
    const strange = [...ranIds].filter((id) => !planned.includes(id));
    if (strange.length > 0) this.#add("other", "not planned", strange);
    const again = [...ranIds].filter((id) => this.#forgotten.has(id));
    if (again.length > 0) this.#add("run twice", "forgotten before", again);
    const unsent = planned.filter((id) =>
      !this.#sent.has(id) && !this.#known.has(id)
    );
    if (unsent.length > 0) this.#add("other", "nobody's plan", unsent);
    this.#known = new Set(planned);
    this.#sent.clear();
    this.#acknowledged.clear();
    this.#cancelled.clear();
    this.#seen.clear();
  }

  /** The actor has forgotten what it had planned and run. */
  forget(): void {
    for (const id of this.#known) this.#forgotten.add(id);
    this.#known = new Set();
  }

  #add(breach: Breach, text: string, more: string[]) {
    const some = more.slice(0, 5).join(", ");
    this.#findings.add(
      breach,
      `agenda ${this.#name}: ${text}: ${some} (${more.length})`,
    );
  }
}

// The ids of the calls that have run, or were cancelled.
function doneIn(state: AgendaReading | undefined): Set<string> {
  return new Set([...state?.ran.map(idOf) ?? [], ...state?.cancelled ?? []]);
}

/** What is known of the archive. */
export class ArchiveBook {
  #known = 0;
  readonly #lengths = new Map<string, number>();
  readonly #told = new Map<number, string>();

  /** A text is about to be stored. */
  send(id: string, length: number): void {
    this.#lengths.set(id, length);
  }

  /** A text was stored as this version. */
  tell(version: number, id: string): void {
    this.#told.set(version, id);
  }

  /** Checks the state of the actor; `undefined` when there is no such actor. */
  check(state: ArchiveReading | undefined, findings: Findings): void {
    const { version = 0, id = "", text = "", pieces = [] } = state ?? {};
    const newest = Math.max(this.#known, ...this.#told.keys());
    if (version < newest) {
      findings.add("lost write", `archive: ${version}, not ${newest}`);
    }
    const told = this.#told.get(version) ?? id;
    const length = this.#lengths.get(id) ?? 0;
    if (told !== id || text !== textOf(id, length)) {
      findings.add("other", `archive: ${version} is ${id}, not all of ${told}`);
    }
    if (JSON.stringify(pieces) !== JSON.stringify(piecesOf(id, length))) {
      findings.add("other", `archive: not all pieces of ${id}`);
    }
    this.#known = version;
    this.#lengths.clear();
    this.#lengths.set(id, length);
    this.#told.clear();
  }
}

/** A room as it was found. */
export interface FoundRoom {
  actorId: string;
  state: RoomState;
}

/** What is known of a room. One caller at a time uses it. */
export class RoomBook {
  // The id that it was created with, or no room; two when a kill has left that open.
  #possible: (string | undefined)[] = [undefined];
  #visits = 0;
  #actorId: string | undefined;
  readonly #key: string;
  readonly #findings: Findings;
  /** The actor ids of rooms that were destroyed since the last check. */
  readonly gone: Set<string> = new Set();

  constructor(key: string, findings: Findings) {
    this.#key = key;
    this.#findings = findings;
  }

  /** Whether it is known what there is. */
  get isCertain(): boolean {
    return this.#possible.length === 1;
  }

  /** Whether there is a room. */
  get isOpen(): boolean {
    return this.#possible[0] !== undefined;
  }

  /** It may become this. */
  expect(id: string | undefined): void {
    this.#possible.push(id);
  }

  /** It was created. */
  create(id: string, actorId: string): void {
    this.#findings.creations++;
    this.#possible = [id];
    this.#visits = 0;
    this.#actorId = actorId;
  }

  /** It was destroyed. */
  destroy(): void {
    this.#findings.destructions++;
    if (this.#actorId !== undefined) this.gone.add(this.#actorId);
    this.#possible = [undefined];
    this.#visits = 0;
    this.#actorId = undefined;
  }

  /** It told how often it was visited. */
  visit(visits: number): void {
    this.#findings.writes++;
    this.#visits = visits;
  }

  /** It was looked for. */
  learn(found: FoundRoom | undefined): void {
    const { id, visits } = found?.state ?? { id: undefined, visits: 0 };
    if (!this.#possible.includes(id)) {
      this.#add("lost write", `${id}, not ${this.#possible.join(" or ")}`);
    } else if (id !== undefined && id === this.#possible[0]) {
      if (visits < this.#visits) {
        this.#add("lost write", `${visits} visits, not ${this.#visits}`);
      }
      if (this.#actorId !== undefined && found?.actorId !== this.#actorId) {
        this.#add("other", `it has the id ${found?.actorId}`);
      }
    }
    this.#possible = [id];
    this.#visits = visits;
    this.#actorId = found?.actorId;
  }

  /** Checks the actor, once its greeting was given its time; `undefined` when there is none. */
  check(found: FoundRoom | undefined): void {
    this.learn(found);
    const greetings = found?.state.greetings ?? 1;
    if (greetings > 1) this.#add("run twice", `${greetings} greetings`);
    if (greetings < 1) this.#add("lost schedule", "no greeting");
    this.gone.clear();
  }

  #add(breach: Breach, text: string): void {
    this.#findings.add(breach, `room ${this.#key}: ${text}`);
  }
}

function chainOf(id: string, links: number): string[] {
  return Array.from({ length: links + 1 }, (_, link) => id + "'".repeat(link));
}

function idOf(ran: string): string {
  return ran.slice(0, ran.indexOf("@"));
}

function repeated(ids: readonly string[]): string[] {
  return ids.filter((id, place) => ids.indexOf(id) < place);
}
