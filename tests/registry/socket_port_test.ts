// The port for sockets: who is told of it, by which name, and what becomes of a port that is taken.

import { assert, assertEquals, assertMatch } from "@std/assert";
import type { ServeOptions, Server } from "../../src/adapters/adapter.ts";
import { Logger } from "../../src/log.ts";
import {
  SocketPort,
  type SocketPortOptions,
} from "../../src/registry/socket_port.ts";
import { test } from "../harness.ts";

/** A port over a runtime that listens on nothing. */
class Rig {
  readonly tried: ServeOptions[] = [];
  readonly stopped: (number | undefined)[] = [];
  readonly lines: string[] = [];
  readonly taken = new Set<number>();
  failure: Error | undefined;
  earlier: number | undefined;
  replaced = 0;
  readonly port: SocketPort;

  constructor(options: Partial<SocketPortOptions> = {}) {
    this.port = new SocketPort({
      adapter: {
        serve: (_, options) => this.#serve(options),
        hasEarlier: ({ port }) => port === this.earlier,
      },
      onReplaced: () => void this.replaced++,
      answer: () => Promise.resolve(new Response()),
      port: 6420,
      hostname: "0.0.0.0",
      basePath: "/",
      log: new Logger({
        level: "warn",
        write: (_, line) => void this.lines.push(line),
      }),
      ...options,
    });
  }

  urlFor(url: string, headers: Record<string, string> = {}) {
    return this.port.urlFor(new Request(url, { headers }));
  }

  #serve(options: ServeOptions): Server {
    this.tried.push(options);
    if (this.failure !== undefined) throw this.failure;
    if (this.taken.has(options.port)) {
      const cause = Object.assign(new Error("taken"), { code: "EADDRINUSE" });
      throw new Error("Cannot listen", { cause });
    }
    return {
      fetch: () => Promise.resolve(new Response()),
      websocket: undefined,
      onListen: undefined,
      address: { url: "", port: options.port },
      stop: (timeoutMs) => {
        this.stopped.push(timeoutMs);
        return Promise.resolve();
      },
    };
  }
}

test("nothing is opened before a client can be told of it, and then one port for all", () => {
  const rig = new Rig();
  assertEquals(rig.urlFor("https://app.example/metadata"), undefined);
  assertEquals(rig.tried, []);
  assertEquals(
    rig.urlFor("http://localhost:3000/metadata"),
    "http://localhost:6420",
  );
  assertEquals(
    rig.urlFor("http://192.168.1.5:3000/x"),
    "http://192.168.1.5:6420",
  );
  assertEquals(rig.tried.length, 1);
  const [{ hostname, keepsAlive }] = rig.tried as [ServeOptions];
  assertEquals([hostname, keepsAlive], ["0.0.0.0", false]);
});

test("the base path goes with the port", () => {
  const { port } = new Rig({ basePath: "/actors/" });
  assertEquals(
    port.urlFor(new Request("http://h:1/")),
    "http://h:6420/actors",
  );
});

test("nobody is told where the way leads through somebody else, and the operator is warned once", () => {
  const ways: [url: string, headers: Record<string, string>, why: RegExp][] = [
    ["https://app.example/", {}, /https/],
    ["http://app/", { "x-forwarded-for": "1.2.3.4" }, /x-forwarded-for/],
    ["http://app/", { "x-forwarded-host": "a" }, /x-forwarded-host/],
    ["http://app/", { forwarded: "for=1.2.3.4" }, /forwarded/],
    ["http://[::1]:3000/", {}, /managerHost/],
  ];
  for (const [url, headers, why] of ways) {
    const rig = new Rig();
    for (let times = 0; times < 3; times++) {
      assertEquals(rig.urlFor(url, headers), undefined);
    }
    assertEquals([rig.tried.length, rig.lines.length], [0, 1]);
    assertMatch(rig.lines[0]!, why);
  }
});

test("a loopback managerHost is told to this machine alone, any other to everybody by its own name", () => {
  const local = new Rig({ hostname: "127.0.0.1" });
  assertEquals(local.urlFor("http://localhost:1/"), "http://localhost:6420");
  assertEquals(local.urlFor("http://192.168.1.5:1/"), undefined);
  assertMatch(local.lines[0]!, /managerHost is 127\.0\.0\.1/);
  const named = new Rig({ hostname: "192.168.1.5" });
  assertEquals(named.urlFor("http://box.local:1/"), "http://192.168.1.5:6420");
  const six = new Rig({ hostname: "fd00::5" });
  assertEquals(six.urlFor("http://box.local:1/"), "http://[fd00::5]:6420");
  const all = new Rig({ hostname: "::" });
  assertEquals(all.urlFor("http://[::1]:1/"), "http://[::1]:6420");
});

test("of a hundred ports the first that is free is taken; when none is, nobody is told", () => {
  const rig = new Rig();
  for (let port = 6420; port < 6519; port++) rig.taken.add(port);
  assertEquals(rig.urlFor("http://h/"), "http://h:6519");
  const full = new Rig();
  for (let port = 6420; port < 6520; port++) full.taken.add(port);
  assertEquals(full.urlFor("http://h/"), undefined);
  assertEquals(full.urlFor("http://h/"), undefined);
  assertEquals(full.tried.length, 100);
  assertEquals(full.lines.length, 1);
  assertMatch(full.lines[0]!, /no port from 6420 to 6519 is free/);
  const last = new Rig({ port: 65_535 });
  last.taken.add(65_535);
  assertEquals(last.urlFor("http://h/"), undefined);
  assertEquals(last.tried.length, 1);
});

test("a port that cannot be opened is told with its error, and not tried again", () => {
  const rig = new Rig();
  rig.failure = new Error("not permitted");
  assertEquals(rig.urlFor("http://h/"), undefined);
  assertEquals(rig.urlFor("http://h/"), undefined);
  assertEquals(rig.tried.length, 1);
  assert(rig.lines[0]!.includes("not permitted"));
});

test("the port of an earlier evaluation is taken over at once, wherever among the hundred it is", () => {
  const rig = new Rig();
  rig.port.takeOver();
  assertEquals(rig.tried, []);
  rig.earlier = 6423;
  rig.port.takeOver();
  assertEquals(rig.tried.map(({ port }) => port), [6423]);
  assertEquals(rig.urlFor("http://h/"), "http://h:6423");
  assertEquals(rig.tried.length, 1);
  rig.tried[0]!.onReplaced();
  assertEquals(rig.replaced, 1);
});

test("close() stops the port, and none is opened afterwards", async () => {
  const rig = new Rig();
  rig.urlFor("http://h/");
  await rig.port.close(1_234);
  assertEquals(rig.stopped, [1_234]);
  assertEquals(rig.urlFor("http://h/"), undefined);
  const unused = new Rig();
  await unused.port.close(1);
  assertEquals(unused.urlFor("http://h/"), undefined);
  assertEquals([unused.tried.length, unused.stopped.length], [0, 0]);
});
