// What others notice while something is bad: 32 callers, each with an actor of its own, half of which
// are only read and half only written. (A read of an actor whose change is not durable yet waits for
// that, as it should.)
//
// Calls come at fixed times, whether those before have been answered or not, as those of many people
// do; the time of a call begins when it was due, so what holds up this process counts, too. A ratio is
// that of the 99th percentile to the one with nothing bad.
//
// What is bad:
// - an actor that is hammered: 256 writes of it are under way all the time;
// - an actor that computes for 50 ms, waits as long, and computes again. Nothing can interrupt
//   JavaScript: whoever calls meanwhile waits for the rest of one computation, and not for more;
// - a store that stalls for a second, in every other second. Writes wait for it, reads do not;
// - a reader of events who has stopped to read, while 64 KB are sent to him again and again. He is
//   cut off when too much waits for him; then there is the next one. This is a server in a process of
//   its own, with a socket for each caller.

import { once } from "node:events";
import { join } from "node:path";
import {
  setImmediate as turnOfEvents,
  setTimeout as pause,
} from "node:timers/promises";
import { actor, createClient, type Registry, setup } from "../../mod.ts";
import type { Step, Store } from "../../src/stores/store.ts";
import { counter } from "./counter.ts";
import {
  type BenchOptions,
  median,
  quantile,
  type Row,
  show,
} from "./figures.ts";
import { clientOfLast } from "./last_client.ts";
import { openSilent } from "./load.ts";
import { startServer } from "./program.ts";
import { openStore, type StoreName, storeNames } from "./stores.ts";

const thinker = actor({
  actions: {
    compute(_c, durationMs: number) {
      const endMs = performance.now() + durationMs;
      while (performance.now() < endMs);
    },
  },
});

interface Plan {
  turns: number;
  turnMs: number;
  stallMs: number;
  stores: readonly StoreName[];
}

const plan: Plan = {
  turns: 5,
  turnMs: 2000,
  stallMs: 1000,
  stores: storeNames,
};

const quickPlan: Plan = {
  turns: 1,
  turnMs: 200,
  stallMs: 100,
  stores: ["sqlite"],
};

const callers = 32;
/** Between two calls. */
const gapMs = 1;
const hammering = 256;
const computingMs = 50;
const tellingBytes = 64 * 1024;

type Call = () => Promise<unknown>;

/** Those whose calls are timed. */
interface Others {
  reads: Call[];
  writes: Call[];
}

/** How long calls took, in milliseconds. */
interface Times {
  reads: number[];
  writes: number[];
}

/** Something bad. */
interface Scenario {
  /** While what the others call. */
  name: string;
  /** What it does, if anything is to be counted. */
  counts?: string;
  /** Goes on until `stop` is aborted; tells how often it has happened. */
  happen(stop: AbortSignal): Promise<number>;
}

/** Where actors are called. */
interface Place {
  others: Others;
  /** The first has nothing bad. */
  scenarios: Scenario[];
  end(): Promise<void>;
}

/** All turns of a scenario. */
interface Result {
  scenario: Scenario;
  turns: Times[];
  count: number;
  seconds: number;
}

/** Measures and prints. */
export async function benchFairness(
  { isQuick, scratch: folder, report }: BenchOptions,
): Promise<void> {
  const how = isQuick ? quickPlan : plan;
  const rows: Row[] = [];
  const counts: Row[] = [];
  for (const start of [...how.stores.map(startHere), startSockets]) {
    const place = await start(folder, how);
    const results = await measure(place, how);
    rows.push(...results.map((result) => rowOf(result, results[0]!)));
    counts.push(...countsOf(results));
    await place.end();
  }
  report({
    title: `Milliseconds that a call of ${callers} others takes; ` +
      `medians of ${how.turns} turns each, and the longest of all`,
    names: [
      "while",
      "read p50",
      "read p99",
      "read max",
      "read ratio",
      "write p50",
      "write p99",
      "write max",
      "write ratio",
    ],
    rows,
  });
  report({
    title: "What was bad meanwhile",
    names: ["what", "a second"],
    rows: counts,
  });
}

