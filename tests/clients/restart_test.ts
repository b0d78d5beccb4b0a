// A server that is killed and comes back, as RivetKit's clients see it.
//
// Clients of 2.0 try until it is there again. Those of 2.3 try once, are then idle, and leave it to
// the program to connect anew; on Node's own WebSocket they do not even notice that the try has
// failed, and stay "connecting". No server can help that: it is not there when they try.

import { assert, assertEquals } from "@std/assert";
import { test } from "../harness.ts";
import { Folder } from "../runtimes/folder.ts";
import { freePort } from "../runtimes/ports.ts";
import type { Program } from "../runtimes/process.ts";
import { install } from "./install.ts";
import { ownRuntime, runtimes, start, versions } from "./reports.ts";

const encodings = ["bare", "cbor", "json"];
const earlier = versions.filter((version) => version.startsWith("2.0."));
const later = versions.filter((version) => version.startsWith("2.3."));

// How long a line may take: the clients are large, and share the machine with others.
const patienceMs = 60_000;

test("when the server was killed and is back, clients of 2.0 come back by themselves, and clients of 2.3 when they connect anew", async () => {
  await install();
  using folder = new Folder();
  const port = await freePort();
  const endpoint = `http://127.0.0.1:${port}`;
  const serve = async () => {
    const server = await start(ownRuntime, [
      "restart_server.ts",
      folder.path,
    ], { PORT: `${port}` });
    await line(server, / serves room at /);
    return server;
  };
  let server = await serve();
  const clients = new Map<string, Program>();
  try {
    for (const runtime of runtimes) {
      const script = ["restart.js", endpoint];
      clients.set(runtime, await start(runtime, script));
    }
    for (const client of clients.values()) {
      await lines(client, versions, "total 0");
    }
    await act(endpoint, "add", 3);
    server.signal("SIGKILL");
    await server.ended();
    for (const [runtime, client] of clients) {
      if (runtime === "node-22") await line(client, /(refused[^]*){6}/);
      else await lines(client, later, "idle");
      await lines(client, versions, "rejected");
    }

    server = await serve();
    for (const client of clients.values()) {
      await lines(client, earlier, "total 3");
    }
    await act(endpoint, "tell", "said", "hello");
    await act(endpoint, "tell", "back");
    for (const [runtime, client] of clients) {
      await lines(client, earlier, "then connected");
      const then = runtime === "node-22" ? "then connecting" : "then idle";
      await lines(client, later, then);
      await lines(client, versions, "next connected");
      await line(client, /^the end$/m);
      const heard = [...client.output.matchAll(/^(.*) heard hello$/gm)]
        .map(([, who]) => who);
      assertEquals(heard.toSorted(), encodings.map((each) => `2.0.33 ${each}`));
    }
  } finally {
    for (const program of [server, ...clients.values()]) {
      await program[Symbol.asyncDispose]();
    }
  }
});

async function line(program: Program, pattern: RegExp): Promise<void> {
  await program.line(pattern, patienceMs);
}

/** Waits until the connections of these versions have said this, in every encoding. */
async function lines(
  client: Program,
  versions: string[],
  text: string,
): Promise<void> {
  for (const version of versions) {
    for (const encoding of encodings) {
      await line(client, new RegExp(`^${version} ${encoding} ${text}$`, "m"));
    }
  }
}

/** Calls an action of the actor, as curl would. */
async function act(
  endpoint: string,
  name: string,
  ...args: unknown[]
): Promise<void> {
  const query = "rvt-namespace=default&rvt-method=getOrCreate" +
    "&rvt-runner=default&rvt-key=lobby";
  const response = await fetch(
    `${endpoint}/gateway/room/action/${name}?${query}`,
    { method: "POST", body: JSON.stringify({ args }) },
  );
  assert(response.ok, await response.text());
}
