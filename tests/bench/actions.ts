// Actions per second, each scenario beside a bare server of the same runtime in the same run: Troupe
// and the bare one take turns, and medians are compared. Server and load are a process each.
//
// "WebSocket" is a load over the runtime's own sockets. They may keep this process busier than a
// server that has little to do; then rates say less than what one action costs the server in CPU
// time, which stands beside them. "frames" is a load that is always faster than the server.

import { join } from "node:path";
import { createClient, type Registry } from "../../mod.ts";
import { openAlone } from "./alone.ts";
import type { counter } from "./counter.ts";
import {
  type BenchOptions,
  middle,
  type Row,
  show,
  type Turn,
} from "./figures.ts";
import {
  type Done,
  type Load,
  openFrames,
  openPosts,
  openSockets,
  type Traffic,
} from "./load.ts";
import { cpuOf, type Server, startServer } from "./program.ts";
import { openStore, type StoreName, storeNames } from "./stores.ts";

interface Scenario {
  way: "WebSocket" | "frames" | "HTTP";
  action: "read" | "write";
  /** Reads do not reach the store, so one store is enough for them. */
  store: StoreName;
  actors: number;
  connections: number;
  depth: number;
}

/** The medians of all turns. */
interface Result {
  ours: Turn;
  theirs: Turn;
  /** Those of a bare server that commits before it answers, for single writes. */
  committing: Turn | undefined;
}

/** Measures and prints. */
export async function benchActions(
  { isQuick, scratch: folder, report }: BenchOptions,
): Promise<void> {
  const all = isQuick ? quickScenarios() : scenarios();
  const servers = new Map<string, Server>();
  try {
    servers.set("bare", await startServer(["bare"]));
    for (const store of storeNames) {
      servers.set(store, await startServer([store, folder]));
      const path = join(folder, "bare");
      servers.set(`bare ${store}`, await startServer(["bare", store, path]));
    }
    const turns = isQuick ? 2 : 7;
    const turnMs = isQuick ? 60 : 700;
    const rows = [];
    const single = [];
    for (
      const scenario of all
    ) {
      const result = await measure(scenario, servers, { turns, turnMs });
      rows.push(rowOf(scenario, result));
      if (isSingleWrite(scenario)) {
        const { store } = scenario;
        const path = join(folder, "alone");
        const commitMs = await commitAlone(store, path, isQuick ? 50 : 2000);
        single.push(singleRowOf(store, result, commitMs));
      }
    }
    report({
      title: `Actions per second; medians of ${turns} turns each`,
      names: [
        "scenario",
        "Troupe/s",
        "bare/s",
        "ratio",
        "Troupe CPU us",
        "bare CPU us",
        "CPU ratio",
      ],
      rows,
    });
    report({
      title: "One write after the other, in milliseconds",
      names: [
        "store",
        "Troupe",
        "bare echo",
        "store alone",
        "the rest",
        "echo that commits",
        "the rest to that",
      ],
      rows: single,
    });
  } finally {
    for (const { program } of servers.values()) {
      await program[Symbol.asyncDispose]();
    }
  }
}

function scenarios(): Scenario[] {
  const shapes = [
    { connections: 1, depth: 1 },
    { connections: 1, depth: 16 },
    { connections: 64, depth: 1 },
    { connections: 64, depth: 16 },
  ];
  const full = { connections: 64, depth: 16, actors: 64 };
  const http = { connections: 32, depth: 1 };
  const read = { action: "read", store: "sqlite" } as const;
  const all: Scenario[] = shapes.map((shape) => ({
    way: "WebSocket",
    ...read,
    ...shape,
    actors: shape.connections,
  }));
  all.push({ way: "frames", ...read, ...full });
  all.push({ way: "HTTP", ...read, ...http, actors: 32 });
  for (const store of storeNames) {
    const write = { action: "write", store } as const;
    for (const shape of shapes) {
      for (const actors of new Set([1, shape.connections])) {
        all.push({ way: "WebSocket", ...write, ...shape, actors });
      }
    }
    all.push({ way: "frames", ...write, ...full });
    for (const actors of [1, 64]) {
      all.push({ way: "HTTP", ...write, ...http, actors });
    }
  }
  return all;
}

function quickScenarios(): Scenario[] {
  return scenarios().filter(({ connections, depth, actors, way }) =>
    connections === 1 && depth === 1 ||
    connections === 64 && depth === 16 && actors === 64 || way === "HTTP"
  );
}

async function measure(
  scenario: Scenario,
  servers: ReadonlyMap<string, Server>,
  { turns, turnMs }: { turns: number; turnMs: number },
): Promise<Result> {
  const troupe = servers.get(scenario.store)!;
  const actors = await startActors(troupe.url, scenario.actors);
  const urls = [troupe.url, servers.get("bare")!.url];
  if (isSingleWrite(scenario)) {
    urls.push(servers.get(`bare ${scenario.store}`)!.url);
  }
  const loads = await Promise.all(
    urls.map((url, i) =>
      i === 0 ? openTroupe(scenario, url, actors) : openBare(scenario, url)
    ),
  );
  const results = urls.map((): Turn[] => []);
  let answers = 0;
  // The first turn of each is for the runtimes' compilers.
  for (let turn = -1; turn < turns; turn++) {
    for (const [i, load] of loads.entries()) {
      const result = await takeTurn(load, urls[i]!, turnMs);
      if (i === 0) answers += result.answers;
      if (turn >= 0) results[i]!.push(result);
    }
  }
  for (const load of loads) load.close();
  await checkCounts(actors, scenario.action === "write" ? answers : 0);
  const [ours, theirs, committing] = results.map(middle);
  return { ours: ours!, theirs: theirs!, committing };
}

