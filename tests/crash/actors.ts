// The actors of the crash rig. Whatever they save can be told from the ids they were given, so that
// any state that no row of commits could have left is found.

import process from "node:process";
import { actor, type Kv, UserError } from "../../mod.ts";
import {
  callerOf,
  digestOf,
  noteOf,
  piecesOf,
  recentLength,
  rowOf,
  textOf,
} from "./entries.ts";
import type { registry } from "./server.ts";

// Which life of the server this is, for what runs may run in one life only.
const life = process.env.CRASH_LIFE ?? "0";

/** What a ledger keeps. All but `left` follows from the row of entries. */
export interface LedgerState {
  /** How many entries were taken off the front, and their digest. */
  settled: { count: number; digest: number };
  entries: { id: string; note: string; made: Date }[];
  /** How many entries there ever were, and their digest. */
  count: number;
  digest: number;
  /** How many of `entries` each caller made. */
  callers: Map<string, number>;
  /** The newest ids, newest first. */
  recent: string[];
  /** Connections that have gone: what was kept for each. */
  left: { connId: string; made: number }[];
}

/** A ledger's state as JSON can carry it. */
export interface LedgerReading
  extends Omit<LedgerState, "entries" | "callers"> {
  entries: { id: string; note: string; made: number }[];
  callers: [string, number][];
  /** What it keeps in `c.kv`: the id of each of `entries` by its place. */
  rows: [string, string][];
}

/** Where an entry stands: it is the one of this index. */
export interface Place {
  index: number;
}

interface Writer {
  state: LedgerState;
  kv: Kv;
  conn: { state: { made: number } };
  broadcast(event: string, ...args: unknown[]): void;
}

const emptyLedger: LedgerState = {
  settled: { count: 0, digest: 0 },
  entries: [],
  count: 0,
  digest: 0,
  callers: new Map(),
  recent: [],
  left: [],
};

/** A list that grows, and what follows from it, in every form that a state may have. */
export const ledger = actor({
  state: emptyLedger,
  createConnState: (_c, params: { caller: string } | undefined) => ({
    caller: params?.caller,
    made: 0,
  }),
  onDisconnect: (c, { id, state }) => {
    if (state.caller === undefined) return;
    c.state.left.push({ connId: id, made: state.made });
  },
  options: { sleepTimeout: 200 },
  actions: {
    async add(c, id: string): Promise<Place> {
      const index = await append(c, id);
      c.conn.send("own", index, id);
      return { index };
    },
    // Two steps: what the first one has told must hold without the second.
    async addSlowly(c, id: string): Promise<Place> {
      await append(c, id);
      await pause(3);
      return { index: await append(c, `${id}+`) };
    },
    async addAndSave(c, id: string): Promise<Place> {
      const index = await append(c, id);
      await c.saveState({ immediate: true });
      c.broadcast("saved", index, id);
      return { index };
    },
    async addAndFail(c, id: string): Promise<void> {
      const index = await append(c, id);
      throw new UserError("As was asked for", { metadata: { index } });
    },
    // The call to the other actor is the first output after the change.
    async addBoth(c, id: string, other: string): Promise<Place> {
      const index = await append(c, id, { isQuiet: true });
      await c.client<typeof registry>().ledger.getOrCreate(other)
        .add(`${id}>`);
      return { index };
    },
    look: (c): { count: number; id: string | undefined } => {
      return { count: c.state.count, id: c.state.recent[0] };
    },
    nap: (c): void => c.sleep(),
    read: async (c): Promise<LedgerReading> => ({
      rows: await c.kv.list("entry/"),
      ...c.state,
      entries: c.state.entries.map((entry) => ({
        ...entry,
        made: entry.made.getTime(),
      })),
      callers: [...c.state.callers],
    }),
    async settle(c, count: number): Promise<void> {
      const { settled, entries, callers, left } = c.state;
      const range = [settled.count, settled.count + count].map(rowOf);
      // What follows is recorded in the same turn, and so in the same step.
      await c.kv.deleteRange(`entry/${range[0]}`, `entry/${range[1]}`);
      for (const { id } of entries.splice(0, count)) {
        settled.count++;
        settled.digest = digestOf(settled.digest, id);
        const others = callers.get(callerOf(id))! - 1;
        if (others > 0) callers.set(callerOf(id), others);
        else callers.delete(callerOf(id));
      }
      left.length = 0;
    },
    end: (c): void => c.destroy(),
  },
});

