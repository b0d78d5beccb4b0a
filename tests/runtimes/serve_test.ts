// Every way to start a server, as real processes of both runtimes.

import { assertEquals, assertMatch, assertNotMatch } from "@std/assert";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test as slowTest } from "node:test";
import { test } from "../harness.ts";
import { freePort, listen } from "./ports.ts";
import { Program } from "./process.ts";

const served = new URL("./served.ts", import.meta.url).href;
const importServe = `import { serve } from "${served}";`;
const permissions = [
  "--allow-net",
  "--allow-read",
  "--allow-write",
  "--allow-env",
];

/** The programs that users write. */
const programs = {
  "export default": `${importServe} export default serve();`,
  "no export": `${importServe} serve();`,
  "url before export":
    `${importServe} const s = serve(); console.log("early", s.url); export default s;`,
  "own request, no export":
    `${importServe} const { port } = serve(); console.log("own", await (await fetch("http://127.0.0.1:" + port)).text());`,
  "own request on the fixed port, no export":
    `${importServe} serve(); console.log("own", await (await fetch("http://127.0.0.1:" + process.env.PORT)).text());`,
  "await before export":
    `${importServe} const s = serve(); await new Promise((r) => setTimeout(r, 50)); console.log("own", await (await fetch("http://127.0.0.1:" + process.env.PORT)).text()); export default s;`,
};

const launches: [command: string, program: keyof typeof programs][] = [
  ["deno run -A", "export default"],
  ["deno run -A", "no export"],
  [`deno run ${permissions.join(" ")}`, "export default"],
  [`deno run ${permissions.join(" ")}`, "no export"],
  ["deno run -A", "own request, no export"],
  ["deno run -A", "own request on the fixed port, no export"],
  ["deno run -A", "await before export"],
  ["bun", "export default"],
  ["bun", "no export"],
  ["bun run", "export default"],
  ["bun --hot", "export default"],
  ["bun --hot", "no export"],
  ["bun", "own request on the fixed port, no export"],
  ["bun", "await before export"],
];

for (const [command, program] of launches) {
  test(`${command} listens on PORT, and nowhere else: ${program}`, async () => {
    const port = await freePort();
    await using running = start(command, programs[program], {
      PORT: `${port}`,
    });
    await running.line(new RegExp(`served on http://127.0.0.1:${port}$`, "m"));
    if (program.includes("own request")) await running.line(/own served$/m);
    await works(port);
    await stops(running, "SIGTERM");
    assertEquals(running.output.match(/served on/g)?.length, 1);
    assertNotMatch(running.output, /Started|Listening|error/i);
  });
}

for (const program of ["export default", "url before export"] as const) {
  for (const flags of ["-A", permissions.join(" ")]) {
    test(`deno serve ${flags} listens where it is told, and we do not: ${program}`, async () => {
      const [port, ours] = [await freePort(), await freePort()];
      const command = `deno serve ${flags} --port ${port}`;
      await using running = start(command, programs[program], {
        PORT: `${ours}`,
      });
      await running.line(
        new RegExp(`served on http://127.0.0.1:${port}$`, "m"),
      );
      await works(port);
      assertEquals(await isListening(ours), false);
      await stops(running, "SIGTERM");
    });
  }
}

test("deno serve may listen on the very PORT", async () => {
  const port = await freePort();
  const command = `deno serve -A --port ${port}`;
  const env = { PORT: `${port}` };
  await using running = start(command, programs["export default"], env);
  await running.line(new RegExp(`served on http://127.0.0.1:${port}$`, "m"));
  await works(port);
  await stops(running, "SIGINT");
});

test("deno run under DENO_AUTO_SERVE listens once", async () => {
  const ours = await freePort();
  const env = { PORT: `${ours}`, DENO_AUTO_SERVE: "1" };
  await using running = start("deno run -A", programs["export default"], env);
  const [, port] = await running.line(/served on http:\/\/[^:]*:(\d+)$/m);
  await works(Number(port));
  assertEquals(await isListening(ours), Number(port) === ours);
  await stops(running, "SIGTERM");
});

for (const command of ["deno run -A", "bun"]) {
  test(`${command} ends when only a server is left that is not to keep it alive`, async () => {
    const program = `import { adapter } from "${new URL(
      "../../src/adapters/serve.ts",
      import.meta.url,
    )}";
      const server = adapter.serve(() => Promise.resolve(new Response("answer")), {
        port: 0,
        hostname: "127.0.0.1",
        keepsAlive: false,
        onListen() {},
        onReplaced() {},
      });
      const headers = { connection: "close" };
      console.log(await (await fetch(server.address.url, { headers })).text());`;
    await using running = start(command, program, {});
    assertEquals(await running.ended(), { code: 0, signal: null });
    assertMatch(running.output, /^answer$/m);
  });
}

