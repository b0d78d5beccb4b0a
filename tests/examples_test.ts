// Every example, as a process of this runtime, kept in a folder of its own.

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertRejects,
} from "@std/assert";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { get } from "node:http";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { chatRoom, Message } from "../examples/chat/room.ts";
import type { registry } from "../examples/chat/server.ts";
import type { registry as elysia } from "../examples/elysia.ts";
import type { registry as hono } from "../examples/hono.ts";
import type { poll, Standing } from "../examples/react/poll.ts";
import type { registry as polls } from "../examples/react/server.ts";
import {
  type ActorConnection,
  ActorError,
  createClient,
} from "../src/client/mod.ts";
import { test } from "./harness.ts";
import { launchChromium, noChromium } from "./runtimes/chromium.ts";
import { Folder } from "./runtimes/folder.ts";
import { answerOf, freePort } from "./runtimes/ports.ts";
import { type End, Program } from "./runtimes/process.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const runtimes = { deno: ["run", "-A"], bun: [] };
type Runtime = keyof typeof runtimes;
const ours: Runtime = "Deno" in globalThis ? "deno" : "bun";

// How long a guest waits for what must come.
const patienceMs = 20_000;

// Both have the same actor.
type AppRegistry = typeof hono | typeof elysia;

const clean: End = { code: 0, signal: null };

test("every example is driven by a test in this file", () => {
  assertEquals(readdirSync(join(root, "examples")).toSorted(), [
    "chat",
    "counter.ts",
    "cron.ts",
    "cross_actor.ts",
    "elysia.ts",
    "hono.ts",
    "queue.ts",
    "raw_http.ts",
    "raw_websocket.ts",
    "react",
    "reminder.ts",
    "validation.ts",
  ]);
});

test("examples/counter.ts counts, ends by itself, and goes on where it ended", async () => {
  using folder = new Folder();
  await using first = start("counter.ts", folder);
  assertEquals(await first.ended(), clean);
  assertEquals(
    first.output,
    `apples before: 0
heard: 1 apples
apples after one more: 1
pears after ten times two more: 20
`,
  );
  await using second = start("counter.ts", folder);
  assertEquals(await second.ended(), clean);
  assertMatch(second.output, /^apples before: 1$/m);
  assertMatch(second.output, /^pears after ten times two more: 40$/m);
});

test("examples/counter.ts goes on with what the other runtime has counted", async () => {
  using folder = new Folder();
  const other = ours === "deno" ? "bun" : "deno";
  await using first = start("counter.ts", folder, { runtime: other });
  assertEquals(await first.ended(), clean);
  await using second = start("counter.ts", folder);
  assertEquals(await second.ended(), clean);
  assertMatch(second.output, /^heard: 2 apples$/m);
});

