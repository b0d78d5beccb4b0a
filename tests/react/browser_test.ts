// The hooks in a real browser, against a real server, with each version of React that they are for.
// Everything is shown in Strict Mode.

import { assertEquals, assertMatch } from "@std/assert";
import { fileURLToPath } from "node:url";
import type { Browser, Page, WebSocket } from "playwright-core";
import { test } from "../harness.ts";
import { launchChromium, noChromium } from "../runtimes/chromium.ts";
import { Program } from "../runtimes/process.ts";
import { bundle } from "./bundle.ts";
import type { Guest, View } from "./page.ts";

const server = fileURLToPath(new URL("server.ts", import.meta.url));
const runtime = "Deno" in globalThis
  ? { name: "deno", args: ["run", "-A"] }
  : { name: "bun", args: [] };

// How long to wait for what must come.
const patienceMs = 20_000;

for (const version of ["18.3.1", "19.3.1"]) {
  const inReact = (title: string, body: (stage: Stage) => Promise<void>) =>
    test(`in React ${version}, ${title}`, async () => {
      await using stage = await Stage.open(version);
      await body(stage);
    }, { skip: noChromium });

  inReact(
    "a component opens one socket, and closes it when it goes",
    async (stage) => {
      await stage.show({ id: "a", room: "lobby" });
      await stage.until("a", {
        status: "connected",
        connection: 1,
        hasHandle: true,
        error: null,
      });
      assertEquals(await stage.call("a", "names"), ["nobody"]);
      assertEquals(stage.sockets.length, 1);
      await stage.show();
      await stage.untilOpen(0);
      assertEquals(stage.sockets.length, 1);
    },
  );

  inReact(
    "components of the same actor and params share a connection until the last has gone",
    async (stage) => {
      const params = { name: "Ana", colour: "red" };
      const a: Guest = { id: "a", room: "lobby", params };
      // The same in another order.
      const b: Guest = {
        id: "b",
        room: "lobby",
        params: { colour: "red", name: "Ana" },
      };
      const other: Guest = {
        id: "other",
        room: "lobby",
        params: { name: "Bo" },
      };
      await stage.show(a, b, other);
      await stage.until("other", { status: "connected" });
      await stage.until("b", { status: "connected", connection: 1 });
      assertEquals((await stage.view("a")).connection, 1);
      assertEquals(await stage.call("b", "names"), ["Ana", "Bo"]);
      assertEquals(stage.sockets.length, 2);

      await stage.show(b, other);
      await stage.call("b", "tell", "said", "hello");
      await stage.until("b", { heard: ["heard hello"], connection: 1 });
      // One that comes when the last goes.
      await stage.show({ ...b, id: "c" }, other);
      await stage.until("c", { status: "connected", connection: 1 });
      assertEquals(stage.sockets.filter((each) => each.isClosed()), []);
      await stage.show(other);
      await stage.untilOpen(1);
      assertEquals(stage.sockets.length, 2);
      // Whoever comes back later gets another.
      await stage.show(a, other);
      await stage.until("a", { status: "connected", connection: 3 });
    },
  );

  inReact(
    "events reach the handler of the last render, once each",
    async (stage) => {
      const guest: Guest = { id: "a", room: "lobby" };
      await stage.show(guest);
      await stage.call("a", "tell", "said", "1");
      await stage.until("a", { heard: ["heard 1"] });
      await stage.show({ ...guest, mark: "then heard" });
      await stage.call("a", "tell", "said", "2");
      await stage.until("a", { heard: ["heard 1", "then heard 2"] });
      // The handler of a child that was there before the connection.
      await stage.call("a", "tell", "shouted", "3");
      await stage.until("a", {
        heard: ["heard 1", "then heard 2", "child heard 3"],
      });
      // Another event instead.
      await stage.show({ ...guest, event: "sung" });
      await stage.call("a", "tell", "said", "4");
      await stage.call("a", "tell", "sung", "5");
      await stage.until("a", {
        heard: ["heard 1", "then heard 2", "child heard 3", "heard 5"],
      });
      assertEquals(stage.sockets.length, 1);
    },
  );

  inReact(
    "components connect and hear again by themselves when the server was killed and is back",
    async (stage) => {
      await stage.show({ id: "a", room: "lobby" }, { id: "b", room: "lobby" });
      await stage.until("a", { status: "connected" });
      await stage.kill();
      await stage.until("a", { status: "disconnected", isError: true });
      assertMatch((await stage.view("b")).error!, /./);
      await stage.restart();
      for (const id of ["a", "b"]) {
        await stage.until(id, {
          status: "connected",
          error: null,
          isError: false,
          connection: 1,
        });
      }
      await stage.call("a", "tell", "said", "again");
      await stage.until("b", { heard: ["heard again"] });
      await stage.until("a", { heard: ["heard again"] });
    },
  );

  inReact("a component is connected while it is enabled", async (stage) => {
    const guest: Guest = { id: "a", room: "lobby" };
    await stage.show({ ...guest, enabled: false });
    await stage.until("a", { status: "idle", connection: 0, hasHandle: false });
    assertEquals(stage.sockets.length, 0);
    await stage.show({ ...guest, enabled: true });
    await stage.until("a", { status: "connected", connection: 1 });
    await stage.show({ ...guest, enabled: false });
    await stage.until("a", { status: "idle", connection: 0, hasHandle: false });
    await stage.untilOpen(0);
    await stage.show({ ...guest });
    await stage.until("a", { status: "connected", connection: 2 });
    await stage.call("a", "tell", "said", "hello");
    await stage.until("a", { heard: ["heard hello"] });
    assertEquals(stage.sockets.length, 2);
  });

  inReact(
    "another key, or other params, mean another connection",
    async (stage) => {
      const guest: Guest = { id: "a", room: "lobby", params: { name: "Ana" } };
      const watcher: Guest = { id: "b", room: "attic", params: { name: "Bo" } };
      await stage.show(guest, watcher);
      await stage.until("a", { status: "connected", connection: 1 });
      await stage.show({ ...guest, room: "attic" }, watcher);
      await stage.until("a", { status: "connected", connection: 3 });
      await stage.call("b", "tell", "said", "up here");
      await stage.until("a", { heard: ["heard up here"] });
      await stage.show(
        { ...guest, room: "attic", params: { name: "Cy" } },
        watcher,
      );
      await stage.until("a", { status: "connected", connection: 4 });
      await stage.untilOpen(2);
      assertEquals(await stage.call("a", "names"), ["Bo", "Cy"]);
      assertEquals(stage.sockets.length, 4);
    },
  );

  inReact(
    "the first to open creates the actor, with its input",
    async (stage) => {
      await stage.show({ id: "a", room: "tea", topic: "tea" }, {
        id: "b",
        room: "tea",
        topic: "coffee",
      });
      assertEquals(await stage.call("b", "topic"), "tea");
      assertEquals(await stage.topic("a"), "tea");
    },
  );

  inReact(
    "a refusal, or a key that is too long, is shown as an error",
    async (stage) => {
      await stage.show(
        { id: "a", room: "lobby", params: { name: "Mallory" } },
        { id: "b", room: "x".repeat(2000) },
      );
      await stage.until("a", { isError: true, error: "Not you" });
      await stage.until("b", {
        status: "disconnected",
        isError: true,
        connection: 0,
      });
      assertMatch((await stage.view("b")).error!, /key is longer than/);
      await stage.show({ id: "a", room: "lobby", params: { name: "Ana" } }, {
        id: "b",
        room: "short",
      });
      for (const id of ["a", "b"]) {
        await stage.until(id, {
          status: "connected",
          isError: false,
          error: null,
        });
      }
    },
  );

  inReact(
    "what a server has rendered is idle, and connects when it is taken over",
    async (stage) => {
      const views = await stage.hydrate({ id: "a", room: "lobby" });
      const idle: View = {
        status: "idle",
        error: null,
        isError: false,
        heard: [],
        connection: 0,
        hasHandle: false,
      };
      assertEquals(views, [idle]);
      await stage.until("a", { status: "connected", connection: 1 });
      assertEquals(stage.sockets.length, 1);
    },
  );
}

