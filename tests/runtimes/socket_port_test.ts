// Apps on Bun whose server hands requests on without itself, as real processes: connections come by a
// port of our own.

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { createServer, type Server } from "node:net";
import { createClient } from "../../src/client/mod.ts";
import { actor } from "../../src/definition/actor.ts";
import type { Registry } from "../../src/registry/serving.ts";
import { test } from "../harness.ts";
import { Folder } from "./folder.ts";
import { freePort } from "./ports.ts";
import { Program } from "./process.ts";

const counter = actor({
  state: { count: 0 },
  actions: {
    add(c, by: number) {
      c.state.count += by;
      c.broadcast("changed", c.state.count);
      return c.state.count;
    },
  },
});
type Served = Registry<{ counter: typeof counter }>;

function source(options: string, fetch = "(r) => registry.handler(r)"): string {
  return `
import { actor, setup } from "${new URL("../../mod.ts", import.meta.url)}";
const counter = actor({
  state: { count: 0 },
  actions: {
    add(c, by) {
      c.state.count += by;
      c.broadcast("changed", c.state.count);
      return c.state.count;
    },
  },
});
const registry = setup({ use: { counter }, store: "memory", ${options} });
const server = Bun.serve({
  port: 0,
  websocket: registry.websocket,
  routes: {
    "/stop": () => (setTimeout(() => server.stop()), new Response("stopping")),
    "/shutdown": async () => (await registry.shutdown(), new Response("shut")),
  },
  fetch: ${fetch},
});
console.log("ready on " + server.port);
`;
}

/** A program that serves a registry, and where. */
class App implements AsyncDisposable {
  readonly program: Program;
  readonly port: number;

  private constructor(program: Program, port: number) {
    this.program = program;
    this.port = port;
  }

