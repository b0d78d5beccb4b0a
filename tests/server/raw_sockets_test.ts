// The route of raw sockets, and what the handler sees of the request for one.

import { assertEquals } from "@std/assert";
import { actor } from "../../src/definition/actor.ts";
import { UserError } from "../../src/errors.ts";
import { test } from "../harness.ts";
import { maxIncomingBytes, Site } from "./site.ts";

const longReason = "é".repeat(100);
const longError = () => new UserError("no", { code: longReason });

const things = {
  thing: actor({
    createConnState: (_c, params: unknown) => ({ params }),
    onWebSocket(c, socket) {
      const { url, headers } = c.request!;
      socket.onmessage = ({ data }) => socket.send(data);
      socket.send(
        JSON.stringify({
          url,
          protocol: socket.protocol,
          headers: Object.fromEntries(headers),
          params: c.conn.state.params ?? null,
        }),
      );
    },
    actions: { conns: (c) => c.conns.size },
  }),
  leaving: actor({
    onBeforeConnect(c) {
      if (c.request!.url.endsWith("/refuse")) throw longError();
    },
    onWebSocket(c, socket) {
      const { pathname } = new URL(c.request!.url);
      if (pathname.endsWith("/throw")) throw longError();
      if (pathname.endsWith("/disconnect")) void c.conn.disconnect(longReason);
      if (pathname.endsWith("/close")) socket.close(4000, longReason);
    },
  }),
  silent: actor({
    actions: {},
    options: {
      connectionLivenessInterval: 700,
      connectionLivenessTimeout: 300,
      sleepTimeout: 1_000,
    },
  }),
};

async function withThing(
  run: (site: Site<typeof things>, id: string) => Promise<void>,
): Promise<void> {
  await using site = await Site.open(things);
  const id = await site.world.client.thing.getOrCreate("a").resolve();
  await run(site, id);
}

const paths: [path: string, seen: string][] = [
  ["/websocket", "/websocket/"],
  ["/websocket/", "/websocket/"],
  ["/websocket?x=1", "/websocket/?x=1"],
  ["/websocket/chat/room?x=1&y=a%20b", "/websocket/chat/room?x=1&y=a%20b"],
];

for (const [path, seen] of paths) {
  test(`a raw socket to ${path} comes to onWebSocket as ${seen}`, () =>
    withThing(async (site, id) => {
      for (const base of [`/gateway/${id}`, `/api/rivet/gateway/${id}@token`]) {
        const wire = (await site.dial(base + path)).open();
        await site.world.clock.settle();
        assertEquals(
          JSON.parse(wire.sent[0]!).url,
          `http://actors.test${seen}`,
        );
        wire.hangUp();
      }
    }));
}

const offers: [offer: string | undefined, answer: string | undefined][] = [
  ["rivet, rivet_encoding.bare, own", "rivet"],
  ["own, other", "own"],
  [undefined, undefined],
];

for (const [offer, answer] of offers) {
  test(`the sub-protocols "${offer}" are answered with "${answer}"`, () =>
    withThing(async (site, id) => {
      // An absent argument would mean the default of `dial`.
      const wire = (await site.dial(`/gateway/${id}/websocket`, offer ?? ""))
        .open();
      await site.world.clock.settle();
      assertEquals(wire.protocol, answer);
      assertEquals(JSON.parse(wire.sent[0]!).protocol, answer ?? "");
      wire.hangUp();
    }));
}

test("onWebSocket sees the caller's params and sub-protocols, and nothing internal", () =>
  withThing(async (site, id) => {
    const params = encodeURIComponent('{"name":"ann"}');
    const wire = (await site.dial(
      `/gateway/${id}/websocket`,
      `rivet, rivet_conn_params.${params}, rivet_token.secret, own`,
    )).open();
    await site.world.clock.settle();
    const seen = JSON.parse(wire.sent[0]!);
    assertEquals(seen.params, { name: "ann" });
    assertEquals(seen.headers["sec-websocket-protocol"], "own");
    wire.hangUp();
  }));

