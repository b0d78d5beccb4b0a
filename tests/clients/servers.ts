// Servers that our client is tried against, as processes: our own on both runtimes, and RivetKit's.

import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { Folder } from "../runtimes/folder.ts";
import { answerOf, freePort } from "../runtimes/ports.ts";
import { Program } from "../runtimes/process.ts";
import { install } from "./install.ts";

/** A server that can be started. All serve the actors of servers/actors.js. */
export interface ServerKind {
  name: string;
  line: "troupe" | "2.0" | "2.3";
  /** Why it cannot run here; `undefined` where it can. */
  skip: string | undefined;
  /** Resolves when it answers. What it has started ends with `stack`. */
  start(stack: AsyncDisposableStack): Promise<Running>;
}

/** A server that answers. */
export interface Running {
  url: string;
  /** What it has written so far. */
  output(): string;
  /** Kills what answers, and starts it anew at the same place. Resolves when it answers again. */
  restart(): Promise<void>;
}

const folder = fileURLToPath(new URL("./", import.meta.url));
const engineModules = join(folder, "engine/node_modules");

/** All of them. */
export const servers: ServerKind[] = [
  ...["deno run -A", "bun"].map((run): ServerKind => ({
    name: `Troupe on ${run.split(" ")[0]}`,
    line: "troupe",
    skip: undefined,
    start: (stack) => startTroupe(run.split(" "), stack),
  })),
  {
    name: "RivetKit 2.0.33",
    line: "2.0",
    skip: undefined,
    start: startRivetkit,
  },
  {
    name: "RivetKit 2.3.19",
    line: "2.3",
    skip: process.platform === "linux" && process.arch === "x64"
      ? undefined
      : "its engine is fetched for Linux on x64 alone",
    start: startEngine,
  },
];

async function startTroupe(
  [name, ...args]: string[],
  stack: AsyncDisposableStack,
): Promise<Running> {
  const script = join(folder, "servers/troupe.js");
  const port = await freePort();
  return await serve(
    stack,
    `http://127.0.0.1:${port}`,
    () => Program.start(name!, [...args, script], { env: { PORT: `${port}` } }),
  );
}

async function startRivetkit(stack: AsyncDisposableStack): Promise<Running> {
  await install();
  const port = await freePort();
  const { path } = stack.use(new Folder());
  return await serve(
    stack,
    `http://127.0.0.1:${port}`,
    () => rivetkit("2.0.33", `${port}`, path),
  );
}

// The actors run in one process, and are served by another: the engine.
async function startEngine(stack: AsyncDisposableStack): Promise<Running> {
  await Promise.all([install(), install("engine")]);
  const { url, path } = await configureEngine(stack);
  const binary = process.env.RIVET_ENGINE_BINARY ??
    join(engineModules, "@rivetkit/engine-cli-linux-x64-musl/rivet-engine");
  const engine = await serve(
    stack,
    url,
    () =>
      Program.start(binary, ["start", "--config", path], {
        env: { RUST_LOG: "error" },
      }),
  );
  const actors = stack.use(rivetkit("2.3.19", url));
  const list = `${url}/envoys?namespace=default&name=default`;
  for (let attempt = 0; attempt < 400; attempt++) {
    if (/"envoy_key"/.test(await answerOf(list, actors))) {
      return { ...engine, output: () => engine.output() + actors.output };
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`The actors did not join the engine:\n${actors.output}`);
}

async function serve(
  stack: AsyncDisposableStack,
  url: string,
  start: () => Program,
): Promise<Running> {
  let server = start();
  stack.defer(() => server[Symbol.asyncDispose]());
  await answerOf(`${url}/metadata`, server);
  return {
    url,
    output: () => server.output,
    async restart() {
      await server[Symbol.asyncDispose]();
      server = start();
      await answerOf(`${url}/metadata`, server);
    },
  };
}

/** Writes the configuration of an engine; where it will answer, and the path of the file. */
async function configureEngine(
  stack: AsyncDisposableStack,
): Promise<{ url: string; path: string }> {
  const [port, peerPort, metricsPort] = await Promise.all(
    [freePort(), freePort(), freePort()],
  );
  const host = "127.0.0.1";
  const url = `http://${host}:${port}`;
  const own = stack.use(new Folder());
  const config = {
    guard: { host, port },
    api_peer: { host, port: peerPort },
    metrics: { host, port: metricsPort },
    file_system: { path: join(own.path, "db") },
    telemetry: { enabled: false },
    runtime: {
      // Or it would put work off while other tests keep the machine busy.
      worker_cpu_max: 1_000_000,
      guard_shutdown_duration: 2,
      worker_shutdown_duration: 2,
      force_shutdown_duration: 5,
    },
    topology: {
      datacenter_label: 1,
      datacenters: {
        default: {
          datacenter_label: 1,
          is_leader: true,
          public_url: url,
          peer_url: `http://${host}:${peerPort}`,
        },
      },
    },
  };
  return { url, path: own.write("engine.json", JSON.stringify(config)) };
}

function rivetkit(version: string, ...where: string[]): Program {
  const script = join(folder, "servers/rivetkit.js");
  return Program.start("node", [script, version, ...where], {
    env: {
      // Where its native part is looked for besides.
      NODE_PATH: engineModules,
      RIVET_RUN_SERVICES: "0",
      RIVET_ENDPOINT: undefined,
      RIVET_ENGINE: undefined,
    },
  });
}
