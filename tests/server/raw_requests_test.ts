// The routes of raw requests, and what the handler sees of a request.

import { assert, assertEquals } from "@std/assert";
import { Hono } from "hono";
import { streamSSE } from "hono/streaming";
import { actor } from "../../src/definition/actor.ts";
import { test } from "../harness.ts";
import { maxIncomingBytes, Site } from "./site.ts";

const things = {
  thing: actor({
    state: { n: 0 },
    createConnState: (_c, params: unknown) => ({ params }),
    async onRequest(c, request) {
      const { pathname } = new URL(request.url);
      if (c.request !== request) throw new Error("c.request is another");
      switch (pathname) {
        case "/text":
          return new Response("a text", { headers: { "x-own": "1" } });
        case "/cookies": {
          const headers = new Headers();
          headers.append("set-cookie", "a=1");
          headers.append("set-cookie", "b=2");
          return new Response(null, { status: 204, headers });
        }
        case "/redirect":
          return Response.redirect("http://elsewhere.test/", 307);
        case "/cors":
          return new Response("", {
            headers: { "access-control-allow-origin": "http://own.test" },
          });
        case "/length":
          return Response.json((await request.bytes()).length);
      }
      return Response.json({
        url: request.url,
        method: request.method,
        headers: Object.fromEntries(request.headers),
        params: c.conn.state.params ?? null,
        body: await request.text(),
      });
    },
    actions: {},
  }),
};

async function withThing(
  run: (site: Site<typeof things>, id: string) => Promise<void>,
): Promise<void> {
  await using site = await Site.open(things);
  const id = await site.world.client.thing.getOrCreate().resolve();
  await run(site, id);
}

const paths: [path: string, seen: string][] = [
  ["/request/hello", "/hello"],
  ["/request/hello/", "/hello/"],
  ["/request/a%20b/%2Fc?q=1&z=a%20b+c", "/a%20b/%2Fc?q=1&z=a%20b+c"],
  ["/request/", "/"],
  ["/request", "/"],
  ["/request?x=1", "/?x=1"],
  ["/request/request/action/x", "/request/action/x"],
];

for (const [path, seen] of paths) {
  test(`a raw request to ${path} comes to onRequest as ${seen}`, () =>
    withThing(async (site, id) => {
      for (
        const base of [
          `/gateway/${id}`,
          `/api/rivet/gateway/${id}`,
          `/gateway/${id}@a%2Ftoken`,
        ]
      ) {
        const [status, body] = await site.json(base + path);
        assertEquals(status, 200);
        const { url } = body as { url: string };
        assertEquals(url, `http://actors.test${seen}`);
      }
    }));
}

test("the path that the documentation once gave comes to onRequest too", () =>
  withThing(async (site, id) => {
    for (const target of [id, "thing"]) {
      const [, body] = await site.json(`/actors/${target}/http/hello?x=1`);
      const { url } = body as { url: string };
      assertEquals(url, "http://actors.test/hello?x=1");
    }
    assertEquals((await site.ask("/actors/missing/http/x")).status, 404);
    assertEquals((await site.ask(`/actors/${id}/https/x`)).status, 404);
  }));

test("a raw request may name its actor by headers", () =>
  withThing(async (site, id) => {
    const headers = { "x-rivet-target": "actor", "x-rivet-actor": id };
    for (const base of ["", "/api/rivet"]) {
      const path = `${base}/request/a/b?x=1`;
      const [, body] = await site.json(path, { headers });
      const { url, headers: seen } = body as {
        url: string;
        headers: Record<string, string>;
      };
      assertEquals(url, "http://actors.test/a/b?x=1");
      assertEquals(Object.keys(seen).filter((name) => /rivet/.test(name)), []);
    }
  }));

for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE", "QUERY"]) {
  test(`onRequest sees the method ${method}, headers and params, and nothing internal`, () =>
    withThing(async (site, id) => {
      const hasBody = method !== "GET";
      const [, seen] = await site.json(`${method} /gateway/${id}/request/x`, {
        headers: {
          "x-own": "mine",
          "authorization": "Bearer mine",
          "x-rivet-token": "secret",
          "x-rivet-encoding": "json",
          "x-rivet-conn-params": '{"name":"ann"}',
        },
        ...(hasBody ? { body: "the body" } : {}),
      });
      // deno-lint-ignore no-explicit-any -- JSON of whatever shape
      const { headers, params, body, ...rest } = seen as any;
      assertEquals(rest, { url: "http://actors.test/x", method });
      assertEquals(headers["x-own"], "mine");
      assertEquals(headers["authorization"], "Bearer mine");
      assertEquals(
        Object.keys(headers).filter((name) => name.startsWith("x-rivet")),
        [],
      );
      assertEquals(params, { name: "ann" });
      assertEquals(body, hasBody ? "the body" : "");
    }));
}

test("HEAD comes to onRequest, and its response has no body", () =>
  withThing(async (site, id) => {
    const response = await site.ask(`HEAD /gateway/${id}/request/text`);
    assertEquals(response.status, 200);
    assertEquals(response.headers.get("x-own"), "1");
    assertEquals(await response.text(), "");
  }));

