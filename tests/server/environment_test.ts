// Servers in a bad environment, as real processes of both runtimes: a clear error, the server alive,
// other actors untouched.

import { assert, assertEquals, assertMatch, assertNotMatch } from "@std/assert";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openDatabase } from "../../src/stores/sqlite_database.ts";
import { test } from "../harness.ts";
import { Program } from "../runtimes/process.ts";

const source = `
import { actor, setup } from "${new URL("../../mod.ts", import.meta.url)}";
const thing = actor({
  state: { count: 0, text: "" },
  actions: {
    add: (c, by) => c.state.count += by,
    fill: (c, length) => { c.state.text = "x".repeat(length); },
    read: (c) => c.state.count,
    async slow(c, ms) {
      console.log("slow begins");
      await new Promise((resolve) => setTimeout(resolve, ms));
      return ++c.state.count;
    },
    bug() { throw new Error("the text of a bug"); },
  },
});
setup({ use: { thing }, store: "sqlite" }).serve();
`;

const commands = { deno: ["run", "-A"], bun: [] };
type Runtime = keyof typeof commands;

// deno-lint-ignore no-explicit-any -- JSON of whatever shape
type Json = any;

/** A server as a process, with its data in a folder. */
class Server implements AsyncDisposable {
  readonly program: Program;
  readonly url: string;

  private constructor(program: Program, url: string) {
    this.program = program;
    this.url = url;
  }

  static async start(
    runtime: Runtime,
    folder: string,
    env: Record<string, string> = {},
  ): Promise<Server> {
    const file = join(folder, "server.ts");
    writeFileSync(file, source);
    const program = Program.start(runtime, [...commands[runtime], file], {
      env: { TROUPE_DATA: join(folder, "data"), PORT: "0", ...env },
    });
    const [, url] = await program.line(/ at (http:\S+)\/api\/rivet/);
    return new Server(program, url!);
  }

