// Raw requests and sockets over the network, with the server as a real process of either runtime.

import { assert, assertEquals } from "@std/assert";
import { createClient } from "../../src/client/client.ts";
import { test } from "../harness.ts";
import type { UniversalWebSocket } from "../../src/definition/socket.ts";
import { Folder } from "./folder.ts";
import { Program } from "./process.ts";
import type { registry } from "./raw_served.ts";

const served = new URL("./raw_served.ts", import.meta.url).pathname;

const launches = [["deno", "run", "-A", served], ["bun", served]] as const;

/** A running server, and a client of it. */
class Served implements AsyncDisposable {
  readonly program: Program;
  readonly url: string;

  private constructor(program: Program, url: string) {
    this.program = program;
    this.url = url;
  }

  static async start(
    [name, ...args]: readonly [string, ...string[]],
    folder: Folder,
  ): Promise<Served> {
    const env = { TROUPE_DATA: folder.path };
    const program = Program.start(name, args, { env });
    const [, url] = await program.line(/served on (\S+)$/m);
    return new Served(program, url!);
  }

  get streams() {
    const client = createClient<typeof registry>(this.url);
    return client.streams.getOrCreate("a");
  }

  get talks() {
    const client = createClient<typeof registry>(this.url);
    return client.talks.getOrCreate("a");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.program[Symbol.asyncDispose]();
  }
}

for (const launch of launches) {
  const [name] = launch;
  const withServed = async (
    run: (served: Served, folder: Folder) => Promise<void>,
  ) => {
    using folder = new Folder();
    await using served = await Served.start(launch, folder);
    await run(served, folder);
  };

  test(`${name}: a body of 50 MB is received no faster than the actor reads it`, () =>
    withServed(async ({ streams }) => {
      const size = 50 * 1024 * 1024;
      const part = new Uint8Array(65_536);
      let sent = 0;
      const body = new ReadableStream({
        pull(controller) {
          if (sent === size) return controller.close();
          sent += part.length;
          controller.enqueue(part);
        },
      }, { highWaterMark: 0 });
      const response = streams.fetch("upload", { method: "POST", body });
      await stands(() => Promise.resolve(sent));
      assert(sent < size / 2, `${sent} bytes are on their way, unread`);
      await streams.tell();
      assertEquals(await (await response).json(), size);
    }));

  test(`${name}: a body is produced no faster than its reader reads, and cancelled when that goes`, () =>
    withServed(async ({ streams }) => {
      const response = await streams.fetch("endless");
      const reader = response.body!.getReader();
      await reader.read();
      const produced = await stands(async () =>
        (await streams.look()).produced
      );
      assert(produced < 50_000_000, `${produced} bytes are produced, unread`);
      await reader.cancel();
      await until(async () => (await streams.look()).isCancelled);
      await until(async () => (await streams.look()).conns === 0);
    }));

  test(`${name}: server-sent events come one by one, until the listener goes`, () =>
    withServed(async ({ streams }) => {
      const abort = new AbortController();
      const { signal } = abort;
      const answer = streams.fetch("events", { signal });
      // Bun sends the head of a response with the first part of the body.
      await until(async () => (await streams.look()).conns === 1);
      await streams.tell();
      const response = await answer;
      assertEquals(response.headers.get("content-type"), "text/event-stream");
      const reader = response.body!.pipeThrough(new TextDecoderStream())
        .getReader();
      assertEquals((await reader.read()).value, "data: 1\n\n");
      for (let i = 2; i <= 4; i++) {
        await streams.tell();
        assertEquals((await reader.read()).value, `data: ${i}\n\n`);
      }
      abort.abort();
      await reader.read().catch(() => {});
      await until(async () => (await streams.look()).isCancelled);
      await until(async () => (await streams.look()).conns === 0);
    }));

  test(`${name}: what a body has told survives kill -9 in the middle of it`, () =>
    withServed(async ({ streams, program }, folder) => {
      const response = await streams.fetch("count");
      const reader = response.body!.pipeThrough(new TextDecoderStream())
        .getReader();
      let heard = "";
      try {
        for (;;) {
          heard += (await reader.read()).value;
          if (heard.split("\n").length > 20) program.signal("SIGKILL");
        }
      } catch {
        // It broke off, as it must.
      }
      await program.ended();
      const last = Number(heard.split("\n").at(-2));
      assert(last >= 20);
      await using again = await Served.start(launch, folder);
      const count = await again.streams.count();
      assert(count >= last, `${last} was told, ${count} was saved`);
    }));

  test(
    `${name}: a caller who goes before the response aborts the request's signal`,
    () =>
      withServed(async ({ streams, program }) => {
        const abort = new AbortController();
        const response = streams.fetch("hang", { signal: abort.signal });
        await program.line(/hanging/);
        abort.abort();
        await response.catch(() => {});
        await until(async () => (await streams.look()).isAborted);
      }),
    {
      skip: name === "deno"
        ? "Deno does not tell before the response, but by what prints a warning"
        : undefined,
    },
  );
}