test("a socket may name its actor by sub-protocols, which onWebSocket does not see", () =>
  withThing(async (site, id) => {
    const named = `rivet, rivet_encoding.json, rivet_target.actor, ` +
      `rivet_actor.${id}, rivet_token.tok, rivet_skip_ready_wait`;
    for (const base of ["", "/api/rivet"]) {
      const wire = (await site.dial(`${base}/websocket/a?x=1`, `${named}, own`))
        .open();
      await site.world.clock.settle();
      const { url, headers } = JSON.parse(wire.sent[0]!);
      assertEquals(url, "http://actors.test/websocket/a?x=1");
      assertEquals(headers["sec-websocket-protocol"], "own");
      wire.hangUp();
    }
    const connection = (await site.dial("/connect", named)).open();
    await site.world.clock.settle();
    assertEquals(connection.messages[0].tag, "Init");
    connection.hangUp();
    const nobody = await site.dial("/connect", "rivet, rivet_target.actor");
    nobody.open();
    assertEquals(nobody.closedWith, "1011 request.missing_actor_header");
  }));

test("frames that come before the socket is let in are taken in their order, of any length", () =>
  withThing(async (site, id) => {
    const wire = (await site.dial(`/gateway/${id}/websocket`)).open();
    const long = "x".repeat(maxIncomingBytes + 1);
    wire.say("one").say(long).say("three");
    await site.world.clock.settle();
    assertEquals(wire.sent.slice(1), ["one", long, "three"]);
    wire.hangUp();
  }));

test("a caller that hangs up before it is let in leaves nothing", () =>
  withThing(async (site, id) => {
    const wire = (await site.dial(`/gateway/${id}/websocket`)).open();
    wire.hangUp();
    const early = await site.dial(`/gateway/${id}/websocket`);
    early.hangUp(); // The handshake fails: it is never open.
    await site.world.clock.settle();
    assertEquals(await site.world.client.thing.getForId(id).conns(), 1);
  }));

for (
  const [how, told] of [
    ["refuse", `1011 user.${"é".repeat(59)}`],
    ["throw", `1011 user.${"é".repeat(59)}`],
    ["disconnect", `1000 ${"é".repeat(61)}`],
    ["close", `4000 ${"é".repeat(61)}`],
  ]
) {
  test(`the reason of an actor that ends a raw socket by ${how} is cut to what fits a frame`, () =>
    withThing(async (site) => {
      const id = await site.world.client.leaving.getOrCreate("a").resolve();
      const wire = (await site.dial(`/gateway/${id}/websocket/${how}`)).open();
      await site.world.clock.settle();
      assertEquals(wire.closedWith, told);
    }));
}

test("what is wrong with a raw socket is told by its close", () =>
  withThing(async (site, id) => {
    const silent = await site.world.client.silent.getOrCreate("a").resolve();
    for (
      const [path, protocols, reason] of [
        [
          `/gateway/${silent}/websocket`,
          "rivet",
          "handler.websocket_not_defined",
        ],
        ["/gateway/missing/websocket", "rivet", "actor.not_found"],
        [
          `/gateway/${id}/websocket`,
          "rivet, rivet_conn_params.%7B",
          "params.invalid",
        ],
      ] as const
    ) {
      const wire = (await site.dial(path, protocols)).open();
      await site.world.clock.settle();
      assertEquals(wire.closedWith, `1011 ${reason}`);
    }
  }));

test("a socket is watched as its actor's options say, also while that sleeps", () =>
  withThing(async (site, id) => {
    const silent = await site.world.client.silent.getOrCreate("a").resolve();
    const own = { intervalMs: 700, timeoutMs: 300 };
    for (const path of ["connect", "websocket"]) {
      for (const sleepMs of [0, 2_000]) {
        await site.world.clock.pass(sleepMs);
        const wire = await site.dial(`/gateway/${silent}/${path}`);
        assertEquals(wire.liveness, own);
        wire.hangUp();
        await site.world.clock.settle();
      }
      const other = await site.dial(`/gateway/${id}/${path}`);
      assertEquals(other.liveness, { intervalMs: 5_000, timeoutMs: 2_500 });
      other.hangUp();
    }
    const nobody = await site.dial("/gateway/missing/websocket");
    assertEquals(nobody.liveness, undefined);
    nobody.hangUp();
  }));

test("a request without an upgrade is told what the path takes", () =>
  withThing(async (site, id) => {
    const [status, body] = await site.json(`/gateway/${id}/websocket/x`);
    assertEquals(status, 426);
    assertEquals((body as { code: string }).code, "upgrade_required");
  }));