test("examples/reminder.ts fires each reminder once, though it is killed in the middle", async () => {
  using folder = new Folder();
  await using first = start("reminder.ts", folder, {
    args: ["0.2", "0.5", "0.7", "3"],
  });
  await first.line(/^Fired: after 0\.2 s/m);
  const thirdIsDueAt = Date.now() + 500;
  first.signal("SIGKILL");
  assertEquals((await first.ended()).signal, "SIGKILL");
  await until(thirdIsDueAt + 200);
  await using second = start("reminder.ts", folder);
  assertEquals(await second.ended(), clean);

  const [, told] = await second.line(/^Fired before this start: (.*)$/m);
  const before = told!.split(", ");
  const after = fired(second);
  for (const text of fired(first)) assert(before.includes(text));
  assertEquals(
    [...before, ...after],
    ["after 0.2 s", "after 0.5 s", "after 0.7 s", "after 3 s"],
  );
  // One that nobody was there for came late, and the one still to come did not come early.
  assertMatch(second.output, /^Fired: after 0\.7 s \((?!0\.0)\d+\.\d s late/m);
  assertMatch(second.output, /^Fired: after 3 s \(\d\.\d s late\)$/m);
});

test("examples/reminder.ts fires at once what was overdue at its start", async () => {
  using folder = new Folder();
  await using first = start("reminder.ts", folder, { args: ["1", "1.1"] });
  await first.line(/^Set: /m);
  const allAreDueAt = Date.now() + 1100;
  first.signal("SIGKILL");
  await first.ended();
  await until(allAreDueAt + 100);
  await using second = start("reminder.ts", folder);
  assertEquals(await second.ended(), clean);
  assertEquals(fired(second), ["after 1 s", "after 1.1 s"]);
});

test("examples/reminder.ts sets reminders anew when all have fired", async () => {
  using folder = new Folder();
  for (const args of [["0.1", "0.2"], ["0.1"]]) {
    await using program = start("reminder.ts", folder, { args });
    assertEquals(await program.ended(), clean);
    assertEquals(fired(program), args.map((seconds) => `after ${seconds} s`));
  }
});

test("examples/cron.ts measures in step, also after it was killed", async () => {
  using folder = new Folder();
  await using first = start("cron.ts", folder);
  const [, next] = await first.line(/^Next measure: (.+)$/m);
  const [, report] = await first.line(/^Next report: (.+)$/m);
  // Half past seven, in winter or in summer.
  assertMatch(report!, /T0[56]:30:00\.000Z$/);
  await first.line(/^Measurement 1, /m);
  first.signal("SIGKILL");
  await first.ended();
  await using second = start("cron.ts", folder);
  assertEquals(await second.ended(), clean);
  const [, last] = await second.line(/^Measurement (\d+), \d+\.\d s late$/m);
  assertEquals(last, "2");
  const runs = [...second.output.matchAll(/^Run of (.+): ok$/gm)]
    .map(([, time]) => (Date.parse(time!) - Date.parse(next!)) / 5_000);
  // A slow start may have missed some.
  assertEquals(runs.length, 3);
  assertEquals(runs[2], 0);
  assert(runs.every(Number.isInteger) && runs[0]! > runs[1]! && runs[1]! > 0);
});

test("examples/queue.ts serves each order once, though it is killed in the middle", async () => {
  using folder = new Folder();
  await using first = start("queue.ts", folder);
  await first.line(/^Served: salad$/m);
  first.signal("SIGKILL");
  assertEquals((await first.ended()).signal, "SIGKILL");
  await using second = start("queue.ts", folder);
  assertEquals(await second.ended(), clean);
  const all = ["soup", "salad", "pasta", "cheese", "coffee"];
  const [, told] = await second.line(/^Served before this start: (.*)$/m);
  const before = told!.split(", ");
  assertEquals(before, all.slice(0, before.length));
  const shown = (output: string) =>
    Array.from(output.matchAll(/^Served: (.*)$/gm), ([, dish]) => dish!);
  for (const dish of shown(first.output)) assert(before.includes(dish));
  // What was served before the first connection of the second process is not shown by it.
  const rest = shown(second.output);
  assertEquals(rest, rest.length === 0 ? [] : all.slice(-rest.length));
  assertMatch(
    second.output,
    /^All is served: soup, salad, pasta, cheese, coffee$/m,
  );
});

test("examples/queue.ts takes orders anew when all is served", async () => {
  using folder = new Folder();
  for (const args of [["tea", "cake"], ["rice"]]) {
    await using program = start("queue.ts", folder, { args });
    assertEquals(await program.ended(), clean);
    assertEquals(
      program.output.replace(/^Troupe .*\n/, ""),
      `Ordered: ${args.join(", ")}. Kill me, and start me again.
${args.map((dish) => `Served: ${dish}\n`).join("")}All is served: ${
        args.join(", ")
      }
`,
    );
  }
});

test("examples/raw_http.ts pins notes, and tells of each who listens", async () => {
  using folder = new Folder();
  await using program = start("raw_http.ts", folder);
  const [, url] = await program.line(/^The board is at (\S+)$/m);
  const events = await fetch(`${url}/events`);
  const reader = events.body!.pipeThrough(new TextDecoderStream()).getReader();
  assertEquals((await reader.read()).value, ": welcome\n\n");
  const pinned = await fetch(`${url}/notes`, { method: "POST", body: "milk" });
  assertEquals(pinned.status, 201);
  await pinned.body?.cancel();
  assertEquals((await reader.read()).value, "data: milk\n\n");
  assertEquals(await (await fetch(`${url}/notes`)).json(), ["milk"]);
  const nothing = await fetch(`${url}/nothing`);
  assertEquals(nothing.status, 404);
  await nothing.body?.cancel();
  program.signal("SIGTERM");
  assertEquals((await reader.read()).done, true);
  assertEquals(await program.ended(), clean);
});

test("examples/raw_websocket.ts shows everybody's cursor to everybody", async () => {
  using folder = new Folder();
  await using program = start("raw_websocket.ts", folder);
  const [, url] = await program.line(/^The canvas is at (\S+)$/m);
  const ann = await cursor(`${url}?name=ann`);
  assertEquals(await ann.next(), { places: {} });
  ann.socket.send(JSON.stringify({ x: 1, y: 2 }));
  assertEquals(await ann.next(), { name: "ann", x: 1, y: 2 });
  const bob = await cursor(`${url}?name=bob`);
  assertEquals(await bob.next(), { places: { ann: { x: 1, y: 2 } } });
  bob.socket.send(JSON.stringify({ x: 3, y: 4 }));
  assertEquals(await ann.next(), { name: "bob", x: 3, y: 4 });
  const closed = new Promise((resolve) => bob.socket.onclose = resolve);
  bob.socket.close();
  await closed;
  assertEquals(await ann.next(), { name: "bob", left: true });
  program.signal("SIGTERM");
  assertEquals(await program.ended(), clean);
  await ann.closed;
});

test("examples/validation.ts refuses what its schemas refuse, and lets the rest through", async () => {
  using folder = new Folder();
  await using program = start("validation.ts", folder);
  assertEquals(await program.ended(), clean);
  const issue = (message: string, ...path: (string | number)[]) =>
    JSON.stringify({ issues: [{ message, path }] });
  // The two callers hear on sockets of their own.
  assertEquals(program.output.trim().split("\n").toSorted(), [
    `placed: [{"item":"a lamp","amount":5}]`,
    `the bid is refused: actor/validation_error ${
      issue("Invalid value: Expected >=1 but received -1", 0, "amount")
    }`,
    "the clerk hears: 5 in all",
    "the guest hears: 5 for a lamp",
    `the guest is refused: auth/forbidden {"event":"total"}`,
    `the stranger: params/invalid ${
      issue(
        `Invalid type: Expected ("guest-token" | "clerk-token") but received "stolen"`,
        "token",
      )
    }`,
  ]);
});

test("examples/cross_actor.ts: actors call each other, and an error of one reaches the other's caller", async () => {
  using folder = new Folder();
  await using program = start("cross_actor.ts", folder);
  assertEquals(await program.ended(), clean);
  assertEquals(
    program.output,
    `After Ana took 4 there are 6 left
After Bo took 5 there are 1 left
Ana is told: Only 1 left
Ana holds 4 of 10 apples
`,
  );
});

for (const framework of ["hono", "elysia"] as const) {
  test(`examples/${framework}.ts serves its own route and actors, ends in order at SIGTERM, and goes on where it ended`, async () => {
    using folder = new Folder();
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const client = createClient<AppRegistry>(
      `${url}/api/rivet`,
    );
    const visits = client.visits.getOrCreate("home");
    for (const before of [0, 3]) {
      await using program = startApp(`${framework}.ts`, folder, port);
      const text = await answerOf(`${url}/visits/home`, program);
      assertEquals(text, `Visit ${before + 1}\n`);
      assertEquals(await visits.add(), before + 2);
      const connection = visits.connect();
      const heard = new Promise((resolve) => connection.on("changed", resolve));
      const closed = new Promise<Error>((resolve) =>
        connection.onError(resolve)
      );
      assertEquals([await connection.add(), await heard], [
        before + 3,
        before + 3,
      ]);
      program.signal("SIGTERM");
      assertEquals(await program.ended(), clean);
      await closed;
      await connection.dispose();
    }
  });
}

test("examples/chat: two people talk, and see who is there", async () => {
  await using chat = await Chat.start();
  await using ana = chat.join("Ana");
  await ana.sees(["Ana"]);
  await using bo = chat.join("Bo");
  await Promise.all([ana.sees(["Ana", "Bo"]), bo.sees(["Ana", "Bo"])]);
  const sent = await ana.room.send("  Hello, Bo  ");
  assertEquals([sent.name, sent.text], ["Ana", "Hello, Bo"]);
  assertEquals(await bo.hears("Hello, Bo"), sent);
  await bo.room.send("<b>Hello</b>");
  assertEquals((await ana.hears("<b>Hello</b>")).name, "Bo");
  assertEquals(texts(await bo.room.history()), ["Hello, Bo", "<b>Hello</b>"]);
  await bo[Symbol.asyncDispose]();
  await ana.sees(["Ana"]);
});

test("examples/chat: rooms do not hear each other", async () => {
  await using chat = await Chat.start();
  await using ana = chat.join("Ana", "one");
  await using bo = chat.join("Bo", "two");
  await bo.sees(["Bo"]);
  await ana.room.send("only here");
  assertEquals(await bo.room.history(), []);
  assertEquals(bo.messages, []);
});

test("examples/chat: after kill -9 and a restart people are back by themselves, with all messages", async () => {
  await using chat = await Chat.start();
  await using ana = chat.join("Ana");
  await using bo = chat.join("Bo");
  await ana.sees(["Ana", "Bo"]);
  const before = await ana.room.send("before");
  await chat.kill();
  await Promise.all([ana.is("disconnected"), bo.is("disconnected")]);
  const waiting = bo.room.send("meanwhile");
  await chat.restart();
  const meanwhile = await waiting;
  assertEquals(await ana.room.history(), [before, meanwhile]);
  // Nobody who was there when it was killed is counted twice.
  await Promise.all([ana.sees(["Ana", "Bo"]), bo.sees(["Ana", "Bo"])]);
  const after = await ana.room.send("after");
  assertEquals(await bo.hears("after"), after);
  assertEquals(after.id, before.id + 2);
});

test("examples/chat: those who did not come back after a kill -9 are gone", async () => {
  await using chat = await Chat.start();
  await using ana = chat.join("Ana");
  const bo = chat.join("Bo");
  await ana.sees(["Ana", "Bo"]);
  await chat.kill();
  await bo[Symbol.asyncDispose]();
  ana.names = [];
  await chat.restart();
  await ana.sees(["Ana"]);
});

test("examples/chat keeps the last 200 messages", async () => {
  await using chat = await Chat.start();
  await using ana = chat.join("Ana");
  const numbers = Array.from({ length: 205 }, (_, number) => `${number}`);
  await Promise.all(numbers.map((text) => ana.room.send(text)));
  assertEquals(texts(await ana.room.history()), numbers.slice(5));
});

test("examples/chat refuses a message or a name that is empty, too long or no text", async () => {
  await using chat = await Chat.start();
  await using ana = chat.join("Ana");
  const send = (args: unknown[]) => ana.room.action({ name: "send", args });
  for (
    const [args, code] of [
      [[" \n"], "message_empty"],
      [[42], "message_empty"],
      [[], "message_empty"],
      [["x".repeat(1001)], "message_too_long"],
    ] as const
  ) {
    const error = await assertRejects(() => send([...args]), ActorError);
    assertEquals([error.group, error.code], ["user", code]);
  }
  assertEquals(await ana.room.history(), []);
  for (
    const [name, code] of [["", "name_empty"], [
      "x".repeat(41),
      "name_too_long",
    ]] as const
  ) {
    await using nobody = chat.join(name);
    const error = await nobody.failure;
    assertInstanceOf(error, ActorError);
    assertEquals([error.group, error.code], ["user", code]);
  }
});

test("examples/chat serves its page, whose modules are JavaScript and can talk to it", async () => {
  await using chat = await Chat.start();
  using folder = new Folder();
  const page = await fetch(chat.url);
  assertMatch(page.headers.get("content-type")!, /^text\/html/);
  const html = await page.text();
  const [, map] = html.match(/<script type="importmap">([^]*?)<\/script>/)!;
  const [, script] = html.match(/<script type="module" src="([^"]+)"/)!;
  const [, style] = html.match(/<link rel="stylesheet" href="([^"]+)"/)!;
  const css = await fetch(chat.url + style);
  assertMatch(css.headers.get("content-type")!, /^text\/css/);
  await css.body?.cancel();

  const entry = await download(script!, JSON.parse(map!).imports, {
    url: chat.url,
    folder,
  });
  // It got as far as to look for the page, so it is JavaScript and all it imports is there.
  const error = await assertRejects(() => import(entry), ReferenceError);
  assertMatch(error.message, /document|sessionStorage/);

  const client = entry.replace(/browser\.mjs$/, "src/client/mod.mjs");
  const { createClient: create }: { createClient: typeof createClient } =
    await import(client);
  await using ana = chat.join("Ana", "lobby", create);
  assertEquals((await ana.room.send("hello")).text, "hello");
});

