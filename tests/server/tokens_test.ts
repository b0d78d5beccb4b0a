// Tokens: where a caller may have his, and who is let in.

import { assert, assertEquals } from "@std/assert";
import { actor } from "../../src/definition/actor.ts";
import { test } from "../harness.ts";
import { Site } from "./site.ts";

// deno-lint-ignore no-explicit-any -- JSON of whatever shape
type Json = any;

const things = {
  thing: actor({
    state: { n: 0 },
    onRequest: () => new Response("raw"),
    onWebSocket: (_c, socket) => socket.send("hello"),
    actions: { add: (c) => ++c.state.n },
  }),
};

const good = "t/k@1%";
const acceptTokens = ["next", good];
const inPath = encodeURIComponent(good);

async function withThing(
  run: (site: Site<typeof things>, id: string) => Promise<void>,
  options: { acceptTokens?: readonly string[] } = { acceptTokens },
): Promise<void> {
  await using site = await Site.open(things, options);
  const id = await site.world.client.thing.getOrCreate("a").resolve();
  await run(site, id);
}

const query = (token?: string) =>
  "rvt-namespace=default&rvt-method=get&rvt-key=a" +
  (token === undefined ? "" : `&rvt-token=${encodeURIComponent(token)}`);

interface Way {
  name: string;
  path: (id: string) => string;
  headers?: Record<string, string>;
  protocols?: string;
}

const ways: Way[] = [
  { name: "in the path", path: (id) => `/gateway/${id}@${inPath}` },
  { name: "in the query", path: () => `/gateway/thing?${query(good)}` },
  {
    name: "in x-rivet-token",
    path: (id) => `/gateway/${id}`,
    headers: { "x-rivet-token": good },
  },
  {
    name: "in x-rivet-token of a query",
    path: () => `/gateway/thing?${query()}`,
    headers: { "x-rivet-token": good },
  },
  {
    name: "as that of a bearer",
    path: (id) => `/gateway/${id}`,
    headers: { authorization: `bearer ${good}` },
  },
  {
    name: "among the sub-protocols",
    path: (id) => `/gateway/${id}`,
    protocols: `rivet, rivet_token.${good}`,
  },
  {
    name: "among the sub-protocols that name the actor",
    path: () => "",
    protocols: "rivet, rivet_target.actor, ACTOR, rivet_token.next",
  },
];

// The path of an endpoint of the actor: before the query, if there is one.
function at(way: Way, id: string, endpoint: string): string {
  const [path, search] = way.path(id).split("?");
  return path + endpoint + (search === undefined ? "" : `?${search}`);
}

for (const way of ways) {
  test(`a token ${way.name} lets a caller in`, () =>
    withThing(async (site, id) => {
      const { headers = {} } = way;
      const protocols = (way.protocols ?? "rivet")
        .replace("ACTOR", `rivet_actor.${id}`);
      const wire =
        (await site.dial(at(way, id, "/connect"), protocols, headers))
          .open();
      const raw =
        (await site.dial(at(way, id, "/websocket"), protocols, headers))
          .open();
      await site.world.clock.settle();
      assertEquals(wire.messages[0].tag, "Init");
      assertEquals(raw.sent, ["hello"]);
      wire.hangUp();
      raw.hangUp();
      if (way.protocols !== undefined) return;
      assertEquals(
        await site.json(`POST ${at(way, id, "/action/add")}`, {
          body: {},
          headers,
        }),
        [200, { output: 1 }],
      );
      const answer = await site.ask(at(way, id, "/request/x"), { headers });
      assertEquals(await answer.text(), "raw");
    }));
}

test("a token that goes before another counts alone", () =>
  withThing(async (site, id) => {
    const cases: [
      path: string,
      headers: Record<string, string>,
      ok: boolean,
    ][] = [
      [`/gateway/${id}@${inPath}`, { "x-rivet-token": "wrong" }, true],
      [`/gateway/${id}@wrong`, { "x-rivet-token": good }, false],
      [`/gateway/thing?${query(good)}`, { "x-rivet-token": "wrong" }, true],
      [`/gateway/thing?${query("wrong")}`, { "x-rivet-token": good }, false],
      [`/gateway/${id}`, {
        "sec-websocket-protocol": `rivet_token.wrong`,
        "x-rivet-token": good,
      }, false],
      [`/gateway/${id}`, {
        "x-rivet-token": good,
        authorization: "Bearer wrong",
      }, true],
      [`/gateway/${id}`, {
        "x-rivet-token": "wrong",
        authorization: `Bearer ${good}`,
      }, false],
    ];
    for (const [path, headers, ok] of cases) {
      const { status } = await site.ask(path, { headers });
      assertEquals([path, headers, status], [path, headers, ok ? 200 : 403]);
    }
  }));