test("deno run without --allow-env sets up, calls and serves by the defaults, and asks for nothing", async () => {
  const entry = new URL("../../mod.ts", import.meta.url);
  const program = `import { actor, createClient, setup } from "${entry}";
      const thing = actor({ actions: { twice: (c, n) => n * 2 } });
      const registry = setup({ use: { thing }, store: "memory", noWelcome: true });
      console.log("here", await createClient().thing.getOrCreate().twice(1));
      const running = registry.serve({ port: 0, hostname: "127.0.0.1" });
      const client = createClient(running.url);
      console.log("there", await client.thing.getOrCreate().twice(2));
      await running.shutdown();`;
  const env = { RIVET_LOG_LEVEL: "trace", RIVET_TOTAL_SLOTS: "wrong" };
  const command = "deno run --allow-net --allow-read";
  await using running = start(command, program, env);
  assertEquals(await running.ended(), { code: 0, signal: null });
  assertMatch(running.output, /here 2\nthere 4\n$/);
});

for (const command of ["deno run -A", "bun"]) {
  test(`${command} ends with an error when the port is taken`, async () => {
    for (const program of ["export default", "no export"] as const) {
      const taken = createServer();
      const port = await listen(taken);
      const env = { PORT: `${port}` };
      await using running = start(command, programs[program], env);
      assertEquals((await running.ended()).code, 1);
      assertMatch(running.output, new RegExp(`Cannot listen on .*:${port}: `));
      await new Promise((resolve) => taken.close(resolve));
    }
  });
}

for (const command of ["deno run -A", "bun"]) {
  test(`${command} names PORT and its value when that is no port`, async () => {
    const program = `import { actor, setup } from "${new URL(
      "../../mod.ts",
      import.meta.url,
    )}";
      setup({ use: { thing: actor({ actions: {} }) }, store: "memory" }).serve();`;
    await using running = start(command, program, { PORT: "abc" });
    assertEquals((await running.ended()).code, 1);
    assertMatch(running.output, /RangeError: .*PORT is "abc"/);
  });
}

for (const command of ["deno run -A", "deno serve -A --port 0", "bun"]) {
  test(`${command} answers what runs, closes sockets and exits at SIGINT`, async () => {
    const env = { PORT: "0" };
    await using running = start(command, programs["export default"], env);
    const [, url] = await running.line(/served on (\S+)$/m);
    const request = fetch(`${url}/?delay=300`).then((answer) => answer.text());
    const socket = await dial(`${url}`);
    const closed = new Promise<CloseEvent>((resolve) =>
      socket.addEventListener("close", resolve)
    );
    assertEquals(await echo(socket), "served: hello");
    await running.line(/^delays an answer$/m);
    running.signal("SIGINT");
    await running.line(/stopping at SIGINT$/m);
    running.signal("SIGINT");
    const { code, reason } = await closed;
    // Under `deno serve` Deno hears the signal too, and closes the sockets itself.
    const isOurs = !command.startsWith("deno serve");
    const expected = isOurs ? "stopping" : "Server shutting down";
    assertEquals([code, reason], [1001, expected]);
    assertEquals(await request, "served");
    assertEquals(await running.ended(), { code: 0, signal: null });
    assertMatch(running.output, /stopping.*closed 1001.*\nstopped\n/s);
  });
}

test("bun --hot keeps the port and the open sockets", async () => {
  const port = await freePort();
  const first = `${importServe} export default serve("first");`;
  await using running = start("bun --hot", first, { PORT: `${port}` });
  await running.line(/^first on/m);
  const socket = await dial(`http://127.0.0.1:${port}`);
  assertEquals(await echo(socket), "first: hello");

  running.rewrite(`${importServe} export default serve("second");`);
  await running.line(/^first replaced$/m);
  await running.line(new RegExp(`^second on http://127.0.0.1:${port}$`, "m"));
  assertEquals(await get(port), "second");
  assertEquals(await echo(socket), "first: hello");

  const closed = new Promise((resolve) =>
    socket.addEventListener("close", resolve)
  );
  running.signal("SIGTERM");
  assertEquals(await running.ended(), { code: 0, signal: null });
  await closed;
  assertEquals(running.output.match(/stopping/g)?.length, 1);
});