test("examples/chat serves nothing but its page", async () => {
  await using chat = await Chat.start();
  for (
    const path of [
      "/deno.json",
      "/server.ts",
      "/room.ts",
      "/index.html",
      "/src/registry.ts",
      "/src/stores/place.ts",
      "/src/client/none.ts",
      "/src/client/../../deno.json",
      "/src/client/../stores/place.ts",
      "/src/client/..%2f..%2fdeno.json",
      "/src/client/%2e%2e/%2e%2e/deno.json",
      "/src/client/..\\..\\deno.json",
      "/src/client//etc/passwd",
      "//etc/passwd",
      "/browser.ts%00.css",
      "/src/client/mod.ts/",
    ]
  ) assertEquals([path, await status(chat.url, path)], [path, 404]);
  const post = await fetch(chat.url, { method: "POST", body: "x" });
  await post.body?.cancel();
  assertEquals(post.status, 405);
});

test("examples/react counts one vote of each voter, and loses none to a kill -9", async () => {
  await using polls = await Polls.start();
  await using ana = polls.join("Ana");
  await ana.poll.vote(2);
  assertEquals(ana.standing, { votes: [0, 0, 1], mine: 2, present: 1 });
  await using bo = polls.join("Bo");
  await bo.poll.vote(2);
  await bo.poll.vote(0);
  assertEquals(bo.standing, { votes: [1, 0, 1], mine: 0, present: 2 });
  await polls.kill();
  await polls.restart();
  await using cy = polls.join("Cy");
  await cy.poll.vote(0);
  assertEquals(cy.standing?.votes, [2, 0, 1]);
});

