// Which pages may read what the server answers: all of them, whatever it is.

import { assertEquals } from "@std/assert";
import { actor } from "../../src/definition/actor.ts";
import { queue } from "../../src/definition/schema.ts";
import { test } from "../harness.ts";
import { Site } from "./site.ts";

const things = {
  thing: actor({
    queues: { jobs: queue<number>() },
    onRequest: (_c, request) => {
      if (request.url.endsWith("/bug")) throw new Error("a bug");
      return new Response("raw", { headers: { vary: "Accept" } });
    },
    actions: {
      read: () => 1,
      bug: () => {
        throw new Error("a bug");
      },
    },
  }),
};

const origin = "https://app.test";
const targets: [target: string, status: number, body?: unknown][] = [
  ["GET /", 200],
  ["GET /health", 200],
  ["GET /metadata", 200],
  ["GET /nothing", 404],
  ["GET /actors", 400],
  ["GET /actors?name=thing", 200],
  ["PUT /actors", 200, { name: "thing", key: "a" }],
  ["PUT /actors", 400, {}],
  ["GET /gateway/ID/nothing", 404],
  ["GET /gateway/ID/connect", 426],
  ["GET /gateway/ID/action/read", 405],
  ["POST /gateway/ID/action/read", 200, {}],
  ["POST /gateway/ID/action/bug", 500, {}],
  ["POST /gateway/ID/action/read", 400, "no JSON"],
  ["POST /gateway/missing/action/read", 404, {}],
  ["POST /gateway/thing/action/read?rvt-method=put", 400, {}],
  ["POST /gateway/ID/queue/jobs", 200, { body: 1 }],
  ["GET /gateway/ID/request/x", 200],
  ["HEAD /gateway/ID/request/x", 200],
  ["GET /gateway/ID/request/bug", 500],
];

test("every answer may be read by the page that asked for it, with its credentials; one to a POST of no page says nothing of that", async () => {
  await using site = await Site.open(things);
  const id = await site.world.client.thing.getOrCreate("a").resolve();
  for (const [target, status, body] of targets) {
    const own = target.includes("/request/x") ? "Accept, " : "";
    const nobody = target.startsWith("POST ");
    for (
      const [headers, allowed, vary] of [
        [{ origin }, origin, `${own}Origin`],
        [{}, nobody ? null : "*", own === "" ? null : "Accept"],
      ] as const
    ) {
      const path = target.replace("ID", id);
      const response = await site.ask(path, { headers, body });
      await response.body?.cancel();
      const told = ["allow-origin", "allow-credentials", "expose-headers"]
        .map((name) => response.headers.get(`access-control-${name}`));
      assertEquals(
        [target, response.status, ...told, response.headers.get("vary")],
        [target, status, ...allow(allowed), vary],
      );
    }
  }
});

function allow(origin: string | null): (string | null)[] {
  return origin === null ? [null, null, null] : [origin, "true", "*"];
}

test("what a page may send is told it on every path, and nobody is asked", async () => {
  await using site = await Site.open(things, { acceptTokens: ["secret"] });
  for (
    const path of ["/", "/actors", "/gateway/missing/action/x", "/nothing"]
  ) {
    for (
      const [asked, allowed] of [
        ["content-type,x-rivet-encoding", "content-type,x-rivet-encoding"],
        [undefined, "*"],
      ] as const
    ) {
      const headers: Record<string, string> = { origin };
      if (asked !== undefined) {
        headers["access-control-request-headers"] = asked;
      }
      const response = await site.ask(`OPTIONS ${path}`, { headers });
      assertEquals([response.status, await response.text()], [204, ""]);
      assertEquals(
        Object.fromEntries(response.headers),
        {
          "access-control-allow-credentials": "true",
          "access-control-allow-headers": allowed,
          "access-control-allow-methods":
            "GET, POST, PUT, DELETE, OPTIONS, PATCH",
          "access-control-allow-origin": origin,
          "access-control-expose-headers": "*",
          "access-control-max-age": "86400",
          vary: "Origin",
        },
      );
    }
  }
});
