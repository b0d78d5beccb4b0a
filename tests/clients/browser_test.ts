// RivetKit's own hooks and clients, as they are published, in a real browser against our server.
//
// Each page shows one component of each encoding. One page comes from the server itself, the other
// from another origin.

import { assertEquals, assertMatch } from "@std/assert";
import { fileURLToPath } from "node:url";
import type { Browser, Page, WebSocket } from "playwright-core";
import { test } from "../harness.ts";
import { launchChromium, noChromium } from "../runtimes/chromium.ts";
import { Program } from "../runtimes/process.ts";
import { bundle } from "./browser_bundle.ts";
import { install } from "./install.ts";

const servers = {
  "http": fileURLToPath(new URL("browser_server.ts", import.meta.url)),
  "https": fileURLToPath(new URL("browser_http2.js", import.meta.url)),
};
const runtime = "Deno" in globalThis
  ? { name: "deno", args: ["run", "-A"] }
  : { name: "bun", args: [] };

const encodings = ["bare", "cbor", "json"] as const;

// How long to wait for what must come.
const patienceMs = 20_000;

/** With `https` the server speaks HTTP/2. */
type Scheme = "http" | "https";

/** A component that uses an actor. */
interface Guest {
  id: string;
  room: string;
  params?: { name: string };
  topic?: string;
}

/** What a component sees. */
interface View {
  status: string;
  error: string | null;
  heard: string[];
}

function inBrowser(
  title: string,
  body: (stage: Stage) => Promise<void>,
  scheme: Scheme = "http",
): void {
  test(title, async () => {
    await using stage = await Stage.open(scheme);
    await body(stage);
    stage.assertQuiet();
  }, { skip: noChromium });
}

inBrowser(
  "RivetKit's hooks connect in each encoding, from the server's origin and from another, and close their sockets when they go",
  async (stage) => {
    const near = await stage.page("127.0.0.1");
    const far = await stage.page("localhost");
    const guest = { room: "lobby", topic: "tea", params: { name: "Ana" } };
    await near.show(guest);
    await near.until({ status: "connected", error: null });
    await far.show({ ...guest, params: { name: "Björn" } });
    await far.until({ status: "connected", error: null });
    const ana = Array(3).fill("Ana");
    const bjorn = Array(3).fill("Björn");
    for (const page of [near, far]) {
      for (const encoding of encodings) {
        assertEquals(await page.call(encoding, "topic"), "tea");
        assertEquals(await page.call(encoding, "names"), [...ana, ...bjorn]);
        assertEquals(await page.ask(encoding, "topic"), "tea");
      }
    }
    assertEquals(await far.call("bare", "say", "hello"), 1);
    assertEquals(await near.ask("cbor", "say", "héllo"), 2);
    for (const page of [near, far]) {
      await page.until({ heard: ["hello", "héllo"] });
      assertEquals(page.sockets.length, 3);
    }
    await far.hide();
    await far.untilOpen(0);
    assertEquals(await near.call("json", "names"), ana);
    assertEquals(far.sockets.length, 3);
  },
);

inBrowser(
  "RivetKit's hooks connect and hear again when the actor has closed their connections",
  async (stage) => {
    const page = await stage.page("localhost");
    await page.show({ room: "lobby" });
    await page.until({ status: "connected" });
    const heard: string[] = [];
    for (const reason of ["", "out", "room.cleaned"]) {
      const before = page.sockets.splice(0);
      await page.ask("bare", "clear", reason);
      for (const socket of before) {
        if (!socket.isClosed()) await socket.waitForEvent("close");
      }
      await page.untilOpen(encodings.length);
      await page.until({ status: "connected", error: null });
      heard.push(`after "${reason}"`);
      await page.call("cbor", "say", heard.at(-1)!);
      await page.until({ heard });
      assertEquals(page.sockets.length, 3);
    }
    for (const encoding of encodings) {
      const errors = await page.errors(encoding);
      assertEquals(errors[0], "room.cleaned: Connection closed: room.cleaned");
    }
  },
);

inBrowser(
  "RivetKit's hooks show why they were refused, and connect when they are let in",
  async (stage) => {
    const page = await stage.page("localhost");
    await page.show({ room: "lobby", params: { name: "Mallory" } });
    for (const encoding of encodings) {
      await page.untilError(encoding, "user.not_you: Not you");
      assertEquals((await page.view(encoding)).heard, []);
    }
    await stage.admit("Mallory");
    await page.until({ status: "connected", error: null });
    assertEquals(
      await page.call("bare", "names"),
      Array(3).fill("Mallory"),
    );
  },
);

