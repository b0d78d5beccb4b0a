// How callers who are refused again and again are slowed down.

import { assert, assertEquals } from "@std/assert";
import type { Socket } from "../../src/adapters/adapter.ts";
import { actor } from "../../src/definition/actor.ts";
import { UserError } from "../../src/errors.ts";
import { callerOf, Throttle } from "../../src/server/throttle.ts";
import { VirtualClock } from "../../src/test/clock.ts";
import { test } from "../harness.ts";
import { maxIncomingBytes, Site, type Wire } from "./site.ts";

const things = {
  thing: actor({
    state: { asked: 0 },
    onBeforeConnect(c, params: { isWelcome?: boolean } | undefined) {
      c.state.asked++;
      if (!params?.isWelcome) throw new UserError("no", { code: "closed" });
    },
    onWebSocket(_c, socket) {
      socket.send("hello");
    },
    actions: { asked: (c) => c.state.asked },
  }),
};

type ThingSite = Site<typeof things>;

async function withThing(
  run: (site: ThingSite, id: string) => Promise<void>,
): Promise<void> {
  await using site = await Site.open(things);
  const id = await site.world.client.thing.getOrCreate("a").resolve();
  await run(site, id);
}

const welcome = `rivet, rivet_conn_params.${
  encodeURIComponent(JSON.stringify({ isWelcome: true }))
}`;

/** Who asks, and with what. */
interface From {
  address?: string;
  protocols?: string;
  headers?: Record<string, string>;
}

/** Asks once, and tells after how many milliseconds the socket was closed. */
async function waitOf(
  site: ThingSite,
  path: string,
  from: From = {},
): Promise<number> {
  const { clock } = site.world;
  const start = clock.now();
  const wire = await ask(site, path, from);
  while (wire.closedWith === undefined) {
    assertEquals(wire.sent, [], "it is told before it is closed");
    await clock.pass(clock.nextInMs!);
  }
  return clock.now() - start;
}

async function ask(
  site: ThingSite,
  path: string,
  { address, protocols = "rivet", headers }: From = {},
): Promise<Wire> {
  const wire = await site.dial(path, protocols, headers);
  if (address !== undefined) wire.remoteAddress = address;
  wire.open();
  await site.world.clock.settle();
  return wire;
}

const later = [0, 250, 500, 1000, 2000, 4000, 4000];
const targets: [name: string, path: string, protocols?: string][] = [
  ["a connection", "/gateway/ID/connect"],
  [
    "a connection with a wrong encoding",
    "/gateway/ID/connect",
    "rivet, rivet_encoding.xml",
  ],
  ["a raw socket", "/gateway/ID/websocket/room"],
  ["a connection to an actor that is not there", "/gateway/missing/connect"],
  ["a raw socket to an actor that is not there", "/gateway/missing/websocket"],
  [
    "a query for an actor that is not there",
    "/gateway/thing/connect?rvt-method=get&rvt-namespace=default&rvt-key=b",
  ],
  ["a socket to no route", "/gateway/ID/nothing"],
  ["a socket to no path", "/nothing"],
];

for (const [name, path, protocols] of targets) {
  test(`${name} that is refused again and again is told so later and later`, () =>
    withThing(async (site, id) => {
      const target = path.replace("ID", id);
      for (const [times, delayMs] of later.entries()) {
        assertEquals(
          [times, await waitOf(site, target, { protocols })],
          [times, delayMs],
        );
      }
    }));
}

test("a caller who connects anew without a pause comes less than 5 times a second", () =>
  withThing(async (site, id) => {
    const { clock } = site.world;
    const start = clock.now();
    const seconds = new Map<number, number>();
    while (clock.now() < start + 20_000) {
      const second = Math.floor((clock.now() - start) / 1000);
      seconds.set(second, (seconds.get(second) ?? 0) + 1);
      await waitOf(site, `/gateway/${id}/connect`);
    }
    for (const [second, count] of seconds) {
      assert(count < 5, `${count} in second ${second}`);
    }
    const params = { isWelcome: true };
    const handle = site.world.client.thing.getForId(id, { params });
    assertEquals(await handle.asked(), 10 + 1);
  }));

const others: [name: string, from: From, path?: string][] = [
  ["of another address", { address: "192.0.2.2" }],
  ["behind a proxy", { headers: { "x-forwarded-for": "198.51.100.1" } }],
  ["of another actor", {}, "/gateway/missing/connect"],
  [
    "of another key",
    {},
    "/gateway/thing/connect?rvt-method=get&rvt-namespace=default&rvt-key=b",
  ],
];

for (const [name, from, path] of others) {
  test(`a caller ${name} is refused at once, whoever else is not`, () =>
    withThing(async (site, id) => {
      const own = `/gateway/${id}/connect`;
      for (const delayMs of later.slice(0, 3)) {
        assertEquals(await waitOf(site, own), delayMs);
      }
      assertEquals(await waitOf(site, path ?? own, from), 0);
      assertEquals(await waitOf(site, own), 1000);
    }));
}