const nothing = (name: string): Scenario => ({
  name: `${name}: nothing`,
  happen: () => Promise.resolve(0),
});

function startHere(name: StoreName) {
  return async (folder: string, { stallMs }: Plan): Promise<Place> => {
    const { store, stall } = stalling(await openStore(name, folder));
    const registry = setup({ use: { counter, thinker }, store });
    const client = clientOfLast<typeof registry>();
    const handles = await Promise.all(
      keys.map((key) => client.counter.create([key])),
    );
    const hammered = await client.counter.create(["hammered"]);
    const computing = await client.thinker.create(["computing"]);
    return {
      others: othersOf(handles),
      scenarios: [
        nothing(name),
        {
          name: `${name}: an actor is hammered`,
          counts: "writes of the hammered actor",
          happen: (stop) => hammer(() => hammered.write(1), stop),
        },
        {
          name: `${name}: an actor computes`,
          counts: `computations of ${computingMs} ms`,
          happen: (stop) => compute(() => computing.compute(computingMs), stop),
        },
        {
          name: `${name}: the store stalls`,
          counts: `stalls of ${stallMs} ms`,
          happen: (stop) => stall(stallMs, stop),
        },
      ],
      end: () => registry.shutdown(),
    };
  };
}

async function startSockets(folder: string): Promise<Place> {
  const name = "sockets";
  const path = join(folder, "server");
  const { program, url } = await startServer(["sqlite", path]);
  const client = createClient<Registry<{ counter: typeof counter }>>(
    `${url}/api/rivet`,
  );
  const connections = await Promise.all(keys.map(async (key) => {
    const handle = await client.counter.create([key]);
    const connection = handle.connect();
    await connection.ready;
    return connection;
  }));
  const handle = await client.counter.create(["telling"]);
  const connection = handle.connect();
  const actorId = await handle.resolve();
  const telling = {
    async tell(length: number) {
      // Besides the reader there is the teller.
      return await connection.tellMuch(length) > 1;
    },
    open: () =>
      openSilent(`${url}/api/rivet/gateway/${actorId}/connect`, {
        protocols: ["rivet", "rivet_encoding.json"],
        greets: true,
        hello:
          `{"body":{"tag":"SubscriptionRequest","val":{"eventName":"told","subscribe":true}}}`,
      }),
  };
  return {
    others: othersOf(connections),
    scenarios: [
      nothing(name),
      {
        name: `${name}: a reader does not read`,
        counts: "readers who were cut off",
        happen: (stop) => tell(telling, stop),
      },
    ],
    async end() {
      await client.dispose();
      await program[Symbol.asyncDispose]();
    },
  };
}

const keys = Array.from({ length: callers }, (_, i) => `${i}`);

/** Each of them is either read or written. */
function othersOf(
  actors: readonly {
    read(): Promise<unknown>;
    write(by: number): Promise<unknown>;
  }[],
): Others {
  const half = actors.length / 2;
  return {
    reads: actors.slice(0, half).map((actor) => () => actor.read()),
    writes: actors.slice(half).map((actor) => () => actor.write(1)),
  };
}

async function hammer(write: Call, stop: AbortSignal): Promise<number> {
  let count = 0;
  const work = Array.from({ length: hammering }, async () => {
    for (; !stop.aborted; count++) await write();
  });
  await Promise.all(work);
  return count;
}

async function compute(call: Call, stop: AbortSignal): Promise<number> {
  let count = 0;
  for (; !stop.aborted; count++) {
    await call();
    await pause(computingMs);
  }
  return count;
}