inBrowser(
  "RivetKit's hooks connect and hear again when the server was killed and is back",
  async (stage) => {
    const page = await stage.page("127.0.0.1");
    await page.show({ room: "lobby" });
    await page.until({ status: "connected" });
    const before = page.sockets.splice(0);
    await stage.kill();
    for (const socket of before) {
      if (!socket.isClosed()) await socket.waitForEvent("close");
    }
    await stage.restart();
    await page.until({ status: "connected", error: null });
    await page.call("json", "say", "again");
    await page.until({ heard: ["again"] });
  },
);

const both = ["127.0.0.1", "localhost"];

inBrowser(
  "RivetKit's clients call actions in the browser, but 2.3.19 does not without HTTP/2",
  async (stage) => {
    for (const host of both) {
      const page = await stage.page(host);
      for (const encoding of encodings) {
        await callsActions(page, { version: "2.0.33", encoding });
        await callsActions(page, { version: "2.3.11", encoding });
        // It sends a stream, for which Chromium wants HTTP/2: no request reaches the server.
        const answer = await page.act({ version: "2.3.19", encoding }, "echo");
        assertMatch(String(answer), /^rivetkit\.internal_error: .*fetch/);
      }
    }
  },
);

inBrowser(
  "RivetKit's clients call actions and connect in the browser with HTTP/2, 2.3.19 as well",
  async (stage) => {
    for (const host of both) {
      const page = await stage.page(host);
      for (const encoding of encodings) {
        for (const version of ["2.0.33", "2.3.11", "2.3.19"]) {
          await callsActions(page, { version, encoding });
        }
      }
      await page.show({ room: "lobby" });
      await page.until({ status: "connected", error: null });
      await page.call("bare", "say", "hello");
      await page.until({ heard: ["hello"] });
      await page.hide();
    }
  },
  "https",
);

inBrowser(
  "RivetKit's clients make raw requests and open raw sockets in the browser",
  async (stage) => {
    for (const host of both) {
      const page = await stage.page(host);
      for (const version of ["2.0.33", "2.3.11", "2.3.19"]) {
        assertEquals(
          await page.fetch(version, "some/path?a=%20b"),
          [200, "yes", "/some/path?a=%20b"],
        );
        assertEquals(await page.echo(version, "héllo"), ["héllo", 4001, "bye"]);
      }
    }
  },
);

async function callsActions(
  page: Guests,
  by: { version: string; encoding: string },
): Promise<void> {
  assertEquals(await page.act(by, "echo", 1, "é"), [1, "é"]);
  assertEquals(await page.act(by, "fail"), "user.closed: It is closed");
}

let script: string | undefined;

/** A browser with pages, and their server. */
class Stage implements AsyncDisposable {
  readonly #complaints: string[] = [];
  readonly #browser: Browser;
  readonly #scheme: Scheme;
  #program: Program;
  #port = 0;

  private constructor(browser: Browser, scheme: Scheme) {
    this.#browser = browser;
    this.#scheme = scheme;
    this.#program = this.#start(0);
  }

  static async open(scheme: Scheme): Promise<Stage> {
    await install();
    script ??= bundle();
    const stage = new Stage(await launchChromium(), scheme);
    try {
      await stage.#listens();
    } catch (error) {
      await stage[Symbol.asyncDispose]();
      throw error;
    }
    return stage;
  }

