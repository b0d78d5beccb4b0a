import { assertEquals } from "@std/assert";
import {
  actionPath,
  connectPath,
  formatProtocols,
  parseActorPath,
  parseProtocols,
  parseRoute,
  parseTarget,
} from "../../src/protocol/routes.ts";
import { test } from "../harness.ts";

const base = "/api/rivet";
const route = (path: string) =>
  parseRoute(new URL(path, "http://actors.test"), base);

test("every route is there below the base path and at the root", () => {
  const paths = [
    "/",
    "/health",
    "/metadata",
    "/actors",
    "/actors/names",
    "/gateway/a1/connect",
  ];
  for (const path of paths) assertEquals(route(base + path), route(path));
  assertEquals(route(base), { kind: "root" });
  assertEquals(route("/api/rivetx"), { kind: "unknown" });
});

test("an action path is read as it was written, whatever its names", () => {
  for (const name of ["add", "a/b ?#é", "users.add", "%2F"]) {
    assertEquals(route(actionPath("id with /", name)), {
      kind: "actor",
      actorId: "id with /",
      token: undefined,
      endpoint: { kind: "action", name },
    });
  }
});

test("a connect path carries a token", () => {
  assertEquals(route(connectPath("a1", "t/k@1")), {
    kind: "actor",
    actorId: "a1",
    token: "t/k@1",
    endpoint: { kind: "connect" },
  });
});

test("raw paths keep what is behind them", () => {
  const endpoint = (path: string) => {
    const found = route(path);
    return found.kind === "actor" ? found.endpoint : undefined;
  };
  assertEquals(endpoint("/gateway/a1/request/x/y/"), {
    kind: "request",
    path: "/x/y/",
  });
  assertEquals(endpoint("/gateway/a1/websocket"), {
    kind: "websocket",
    path: "/",
  });
});

test("paths that name no actor are unknown", () => {
  const paths = [
    "/gateway/",
    "/gateway//connect",
    "/gateway/@token/connect",
    "/gateway/a1@/connect",
    "/gateway/%ff/connect",
    "/gateway/a1//connect",
    "/nothing",
  ];
  for (const path of paths) assertEquals(route(path), { kind: "unknown" });
});

test("the sub-protocols of a connection are read as they were offered", () => {
  const params = { name: "Ada (the first)", quote: "it's", smile: "☺" };
  const offer = parseProtocols(formatProtocols("json", params).join(", "));
  assertEquals(offer.hasProtocol, true);
  assertEquals(offer.encoding, "json");
  assertEquals(JSON.parse(offer.params!), params);
  assertEquals(parseProtocols(null), {
    hasProtocol: false,
    encoding: undefined,
    params: undefined,
  });
});

test("headers or sub-protocols name an actor, whose own path the path then is", () => {
  const target = (headers: Record<string, string>) =>
    parseTarget(new Headers(headers));
  assertEquals(target({}), undefined);
  assertEquals(target({ "x-rivet-actor": "a1" }), undefined);
  assertEquals(
    target({ "x-rivet-target": "runner", "x-rivet-actor": "a1" }),
    undefined,
  );
  assertEquals(target({ "x-rivet-target": "actor" }), "");
  assertEquals(
    target({ "x-rivet-target": "actor", "x-rivet-actor": "a1" }),
    "a1",
  );
  const offer = (protocols: string) =>
    target({ "sec-websocket-protocol": protocols });
  assertEquals(offer("rivet,rivet_target.actor,rivet_actor.a%2F1"), "a/1");
  assertEquals(offer("rivet, rivet_target.actor"), "");
  assertEquals(offer("rivet, rivet_actor.a1"), undefined);
  for (const pathname of ["/request/x/y", `${base}/request/x/y`]) {
    assertEquals(
      parseActorPath(pathname, { actorId: "a1", basePath: base }),
      route("/gateway/a1/request/x/y"),
    );
  }
});