/** Tells a silent reader more and more; when he is cut off, the next one. */
async function tell(
  { tell, open }: {
    /** Whether somebody listens, after he has been told. */
    tell(length: number): Promise<boolean>;
    open(): Promise<{ close(): void }>;
  },
  stop: AbortSignal,
): Promise<number> {
  let count = 0;
  let reader = await open();
  while (!stop.aborted) {
    if (!await tell(tellingBytes)) {
      count++;
      reader.close();
      reader = await open();
    }
    await pause(1);
  }
  reader.close();
  return count;
}

/** A store that can be made to stall, in every other `stallMs`, before it commits. */
function stalling(store: Store): {
  store: Store;
  stall(stallMs: number, stop: AbortSignal): Promise<number>;
} {
  let count = 0;
  let ms = 0;
  let freeUntilMs = 0;
  const commit = async (steps: readonly Step[]) => {
    if (ms > 0 && performance.now() >= freeUntilMs) {
      count++;
      await pause(ms);
      freeUntilMs = performance.now() + ms;
    }
    return await store.commit(steps);
  };
  return {
    store: new Proxy(store, {
      get(store, key) {
        if (key === "commit") return commit;
        const value: unknown = Reflect.get(store, key);
        return typeof value === "function" ? value.bind(store) : value;
      },
    }),
    async stall(stallMs, stop) {
      count = 0;
      ms = stallMs;
      freeUntilMs = 0;
      await once(stop, "abort");
      ms = 0;
      return count;
    },
  };
}

async function measure(
  { others, scenarios }: Place,
  { turns, turnMs }: Plan,
): Promise<Result[]> {
  const results: Result[] = scenarios.map((scenario) => (
    { scenario, turns: [], count: 0, seconds: 0 }
  ));
  // The first turn of each is for the runtimes' compilers.
  for (let i = -1; i < turns; i++) {
    for (const result of results) {
      const begin = performance.now();
      const stop = new AbortController();
      const happening = result.scenario.happen(stop.signal);
      const times = await callOthers(others, turnMs);
      stop.abort();
      const count = await happening;
      if (i < 0) continue;
      result.turns.push(times);
      result.count += count;
      result.seconds += (performance.now() - begin) / 1000;
    }
  }
  return results;
}

/** Reads and writes by turns, one each `gapMs`. */
async function callOthers(
  { reads, writes }: Others,
  turnMs: number,
): Promise<Times> {
  const times: Times = { reads: [], writes: [] };
  const underWay: Promise<void>[] = [];
  const call = async (call: Call, dueMs: number, taken: number[]) => {
    await call();
    taken.push(performance.now() - dueMs);
  };
  const begin = performance.now();
  for (let n = 0; n * gapMs < turnMs; n++) {
    const dueMs = begin + n * gapMs;
    // A timer would be late by more than most calls take.
    while (performance.now() < dueMs) await turnOfEvents();
    const place = (n >> 1) % reads.length;
    underWay.push(
      n % 2 === 0
        ? call(reads[place]!, dueMs, times.reads)
        : call(writes[place]!, dueMs, times.writes),
    );
  }
  await Promise.all(underWay);
  return times;
}

function rowOf({ scenario, turns }: Result, baseline: Result): Row {
  const cells = (["reads", "writes"] as const).flatMap((kind) => {
    const p99Ms = middle(turns, kind, 0.99);
    const longestMs = Math.max(...turns.map((turn) => Math.max(...turn[kind])));
    return [
      show(middle(turns, kind, 0.5), 2),
      show(p99Ms, 2),
      show(longestMs, 1),
      show(p99Ms / middle(baseline.turns, kind, 0.99), 1),
    ];
  });
  return [scenario.name, ...cells];
}

function middle(
  turns: readonly Times[],
  kind: keyof Times,
  part: number,
): number {
  return median(turns.map((turn) => quantile(turn[kind], part)));
}

function countsOf(results: readonly Result[]): Row[] {
  return results.flatMap(({ scenario: { name, counts }, count, seconds }) =>
    counts === undefined
      ? []
      : [[`${name}: ${counts}`, show(count / seconds, 1)]]
  );
}