test("a caller that is let in does not wait, however often it was refused", () =>
  withThing(async (site, id) => {
    for (let i = 0; i < 6; i++) await waitOf(site, `/gateway/${id}/connect`);
    const from = { protocols: welcome };
    const wire = await ask(site, `/gateway/${id}/connect`, from);
    assertEquals(wire.messages.map(({ tag }) => tag), ["Init"]);
    const raw = await ask(site, `/gateway/${id}/websocket`, from);
    assertEquals(raw.sent, ["hello"]);
  }));

test("a caller that has not been refused for 10 seconds is told at once", () =>
  withThing(async (site, id) => {
    const path = `/gateway/${id}/connect`;
    const { clock } = site.world;
    for (let i = 0; i < 3; i++) await waitOf(site, path);
    await clock.pass(9_400);
    assertEquals(await waitOf(site, path), 1000);
    await clock.pass(9_000);
    assertEquals(await waitOf(site, path), 0);
  }));

test("the message and the close come together", () =>
  withThing(async (site, id) => {
    const path = `/gateway/${id}/connect`;
    await waitOf(site, path);
    const wire = await ask(site, path);
    await site.world.clock.pass(249);
    assertEquals([wire.sent, wire.closedWith], [[], undefined]);
    await site.world.clock.pass(1);
    assertEquals(wire.messages.map(({ tag, val }) => [tag, val.actionId]), [
      ["Error", null],
    ]);
    assertEquals(wire.closedWith, "1011 user.closed");
  }));

for (const path of ["/gateway/ID/connect", "/gateway/ID/websocket"]) {
  test(`what a caller sends while it waits is nothing, at ${path}`, () =>
    withThing(async (site, id) => {
      const target = path.replace("ID", id);
      await waitOf(site, target);
      const wire = await ask(site, target);
      wire.say("x".repeat(maxIncomingBytes + 1));
      for (let i = 0; i < 2_000; i++) wire.say("{}");
      await site.world.clock.settle();
      assertEquals(wire.closedWith, undefined);
      await site.world.clock.pass(250);
      assertEquals(wire.closedWith, "1011 user.closed");
    }));

  test(`a caller that hangs up while it waits leaves nothing, at ${path}`, () =>
    withThing(async (site, id) => {
      const target = path.replace("ID", id);
      await waitOf(site, target);
      const wire = await ask(site, target);
      wire.hangUp();
      await site.world.clock.pass(1000);
      assertEquals([wire.sent, wire.closedWith], [[], "1000 "]);
    }));
}

test("a refused call waits for nothing, however often it comes", () =>
  withThing(async (site, id) => {
    const start = site.world.clock.now();
    for (let i = 0; i < 10; i++) {
      const [status] = await site.json(`POST /gateway/${id}/action/asked`, {
        body: { args: [] },
      });
      assertEquals(status, 400);
    }
    assertEquals(site.world.clock.now(), start);
  }));

/** A socket that remembers when it was closed. */
class Closing implements Socket {
  readonly remoteAddress: string;
  readonly bufferedBytes = 0;
  readonly told: string[] = [];

  constructor(remoteAddress = "") {
    this.remoteAddress = remoteAddress;
  }

  send(frame: string | Uint8Array<ArrayBuffer>): void {
    this.told.push(String(frame));
  }

  close(code: number, reason: string): void {
    this.told.push(`${code} ${reason}`);
  }
}

const reason = "user.closed";

test("5,000 refusals may wait; one more is told at once, and takes the place of one that has gone", () => {
  const throttle = new Throttle(new VirtualClock(0));
  const refuse = (caller: string) => {
    const socket = new Closing();
    const refusal = throttle.refuse(socket, { caller, reason });
    return { refusal, isTold: socket.told.length > 0 };
  };
  for (let i = 0; i < 5000; i++) refuse(`${i}`);
  const held = Array.from({ length: 5000 }, (_, i) => refuse(`${i}`));
  assert(held.every(({ isTold }) => !isTold));
  assert(refuse("0").isTold);
  held[0]!.refusal.cancel();
  assert(!refuse("0").isTold);
  assert(refuse("0").isTold);
});

test("10,000 callers are remembered, those who were refused last", () => {
  const throttle = new Throttle(new VirtualClock(0));
  const isTold = (caller: string) => {
    const socket = new Closing();
    throttle.refuse(socket, { caller, reason });
    return socket.told.length > 0;
  };
  for (let i = 0; i < 10_001; i++) isTold(`${i}`);
  assert(!isTold("1"));
  assert(isTold("0"));
});

test("whoever waits is told when the server stops, and nothing stays behind", async () => {
  const clock = new VirtualClock(0);
  const throttle = new Throttle(clock);
  const sockets = Array.from({ length: 8 }, () => new Closing("192.0.2.1"));
  for (const socket of sockets) {
    throttle.refuse(socket, { caller: "a", frame: "why", reason });
  }
  throttle.release();
  await clock.pass(60_000);
  for (const { told } of sockets) {
    assertEquals(told, ["why", "1011 user.closed"]);
  }
  assertEquals(clock.waiting, 0);
});

test("a caller is known by no more than the start of a long path", () => {
  const request = new Request("http://actors.test/", {
    headers: { "x-forwarded-for": "a".repeat(10_000) },
  });
  assert(callerOf(request, "b".repeat(10_000)).length < 500);
});