test("examples/react refuses a poll, a voter or a choice that there is not", async () => {
  await using polls = await Polls.start();
  await using ana = polls.join("Ana");
  for (const choice of [3, -1, 0.5, NaN]) {
    const error = await assertRejects(() => ana.poll.vote(choice), ActorError);
    assertEquals([choice, error.code], [choice, "no_such_choice"]);
  }
  for (
    const [voter, poll, code] of [
      ["", "trip", "no_voter"],
      ["x".repeat(65), "trip", "no_voter"],
      ["Ana", "toString", "no_such_poll"],
    ] as const
  ) {
    await using nobody = polls.join(voter, poll);
    const error = await nobody.failure;
    assertInstanceOf(error, ActorError);
    assertEquals([error.group, error.code], ["user", code]);
  }
});

test("examples/react serves its page, and nothing else", async () => {
  await using polls = await Polls.start();
  for (
    const [path, type] of [["/", "html"], ["/style.css", "css"], [
      "/app.js",
      "javascript",
    ]]
  ) {
    const response = await fetch(polls.url + path);
    await response.body?.cancel();
    assertEquals(
      [response.status, response.headers.get("content-type")],
      [200, `text/${type}; charset=utf-8`],
    );
  }
  for (
    const path of ["/app.tsx", "/server.ts", "/index.html", "//etc/passwd"]
  ) {
    assertEquals([path, await status(polls.url, path)], [path, 404]);
  }
  const post = await fetch(polls.url, { method: "POST", body: "x" });
  await post.body?.cancel();
  assertEquals(post.status, 405);
});

