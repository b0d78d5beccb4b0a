// Many connections to one actor: what an event costs that all of them hear, beside the same text sent
// to as many sockets of a bare server, and what a connection costs in memory that has nothing to do.
//
// The bare server on Bun uses `server.publish()`, on Deno a loop of `send()`. Rates are bounded by this
// process, which has to hear everything; the server's CPU time is not.

import { createClient, type Registry } from "../../mod.ts";
import type { counter } from "./counter.ts";
import { type BenchOptions, middle, show, type Turn } from "./figures.ts";
import type { Held } from "./held.ts";
import { type Hearers, openHearers } from "./load.ts";
import { cpuOf, type Server, startServer } from "./program.ts";

interface Told extends Server {
  /** Opens so many connections; those that subscribe hear what is told. */
  open(count: number, subscribes: boolean): Promise<Hearers>;
  /** Tells them all a frame of 170 bytes. */
  tell(): Promise<void>;
}

// As long as our frame for it makes 170 bytes.
const text = "x".repeat(112);
const frame = JSON.stringify({
  body: { tag: "Event", val: { name: "told", args: [text] } },
});

/** Measures and prints. */
export async function benchConnections(
  { isQuick, scratch: folder, report }: BenchOptions,
): Promise<void> {
  const servers: Told[] = [];
  try {
    servers.push(await startTroupe(folder), await startBare());
    const [ours, theirs] = servers as [Told, Told];
    const idle = isQuick ? 1000 : 2000;
    const memory: Held[] = [];
    for (const server of [ours, theirs]) {
      memory.push(await idleOf(server, idle));
    }
    report({
      title: `Bytes of memory for each of ${idle} idle connections`,
      names: ["server", "heap", "resident"],
      rows: ["Troupe", "bare", "more"].map((name, i) => {
        const of = memory[i] ?? {
          heapBytes: memory[0]!.heapBytes - memory[1]!.heapBytes,
          residentBytes: memory[0]!.residentBytes - memory[1]!.residentBytes,
        };
        return [name, show(of.heapBytes), show(of.residentBytes)];
      }),
    });
    const hearers = isQuick ? 50 : 1000;
    const turns = isQuick ? 2 : 9;
    const turnMs = isQuick ? 60 : 1000;
    const [our, their] = await broadcasts(servers, { hearers, turns, turnMs });
    report({
      title: `An event of ${frame.length} bytes to ${hearers} connections; ` +
        `medians of ${turns} turns each`,
      names: ["what", "Troupe", "bare", "ratio"],
      rows: [
        [
          "events heard a second",
          show(our!.rate),
          show(their!.rate),
          show(our!.rate / their!.rate, 2),
        ],
        [
          "server CPU us for each",
          show(our!.cost, 2),
          show(their!.cost, 2),
          show(their!.cost / our!.cost, 2),
        ],
      ],
    });
  } finally {
    for (const { program } of servers) await program[Symbol.asyncDispose]();
  }
}

async function startBare(): Promise<Told> {
  const { program, url } = await startServer(["bare"]);
  return {
    program,
    url,
    open: (count) =>
      openHearers(Array(count).fill(`${url}/`), {
        protocols: [],
        greets: false,
        answer: text,
      }),
    async tell() {
      const response = await fetch(`${url}/tell`, {
        method: "POST",
        body: frame,
      });
      await response.body?.cancel();
    },
  };
}

async function startTroupe(folder: string): Promise<Told> {
  const { program, url } = await startServer(["sqlite", folder]);
  const client = createClient<Registry<{ counter: typeof counter }>>(
    `${url}/api/rivet`,
  );
  const handle = await client.counter.create(["connections"]);
  const actorId = await handle.resolve();
  const to = `${url}/api/rivet/gateway/${actorId}/connect`;
  const hello =
    `{"body":{"tag":"SubscriptionRequest","val":{"eventName":"told","subscribe":true}}}`;
  return {
    program,
    url,
    open: (count, subscribes) =>
      openHearers(Array(count).fill(to), {
        protocols: ["rivet", "rivet_encoding.json"],
        greets: true,
        hello: subscribes ? hello : undefined,
        answer: text,
      }),
    tell: () => handle.tell(text),
  };
}

async function idleOf(server: Told, count: number): Promise<Held> {
  // The first are for what the process makes once.
  const first = await server.open(100, false);
  const before = await memoryOf(server);
  const hearers = await server.open(count, false);
  const after = await memoryOf(server);
  first.close();
  hearers.close();
  return {
    heapBytes: (after.heapBytes - before.heapBytes) / count,
    residentBytes: (after.residentBytes - before.residentBytes) / count,
  };
}

async function memoryOf({ url }: Server): Promise<Held> {
  return await (await fetch(`${url}/memory`)).json();
}

async function broadcasts(
  servers: readonly Told[],
  { hearers, turns, turnMs }: {
    hearers: number;
    turns: number;
    turnMs: number;
  },
): Promise<Turn[]> {
  const all = [];
  for (const server of servers) {
    all.push({
      server,
      heard: await server.open(hearers, true),
      turns: [] as Turn[],
    });
  }
  // The first turn of each is for the runtimes' compilers.
  for (let i = -1; i < turns; i++) {
    for (const { server, heard, turns } of all) {
      const turn = await takeTurn(server, heard, { hearers, turnMs });
      if (i >= 0) turns.push(turn);
    }
  }
  return all.map(({ heard, turns }) => {
    heard.close();
    return middle(turns);
  });
}

async function takeTurn(
  server: Told,
  heard: Hearers,
  { hearers, turnMs }: { hearers: number; turnMs: number },
): Promise<Turn> {
  const cpuBefore = await cpuOf(server);
  const start = performance.now();
  let events = 0;
  while (performance.now() - start < turnMs) {
    const all = heard.heard(1);
    await Promise.all([server.tell(), all]);
    events += hearers;
  }
  const seconds = (performance.now() - start) / 1000;
  const spent = await cpuOf(server) - cpuBefore;
  return { rate: events / seconds, cost: spent / events };
}
