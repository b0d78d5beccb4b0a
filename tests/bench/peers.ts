// Troupe beside its peers: RivetKit with its file-system driver, and workerd, which runs Cloudflare's
// Durable Objects. Under the same load, Troupe and one peer take turns, and medians are compared.
//
//   deno task bench:peers                        Troupe on Deno and on Bun
//   bun tests/bench/peers.ts --quick             a look whether all of it works
//
// The peers are fetched from npm. One that cannot be is named, and the exit code is 1; the others are
// compared all the same. The tables go to dist/bench as well, or where `--out` says.

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { type BenchOptions, median, type Row, show } from "./figures.ts";
import { type Load, openPosts } from "./load.ts";
import {
  type Peer,
  peers,
  type Server,
  startTroupe,
  type Way,
} from "./peers/servers.ts";
import { runPart } from "./report.ts";

interface Scenario {
  action: "read" | "write";
  actors: number;
}

interface Pace {
  turns: number;
  turnMs: number;
  /** For how long a new server is called before anything is measured, with each action. */
  warmMs: number;
}

/** One server under load. */
interface Side {
  actors: string[];
  load: Load;
  /** Answers per second, in each turn that counts. */
  rates: number[];
  /** All answers, in all turns. */
  answers: number;
}

const connections = 32;

// Those of the client of RivetKit 2.0.33, for everybody.
const headers = {
  "user-agent": "RivetKit/2.0.33",
  "x-rivet-encoding": "json",
};

const scenarios: Scenario[] = [
  { action: "read", actors: 1 },
  { action: "read", actors: connections },
  { action: "write", actors: 1 },
  { action: "write", actors: connections },
];

async function benchPeers(
  { isQuick, scratch: folder, report }: BenchOptions,
): Promise<void> {
  const pace = isQuick
    ? { turns: 2, turnMs: 100, warmMs: 100 }
    : { turns: 7, turnMs: 700, warmMs: 3000 };
  await using troupe = await startTroupe(folder);
  await warmUp(troupe, pace);
  for (const peer of peers) {
    const place = join(folder, peer.name);
    await mkdir(place);
    for (const { title, start } of await waysOf(peer, place)) {
      await using server = await start();
      await warmUp(server, pace);
      const rows: Row[] = [];
      for (const scenario of scenarios) {
        rows.push(await measure(scenario, [troupe, server], pace));
      }
      report({
        title: `HTTP actions per second over ${connections} connections, ` +
          `beside ${title}; medians of ${pace.turns} turns each`,
        names: ["scenario", "Troupe/s", "peer/s", "times"],
        rows,
      });
    }
  }
}

// None, if it cannot be installed.
async function waysOf(peer: Peer, folder: string): Promise<Way[]> {
  try {
    return await peer.install(folder);
  } catch (error) {
    console.error(`\n${peer.name} cannot be installed, so it is not compared.`);
    console.error(error);
    process.exitCode = 1;
    return [];
  }
}

// On Node, RivetKit has become four times as fast after some seconds.
async function warmUp(server: Server, { warmMs }: Pace): Promise<void> {
  for (const action of ["read", "write"] as const) {
    const { load } = await openSide({ action, actors: 1 }, server);
    await load.run(warmMs);
    load.close();
  }
}

async function measure(
  scenario: Scenario,
  servers: [Server, Server],
  { turns, turnMs }: Pace,
): Promise<Row> {
  const ours = await openSide(scenario, servers[0]);
  const theirs = await openSide(scenario, servers[1]);
  // The first turn of each does not count.
  for (let turn = -1; turn < turns; turn++) {
    for (const side of [ours, theirs]) {
      const { answers, seconds } = await side.load.run(turnMs);
      side.answers += answers;
      if (turn >= 0) side.rates.push(answers / seconds);
    }
  }
  for (const { load, actors, answers } of [ours, theirs]) {
    load.close();
    await checkCounts(actors, scenario.action === "write" ? answers : 0);
  }
  const our = median(ours.rates);
  const their = median(theirs.rates);
  return [titleOf(scenario), show(our), show(their), show(our / their, 2)];
}

async function openSide(
  { action, actors: count }: Scenario,
  server: Server,
): Promise<Side> {
  const actors = await server.open(count);
  const urls = Array.from(
    { length: connections },
    (_, i) => `${actors[i % count]}/action/${action}`,
  );
  const traffic = { request: () => body, answer: '{"output":' };
  const load = await openPosts(
    { urls, connections: urls.length, depth: 1, traffic },
    headers,
  );
  return { actors, load, rates: [], answers: 0 };
}

const body = '{"args":[1]}';

// Every write that was answered has changed the state once.
async function checkCounts(actors: string[], expected: number): Promise<void> {
  let count = 0;
  for (const actor of actors) {
    const response = await fetch(`${actor}/action/read`, {
      method: "POST",
      headers: { ...headers, "content-type": "application/json" },
      body,
    });
    const { output } = await response.json();
    count += output;
  }
  if (count !== expected) {
    throw new Error(`${expected} writes were answered, and ${count} made`);
  }
}

function titleOf({ action, actors }: Scenario): string {
  return `${action}, ${actors === 1 ? "1 actor" : `${actors} actors`}`;
}

const { values } = parseArgs({
  options: { quick: { type: "boolean" }, out: { type: "string" } },
});
await runPart("peers", benchPeers, values);
// Client sockets that are closing would hold the process up.
process.exit();
