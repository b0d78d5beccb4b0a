// Actors inside other people's servers, by the lines that their documentation has, as real processes.

import { assertEquals, assertMatch } from "@std/assert";
import { fileURLToPath } from "node:url";
import { createClient } from "../../src/client/mod.ts";
import { test } from "../harness.ts";
import { Folder } from "../runtimes/folder.ts";
import { answerOf, freePort } from "../runtimes/ports.ts";
import { Program } from "../runtimes/process.ts";
import type { registry } from "./visits.ts";

interface Case {
  /** A file of this folder, or the code of a program. */
  program: string;
  /** `PORT` stands for the port. */
  command: string;
  /** Connections cannot be opened. */
  isHttpOnly?: boolean;
  /** The app has a socket of its own. */
  hasEcho?: boolean;
}

const isBun = "Bun" in globalThis;
const here = fileURLToPath(new URL(".", import.meta.url));
const config = fileURLToPath(new URL("../../deno.json", import.meta.url));
const denoRun = `deno run -A --config ${config}`;
const importVisits = `import { registry } from "${new URL(
  "./visits.ts",
  import.meta.url,
)}"; import process from "node:process"; const port = Number(process.env.PORT);`;
const page = `const page = () => new Response("own page");`;
const split = `const fetch = (request, server) =>
  new URL(request.url).pathname.startsWith("/api/rivet/")
    ? registry.handler(request, server)
    : new Response("own page");`;
const endInOrder =
  `process.once("SIGTERM", async () => { await registry.shutdown(); process.exit(); });`;

const programs = {
  bunServe:
    `${importVisits} ${split} Bun.serve({ port, fetch, websocket: registry.websocket });`,
  denoServe: `${importVisits} ${split} Deno.serve({ port }, fetch);`,
};

const onBun: Record<string, Case> = {
  "Hono's default export, given the request alone": {
    program: "hono.ts",
    command: "bun",
  },
  "a Hono app with sockets of its own": {
    program: "hono_sockets.ts",
    command: "bun",
    hasEcho: true,
  },
  "an Elysia app with sockets of its own": {
    program: "elysia.ts",
    command: "bun",
    hasEcho: true,
  },
  "Elysia's mount()": { program: "elysia_mount.ts", command: "bun" },
  "Bun.serve": { program: programs.bunServe, command: "bun" },
  "routes of Bun.serve": {
    program: `${importVisits} ${page}
      Bun.serve({ port, websocket: registry.websocket, routes: { "/": page, "/api/rivet/*": registry.handler } });`,
    command: "bun",
  },
  "Bun's default export": {
    program:
      `${importVisits} ${split} export default { port, fetch, websocket: registry.websocket };`,
    command: "bun",
  },
};

const onDeno: Record<string, Case> = {
  "Hono's default export, given the request alone": {
    program: "hono.ts",
    command: "deno serve -A --port PORT",
  },
  "Elysia's mount()": {
    program: "elysia_mount.ts",
    command: "deno run -A",
    isHttpOnly: true,
  },
  "Deno.serve": { program: programs.denoServe, command: denoRun },
  "deno serve": {
    program: `${importVisits} ${split} export default { fetch };`,
    command: `deno serve -A --config ${config} --port PORT`,
  },
};

for (const [title, each] of Object.entries(isBun ? onBun : onDeno)) {
  const what = each.isHttpOnly
    ? "pages and actions"
    : "pages, actions and connections";
  test(`${title} serves ${what}, and keeps what it has told when it is stopped`, async () => {
    using folder = new Folder();
    await using first = await App.start(each, folder);
    assertEquals(await first.visits.add(1), 1);
    if (!each.isHttpOnly) {
      const connection = first.visits.connect();
      const heard = new Promise((resolve) => connection.on("changed", resolve));
      assertEquals([await connection.add(2), await heard], [3, 3]);
    }
    if (each.hasEcho) assertEquals(await echo(`${first.url}/echo`), "echo: hi");
    const count = each.isHttpOnly ? 1 : 3;
    await first.stop();
    await using second = await App.start(each, folder);
    assertEquals(await second.visits.add(1), count + 1);
  });
}