  async send(
    method: string,
    path: string,
    body?: unknown,
  ): Promise<[status: number, body: Json]> {
    const response = await fetch(this.url + path, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return [response.status, await response.json()];
  }

  /** The id of an actor, which is created when there is none. */
  async id(key: string): Promise<string> {
    const [status, body] = await this.send("PUT", "/actors", {
      name: "thing",
      key,
    });
    assertEquals(status, 200, JSON.stringify(body));
    return body.actor.actor_id;
  }

  call(
    id: string,
    action: string,
    ...args: unknown[]
  ): Promise<[status: number, body: Json]> {
    return this.send("POST", `/gateway/${id}/action/${action}`, { args });
  }

  async isAlive(): Promise<void> {
    assertEquals((await this.send("GET", "/health"))[0], 200);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.program[Symbol.asyncDispose]();
  }
}

async function inFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "troupe-environment-"));
  try {
    await run(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Mounts a disk of 4 MB; returns whether that may be done here. */
function mountSmall(folder: string): boolean {
  const options = ["-t", "tmpfs", "-o", "size=4m"];
  return spawnSync("mount", [...options, "tmpfs", folder]).status === 0;
}

// It is known before the test is registered, so that a skipped one counts as skipped.
const probe = mkdtempSync(join(tmpdir(), "troupe-mount-"));
const canMount = mountSmall(probe);
if (canMount) spawnSync("umount", [probe]);
rmSync(probe, { recursive: true });

for (const runtime of ["deno", "bun"] as const) {
  test(`${runtime}: a body of 100 MB is refused, and the server lives`, () =>
    inFolder(async (folder) => {
      await using server = await Server.start(runtime, folder);
      const id = await server.id("a");
      const big = new Uint8Array(100 * 1024 * 1024).fill(0x20);
      // The answer may come before all is sent; then the caller may see the end of the connection only.
      const answer = await fetch(`${server.url}/gateway/${id}/action/add`, {
        method: "POST",
        body: big,
      })
        .then(
          async (response) =>
            `${response.status} ${(await response.json()).code}`,
          () => "cut",
        );
      assert(["400 incoming_too_long", "413 ", "cut"].includes(answer), answer);
      assertEquals(await server.call(id, "add", 1), [200, { output: 1 }]);
    }));

  test(`${runtime}: where the data folder cannot be written, calls say so and the server lives`, () =>
    inFolder(async (folder) => {
      writeFileSync(join(folder, "file"), "");
      for (const data of [join(folder, "file", "data"), "/proc/troupe"]) {
        await using server = await Server.start(runtime, folder, {
          TROUPE_DATA: data,
        });
        assertMatch(server.program.output, /cannot open the store/);
        const [status, error] = await server.send("PUT", "/actors", {
          name: "thing",
          key: "a",
        });
        assertEquals([status, `${error.group}/${error.code}`], [
          503,
          "store/unavailable",
        ]);
        const [called, other] = await server.call("x", "add", 1);
        assertEquals([called, `${other.group}/${other.code}`], [
          503,
          "store/unavailable",
        ]);
        await server.isAlive();
        server.program.signal("SIGTERM");
        assertEquals(await server.program.ended(), { code: 0, signal: null });
      }
    }));

  test(
    `${runtime}: when the disk is full, calls that write fail, and work again when there is room`,
    () =>
      inFolder(async (folder) => {
        const data = join(folder, "data");
        mkdirSync(data);
        assert(mountSmall(data));
        try {
          await using server = await Server.start(runtime, folder);
          const [a, b] = [await server.id("a"), await server.id("b")];
          await server.call(a, "add", 1);
          await server.call(b, "add", 2);
          const filler = join(data, "filler");
          spawnSync("dd", ["if=/dev/zero", `of=${filler}`, "bs=64k"]);
          const [status, error] = await server.call(a, "fill", 1_000_000);
          assertEquals([status, `${error.group}/${error.code}`], [
            503,
            "store/commit_failed",
          ]);
          await server.isAlive();
          assertEquals(await server.call(b, "read"), [200, { output: 2 }]);
          rmSync(filler);
          assertEquals(await server.call(a, "read"), [200, { output: 1 }]);
          assertEquals(await server.call(a, "add", 5), [200, { output: 6 }]);
          assertEquals(await server.call(b, "add", 5), [200, { output: 7 }]);
        } finally {
          spawnSync("umount", [data]);
        }
      }),
    { skip: canMount ? undefined : "a small tmpfs cannot be mounted here" },
  );

  test(`${runtime}: a damaged actor is told of as damaged, and others are untouched`, () =>
    inFolder(async (folder) => {
      const ids: string[] = [];
      {
        await using server = await Server.start(runtime, folder);
        for (const key of ["a", "b", "c", "d"]) {
          const id = await server.id(key);
          ids.push(id);
          await server.call(id, "add", 1);
        }
        server.program.signal("SIGTERM");
        await server.program.ended();
      }
      const database = await openDatabase(
        join(folder, "data", "actors.sqlite"),
      );
      const [a, b, c, d] = ids;
      database.exec(`UPDATE actors SET snapshot = x'ff00ff' WHERE id = '${a}'`);
      database.exec(`UPDATE actors SET snapshot = x'017b22' WHERE id = '${b}'`);
      database.exec(
        `UPDATE records SET bytes = x'0102' WHERE actor = (SELECT number FROM actors WHERE id = '${c}')`,
      );
      database.close();
      await using server = await Server.start(runtime, folder);
      for (const id of [a!, b!, c!]) {
        const [status, error] = await server.call(id, "add", 1);
        assertEquals([status, `${error.group}/${error.code}`], [
          500,
          "store/corrupt",
        ]);
      }
      assertEquals(await server.call(d!, "add", 1), [200, { output: 2 }]);
      const [listed, { actors }] = await server.send(
        "GET",
        "/actors?name=thing",
      );
      assertEquals([listed, actors.length], [200, 3]);
      await server.isAlive();
      assertNotMatch(server.program.output, /[Uu]ncaught|[Uu]nhandled/);
    }));

  test(`${runtime}: SIGTERM lets a running action end; it is answered, and durable`, () =>
    inFolder(async (folder) => {
      let id: string;
      {
        await using server = await Server.start(runtime, folder);
        id = await server.id("a");
        const socket = new WebSocket(
          `${server.url.replace("http", "ws")}/gateway/${id}/connect`,
          ["rivet"],
        );
        await new Promise((resolve) => socket.onmessage = resolve);
        const closed = new Promise<CloseEvent>((resolve) =>
          socket.onclose = resolve
        );
        const slow = server.call(id, "slow", 700);
        await server.program.line(/slow begins/);
        server.program.signal("SIGTERM");
        assertEquals(await slow, [200, { output: 1 }]);
        const { code, reason } = await closed;
        assertEquals([code, reason], [1001, "ws.going_away"]);
        assertEquals(await server.program.ended(), { code: 0, signal: null });
        assertNotMatch(server.program.output, /ERROR|WARN|[Uu]ncaught/);
      }
      await using server = await Server.start(runtime, folder);
      assertEquals(await server.call(id, "read"), [200, { output: 1 }]);
    }));

  test(`${runtime}: errors show their text with RIVET_EXPOSE_ERRORS=1, and not without`, () =>
    inFolder(async (folder) => {
      for (const exposed of ["1", "0"]) {
        const env = { RIVET_EXPOSE_ERRORS: exposed, NODE_ENV: "production" };
        await using server = await Server.start(runtime, folder, env);
        const [status, error] = await server.call(await server.id("a"), "bug");
        assertEquals([status, error.message.includes("the text of a bug")], [
          500,
          exposed === "1",
        ]);
      }
    }));
}