test(
  "examples/react: pages in a browser see each other's votes, also after a kill -9 and a restart",
  async () => {
    await using polls = await Polls.start();
    await using browser = await launchChromium();
    const open = async (path: string) => {
      const page = await browser.newPage();
      page.setDefaultTimeout(patienceMs);
      await page.goto(polls.url + path);
      await page.getByText("Live").waitFor();
      return page;
    };
    const ana = await open("/#trip");
    const bo = await open("/#trip");
    await ana.getByRole("button", { name: "To the sea" }).click();
    await bo.getByText("1 vote · 2 people here").waitFor();
    await polls.kill();
    for (const page of [ana, bo]) {
      await page.getByText("Reconnecting…").waitFor();
    }
    // It is sent when the server is back.
    await bo.getByRole("button", { name: "To a big city" }).click();
    await polls.restart();
    for (const page of [ana, bo]) await page.getByText("Live").waitFor();
    await ana.getByText("2 votes · 2 people here").waitFor();
    assertEquals(
      await ana.getByRole("button", { pressed: true }).allInnerTexts(),
      await ana.getByRole("button", { name: "To the sea" }).allInnerTexts(),
    );
    // Another poll is another actor.
    await ana.getByRole("link", { name: "music" }).click();
    await ana.getByText("0 votes · 1 person here").waitFor();
    await bo.getByText("2 votes · 1 person here").waitFor();
  },
  { skip: noChromium },
);