const bundles = new Map<string, string>();

function bundleOf(version: string): string {
  const text = bundles.get(version) ?? bundle(version);
  bundles.set(version, text);
  return text;
}

/** A page in a browser, and its server. Disposing of it fails if React has complained. */
class Stage implements AsyncDisposable {
  readonly sockets: WebSocket[] = [];
  readonly #complaints: string[] = [];
  readonly #page: Page;
  readonly #browser: Browser;
  #program: Program;
  #url = "";

  private constructor(browser: Browser, page: Page) {
    this.#browser = browser;
    this.#page = page;
    this.#program = this.#start(0);
    page.on("websocket", (socket) => this.sockets.push(socket));
    page.on("pageerror", ({ message }) => this.#complaints.push(message));
    page.on("console", (line) => {
      // The browser itself says so when there is no server.
      const isNetwork = /net::ERR_/.test(line.text());
      if (line.type() === "error" && !isNetwork) {
        this.#complaints.push(line.text());
      }
    });
  }

  static async open(version: string): Promise<Stage> {
    const browser = await launchChromium();
    const page = await browser.newPage();
    page.setDefaultTimeout(patienceMs);
    const stage = new Stage(browser, page);
    try {
      await stage.#listens();
      await page.goto(`${stage.#url}/`);
      await page.addScriptTag({ content: bundleOf(version), type: "module" });
      await page.waitForFunction("globalThis.stage !== undefined");
    } catch (error) {
      await stage.#close();
      throw error;
    }
    return stage;
  }

  async show(...guests: Guest[]): Promise<void> {
    await this.#run(`show(${JSON.stringify(guests)})`);
  }

  async hydrate(...guests: Guest[]): Promise<View[]> {
    return await this.#run(`hydrate(${JSON.stringify(guests)})`);
  }

  async view(id: string): Promise<View> {
    return await this.#run(`view("${id}")`);
  }

  /** Waits until a component is connected, and calls an action over its connection. */
  async call(id: string, name: string, ...args: string[]): Promise<unknown> {
    await this.until(id, { status: "connected" });
    return await this.#run(`call(...${JSON.stringify([id, name, ...args])})`);
  }

  async topic(id: string): Promise<unknown> {
    return await this.#run(`topic("${id}")`);
  }

  /** Waits until a component sees all this. */
  async until(id: string, expected: Partial<View>): Promise<void> {
    const isSeen = Object.entries(expected).map(([name, value]) => {
      const json = JSON.stringify(value);
      return `JSON.stringify(view.${name}) === ${JSON.stringify(json)}`;
    }).join(" && ");
    try {
      await this.#page.waitForFunction(
        `(() => { const view = stage.view("${id}"); return view && ${isSeen}; })()`,
      );
    } catch (cause) {
      const view = JSON.stringify(await this.view(id));
      const message = `Waited in vain for ${JSON.stringify(expected)}: ${view}`;
      throw new Error(message, { cause });
    }
  }

  /** Waits until no more than so many sockets are open. */
  async untilOpen(count: number): Promise<void> {
    const open = () => this.sockets.filter((socket) => !socket.isClosed());
    while (open().length > count) {
      await Promise.race(open().map((socket) => socket.waitForEvent("close")));
    }
    assertEquals(open().length, count);
  }

  async kill(): Promise<void> {
    this.#program.signal("SIGKILL");
    await this.#program.ended();
  }

  async restart(): Promise<void> {
    this.#program = this.#start(Number(new URL(this.#url).port));
    await this.#listens();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close();
    assertEquals(this.#complaints, []);
  }

  async #close(): Promise<void> {
    await this.#browser.close();
    await this.#program[Symbol.asyncDispose]();
  }

  #run<T>(call: string): Promise<T> {
    return this.#page.evaluate(`stage.${call}`);
  }

  #start(port: number): Program {
    return Program.start(runtime.name, [...runtime.args, server], {
      env: { PORT: `${port}`, RIVET_LOG_LEVEL: undefined },
    });
  }

  async #listens(): Promise<void> {
    const [, url] = await this.#program.line(
      /^Troupe \S+ serves room at (\S+)\/api\/rivet/m,
    );
    this.#url = url!;
  }
}
