// What the server does about clients that would harm it, over the network, with the server as a real
// process of either runtime.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { connect } from "node:net";
import { createClient } from "../../src/client/client.ts";
import { encodingOf } from "../../src/protocol/encoding.ts";
import { formatProtocols } from "../../src/protocol/routes.ts";
import { handshake, RawPeer } from "../adapters/peers.ts";
import { test } from "../harness.ts";
import type { Params, registry } from "./hostile.ts";
import { Program } from "./process.ts";

const program = new URL("./hostile.ts", import.meta.url).pathname;
const launches = [["deno", "run", "-A", program], ["bun", program]] as const;

const welcome: Params = { isWelcome: true };
const mebibyte = 1024 * 1024;

/** A running server, and a client who is welcome. */
class Served implements AsyncDisposable {
  readonly program: Program;
  readonly url: string;
  readonly client: ReturnType<typeof createClient<typeof registry>>;

  private constructor(program: Program, url: string) {
    this.program = program;
    this.url = url;
    this.client = createClient<typeof registry>(url);
  }

  static async start(
    [name, ...args]: readonly [string, ...string[]],
  ): Promise<Served> {
    const program = Program.start(name, args);
    const [, url] = await program.line(/served on (\S+)$/m);
    return new Served(program, url!);
  }

  room(key = "a") {
    return this.client.room.getOrCreate(key, { params: welcome });
  }