test("shutdown() in a server of the user's lets running actions be answered before the program ends", async () => {
  using folder = new Folder();
  const program = isBun ? programs.bunServe : programs.denoServe;
  const command = isBun ? "bun" : denoRun;
  const code = `${program} ${endInOrder}`;
  await using app = await App.start({ program: code, command }, folder);
  const connection = app.visits.connect();
  const closed = new Promise<Error>((resolve) => connection.onError(resolve));
  const slow = app.visits.addSlowly(5);
  const slowByConnection = connection.addSlowly(5);
  await app.program.line(/adding slowly[^]*adding slowly/);
  app.program.signal("SIGTERM");
  assertEquals([await slow, await slowByConnection].toSorted(), [10, 5]);
  assertEquals((await closed).message, "Connection closed: ws.going_away");
  assertEquals(await app.program.ended(), { code: 0, signal: null });
});

if (isBun) {
  test("a socket under Hono's own handlers takes text and bytes, and is told of its end", async () => {
    using folder = new Folder();
    await using app = await App.start(
      onBun["a Hono app with sockets of its own"]!,
      folder,
    );
    const { visits } = app;
    const actorId = await visits.resolve();
    const url = `${
      app.url.replace("http:", "ws:")
    }/api/rivet/gateway/${actorId}/connect`;
    const socket = new WebSocket(url, ["rivet", "rivet_encoding.json"]);
    const frames: string[] = [];
    let wake = () => {};
    socket.onmessage = ({ data }) => {
      frames.push(data);
      wake();
    };
    const frame = async (count: number): Promise<string> => {
      while (frames.length < count) {
        await new Promise<void>((resolve) => wake = resolve);
      }
      return frames[count - 1]!;
    };
    assertMatch(await frame(1), /"tag":"Init"/);
    const call = JSON.stringify({
      body: { tag: "ActionRequest", val: { id: 0, name: "add", args: [4] } },
    });
    socket.send(call);
    assertMatch(await frame(2), /"output":4/);
    socket.send(new TextEncoder().encode(call));
    assertMatch(await frame(3), /"output":8/);
    const closed = new Promise<CloseEvent>((resolve) =>
      socket.onclose = resolve
    );
    socket.close(1000);
    assertEquals((await closed).code, 1000);
    await app.stop();
  });
}

/** A program that serves the registry of `visits.ts`. */
class App implements AsyncDisposable {
  readonly program: Program;
  readonly url: string;
  readonly #client: ReturnType<typeof createClient<typeof registry>>;

  private constructor(program: Program, url: string) {
    this.program = program;
    this.url = url;
    this.#client = createClient<typeof registry>(`${url}/api/rivet`);
  }

  static async start(
    { program, command }: Case,
    folder: Folder,
  ): Promise<App> {
    const port = await freePort();
    const file = program.endsWith(".ts")
      ? here + program
      : folder.write("program.ts", program);
    const [name, ...args] = command.replace("PORT", `${port}`).split(" ");
    const app = new App(
      Program.start(name!, [...args, file], {
        cwd: here,
        env: {
          PORT: `${port}`,
          TROUPE_DATA: folder.path,
          RIVET_LOG_LEVEL: undefined,
        },
      }),
      `http://127.0.0.1:${port}`,
    );
    try {
      assertEquals(await answerOf(app.url, app.program), "own page");
      return app;
    } catch (error) {
      await app[Symbol.asyncDispose]();
      throw error;
    }
  }

  get visits() {
    return this.#client.visits.getOrCreate("today");
  }

  async stop(): Promise<void> {
    this.program.signal("SIGTERM");
    await this.program.ended();
    await this.#client.dispose();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.dispose();
    await this.program[Symbol.asyncDispose]();
  }
}

/** What a socket answers to "hi". */
async function echo(url: string): Promise<string> {
  const socket = new WebSocket(url.replace("http:", "ws:"));
  const answer = new Promise<string>((resolve, reject) => {
    socket.onopen = () => socket.send("hi");
    socket.onmessage = ({ data }) => resolve(data);
    socket.onerror = reject;
  });
  const closed = new Promise((resolve) => socket.onclose = resolve);
  const text = await answer;
  socket.close();
  await closed;
  return text;
}
