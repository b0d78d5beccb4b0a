// Requests that hardly any client would make: of every route, with odd names, queries, headers and
// bodies.

import { bareFor } from "../../src/protocol/bare.ts";
import { cborFor } from "../../src/protocol/cbor.ts";
import { json } from "../../src/protocol/json.ts";
import type { Frame } from "../../src/protocol/messages.ts";
import { garbageOf } from "../protocol/garbage.ts";
import type { Random } from "../protocol/random.ts";

const encodings = { bare: bareFor(4), cbor: cborFor("2.3"), json };

/** What an odd request consists of. */
export interface OddRequest {
  method: string;
  /** With the query. */
  path: string;
  headers: [name: string, value: string][];
  body: Frame | undefined;
}

/**
 * A request to the actor of this id, or to something else. Most are odd in one thing, so that the others
 * do not keep that from being looked at.
 */
export function oddRequest(random: Random, actorId: string): OddRequest {
  const encoding = random.of(encodingNames);
  const request: OddRequest = {
    method: "POST",
    path: `/gateway/${actorId}/${random.of(["action/echo", "queue/jobs"])}`,
    headers: [["x-rivet-encoding", encoding]],
    body: oddFrame(random, encoding),
  };
  if (random.once(8)) request.method = random.of(methods);
  switch (random.below(8)) {
    case 0:
      request.path = "/actors";
      request.body = restBody(random);
      break;
    case 1:
    case 2:
      request.path = `/gateway/thing/action/echo?${usualQuery}`;
      if (random.once(2)) request.path += `&${oddPair(random)}`;
      break;
    case 3: {
      request.path = oddPath(random, actorId);
      const pairs = random.many(random.below(5), () => oddPair(random));
      if (random.once(2)) request.path += `?${pairs.join("&")}`;
    }
  }
  for (const [header, make] of Object.entries(headerValues)) {
    if (random.once(40)) request.headers.push([header, make(random, actorId)]);
  }
  const { method } = request;
  if (method === "GET" || method === "HEAD") request.body = undefined;
  return request;
}

/** The path of a request to the actor of this id, or to something else. */
export function oddPath(random: Random, actorId: string): string {
  const base = random.once(4) ? random.of(["/api/rivet", "/api", "//"]) : "";
  if (random.once(5)) return base + random.of(others)(random, actorId);
  const target = random.once(2)
    ? actorId
    : random.of(["thing", "missing", "", "%", "%ff", "a@b", "@", "a/b", "é"]);
  return `${base}/gateway/${target}/${random.of(endpoints)(random)}`;
}

/** Sub-protocols to offer. */
export function oddProtocols(random: Random, encoding: string): string {
  const count = random.once(3) ? random.below(3) : 0;
  const items = random.many(count, () =>
    random.of([
      "rivet_encoding.xml",
      "rivet_conn_params.%7B%7D",
      "rivet_conn_params.%5B%22%24BigInt%22%2C%22x%22%5D",
      "rivet_conn_params.%",
      "rivet_conn_params.",
      "rivet_target.actor",
      "rivet_actor.missing",
      "rivet_token.x",
      "rivet_",
      "other",
      "",
    ]));
  return ["rivet", `rivet_encoding.${encoding}`, ...items].join(", ");
}

/** A frame for an encoding. */
export function oddFrame(random: Random, encoding: string): Frame {
  return garbageOf(random, encodings[encoding as keyof typeof encodings]);
}

/** The names of the encodings that there are. */
export const encodingNames = Object.keys(encodings);

const methods = ["GET", "PUT", "DELETE", "OPTIONS", "PATCH", "HEAD", "ODD"];

const endpoints: ((random: Random) => string)[] = [
  () => "action/echo",
  () => "action/echo",
  () => "queue/jobs",
  (random) => `action/${oddText(random)}`,
  (random) => `queue/${oddText(random)}`,
  (random) => `request/${oddText(random)}`,
  (random) => `websocket/${oddText(random)}`,
  () => "connect",
  () => "health",
  () => "metadata",
  () => "",
  oddText,
];

const others: ((random: Random, actorId: string) => string)[] = [
  () => "/actors",
  () => "/actors",
  () => "/actors/names",
  () => "/metadata",
  () => "/health",
  () => "/",
  (random) => `/actors/${oddText(random)}`,
  (random, actorId) => `/actors/${actorId}/http/${oddText(random)}`,
  (random) => `/${oddText(random)}`,
  () => "/action/echo",
];

const headerValues: Record<
  string,
  (random: Random, actorId: string) => string
> = {
  "x-rivet-encoding": (random) => random.of(["xml", "", "BARE", "__proto__"]),
  "x-rivet-conn-params": (random) => latin(oddFrame(random, "json")),
  "x-rivet-token": headerText,
  "x-rivet-target": (random) => random.of(["actor", "x", ""]),
  "x-rivet-actor": (random, actorId) =>
    random.of([actorId, "missing", "", "x".repeat(5_000)]),
  "authorization": (random) => `Bearer${" ".repeat(random.below(9))}`,
  "content-type": headerText,
  "origin": headerText,
  "access-control-request-headers": headerText,
  "user-agent": (random) =>
    `RivetKit/${random.of(["2.3.19", "9".repeat(400), "2", "2.", "x.y"])}`,
  "sec-websocket-protocol": headerText,
  "x-forwarded-for": headerText,
};

const usualQuery =
  "rvt-namespace=default&rvt-method=getOrCreate&rvt-runner=default&rvt-key=a";

function oddPair(random: Random): string {
  const name = random.of(queryNames);
  return random.once(9) ? name : `${name}=${random.of(queryValues)(random)}`;
}

const queryNames = ["namespace", "method", "runner", "pool", "key", "input"]
  .concat(["region", "crash-policy", "token", "skip-ready-wait", "odd"])
  .map((name) => `rvt-${name}`)
  .concat(["actor_ids", "name", "key", "namespace", "", "x"]);

const queryValues: ((random: Random) => string)[] = [
  oddText,
  () => "get",
  () => "getOrCreate",
  () => "default",
  () => "a,b,,",
  () => "AA",
  () => "thing",
  (random) => `k${random.below(50)}`,
  (random) =>
    random.bytes(random.below(20)).toBase64({ alphabet: "base64url" }),
  () => "x".repeat(2_000),
  () => ",".repeat(200),
];

function restBody(random: Random): string {
  const text = () => JSON.stringify(random.of(["thing", "", "a/b", "\\", "é"]));
  const input = random.bytes(random.below(20)).toBase64();
  const key = random.of([text(), `"k${random.below(50)}"`, "7", "null"]);
  return `{"name":${random.once(4) ? text() : '"thing"'},"key":${key},` +
    `"input":${random.of([`"${input}"`, "null", "7", '"*"'])},"__proto__":{}}`;
}

function oddText(random: Random): string {
  return random.of([
    "x",
    "echo",
    "__proto__",
    "constructor",
    "..",
    "%2e%2e",
    "%",
    "%zz",
    "%00",
    "%ed%a0%80",
    "a%2Fb",
    "x".repeat(random.below(2_000)),
    encodeURIComponent(latin(random.bytes(random.below(12)))),
    "é?",
    "#",
    ";a=b",
    "\\",
  ]);
}

function headerText(random: Random): string {
  return latin(random.bytes(random.below(30)));
}

// What a header can hold: no controls, each byte a unit of its own.
function latin(frame: Frame): string {
  const text = typeof frame === "string"
    ? frame.slice(0, 2_000)
    : String.fromCharCode(...frame.subarray(0, 2_000));
  return text.replace(/[^\x20-\x7e\x80-\xff]/g, "?").trim();
}