  async gateway(key?: string): Promise<string> {
    return `${this.url}/gateway/${await this.room(key).resolve()}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.dispose();
    await this.program[Symbol.asyncDispose]();
  }
}

const protocolsOf = (encoding: string, params?: Params) =>
  formatProtocols(encoding, params);

/** Opens a socket again as soon as it has closed, and tells when that was. */
async function storm(
  url: string,
  { protocols, forMs }: { protocols: string[]; forMs: number },
): Promise<{ starts: number[]; reasons: Set<string> }> {
  const starts: number[] = [];
  const reasons = new Set<string>();
  const end = performance.now() + forMs;
  while (performance.now() < end) {
    starts.push(performance.now());
    const socket = new WebSocket(url.replace("http:", "ws:"), protocols);
    reasons.add(await reasonOf(socket));
  }
  return { starts, reasons };
}

function reasonOf(socket: WebSocket): Promise<string> {
  return new Promise((resolve) => {
    socket.onclose = ({ code, reason }) => resolve(`${code} ${reason}`);
  });
}

/** The most starts within any second. */
function mostInASecond(starts: number[]): number {
  return Math.max(
    ...starts.map((start) =>
      starts.filter((other) => other >= start && other < start + 1000).length
    ),
  );
}

/** One peer for each way to be told something; none of them reads. */
async function deafPeers(gateway: string): Promise<RawPeer[]> {
  const dial = (path: string, encoding: string) =>
    RawPeer.dial(gateway + path, [
      ...handshake,
      `Sec-WebSocket-Protocol: ${protocolsOf(encoding, welcome).join(", ")}`,
    ]);
  const peers = [
    await dial("/websocket/text", "json"),
    await dial("/websocket/bytes", "json"),
  ];
  for (const name of ["json", "cbor", "bare"]) {
    const peer = await dial("/connect", name);
    peer.send(
      encodingOf(name).encodeToServer({
        tag: "SubscriptionRequest",
        val: { eventName: "told", subscribe: true },
      }),
    );
    peers.push(peer);
  }
  return peers;
}

for (const launch of launches) {
  const [name] = launch;

  test(`${name}: a client that connects anew whenever it is refused asks less than 5 times a second`, async () => {
    await using served = await Served.start(launch);
    const [gateway, other] = [
      await served.gateway("a"),
      await served.gateway("b"),
    ];
    const storms = [
      [`${gateway}/connect`, "1011 user.closed"],
      [`${other}/websocket/x`, "1011 user.closed"],
      [`${gateway}x/connect`, "1011 actor.not_found"],
      [`${gateway}/nothing`, "1011 route.not_found"],
    ] as const;
    const protocols = protocolsOf("json");
    await Promise.all(storms.map(async ([url, told]) => {
      const { starts, reasons } = await storm(url, { protocols, forMs: 3000 });
      assertEquals([...reasons], [told]);
      const most = mostInASecond(starts);
      assert(most < 5, `${url}: ${most} attempts in a second`);
      assert(starts.length > 3, `${url}: only ${starts.length} attempts`);
    }));
    assertEquals((await served.room().look()).conns, 0);
  });

  test(`${name}: who waits to be refused is told when the server stops`, async () => {
    await using served = await Served.start(launch);
    const url = `${(await served.gateway()).replace("http", "ws")}/connect`;
    const refuse = () => reasonOf(new WebSocket(url, protocolsOf("json")));
    for (let i = 0; i < 4; i++) await refuse();
    // This one would wait for two seconds.
    const socket = new WebSocket(url, protocolsOf("json"));
    const reason = reasonOf(socket);
    await new Promise((resolve) => socket.onopen = resolve);
    const start = performance.now();
    served.program.signal("SIGTERM");
    assertEquals(await reason, "1011 user.closed");
    assert(performance.now() - start < 1900, "it had to wait");
    assertEquals((await served.program.ended()).code, 0);
  });

  test(`${name}: peers that never read are closed when 16 MiB wait for each, and nobody else notices`, async () => {
    await using served = await Served.start(launch);
    const gateway = await served.gateway();
    const room = served.room();
    const heard: unknown[] = [];
    const reader = room.connect();
    reader.on("told", (count) => heard.push(count));
    await reader.ready;
    const { rss: before } = await room.look();
    const peers: RawPeer[] = [];
    // Three waves of five times 16 MiB; on Bun what waits goes some seconds after the close.
    const most = name === "bun" ? 400 : 200;
    // Those of one wave stay, closed, while the next comes.
    for (let wave = 0; wave < 3; wave++) {
      peers.push(...await deafPeers(gateway));
      const { told: start } = await room.look();
      let seen = await room.look();
      while (seen.conns < 6) seen = await room.look();
      let told = 0;
      while (seen.conns > 1) {
        await room.tell(20);
        seen = await room.look();
        told = (seen.told - start) * 60_000;
        assert(told < 40 * mebibyte, `${seen.conns - 1} are still open`);
        const growth = Math.round((seen.rss - before) / mebibyte);
        assert(growth < most, `the server has grown by ${growth} MiB`);
      }
      assert(told > 16 * mebibyte, `closed after ${told} bytes`);
    }
    const { told } = await room.look();
    while (heard.length < told) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    assertEquals(heard, Array.from({ length: told }, (_, i) => i));
    for (const { socket } of peers) socket.destroy();
    await reader.dispose();
  });

  test(`${name}: why a connection is refused arrives whole before the close, however long it is`, async () => {
    await using served = await Served.start(launch);
    const url = `${(await served.gateway()).replace("http", "ws")}/connect`;
    for (const encoding of ["json", "cbor", "bare"]) {
      const length = 900_000;
      const socket = new WebSocket(url, protocolsOf(encoding, { length }));
      socket.binaryType = "arraybuffer";
      const frames: (string | Uint8Array<ArrayBuffer>)[] = [];
      socket.onmessage = ({ data }) =>
        frames.push(typeof data === "string" ? data : new Uint8Array(data));
      assertEquals(await reasonOf(socket), "1011 user.closed");
      assertEquals(frames.length, 1);
      const { tag, val } = encodingOf(encoding).decodeToClient(frames[0]!);
      assert(tag === "Error");
      assertEquals(val.actionId, null);
      assertEquals(val.metadata, { text: "x".repeat(length) });
    }
  });

  const bodies: [name: string, length: number, isLast: boolean][] = [
    ["that says how long it is", 0, false],
    ["in pieces", 65_537, false],
  ];
  for (const [kind, length] of bodies) {
    test(`${name}: a body ${kind} is refused before more than the limit has come`, async () => {
      await using served = await Served.start(launch);
      const { hostname, port, pathname } = new URL(await served.gateway());
      const socket = connect(Number(port), hostname);
      const framing = length === 0
        ? "Content-Length: 65537"
        : "Transfer-Encoding: chunked";
      socket.write(
        `POST ${pathname}/action/look HTTP/1.1\r\nHost: x\r\n${framing}\r\n\r\n`,
      );
      // No more than that, and no end.
      if (length > 0) {
        socket.write(`${length.toString(16)}\r\n${"x".repeat(length)}\r\n`);
      }
      let answer = "";
      for await (const chunk of socket) {
        answer += chunk.toString();
        if (answer.includes("incoming_too_long")) break;
      }
      assertMatch(answer, /^HTTP\/1.1 400 /);
    });
  }
}