async function append(
  c: Writer,
  id: string,
  { isQuiet = false } = {},
): Promise<number> {
  const { state } = c;
  const index = state.count++;
  state.entries.push({ id, note: noteOf(id), made: new Date(index) });
  if (!isQuiet) c.broadcast("added", index, id);
  state.digest = digestOf(state.digest, id);
  const caller = callerOf(id);
  state.callers.set(caller, (state.callers.get(caller) ?? 0) + 1);
  state.recent.unshift(id);
  if (state.recent.length > recentLength) state.recent.pop();
  c.conn.state.made++;
  await c.kv.put(`entry/${rowOf(index)}`, id);
  return index;
}

/** What an agenda keeps: ids, and behind `@` the life of the server that they ran in. */
export interface AgendaState {
  /** With the id of the future call that each became. */
  planned: Map<string, string>;
  cancelled: string[];
  begun: string[];
  ran: string[];
}

/** An agenda's state as JSON can carry it. */
export interface AgendaReading extends Omit<AgendaState, "planned"> {
  planned: string[];
}

/** How a scheduled action goes about it. */
export type Manner = "run" | "runSlowly" | "runChain";

/** Calls in the future. */
export const agenda = actor({
  state: {
    planned: new Map(),
    cancelled: [],
    begun: [],
    ran: [],
  } as AgendaState,
  options: { sleepTimeout: 100 },
  actions: {
    async plan(
      c,
      { id, delayMs, manner, links }: {
        id: string;
        delayMs: number;
        manner: Manner;
        links: number;
      },
    ): Promise<void> {
      const call = await c.schedule.after(delayMs, manner, id, links);
      c.state.planned.set(id, call);
    },
    async cancel(c, id: string): Promise<boolean> {
      const call = c.state.planned.get(id);
      if (call === undefined) return false;
      const isCancelled = await c.schedule.cancel(call);
      if (isCancelled) c.state.cancelled.push(id);
      return isCancelled;
    },
    run(c, id: string): void {
      c.state.begun.push(`${id}@${life}`);
      c.state.ran.push(`${id}@${life}`);
      c.broadcast("ran", `${id}@${life}`);
    },
    async runSlowly(c, id: string): Promise<void> {
      c.state.begun.push(`${id}@${life}`);
      await pause(15);
      c.state.ran.push(`${id}@${life}`);
      c.broadcast("ran", `${id}@${life}`);
    },
    async runChain(c, id: string, links: number): Promise<void> {
      c.state.begun.push(`${id}@${life}`);
      c.state.ran.push(`${id}@${life}`);
      c.broadcast("ran", `${id}@${life}`);
      if (links === 0) return;
      const next = `${id}'`;
      const call = await c.schedule.after(5, "runChain", next, links - 1);
      c.state.planned.set(next, call);
    },
    nap: (c): void => c.sleep(),
    read: (c): AgendaReading => ({
      ...c.state,
      planned: [...c.state.planned.keys()],
    }),
    forget(c): void {
      c.state.planned.clear();
      c.state.cancelled = [];
      c.state.begun = [];
      c.state.ran = [];
    },
  },
});

/** What an archive keeps: a text that may be larger than a store's transaction. */
export interface ArchiveState {
  version: number;
  id: string;
  text: string;
}

/** What an archive keeps in its state, and in `c.kv`, in pieces. */
export interface ArchiveReading extends ArchiveState {
  pieces: [string, string][];
}

/** One large value. */
export const archive = actor({
  state: { version: 0, id: "", text: "" } as ArchiveState,
  options: { sleepTimeout: 50 },
  actions: {
    async store(c, id: string, length: number): Promise<{ version: number }> {
      const before = piecesOf(c.state.id, c.state.text.length);
      const version = c.state.version + 1;
      c.state = { version, id, text: textOf(id, length) };
      // All in one turn, so that no other call comes between.
      await Promise.all([
        c.kv.deleteBatch(before.map(([key]) => `piece/${key}`)),
        ...piecesOf(id, length).map(([key, piece]) =>
          c.kv.put(`piece/${key}`, piece)
        ),
      ]);
      return { version };
    },
    read: async (c): Promise<ArchiveReading> => ({
      pieces: await c.kv.list("piece/"),
      ...c.state,
    }),
  },
});

/** What a room keeps. */
export interface RoomState {
  /** What it was created with. */
  id: string;
  visits: number;
  /** How often the call ran that its creation scheduled. */
  greetings: number;
}

/** An actor that comes and goes. */
export const room = actor({
  async createState(_c, input: { id: string }): Promise<RoomState> {
    await pause(1);
    return { id: input.id, visits: 0, greetings: 0 };
  },
  onCreate: (c) => c.schedule.after(30, "greet"),
  options: { sleepTimeout: 50 },
  actions: {
    greet: (c): void => {
      c.state.greetings++;
    },
    visit: (c): { id: string; visits: number } => {
      return { id: c.state.id, visits: ++c.state.visits };
    },
    read: (c): RoomState => c.state,
    close: (c): void => c.destroy(),
  },
});

function pause(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}
