// Kills a server again and again, and compares what it told with what it is after the restart.
//
// All rounds share one data folder. A round starts the server, checks all that was told until then,
// loads it, and kills it at a random instant. Some rounds kill it while it starts; some load it and
// kill it before anything was checked; some ask it to stop, and kill it while it does. After the last
// round all is checked once more.
//
// The seed decides over the kinds of rounds, the instants and the calls; what a kill hits is chance.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fromFileUrl } from "@std/path";
import { createClient } from "../../mod.ts";
import type { Client } from "../../src/client/mod.ts";
import { Program } from "../runtimes/process.ts";
import { type Runtime, runtime as ownRuntime } from "../stores/processes.ts";
import { Books } from "./books.ts";
import { Findings } from "./findings.ts";
import { findRoom, ifThere, Load } from "./load.ts";
import { Random } from "./random.ts";
import type { registry } from "./server.ts";

/** Where a server keeps its actors. */
export type StoreName = "sqlite" | "deno-kv";

/** What a rig is told. */
export interface RigOptions {
  store: StoreName;
  runtime: Runtime;
  rounds: number;
  seed: number;
  /** Told of each round that has ended. */
  onRound?: (findings: Findings) => void;
}

// How long what is scheduled may take to run after a restart.
const patienceMs = 20_000;
const pollMs = 20;

// The longest that a load goes on.
const maxLoadMs = 900;

// How long a server that was asked to stop may go on until it is killed all the same.
const maxStopMs = 100;

// So many entries or calls may gather before the actors drop those that are known.
const maxEntries = 3000;
const maxCalls = 400;

const file = fromFileUrl(new URL("server.ts", import.meta.url));

/** Runs the rounds; stops after the first that finds something wrong. */
export async function runRig(options: RigOptions): Promise<Findings> {
  const { rounds, seed, onRound } = options;
  const rig = new Rig(options, new Random(seed));
  try {
    while (rig.findings.rounds < rounds && rig.isFlawless) {
      await rig.round();
      onRound?.(rig.findings);
    }
    if (rig.isFlawless) await rig.close();
  } finally {
    rig[Symbol.dispose]();
  }
  return rig.findings;
}

class Rig implements Disposable {
  readonly findings = new Findings();
  readonly #options: RigOptions;
  readonly #random: Random;
  readonly #books = new Books();
  readonly #folder = mkdtempSync(join(tmpdir(), "troupe-crash-"));
  #lives = 0;
  // How long a start takes, so that a kill can hit any part of it.
  #startMs = 300;

  constructor(options: RigOptions, random: Random) {
    this.#options = options;
    this.#random = random;
  }

  get isFlawless(): boolean {
    return this.findings.texts.length === 0;
  }

  async round(): Promise<void> {
    this.findings.rounds++;
    const dice = this.#random.next();
    const startMs = performance.now();
    await using server = this.#start();
    if (dice < 0.15) {
      await sleep(this.#random.next() * this.#startMs * 1.5);
      return await this.#kill(server);
    }
    const url = await urlOf(server);
    this.#startMs = performance.now() - startMs;
    if (dice > 0.3) {
      await this.#check(url);
      if (!this.isFlawless) return this.#checkOutput(server);
    }
    const load = new Load({
      url,
      round: this.findings.rounds,
      books: this.#books,
      findings: this.findings,
      random: this.#random.fork(),
    });
    await sleep(this.#random.next() * maxLoadMs);
    load.expectKill();
    if (this.#random.next() < 0.1) {
      server.signal("SIGTERM");
      await sleep(this.#random.next() * maxStopMs);
    }
    await this.#kill(server);
    await load.end();
  }

  /** Checks once more, and stops the server in peace. */
  async close(): Promise<void> {
    await using server = this.#start();
    await this.#check(await urlOf(server));
    server.signal("SIGTERM");
    const { code } = await server.ended();
    if (code !== 0) this.#wrong(`the server ended with code ${code}`);
    this.#checkOutput(server);
  }

  [Symbol.dispose](): void {
    // What shows a breach is kept, to be looked at.
    if (this.isFlawless) rmSync(this.#folder, { recursive: true });
    else console.log(`The data is kept in ${this.#folder}`);
  }

  #start(): Program {
    const { store, runtime } = this.#options;
    const flags = runtime === "deno" ? ["run", "-A", "--unstable-kv"] : ["run"];
    return Program.start(
      runtime === ownRuntime ? process.execPath : runtime,
      [...flags, file],
      {
        env: {
          TROUPE_DATA: this.#folder,
          CRASH_STORE: store,
          CRASH_LIFE: `${++this.#lives}`,
        },
      },
    );
  }

  async #kill(server: Program): Promise<void> {
    server.signal("SIGKILL");
    const { code, signal } = await server.ended();
    if (signal === "SIGKILL") this.findings.kills++;
    else if (code === 0) this.findings.stops++;
    else this.#wrong(`the server ended before it was killed: ${code}`);
    this.#checkOutput(server);
  }

  // A server that is killed has nothing to complain of.
  #checkOutput({ output }: Program): void {
    const rest = output.replace(/^Troupe .*\n/m, "");
    if (rest !== "") this.#wrong(`the server says: ${rest.slice(0, 2000)}`);
  }

  async #check(url: string): Promise<void> {
    const client = createClient<typeof registry>(url);
    try {
      await this.#compare(client);
      if (this.isFlawless) await this.#tidy(client);
    } catch (error) {
      this.#wrong(`a call has failed after a restart: ${error}`);
    }
    await client.dispose();
  }