for (const launch of launches) {
  const [name] = launch;

  test(`${name}: a socket carries text and bytes, and closes with the actor's code`, async () => {
    using folder = new Folder();
    await using served = await Served.start(launch, folder);
    const talk = new Talk(await served.talks.webSocket("room?x=1"));
    assertEquals(await talk.ask("hello"), "hello");
    const bytes = await talk.ask(new Uint8Array([1, 2]));
    assertEquals(new Uint8Array(bytes as ArrayBuffer), new Uint8Array([1, 2]));
    assertEquals(await talk.ask("bye"), "4001 bye");
    const { opened, closed, conns } = await served.talks.look();
    assertEquals([opened, closed, conns], [1, 1, 0]);
  });

  test(`${name}: a socket hibernates while its actor sleeps, and a message wakes it`, async () => {
    using folder = new Folder();
    await using served = await Served.start(launch, folder);
    const { talks } = served;
    const talk = new Talk(await talks.webSocket("hibernate"));
    assertEquals(await talk.ask("add"), "1 1 1");
    assertEquals(await talk.ask("add"), "2 2 2");
    await talks.rest();
    assertEquals(
      await talk.ask("add"),
      "3 3 1",
      "vars are those of a new life",
    );
    talk.socket.close();
    await until(async () => (await talks.look()).conns === 0);
    const { opened, closed } = await talks.look();
    assertEquals([opened, closed], [1, 1]);
  });

  test(`${name}: what a socket has told survives kill -9`, async () => {
    using folder = new Folder();
    let last = 0;
    {
      await using served = await Served.start(launch, folder);
      const { socket } = new Talk(await served.talks.webSocket("x"));
      const closed = new Promise((resolve) => socket.onclose = resolve);
      socket.onmessage = ({ data }) => {
        last = Number(String(data).split(" ")[0]);
        if (last === 20) served.program.signal("SIGKILL");
        if (socket.readyState === 1) socket.send("add");
      };
      await until(() => Promise.resolve(socket.readyState === 1));
      for (let i = 0; i < 10; i++) socket.send("add");
      await closed;
      await served.program.ended();
    }
    await using again = await Served.start(launch, folder);
    const { count } = await again.talks.look();
    assert(last >= 20);
    assert(count >= last, `${last} was told, ${count} was saved`);
  });
}

/** A socket to ask over, one question at a time. */
class Talk {
  readonly socket: UniversalWebSocket;

  constructor(socket: UniversalWebSocket) {
    this.socket = socket;
  }

  /** The answer to a message; a close is one too. */
  async ask(message: string | Uint8Array<ArrayBuffer>): Promise<unknown> {
    const { socket } = this;
    await until(() => Promise.resolve(socket.readyState === 1));
    const answer = new Promise((resolve) => {
      socket.onmessage = ({ data }) => resolve(data);
      socket.onclose = ({ code, reason }) => resolve(`${code} ${reason}`);
    });
    socket.send(message);
    return await answer;
  }
}

/** Waits until it is true. */
async function until(isTrue: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!await isTrue()) {
    if (Date.now() > deadline) throw new Error("It has not come true");
    await pause(20);
  }
}

/** What `look` gives when that has not changed for half a second. */
async function stands(look: () => Promise<number>): Promise<number> {
  let last = await look();
  for (let quiet = 0; quiet < 10; quiet++) {
    await pause(50);
    const now = await look();
    if (now !== last) quiet = 0;
    last = now;
  }
  return last;
}

function pause(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}
