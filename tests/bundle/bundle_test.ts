// The single files that `deno task bundle` writes: what is in them, and programs that have nothing else.

import { assert, assertEquals } from "@std/assert";
import { cpSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { Message } from "../../examples/chat/room.ts";
import type { registry } from "../../examples/chat/server.ts";
import { createClient } from "../../src/client/mod.ts";
import { afterAll, test } from "../harness.ts";
import { Folder } from "../runtimes/folder.ts";
import { Program } from "../runtimes/process.ts";

// What a bundle may weigh, in bytes: so that growth is somebody's decision.
const largest: Record<string, number> = {
  "troupe.js": 560_000,
  "troupe.min.js": 280_000,
  "client.js": 120_000,
  "client.min.js": 58_000,
};

// The modules of the runtimes that the stores use.
const runtimesOwn = [
  "bun:sqlite",
  "node:fs",
  "node:fs/promises",
  "node:path",
  "node:process",
  "node:sqlite",
];

const files = [...Object.keys(largest), "troupe.d.ts", "client.d.ts", "types"];

// What fetches packages, or checks types, may take its time on a busy machine.
const slowMs = 180_000;
const root = fileURLToPath(new URL("../..", import.meta.url));
const isBun = "Bun" in globalThis;
const runtime = isBun
  ? { name: "bun", run: [] }
  : { name: "deno", run: ["run", "-A"] };
const browser = ["/usr/bin/chromium", "/usr/bin/google-chrome"].find(
  existsSync,
);

/** Written with the bundles beside it; it listens, and says what a page has heard. */
const countingSite = `
import { readFileSync } from "node:fs";
import { actor, setup } from "./troupe.js";

const counter = actor({
  state: { count: 0 },
  actions: {
    increment(c) {
      c.broadcast("changed", ++c.state.count);
      return c.state.count;
    },
  },
});
const page = \`<!doctype html><title>Count</title><script type="module">
  import { createClient } from "/client.min.js";
  const connection = createClient().counter.getOrCreate("page").connect();
  connection.on("changed", (count) => fetch("/heard/" + count));
  await connection.increment();
</script>\`;
const client = readFileSync(new URL("./client.min.js", import.meta.url));

setup({ use: { counter } }).serve({
  fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname.startsWith("/heard/")) console.log("page: " + pathname);
    return pathname === "/client.min.js"
      ? new Response(client, { headers: { "content-type": "text/javascript" } })
      : new Response(page, { headers: { "content-type": "text/html" } });
  },
});
`;

const made = new Folder();
afterAll(() => made[Symbol.dispose]());
await using task = Program.start("deno", [
  "run",
  "-A",
  join(root, "tests/bundle/bundle.ts"),
  made.path,
]);
assertEquals((await task.ended(slowMs)).code, 0, task.output);

test("the bundles hold everything but the runtimes' own modules, and are no larger than they may be", () => {
  using folder = bundled();
  for (const [file, most] of Object.entries(largest)) {
    const code = readFileSync(join(folder.path, file), "utf8");
    const size = new TextEncoder().encode(code).length;
    assert(size <= most, `${file} has ${size} bytes, more than ${most}`);
    const statics = [...code.matchAll(/^(?:im|ex)port\b[^"'\n]*["'](.*)["']/gm)]
      .map(([, specifier]) => specifier!);
    const dynamics = [...code.matchAll(/\bimport\(["'](.*?)["']\)/g)]
      .map(([, specifier]) => specifier!);
    // What only one runtime has must not be looked for before it is needed, and the rest takes long.
    assertEquals(statics, []);
    assertEquals(
      [...new Set(dynamics)].toSorted(),
      file.startsWith("client") ? [] : runtimesOwn,
    );
  }
});

test("examples/chat runs on the bundle alone, over sockets and HTTP, through a kill -9", async () => {
  using folder = bundled();
  for (const file of ["server.ts", "room.ts", "pages.ts"]) {
    const code = readFileSync(join(root, "examples/chat", file), "utf8");
    folder.write(file, code.replaceAll(`"@troupe/actors"`, `"./troupe.js"`));
  }
  const start = (port: number) =>
    Program.start(runtime.name, [...runtime.run, "server.ts"], {
      cwd: folder.path,
      env: { PORT: `${port}`, TROUPE_DATA: folder.path },
    });
  const { createClient: create }: { createClient: typeof createClient } =
    await import(pathToFileURL(join(folder.path, "client.js")).href);

  await using first = start(0);
  const url = await urlOf(first);
  const client = create<typeof registry>(`${url}/api/rivet`);
  const lobby = client.chatRoom.getOrCreate("lobby", {
    params: { name: "Ana" },
  });
  const ana = lobby.connect();
  const bo = client.chatRoom
    .getOrCreate("lobby", { params: { name: "Bo" } })
    .connect();
  const heard = new Promise<Message>((resolve) => bo.on("message", resolve));
  await bo.history(); // When this is answered, the server knows of the subscription too.
  const sent = await ana.send("on disk");
  assertEquals(await heard, sent);
  assertEquals(await lobby.history(), [sent]);

  first.signal("SIGKILL");
  await first.ended();
  await using second = start(Number(new URL(url).port));
  await urlOf(second);
  assertEquals(await lobby.history(), [sent]);
  // Both are back by themselves.
  assertEquals((await ana.send("and back")).id, sent.id + 1);
  assertEquals(texts(await bo.history()), ["on disk", "and back"]);
  await client.dispose();
  second.signal("SIGTERM");
  assertEquals(await second.ended(), { code: 0, signal: null });
});

test("a client of one bundle finds the registry of the other in its own process", async () => {
  using folder = bundled();
  folder.write(
    "main.js",
    `import { actor, setup, UserError } from "./troupe.js";
import { createClient } from "./client.js";
const shop = actor({
  actions: {
    async buy() { throw new UserError("Sold out", { code: "sold_out" }); },
  },
});
setup({ use: { shop }, store: "memory" });
const error = await createClient().shop.getOrCreate().buy().catch((error) => error);
console.log(error.name, error.group, error.code);
`,
  );
  await using program = Program.start(
    runtime.name,
    [...runtime.run, "main.js"],
    { cwd: folder.path, env: { RIVET_LOG_LEVEL: "error" } },
  );
  assertEquals(await program.ended(), { code: 0, signal: null });
  assertEquals(program.output, "ActorError user sold_out\n");
});

test(
  "a page talks to actors with the client's bundle",
  async () => {
    using folder = bundled();
    folder.write("site.js", countingSite);
    await using site = Program.start(
      runtime.name,
      [...runtime.run, "site.js"],
      { cwd: folder.path, env: { PORT: "0", TROUPE_DATA: folder.path } },
    );
    const url = await urlOf(site);
    await using _browser = Program.start(browser!, [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      `--user-data-dir=${join(folder.path, "profile")}`,
      url,
    ]);
    await site.line(/^page: \/heard\/1$/m);
  },
  { skip: browser === undefined ? "no Chromium" : undefined },
);

test("the types beside the bundles tell right calls from wrong ones", async () => {
  using folder = bundled();
  const program = folder.write(
    "main.ts",
    `import { actor, setup, UserError } from "./troupe.js";
import { type ActorConnection, createClient } from "./client.js";
const counter = actor({
  state: { count: 0 },
  actions: { add: (c, by: number) => c.state.count += by },
});
const registry = setup({ use: { counter }, store: "memory" });
const handle = createClient<typeof registry>().counter.getOrCreate("a");
export const count: number = await handle.add(1);
export const connection: ActorConnection<typeof counter> = handle.connect();
export const error: Error = new UserError("no");
// @ts-expect-error a number is asked for
await handle.add("1");
// @ts-expect-error there is no such action
await handle.subtract(1);
`,
  );
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  const options =
    "--ignoreConfig --noEmit --strict --skipLibCheck --target esnext --module preserve";
  await using check = isBun
    ? Program.start("node", [tsc, ...options.split(" "), program])
    : Program.start("deno", ["check", "--no-config", program]);
  assertEquals((await check.ended(slowMs)).code, 0, check.output);
});

test(
  "bun build --compile makes a server of one file, which keeps its state through a kill -9",
  async () => {
    using folder = new Folder();
    const program = join(folder.path, "chat");
    const source = join(root, "examples/chat/server.ts");
    await using compile = Program.start("bun", [
      "build",
      "--compile",
      source,
      `--outfile=${program}`,
    ]);
    assertEquals((await compile.ended(slowMs)).code, 0, compile.output);
    const start = (port: number) =>
      Program.start(program, [], {
        cwd: folder.path,
        env: { PORT: `${port}`, TROUPE_DATA: join(folder.path, "data") },
      });
    await using first = start(0);
    const url = await urlOf(first);
    const client = createClient<typeof registry>(`${url}/api/rivet`);
    const lobby = client.chatRoom.getOrCreate("lobby", {
      params: { name: "Ana" },
    });
    const sent = await lobby.action({ name: "send", args: ["compiled"] });
    first.signal("SIGKILL");
    await first.ended();
    await using second = start(Number(new URL(url).port));
    await urlOf(second);
    assertEquals(await lobby.history(), [sent]);
    second.signal("SIGTERM");
    assertEquals(await second.ended(), { code: 0, signal: null });
  },
  { skip: isBun ? undefined : "it is Bun's" },
);

/** A folder of its own with what `deno task bundle` writes. */
function bundled(): Folder {
  const folder = new Folder();
  for (const file of files) {
    cpSync(join(made.path, file), join(folder.path, file), { recursive: true });
  }
  return folder;
}

/** Where a server listens, as its start line says. */
async function urlOf(program: Program): Promise<string> {
  const [, url] = await program.line(/^Troupe .* at (\S+)\/api\/rivet /m);
  return url!;
}

function texts(messages: Message[]): string[] {
  return messages.map(({ text }) => text);
}