const userServers = {
  "Deno.serve": ["deno run -A", "Deno.serve({ port }, fetch)"],
  "Bun.serve": ["bun", "Bun.serve({ port, fetch, websocket })"],
  "a route of Bun.serve": [
    "bun",
    `Bun.serve({ port, websocket, routes: { "/*": (r, s) => fetch(r, s) } })`,
  ],
  "Bun's default export": [
    "bun",
    "export default { port, fetch, websocket }",
  ],
} as const;
for (const [name, [command, server]] of Object.entries(userServers)) {
  test(`handlers() answers and upgrades in ${name}`, async () => {
    const port = await freePort();
    const program = `import { handlers } from "${served}";
      const port = ${port}; const { fetch, websocket } = handlers();
      ${server};
      setTimeout(() => console.log("ready")); // Bun serves after this module.`;
    await using running = start(command, program, {});
    await running.line(/ready$/m);
    await works(port, "handled");
  });
}

test("Bun.serve without our server gets the reason instead of a socket", async () => {
  const port = await freePort();
  const program = `import { handlers } from "${served}";
    const { fetch } = handlers();
    Bun.serve({ port: ${port}, fetch: (request) => fetch(request) });
    console.log("ready");`;
  await using running = start("bun", program, {});
  await running.line(/ready$/m);
  const headers = { connection: "upgrade", upgrade: "websocket" };
  const response = await fetch(`http://127.0.0.1:${port}`, { headers });
  assertMatch(await response.text(), /pass the server on with the request/);
});

// Bun's default ends a silent response after ten seconds. This one begins to be silent before the
// tests above and is looked at after them.
const silent = start("bun", programs["no export"], { PORT: "0" });
const [, silentUrl] = await silent.line(/served on (\S+)$/m);
const silence = await fetch(`${silentUrl}/?silence=11000`);

slowTest("bun leaves a silent response open", { timeout: 20_000 }, async () => {
  assertEquals(await silence.text(), "first second");
  await silent[Symbol.asyncDispose]();
});

interface Rewritable {
  rewrite(source: string): void;
}

/** Starts `command` with a file that has this source. */
function start(
  command: string,
  source: string,
  env: Record<string, string>,
): Program & Rewritable {
  const folder = mkdtempSync(join(tmpdir(), "troupe-serve-"));
  const file = join(folder, "main.ts");
  writeFileSync(file, source);
  const [name = "", ...args] = command.split(" ");
  const program = Program.start(name, [...args, file], { env });
  const dispose = program[Symbol.asyncDispose].bind(program);
  return Object.assign(program, {
    rewrite: (source: string) => writeFileSync(file, source),
    async [Symbol.asyncDispose]() {
      await dispose();
      rmSync(folder, { recursive: true });
    },
  });
}

/** Checks that a server answers and makes sockets. */
async function works(port: number, text = "served"): Promise<void> {
  assertEquals(await get(port), text);
  const socket = await dial(`http://127.0.0.1:${port}`);
  assertEquals(await echo(socket), `${text}: hello`);
  const closed = new Promise((resolve) =>
    socket.addEventListener("close", resolve)
  );
  socket.close();
  await closed;
}

async function stops(
  running: Program,
  signal: "SIGINT" | "SIGTERM",
): Promise<void> {
  running.signal(signal);
  assertEquals(await running.ended(), { code: 0, signal: null });
  assertMatch(
    running.output,
    new RegExp(`stopping at ${signal}\n(socket closed .*\n)?stopped\n`),
  );
}

async function get(port: number): Promise<string> {
  return await (await fetch(`http://127.0.0.1:${port}`)).text();
}

async function dial(url: string): Promise<WebSocket> {
  const socket = new WebSocket(url.replace("http:", "ws:"));
  await new Promise((resolve, reject) => {
    socket.addEventListener("open", resolve);
    socket.addEventListener("error", reject);
  });
  return socket;
}

async function echo(socket: WebSocket): Promise<string> {
  const answer = new Promise<string>((resolve) =>
    socket.addEventListener("message", ({ data }) => resolve(data), {
      once: true,
    })
  );
  socket.send("hello");
  return await answer;
}

async function isListening(port: number): Promise<boolean> {
  const probe = createServer();
  const isFree = await new Promise<boolean>((resolve) => {
    probe.once("error", () => resolve(false));
    probe.listen(port, "127.0.0.1", () => resolve(true));
  });
  if (isFree) await new Promise((resolve) => probe.close(resolve));
  return !isFree;
}