test("OPTIONS is answered by the server, and does not wake the actor", () =>
  withThing(async (site, id) => {
    const response = await site.ask(`OPTIONS /gateway/${id}/request/x`, {
      headers: { origin: "http://a.test" },
    });
    assertEquals(response.status, 204);
    const { headers } = response;
    assertEquals(headers.get("access-control-allow-origin"), "http://a.test");
    const missing = await site.ask("OPTIONS /gateway/missing/request/x");
    assertEquals(missing.status, 204);
  }));

test("status, cookies and redirects pass untouched", () =>
  withThing(async (site, id) => {
    const cookies = await site.ask(`/gateway/${id}/request/cookies`);
    assertEquals(cookies.status, 204);
    assertEquals(cookies.headers.getSetCookie(), ["a=1", "b=2"]);
    const redirect = await site.ask(`/gateway/${id}/request/redirect`);
    assertEquals(redirect.status, 307);
    assertEquals(redirect.headers.get("location"), "http://elsewhere.test/");
  }));

test("any origin may read a response, unless that says who may", () =>
  withThing(async (site, id) => {
    const headers = { origin: "http://a.test" };
    const allowed = async (path: string) =>
      (await site.ask(`/gateway/${id}/request/${path}`, { headers })).headers
        .get("access-control-allow-origin");
    assertEquals(await allowed("text"), "http://a.test");
    assertEquals(await allowed("cors"), "http://own.test");
  }));

test("a body may be longer than a message, and come in parts", () =>
  withThing(async (site, id) => {
    const parts = 50;
    let sent = 0;
    const body = new ReadableStream({
      pull(controller) {
        if (sent++ === parts) controller.close();
        else controller.enqueue(new Uint8Array(maxIncomingBytes));
      },
    });
    const [, length] = await site.json(`POST /gateway/${id}/request/length`, {
      body,
    });
    assertEquals(length, parts * maxIncomingBytes);
  }));

test("params that are no JSON are refused", () =>
  withThing(async (site, id) => {
    const [status, body] = await site.json(`/gateway/${id}/request/x`, {
      headers: { "x-rivet-conn-params": "{" },
    });
    assertEquals(status, 400);
    assertEquals((body as { code: string }).code, "invalid");
  }));

test("a raw request to nobody is answered with 404", () =>
  withThing(async (site) => {
    const [status, body] = await site.json("/gateway/missing/request/x");
    assertEquals(status, 404);
    const { group, code } = body as { group: string; code: string };
    assertEquals(`${group}/${code}`, "actor/not_found");
  }));

for (const [path, text] of [["", "actor"], ["/", "actor"], ["/health", "ok"]]) {
  test(`GET "${path}" of an actor is answered, and of nobody it is not`, () =>
    withThing(async (site, id) => {
      const response = await site.ask(`/gateway/${id}${path}`);
      assertEquals(response.status, 200);
      assert((await response.text()).includes(text!));
      const [status, body] = await site.json(`/gateway/missing${path}`);
      assertEquals(status, 404);
      assertEquals((body as { group: string }).group, "actor");
    }));
}

test("an app of another framework answers within an actor", async () => {
  const app = new Hono<{ Bindings: { add: () => number } }>();
  app.get("/count/:by", (c) => c.json(c.env.add() * Number(c.req.param("by"))));
  app.post("/echo", async (c) => c.text(await c.req.text()));
  app.get("/events", (c) =>
    streamSSE(c, async (stream) => {
      for (let i = 0; i < 3; i++) {
        await stream.writeSSE({ data: String(c.env.add()) });
        await new Promise((resolve) => setImmediate(resolve));
      }
    }));
  const counter = actor({
    state: { n: 0 },
    onRequest: (c, request) => app.fetch(request, { add: () => ++c.state.n }),
    actions: {},
  });
  await using site = await Site.open({ counter });
  const handle = site.world.client.counter.getOrCreate("a");
  const ask = async (...args: Parameters<typeof handle.fetch>) =>
    await (await handle.fetch(...args)).text();
  assertEquals(await ask("count/10"), "10");
  assertEquals(await ask("echo", { method: "POST", body: "hi" }), "hi");
  assertEquals(await ask("events"), "data: 2\n\ndata: 3\n\ndata: 4\n\n");
  assertEquals((await handle.fetch("nothing")).status, 404);
});

test("a request can be passed on to another actor as it is, and its response back", async () => {
  const inner = actor({
    onRequest: async (_c, request) =>
      new Response(`${request.method} ${await request.text()}`, {
        status: 201,
        headers: { "x-path": new URL(request.url).pathname },
      }),
    actions: {},
  });
  const outer = actor({
    onRequest: (c, request) => {
      const client = c.client<{ "~actors"?: { inner: typeof inner } }>();
      return client.inner.getOrCreate("b").fetch(request);
    },
    actions: {},
  });
  await using site = await Site.open({ inner, outer });
  const response = await site.world.client.outer.getOrCreate("a")
    .fetch("some/path", { method: "PUT", body: "text" });
  assertEquals(response.status, 201);
  assertEquals(response.headers.get("x-path"), "/some/path");
  assertEquals(await response.text(), "PUT text");
});
