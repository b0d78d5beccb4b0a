// Has every version of RivetKit's client go through all cases on every runtime, against one server on
// the runtime that runs the tests.

import { fileURLToPath } from "node:url";
import { Program } from "../runtimes/process.ts";
import { install, node22 } from "./install.ts";

/** A case, as a file of cases/ has it, with every default filled in. */
export interface Case {
  number: number;
  title: string;
  versions: string[];
  encodings: string[];
  runtimes: string[];
}

// Node runs that file too, so it has no types of its own.
const { loadCases, nameOf, runtimes, versions } = await import(
  new URL("./cases.js", import.meta.url).href
) as {
  loadCases: () => Promise<Case[]>;
  nameOf: (one: Case) => string;
  runtimes: string[];
  versions: string[];
};

export { loadCases, nameOf, runtimes, versions };

const folder = fileURLToPath(new URL("./", import.meta.url));
// How long all of it may take; Bun gives a test 180 seconds.
const patienceMs = 150_000;
// How many processes run at a time. With more, two cores leave some of them alone for seconds, and
// clients on Node 22 wait for ever for a socket that they could not open in time.
const maxClients = 6;

const commands: Record<string, () => string[] | Promise<string[]>> = {
  // Whichever is there; before 22 it has no WebSocket of its own, and clients bring theirs.
  "node": () => ["node"],
  "node-22": async () => [await node22()],
  "deno": () => ["deno", "run", "-A"],
  "bun": () => ["bun"],
};

/** The runtime that runs the tests. */
export const ownRuntime = "Bun" in globalThis ? "bun" : "deno";

/** How one case went with one client in one encoding. */
export interface Report {
  case: string;
  encoding: string;
  ms: number;
  /** What was thrown; `undefined` when the case holds. */
  error?: string;
}

/** How one version of the client fared on one runtime. */
export interface ClientRun {
  version: string;
  runtime: string;
  reports: Report[];
  /** Everything that the client's process wrote, and how it ended. */
  output: string;
  /** Whether all its cases came to an end. */
  hasEnded: boolean;
}

let running: Promise<ClientRun[]> | undefined;

/** Runs everything, once: whoever asks first waits until every process has ended. */
export function clientRuns(): Promise<ClientRun[]> {
  return running ??= runClients();
}

/** Starts server.ts on the runtime that runs the tests, as it starts for the clients. */
export function startServer(): Promise<Program> {
  return start(ownRuntime, ["server.ts"]);
}

/** Where its servers are, as JSON: `endpoint` and others. */
export async function placesOf(server: Program): Promise<string> {
  const [, places] = await server.line(/^serving (.*)$/m);
  return places!;
}

async function runClients(): Promise<ClientRun[]> {
  await install();
  await node22();
  await using server = await startServer();
  const places = await placesOf(server);
  const deadline = Date.now() + patienceMs;
  const waiting = versions.flatMap((version) =>
    runtimes.map((runtime) => () =>
      runClient({ version, runtime }, places, deadline)
    )
  );
  const runs: ClientRun[] = [];
  await Promise.all(Array.from({ length: maxClients }, async () => {
    for (let run; (run = waiting.shift()) !== undefined;) {
      runs.push(await run());
    }
  }));
  return runs;
}

async function runClient(
  { version, runtime }: { version: string; runtime: string },
  places: string,
  deadline: number,
): Promise<ClientRun> {
  await using client = await start(runtime, [
    "main.js",
    version,
    runtime,
    places,
  ]);
  const { code, signal } = await client.ended(deadline - Date.now());
  const { output } = client;
  const reports = [...output.matchAll(/^report (.*)$/gm)]
    .map(([, line]) => JSON.parse(line!) as Report);
  return {
    version,
    runtime,
    reports,
    output: `${output}\n(ended with ${signal ?? `code ${code}`})`,
    hasEnded: code === 0 && /^end of reports$/m.test(output),
  };
}

/** Starts a program of this folder on a runtime. */
export async function start(
  runtime: string,
  args: string[],
  env: Record<string, string> = {},
): Promise<Program> {
  const [name, ...before] = await commands[runtime]!();
  return Program.start(name!, [...before, ...args], {
    cwd: folder,
    env: { RIVET_ENDPOINT: undefined, RIVET_ENGINE: undefined, ...env },
  });
}
