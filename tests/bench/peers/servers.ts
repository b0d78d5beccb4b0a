// Troupe and its peers as servers of the counter, each in a process of its own. All of them have the
// paths `/gateway/ACTOR/action/ACTION`.

import { copyFile, mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createClient, type Registry } from "../../../mod.ts";
import { node22 } from "../../clients/install.ts";
import { answerOf, freePort } from "../../runtimes/ports.ts";
import { Program } from "../../runtimes/process.ts";
import type { counter } from "../counter.ts";
import { startServer } from "../program.ts";

/** A server that answers. Disposing of it kills it. */
export interface Server extends AsyncDisposable {
  /** Makes so many actors, and returns the URL of each. */
  open(count: number): Promise<string[]>;
}

/** Something that Troupe is compared with. */
export interface Peer {
  name: string;
  /** Fetches what it needs into a folder, and returns how it can be run from there. */
  install(folder: string): Promise<Way[]>;
}

/** One way to run a peer. */
export interface Way {
  /** What runs, and what a write has done when it is answered. */
  title: string;
  start(): Promise<Server>;
}

/** All peers. */
export const peers: Peer[] = [
  { name: "RivetKit", install: installRivetkit },
  { name: "workerd", install: installWorkerd },
];

/** Troupe on the runtime that runs us: SQLite, and a write is on disk when it is answered. */
export async function startTroupe(folder: string): Promise<Server> {
  await using stack = new AsyncDisposableStack();
  const { program, url } = await startServer(["sqlite", folder]);
  stack.use(program);
  return serverOf(stack.move(), `${url}/api/rivet`);
}

// A state that has changed is written within ten seconds, after the answer. Besides the Node that is
// there, and Bun, it has the line of Node that its package asks for: it is faster there.
async function installRivetkit(folder: string): Promise<Way[]> {
  const version = "2.0.33";
  await installPackages(folder, [
    `rivetkit@${version}`,
    "@hono/node-server@1.19.19",
    "@hono/node-ws@1.3.1",
    "ws@8.23.0",
  ]);
  // It finds the packages from where it is.
  const script = join(folder, "rivetkit.js");
  await copyFile(pathOf("rivetkit.js"), script);
  const ways = ["node", await node22(), "bun"].map(async (command) => {
    const name = command === "bun" ? "Bun" : "Node";
    const on = `${name} ${(await run(command, ["--version"])).trim()}`;
    return {
      title: `RivetKit ${version} on ${on}, whose writes are in memory`,
      start: () => startRivetkit(command, script, folder),
    };
  });
  return await Promise.all(ways);
}

async function startRivetkit(
  command: string,
  script: string,
  folder: string,
): Promise<Server> {
  const port = await freePort();
  const data = await mkdtemp(join(folder, "data-"));
  const env = {
    NODE_ENV: "production",
    RIVETKIT_INSPECTOR_DISABLE: "1",
    LOG_LEVEL: undefined,
    RIVET_ENDPOINT: undefined,
    RIVET_ENGINE: undefined,
  };
  await using stack = new AsyncDisposableStack();
  const program = stack.use(
    Program.start(command, [script, `${port}`, data], { env }),
  );
  const url = `http://127.0.0.1:${port}`;
  await answerOf(`${url}/metadata`, program);
  return serverOf(stack.move(), url);
}

// Without miniflare, which starts the same workerd: what listens on miniflare's port is workerd too,
// but with a worker of miniflare's in front of ours.
async function installWorkerd(folder: string): Promise<Way[]> {
  const version = "1.20261117.1";
  await installPackages(folder, [`workerd@${version}`]);
  return [{
    title: `workerd ${version}, whose writes are on disk`,
    start: () => startWorkerd(folder),
  }];
}

async function startWorkerd(folder: string): Promise<Server> {
  const data = await mkdtemp(join(folder, "data-"));
  await using stack = new AsyncDisposableStack();
  const program = stack.use(
    Program.start(join(folder, "node_modules/.bin/workerd"), [
      "serve",
      pathOf("workerd.capnp"),
      `--directory-path=disk=${data}`,
      "--control-fd=1",
    ]),
  );
  const [, port] = await program.line(/"socket":"http","port":(\d+)/);
  const processes = stack.move();
  return {
    // An object is there when it is called.
    open: (count) =>
      Promise.resolve(Array.from(
        { length: count },
        () => `http://127.0.0.1:${port}/gateway/${crypto.randomUUID()}`,
      )),
    [Symbol.asyncDispose]: () => processes.disposeAsync(),
  };
}

function pathOf(file: string): string {
  return fileURLToPath(new URL(file, import.meta.url));
}

async function installPackages(
  folder: string,
  packages: string[],
): Promise<void> {
  const flags = ["--no-audit", "--no-fund", "--loglevel=error"];
  await run("npm", ["install", ...flags, `--prefix=${folder}`, ...packages]);
}

/** Runs a program to its end, and returns what it has written. */
async function run(command: string, args: string[]): Promise<string> {
  await using program = Program.start(command, args);
  const { code } = await program.ended(180_000);
  if (code === 0) return program.output;
  throw new Error(`${command} ended with code ${code}:\n${program.output}`);
}

// RivetKit's actors are made as Troupe's are.
function serverOf(processes: AsyncDisposableStack, endpoint: string): Server {
  const client = createClient<Registry<{ counter: typeof counter }>>(endpoint);
  return {
    open: (count) =>
      Promise.all(Array.from({ length: count }, async () => {
        const handle = await client.counter.create([crypto.randomUUID()]);
        return `${endpoint}/gateway/${await handle.resolve()}`;
      })),
    [Symbol.asyncDispose]: () => processes.disposeAsync(),
  };
}