interface StartOptions {
  runtime?: Runtime;
  args?: string[];
  port?: number;
}

function start(
  example: string,
  { path }: Folder,
  { runtime = ours, args = [], port = 0 }: StartOptions = {},
): Program {
  const file = join(root, "examples", example);
  return Program.start(runtime, [...runtimes[runtime], file, ...args], {
    cwd: path,
    env: { TROUPE_DATA: path, PORT: `${port}`, RIVET_LOG_LEVEL: undefined },
  });
}

/** An open socket, and its messages one by one. */
async function cursor(url: string): Promise<{
  socket: WebSocket;
  next: () => Promise<unknown>;
  closed: Promise<void>;
}> {
  const socket = new WebSocket(url);
  const messages: unknown[] = [];
  let notice = () => {};
  socket.onmessage = ({ data }) => {
    messages.push(JSON.parse(data));
    notice();
  };
  const closed = new Promise<void>((resolve) =>
    socket.addEventListener("close", () => resolve())
  );
  await new Promise((resolve) => socket.onopen = resolve);
  const next = async () => {
    while (messages.length === 0) {
      await new Promise<void>((resolve) => notice = resolve);
    }
    return messages.shift();
  };
  return { socket, next, closed };
}

/** Starts an example that is an app of another framework, in the way that its first lines say. */
function startApp(example: string, folder: Folder, port: number): Program {
  const file = join(root, "examples", example);
  const isServed = ours === "deno" && example === "hono.ts";
  const args = isServed
    ? ["serve", "-A", `--config=${root}deno.json`, `--port=${port}`, file]
    : [...runtimes[ours], file];
  return Program.start(ours, args, {
    cwd: folder.path,
    env: { TROUPE_DATA: folder.path, PORT: `${port}` },
  });
}

/** The server of an example that is a folder, and its restarts on the same port. */
class Served implements AsyncDisposable {
  readonly #example: string;
  readonly #folder = new Folder();
  #program: Program;
  url = "";

  protected constructor(example: string) {
    this.#example = example;
    this.#program = this.#start(0);
  }