function rowOf(scenario: Scenario, { ours, theirs }: Result): Row {
  return [
    titleOf(scenario),
    show(ours.rate),
    show(theirs.rate),
    show(ours.rate / theirs.rate, 2),
    show(ours.cost, 1),
    show(theirs.cost, 1),
    show(theirs.cost / ours.cost, 2),
  ];
}

function isSingleWrite({ action, way, connections, depth }: Scenario): boolean {
  return action === "write" && way === "WebSocket" && connections === 1 &&
    depth === 1;
}

function singleRowOf(
  store: StoreName,
  { ours, theirs, committing }: Result,
  commitMs: number,
): Row {
  const ourMs = 1000 / ours.rate;
  const echoMs = 1000 / theirs.rate;
  const bothMs = 1000 / committing!.rate;
  const all = [
    ...[ourMs, echoMs, commitMs, ourMs - echoMs - commitMs],
    ...[bothMs, ourMs - bothMs],
  ];
  return [store, ...all.map((ms) => show(ms, 3))];
}

function titleOf(scenario: Scenario): string {
  const { way, action, store, actors, connections, depth } = scenario;
  const what = action === "read" ? "read" : `write, ${store}`;
  const to = actors === 1 ? "1 actor" : `${actors} actors`;
  return `${way} ${what}: ${connections} x ${depth} to ${to}`;
}

async function takeTurn(
  load: Load,
  url: string,
  turnMs: number,
): Promise<Turn & Done> {
  const before = await cpuOf({ url });
  const done = await load.run(turnMs);
  const spent = await cpuOf({ url }) - before;
  const { answers, seconds } = done;
  return { ...done, rate: answers / seconds, cost: spent / answers };
}

// The mean time of commits, one after the other.
async function commitAlone(
  name: StoreName,
  folder: string,
  count: number,
): Promise<number> {
  const store = await openStore(name, folder);
  const commit = await openAlone(store);
  const begin = performance.now();
  for (let i = 0; i < count; i++) await commit();
  const ms = performance.now() - begin;
  await store.close();
  return ms / count;
}

type BenchRegistry = Registry<{ counter: typeof counter }>;
type Actor = Awaited<ReturnType<typeof startActors>>[number];

async function startActors(url: string, count: number) {
  const client = createClient<BenchRegistry>(`${url}/api/rivet`);
  return await Promise.all(
    Array.from({ length: count }, async () => {
      const handle = await client.counter.create([crypto.randomUUID()]);
      return { handle, actorId: await handle.resolve() };
    }),
  );
}

// Every write that was answered has changed the state once.
async function checkCounts(actors: Actor[], expected: number): Promise<void> {
  let count = 0;
  for (const { handle } of actors) count += await handle.read();
  if (count !== expected) {
    throw new Error(`${expected} writes were answered, and ${count} made`);
  }
}

function openTroupe(
  { way, action, connections, depth }: Scenario,
  url: string,
  actors: Actor[],
): Promise<Load> {
  const count = way === "HTTP"
    ? Math.max(connections, actors.length)
    : connections;
  const paths = Array.from({ length: count }, (_, i) => {
    const { actorId } = actors[i % actors.length]!;
    return `${url}/api/rivet/gateway/${actorId}`;
  });
  if (way === "HTTP") {
    const urls = paths.map((path) => `${path}/action/${action}`);
    const traffic = { ...httpTraffic, answer: '{"output":' };
    return openPosts({ urls, connections, depth, traffic });
  }
  const open = way === "frames" ? openFrames : openSockets;
  const urls = paths.map((path) => `${path}/connect`);
  const traffic = { ...socketTraffic(action), answer: '"ActionResponse"' };
  return open({ urls, depth, traffic }, {
    protocols: ["rivet", "rivet_encoding.json"],
    greets: true,
  });
}

function openBare(
  { way, action, connections, depth }: Scenario,
  url: string,
): Promise<Load> {
  const urls = Array.from({ length: connections }, () => `${url}/`);
  if (way === "HTTP") {
    const traffic = { ...httpTraffic, answer: '{"args":' };
    return openPosts({ urls, connections, depth, traffic });
  }
  const open = way === "frames" ? openFrames : openSockets;
  const traffic = { ...socketTraffic(action), answer: '"ActionRequest"' };
  return open({ urls, depth, traffic }, {
    protocols: [],
    greets: false,
  });
}

const httpTraffic = { request: () => '{"args":[1]}' };

// As our own client and RivetKit's write it.
function socketTraffic(action: string): Pick<Traffic, "request"> {
  return {
    request: (n) =>
      `{"body":{"tag":"ActionRequest","val":{"id":["$BigInt","${n}"],"name":"${action}","args":[1]}}}`,
  };
}