  /** Opens a page from this host; its actors are at 127.0.0.1. */
  async page(host: string): Promise<Guests> {
    const page = await this.#browser.newPage({
      ignoreHTTPSErrors: true,
    });
    page.setDefaultTimeout(patienceMs);
    page.on("pageerror", ({ message }) => this.#complaints.push(message));
    page.on("console", (line) => {
      // The browser itself says so of a refusal, and where there is no server.
      const isNetwork = /Failed to load resource|net::ERR_/.test(line.text());
      if (line.type() === "error" && !isNetwork) {
        this.#complaints.push(line.text());
      }
    });
    await page.goto(`${this.#scheme}://${host}:${this.#port}/`);
    await page.addScriptTag({ content: script!, type: "module" });
    await page.waitForFunction("globalThis.stage !== undefined");
    return new Guests(page, this.#endpoint);
  }

  /** Lets somebody in who was refused. */
  async admit(name: string): Promise<void> {
    const page = await this.page("127.0.0.1");
    const by = { version: "2.0.33", encoding: "json" };
    assertEquals(await page.act(by, "admit", name), true);
  }

  /** Throws if a page has complained. */
  assertQuiet(): void {
    assertEquals(this.#complaints, []);
  }

  async kill(): Promise<void> {
    this.#program.signal("SIGKILL");
    await this.#program.ended();
  }

  async restart(): Promise<void> {
    this.#program = this.#start(this.#port);
    await this.#listens();
  }

  get #endpoint(): string {
    return `${this.#scheme}://127.0.0.1:${this.#port}/api/rivet`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.close();
    await this.#program[Symbol.asyncDispose]();
  }

  #start(port: number): Program {
    const program = servers[this.#scheme];
    return Program.start(runtime.name, [...runtime.args, program], {
      env: { PORT: `${port}`, RIVET_LOG_LEVEL: undefined },
    });
  }

  async #listens(): Promise<void> {
    const [, port] = await this.#program.line(
      / at https?:\/\/127\.0\.0\.1:(\d+)\/api\/rivet/,
    );
    this.#port = Number(port);
  }
}

/** One page, with a component of each encoding; its id is that encoding's name. */
class Guests {
  /** The sockets that were opened. */
  readonly sockets: WebSocket[] = [];
  readonly #page: Page;
  readonly #endpoint: string;

  constructor(page: Page, endpoint: string) {
    this.#page = page;
    this.#endpoint = endpoint;
    page.on("websocket", (socket) => this.sockets.push(socket));
  }

  /** Shows a component of each encoding. */
  async show(guest: Omit<Guest, "id">): Promise<void> {
    const guests = encodings.map((encoding) => ({
      ...guest,
      id: encoding,
      encoding,
      endpoint: this.#endpoint,
    }));
    await this.#run("show", guests);
  }

  /** Takes them all away. */
  async hide(): Promise<void> {
    await this.#run("show", []);
  }

  async view(id: string): Promise<View> {
    return await this.#run("view", id);
  }

  /** The errors that a component has shown so far. */
  async errors(id: string): Promise<string[]> {
    return await this.#run("errors", id);
  }

  /** Calls an action over a component's connection. */
  async call(id: string, name: string, ...args: unknown[]): Promise<unknown> {
    return await this.#run("call", id, name, ...args);
  }

  /** Calls an action over HTTP, with a component's handle. */
  async ask(id: string, name: string, ...args: unknown[]): Promise<unknown> {
    return await this.#run("ask", id, name, ...args);
  }

  /** Calls an action over HTTP without React. What it rejects with is returned as a text. */
  async act(
    by: { version: string; encoding: string },
    name: string,
    ...args: unknown[]
  ): Promise<unknown> {
    const client = { ...by, endpoint: this.#endpoint };
    return await this.#run("act", client, name, ...args);
  }

  /** The status, a header and the text that a raw request is answered with. */
  async fetch(version: string, path: string): Promise<unknown[]> {
    return await this.#run("fetch", {
      version,
      endpoint: this.#endpoint,
    }, path);
  }

  /** What comes back over a raw socket, and how it was closed. */
  async echo(version: string, text: string): Promise<unknown[]> {
    return await this.#run("echo", { version, endpoint: this.#endpoint }, text);
  }

  /** Waits until each component sees all this. */
  async until(expected: Partial<View>): Promise<void> {
    for (const id of encodings) {
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
        const what = `${id}: ${JSON.stringify(expected)}`;
        throw new Error(`Waited in vain for ${what}: ${view}`, { cause });
      }
    }
  }

  /** Waits until a component has shown this error. */
  async untilError(id: string, error: string): Promise<void> {
    await this.#page.waitForFunction(
      `stage.errors("${id}").includes(${JSON.stringify(error)})`,
    );
  }

  /** Waits until so many sockets are open. */
  async untilOpen(count: number): Promise<void> {
    const open = () => this.sockets.filter((socket) => !socket.isClosed());
    while (open().length > count) {
      await Promise.race(open().map((socket) => socket.waitForEvent("close")));
    }
    while (open().length < count) await this.#page.waitForEvent("websocket");
  }

  #run<T>(name: string, ...args: unknown[]): Promise<T> {
    return this.#page.evaluate(
      `stage.${name}(...${JSON.stringify(args)})`,
    );
  }
}