  static async start(
    folder: Folder,
    text: string,
    env: Record<string, string> = {},
    flags: string[] = [],
  ): Promise<App> {
    const args = [...flags, folder.write("app.ts", text)];
    const program = Program.start("bun", args, {
      env: { NODE_ENV: "", RIVET_LOG_LEVEL: "info", ...env },
    });
    try {
      const [, port] = await program.line(/ready on (\d+)/);
      return new App(program, Number(port));
    } catch (error) {
      await program[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Where the metadata lead a client that asks at `host`. */
  async clientEndpoint(
    host = "127.0.0.1",
    headers: Record<string, string> = {},
  ): Promise<string | undefined> {
    const url = `http://${host}:${this.port}/api/rivet/metadata`;
    const response = await fetch(url, { headers });
    return (await response.json()).clientEndpoint;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.program[Symbol.asyncDispose]();
  }
}

test("a client of a server that cannot upgrade connects by the port that it is told of", async () => {
  using folder = new Folder();
  await using app = await App.start(folder, source("managerPort: 0"));
  const client = createClient<Served>(`http://127.0.0.1:${app.port}/api/rivet`);
  const connection = client.counter.getOrCreate("a").connect();
  const heard = new Promise((resolve) => connection.on("changed", resolve));
  assertEquals(await connection.add(2), 2);
  assertEquals(await heard, 2);
  assertEquals(await client.counter.getOrCreate("a").add(3), 5);
  await client.dispose();

  const endpoint = await app.clientEndpoint();
  assertMatch(endpoint!, /^http:\/\/127\.0\.0\.1:\d+$/);
  assertEquals(
    await app.clientEndpoint("localhost"),
    endpoint!.replace("127.0.0.1", "localhost"),
  );
  assertEquals(
    await app.clientEndpoint("127.0.0.1", { "x-forwarded-proto": "https" }),
    undefined,
  );
  await app.program.line(/x-forwarded-proto/);
  const origin = "https://page.example";
  const response = await fetch(`${endpoint}/metadata`, { headers: { origin } });
  assertEquals(response.headers.get("access-control-allow-origin"), origin);
  assertEquals((await response.json()).clientEndpoint, undefined);
});

test("the port is the one after those that are taken, and answers below its base path", async () => {
  const taken = createServer();
  const first = await occupy(taken);
  using folder = new Folder();
  await using app = await App.start(
    folder,
    source(`managerPort: ${first}, managerBasePath: "/actors"`),
  );
  const endpoint = new URL((await app.clientEndpoint())!);
  assert(Number(endpoint.port) > first && Number(endpoint.port) < first + 100);
  assertEquals(endpoint.pathname, "/actors");
  const health = await fetch(`${endpoint}/health`);
  assertEquals((await health.json()).status, "ok");
  await new Promise((resolve) => taken.close(resolve));
});

test("the port keeps no process alive when the app's server has stopped", async () => {
  using folder = new Folder();
  await using app = await App.start(folder, source("managerPort: 0"));
  assertMatch((await app.clientEndpoint())!, /^http:/);
  const url = `http://127.0.0.1:${app.port}/stop`;
  const headers = { connection: "close" };
  assertEquals(await (await fetch(url, { headers })).text(), "stopping");
  assertEquals(await app.program.ended(), { code: 0, signal: null });
});

test("shutdown() of the registry closes the connections and the port", async () => {
  using folder = new Folder();
  await using app = await App.start(folder, source("managerPort: 0"));
  const client = createClient<Served>(`http://127.0.0.1:${app.port}/api/rivet`);
  const connection = client.counter.getOrCreate("a").connect();
  await connection.add(1);
  const endpoint = await app.clientEndpoint();
  const closed = new Promise<Error>((resolve) => connection.onError(resolve));
  const shut = fetch(`http://127.0.0.1:${app.port}/shutdown`);
  assertEquals((await closed).message, "Connection closed: ws.going_away");
  await client.dispose();
  assertEquals(await (await shut).text(), "shut");
  await assertRejects(() => fetch(`${endpoint}/health`));
});

test("no port is opened where the server is passed on, with serveManager off, and in production unless it is on", async () => {
  const withServer = "(r, s) => registry.handler(r, s)";
  const production = { NODE_ENV: "production" };
  const cases: [text: string, env: Record<string, string>, opens: boolean][] = [
    [source("managerPort: 0", withServer), {}, false],
    [source("managerPort: 0, serveManager: false"), {}, false],
    [source("managerPort: 0"), production, false],
    [source("managerPort: 0, serveManager: true"), production, true],
  ];
  for (const [text, env, opens] of cases) {
    using folder = new Folder();
    await using app = await App.start(folder, text, env);
    assertEquals(await app.clientEndpoint() !== undefined, opens, text);
    const opened = app.program.output.includes("opened a port");
    assertEquals(opened, opens, app.program.output);
  }
});

test("a publicEndpoint is what clients are told, and no port is opened beside it", async () => {
  using folder = new Folder();
  const env = {
    RIVET_PUBLIC_ENDPOINT: "https://default:pk_1@app.example/api/rivet",
  };
  await using app = await App.start(folder, source("managerPort: 0"), env);
  const url = `http://127.0.0.1:${app.port}/api/rivet/metadata`;
  const { clientEndpoint, clientNamespace, clientToken, runner } =
    await (await fetch(url)).json();
  assertEquals([clientEndpoint, clientNamespace, clientToken], [
    "https://app.example/api/rivet",
    "default",
    "pk_1",
  ]);
  assertEquals(runner, { kind: { serverless: {} }, version: 1 });
  assert(!app.program.output.includes("opened a port"));
});

test("under bun --hot the new program has the port, and clients of the old one find it there", async () => {
  using folder = new Folder();
  const port = await freePort();
  const options = `managerPort: ${port}`;
  await using app = await App.start(folder, source(options), {}, ["--hot"]);
  const client = createClient<Served>(`http://127.0.0.1:${app.port}/api/rivet`);
  const connection = client.counter.getOrCreate("a").connect();
  connection.onError(() => {});
  assertEquals(await connection.add(1), 1);
  const closed = new Promise<void>((resolve) => connection.onClose(resolve));
  const text = source(options).replace("+= by", "+= by * 10");
  folder.write("app.ts", text);
  await app.program.line(/ready[^]*ready/);
  await closed;
  // The store of the new program is another, in its own memory.
  assertEquals(await connection.add(1), 10);
  assertEquals(await client.counter.getOrCreate("a").add(1), 20);
  await client.dispose();
});

// On all addresses, as the port for sockets is.
function occupy(server: Server): Promise<number> {
  return freePort().then((port) =>
    new Promise((resolve) =>
      server.listen(port, "0.0.0.0", () => resolve(port))
    )
  );
}