  async kill(): Promise<void> {
    this.#program.signal("SIGKILL");
    assertEquals((await this.#program.ended()).signal, "SIGKILL");
  }

  async restart(): Promise<void> {
    this.#program = this.#start(Number(new URL(this.url).port));
    await this.listens();
  }

  async listens(): Promise<void> {
    const [, url] = await this.#program.line(
      /^Troupe \S+ serves \S+ at (\S+)\/api\/rivet \(SQLite at /m,
    );
    this.url = url!;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#program[Symbol.asyncDispose]();
    this.#folder[Symbol.dispose]();
  }

  #start(port: number): Program {
    return start(`${this.#example}/server.ts`, this.#folder, { port });
  }
}

class Chat extends Served {
  static async start(): Promise<Chat> {
    const chat = new Chat("chat");
    await chat.listens();
    return chat;
  }

  join(name: string, room = "lobby", create = createClient): Guest {
    const client = create<typeof registry>(`${this.url}/api/rivet`);
    return new Guest(
      client.chatRoom.getOrCreate(room, { params: { name } }).connect(),
    );
  }
}

class Polls extends Served {
  static async start(): Promise<Polls> {
    const polls = new Polls("react");
    await polls.listens();
    return polls;
  }

  join(voter: string, name = "trip"): Voter {
    const client = createClient<typeof polls>(`${this.url}/api/rivet`);
    return new Voter(
      client.poll.getOrCreate(name, { params: { voter } }).connect(),
    );
  }
}

/** Somebody at a poll. */
class Voter implements AsyncDisposable {
  readonly poll: ActorConnection<typeof poll>;
  readonly failure: Promise<Error>;
  standing: Standing | undefined;

  constructor(connection: ActorConnection<typeof poll>) {
    this.poll = connection;
    connection.on("changed", (standing) => this.standing = standing);
    this.failure = new Promise((resolve) => connection.onError(resolve));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.poll.dispose();
  }
}

/** Somebody in a room. What they wait for may have come already. */
class Guest implements AsyncDisposable {
  readonly room: ActorConnection<typeof chatRoom>;
  readonly failure: Promise<Error>;
  readonly messages: Message[] = [];
  names: string[] = [];
  #waker = Promise.withResolvers<void>();

  constructor(room: ActorConnection<typeof chatRoom>) {
    this.room = room;
    room.on("message", (message) => {
      this.messages.push(message);
      this.#wake();
    });
    room.on("presence", (names) => {
      this.names = names;
      this.#wake();
    });
    room.onStatusChange(() => this.#wake());
    this.failure = new Promise((resolve) => room.onError(resolve));
  }

  async sees(names: string[]): Promise<void> {
    await this.#until(() => `${this.names}` === `${names}`);
  }

  async hears(text: string): Promise<Message> {
    const find = () => this.messages.find((message) => message.text === text);
    await this.#until(() => find() !== undefined);
    return find()!;
  }

  async is(status: string): Promise<void> {
    await this.#until(() => this.room.connStatus === status);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.room.dispose();
  }

  async #until(isTrue: () => boolean): Promise<void> {
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      this.#wake();
    }, patienceMs);
    while (!isTrue() && !isLate) await this.#waker.promise;
    clearTimeout(timer);
    const { names, messages, room } = this;
    const heard = JSON.stringify({ names, messages, is: room.connStatus });
    assert(isTrue(), `Waited in vain for ${isTrue}, with ${heard}`);
  }

  #wake(): void {
    this.#waker.resolve();
    this.#waker = Promise.withResolvers();
  }
}

// Puts a module and all that it imports into a folder, as .mjs, which no runtime takes for
// TypeScript. Returns the URL of the first.
async function download(
  path: string,
  imports: Record<string, string>,
  { url, folder }: { url: string; folder: Folder },
): Promise<string> {
  const rename = (path: string) => path.replace(/\.ts$/, ".mjs");
  const queue = new Set([path]);
  for (const path of queue) {
    const response = await fetch(url + path);
    assertEquals([path, response.status], [path, 200]);
    assertMatch(response.headers.get("content-type")!, /^text\/javascript/);
    const code = (await response.text()).replace(
      // A line of a comment has a star, and what its example imports is not there.
      /^([^*"\n]*\bfrom\s*)"([^"]+)"/gm,
      (_, from, specifier) => {
        const target = imports[specifier] ??
          new URL(specifier, `file://${path}`).pathname;
        queue.add(target);
        return `${from}"${pathToFileURL(folder.path)}${rename(target)}"`;
      },
    );
    const file = join(folder.path, rename(path));
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, code);
  }
  assert(queue.size > 5);
  return `${pathToFileURL(folder.path)}${rename(path)}`;
}

// Sends a path as it is written, which fetch() does not.
function status(url: string, path: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url);
    const request = get({ hostname, port, path, agent: false }, (response) => {
      response.resume();
      response.on("end", () => resolve(response.statusCode));
    });
    request.on("error", reject);
  });
}

function texts(messages: Message[]): string[] {
  return messages.map(({ text }) => text);
}

function fired({ output }: Program): string[] {
  return [...output.matchAll(/^Fired: (.*) \(/gm)].map(([, text]) => text!);
}

function until(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms - Date.now()));
}