const wrong = ["", "wrong", "nex", "nextt", "NEXT", `${good}${good}`];

test("without a token that is accepted every route of the actors answers 403", () =>
  withThing(async (site, id) => {
    const targets = [
      "PUT /actors",
      "POST /actors",
      "GET /actors?name=thing",
      `GET /actors?actor_ids=${id}`,
      "GET /actors/names",
      `POST /gateway/${id}/action/add`,
      `POST /gateway/${id}/queue/q`,
      `GET /gateway/${id}/request/x`,
      `GET /gateway/${id}/health`,
      `GET /gateway/${id}/metadata`,
      `GET /gateway/${id}`,
      `GET /gateway/${id}/nothing`,
      `GET /gateway/missing`,
      "GET /actors/thing/http/x",
      `POST /gateway/thing/action/add?${query()}`,
      `GET /gateway/thing/connect?${query()}`,
    ];
    for (const target of targets) {
      const body = /^P/.test(target) ? { body: { name: "thing" } } : {};
      for (const base of ["", "/api/rivet"]) {
        const path = target.replace(" ", ` ${base}`);
        const [status, error] = await site.json(path, body) as [number, Json];
        assertEquals(
          [path, status, error],
          [path, 403, {
            group: "auth",
            code: "forbidden",
            message: "The request has no token",
          }],
        );
      }
    }
    for (const token of wrong) {
      for (const name of ["x-rivet-token", "authorization"]) {
        const value = name === "authorization" ? `Bearer ${token}` : token;
        const [status, error] = await site.json("/actors/names", {
          headers: { [name]: value },
        }) as [number, Json];
        assertEquals([status, error.code], [403, "forbidden"], token);
        assert(!JSON.stringify(error).includes("nex"), "it shows a token");
      }
    }
    const named = { "x-rivet-target": "actor", "x-rivet-actor": id };
    assertEquals(
      (await site.ask("/request/x", { headers: named })).status,
      403,
    );
    assertEquals(site.world.log, []);
  }));

test("a socket without a token that is accepted is closed with 1011 auth.forbidden", () =>
  withThing(async (site, id) => {
    const offers = [
      "rivet",
      "rivet, rivet_token.wrong",
      "rivet, rivet_token.",
    ];
    for (const [index, protocols] of offers.entries()) {
      for (const endpoint of ["connect", "websocket/x"]) {
        const wire = (await site.dial(
          `/gateway/${id}/${endpoint}?n=${index}`,
          protocols,
        )).open();
        await site.world.clock.pass(4_000);
        assertEquals(wire.protocol, "rivet");
        assertEquals(wire.closedWith, "1011 auth.forbidden");
      }
    }
    assertEquals(await site.world.client.thing.getForId(id).add(), 1);
  }));

test("without a token anybody learns that there is a server, and where", () =>
  withThing(async (site) => {
    for (const base of ["", "/api/rivet"]) {
      for (const path of ["/", "/health", "/metadata"]) {
        const response = await site.ask(base + path);
        await response.body?.cancel();
        assertEquals([path, response.status], [path, 200]);
      }
      assertEquals((await site.ask(`${base}/nothing`)).status, 404);
      const preflight = await site.ask(`OPTIONS ${base}/gateway/a/action/add`);
      assertEquals(preflight.status, 204);
    }
  }));

test("callers of the same process need no token", () =>
  withThing(async (site) => {
    const handle = site.world.client.thing.getOrCreate("b");
    assertEquals(await handle.add(), 1);
    assertEquals(await (await handle.fetch("/x")).text(), "raw");
  }));

test("where no token is asked for, any is as good as none", () =>
  withThing(async (site, id) => {
    for (const way of ways.filter(({ protocols }) => protocols === undefined)) {
      const answer = await site.ask(at(way, id, "/request/x"), way);
      assertEquals(await answer.text(), "raw");
    }
    assertEquals((await site.ask("/actors/names")).status, 200);
  }, {}));