  async #compare(client: Client<typeof registry>): Promise<void> {
    const { ledgers, agendas, archive, rooms } = this.#books;
    const { findings } = this;
    const fresh = new Map<string, string[]>();
    for (const [key, book] of ledgers) {
      const state = await ifThere(client.ledger.get([key]).read());
      fresh.set(key, book.check(state));
    }
    this.#checkAsked(fresh);
    const large = await ifThere(client.archive.get().read());
    archive.check(large, findings);
    for (const [key, book] of rooms) {
      for (const actorId of book.gone) {
        const state = await ifThere(client.room.getForId(actorId).read());
        if (state !== undefined) this.#wrong(`room ${actorId} is not gone`);
      }
      const found = await until(
        () => findRoom(client, key),
        (found) => found === undefined || found.state.greetings > 0,
      );
      book.check(found);
    }
    for (const [key, book] of agendas) {
      const state = await until(
        () => ifThere(client.agenda.get([key]).read()),
        (state) => book.isQuiet(state),
      );
      book.check(state);
    }
  }

  // One ledger asks another: whatever has come of that, it must remember having asked.
  #checkAsked(fresh: ReadonlyMap<string, string[]>): void {
    const asked = new Set(fresh.get("asking"));
    for (const id of fresh.get("second") ?? []) {
      if (!id.endsWith(">") || asked.has(id.slice(0, -1))) continue;
      const text = `ledger second has ${id}, which nobody asked for`;
      this.findings.add("ahead of the state", text);
    }
  }

  // Keeps the actors from growing for ever.
  async #tidy(client: Client<typeof registry>): Promise<void> {
    const { ledgers, agendas } = this.#books;
    for (const [key, book] of ledgers) {
      if (book.isEnded) {
        ledgers.delete(key); // It was destroyed before the last kill, and is still.
      } else if (key.startsWith("round-")) {
        await ifThere(client.ledger.get([key]).end());
        book.isEnded = true;
      } else if (book.length > maxEntries) {
        const count = book.length - this.#random.below(100) - 1;
        await client.ledger.get([key]).settle(count);
        book.settle(count);
      }
    }
    for (const [key, book] of agendas) {
      if (book.size < maxCalls) continue;
      await client.agenda.get([key]).forget();
      book.forget();
    }
  }

  #wrong(text: string): void {
    this.findings.add("other", text);
  }
}

async function urlOf(server: Program): Promise<string> {
  return (await server.line(/ at (http:\S+)/))[1]!;
}

// Asks until the answer is good, and for the last time when it took too long.
async function until<V>(
  ask: () => Promise<V>,
  isGood: (answer: V) => boolean,
): Promise<V> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const answer = await ask();
    if (isGood(answer) || performance.now() > deadline) return answer;
    await sleep(pollMs);
  }
}

function sleep(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}
