// Paths, headers and sub-protocols: what a client writes and a server reads.
//
// Every route is served below the base path and at the root, so that a client's endpoint may carry
// the base path or not.

import { actorError } from "../errors.ts";
import { type GatewayQuery, notPercent, parseQuery } from "./query.ts";

/** Where a server answers unless it is told otherwise. */
export const defaultBasePath = "/api/rivet";

/** The names of the headers. */
export const headers = {
  encoding: "x-rivet-encoding",
  params: "x-rivet-conn-params",
  token: "x-rivet-token",
  target: "x-rivet-target",
  actor: "x-rivet-actor",
  skipReadyWait: "x-rivet-skip-ready-wait",
} as const;

/** The sub-protocol that every server answers with. */
export const protocol = "rivet";

const gatewayPrefix = "/gateway/";

const encodingPrefix = "rivet_encoding.";
const paramsPrefix = "rivet_conn_params.";
const targetPrefix = "rivet_target.";
const actorPrefix = "rivet_actor.";
const tokenPrefix = "rivet_token.";

/** What the path of a request means. */
export type Route =
  | { kind: "root" | "health" | "metadata" | "start" | "actors" | "names" }
  | { kind: "actor-by-id"; actorId: string }
  | { kind: "actor-http"; target: string; path: string }
  | ActorRoute
  | QueryRoute
  | { kind: "unknown" };

/** A path to one actor, through the gateway. */
export interface ActorRoute {
  kind: "actor";
  actorId: string;
  /** The token that came in the path, if one did. */
  token: string | undefined;
  endpoint: ActorEndpoint;
}

/** A path to one actor, through the gateway, that has its name; its query has the rest. */
export interface QueryRoute {
  kind: "query";
  name: string;
  query: GatewayQuery;
  endpoint: ActorEndpoint;
}

/** What is asked of an actor. */
export type ActorEndpoint =
  | { kind: "action" | "queue"; name: string }
  | { kind: "connect" | "health" | "metadata" | "root" | "unknown" }
  | { kind: "request" | "websocket"; path: string };

/**
 * Reads the path of a request, and of its query what tells which actor is meant; `basePath` has no
 * slash at its end.
 *
 * @throws {ActorError} `guard/query_…` when the query means an actor, and it or the path cannot be read.
 */
export function parseRoute(
  { pathname, search }: Pick<URL, "pathname" | "search">,
  basePath: string,
): Route {
  const path = belowBase(pathname, basePath);
  if (path.startsWith(gatewayPrefix)) return parseGateway(path, search);
  switch (path) {
    case "/":
      return { kind: "root" };
    case "/health":
    case "/metadata":
    case "/start":
    case "/actors":
      return {
        kind: path.slice(1) as "health" | "metadata" | "start" | "actors",
      };
    case "/actors/names":
      return { kind: "names" };
  }
  if (path.startsWith("/actors/")) {
    const [first = "", second, ...others] = path.slice("/actors/".length)
      .split("/");
    const target = decode(first);
    if (!target) return { kind: "unknown" };
    if (second === "http") {
      return { kind: "actor-http", target, path: `/${others.join("/")}` };
    }
    return second === undefined && !target.includes("/")
      ? { kind: "actor-by-id", actorId: target }
      : { kind: "unknown" };
  }
  return { kind: "unknown" };
}

/**
 * Reads the actor that the headers of a request name, or the sub-protocols that it offers: another way
 * to say what is asked of an actor, whose path is then {@linkcode parseActorPath}. `undefined` when
 * they name no target, an empty text when that is an actor and they do not say which.
 */
export function parseTarget(request: Headers): string | undefined {
  if (request.get(headers.target) === "actor") {
    return request.get(headers.actor) ?? "";
  }
  const items = itemsOf(request.get("sec-websocket-protocol"));
  if (!items.includes(`${targetPrefix}actor`)) return undefined;
  return decode(after(items, actorPrefix) ?? "") ?? "";
}

/**
 * The token that a caller has; the first of: in the path, in the query, among the sub-protocols, in a
 * header of its own, as that of a bearer.
 */
export function tokenOf(request: Headers, route: Route): string | undefined {
  const routed = route.kind === "actor"
    ? route.token
    : route.kind === "query"
    ? route.query.token
    : undefined;
  if (routed !== undefined) return routed;
  const items = itemsOf(request.get("sec-websocket-protocol"));
  const bearer = /^bearer +(.+)$/i.exec(request.get("authorization") ?? "");
  return after(items, tokenPrefix) ?? request.get(headers.token) ?? bearer?.[1];
}

/** Reads a path that is an actor's own, also where it is below the base path. */
export function parseActorPath(
  pathname: string,
  { actorId, basePath }: { actorId: string; basePath: string },
): ActorRoute {
  const endpoint = parseEndpoint(belowBase(pathname, basePath));
  return { kind: "actor", actorId, token: undefined, endpoint };
}

/** Whether a path is that of the connections of an actor, whatever else is wrong with it. */
export function isConnectPath(pathname: string, basePath: string): boolean {
  const path = belowBase(pathname, basePath);
  return /^(\/gateway\/[^/]*)?\/connect\/*$/.test(path);
}

/** The path of an action of an actor. */
export function actionPath(actorId: string, name: string): string {
  return `${gatewayPath(actorId)}/action/${encodeURIComponent(name)}`;
}

/** The path of a queue of an actor. */
export function queuePath(actorId: string, name: string): string {
  return `/gateway/${encodeURIComponent(actorId)}/queue/${
    encodeURIComponent(name)
  }`;
}

/** The path of the connection socket of an actor; the token goes with it, if there is one. */
export function connectPath(actorId: string, token?: string): string {
  return `${gatewayPath(actorId, token)}/connect`;
}

/** The path of an actor, below which are all others of it. */
export function gatewayPath(actorId: string, token?: string): string {
  const carried = token === undefined ? "" : `@${encodeURIComponent(token)}`;
  return `/gateway/${encodeURIComponent(actorId)}${carried}`;
}

/** The sub-protocols that a connection offers. */
export function formatProtocols(encoding: string, params: unknown): string[] {
  const protocols = [protocol, encodingPrefix + encoding];
  if (params !== undefined) {
    // A sub-protocol is a token, in which parentheses and quotes are not allowed.
    const text = encodeURIComponent(JSON.stringify(params))
      .replace(/[()']/g, (char) => `%${char.charCodeAt(0).toString(16)}`);
    protocols.push(paramsPrefix + text);
  }
  return protocols;
}

/** What a connection says in the sub-protocols it offers. */
export interface Offer {
  /** Whether it offers the sub-protocol that the server answers with. */
  hasProtocol: boolean;
  encoding: string | undefined;
  /** The params as JSON text. */
  params: string | undefined;
}

/** Reads the header `Sec-WebSocket-Protocol`. */
export function parseProtocols(header: string | null): Offer {
  const items = itemsOf(header);
  const params = after(items, paramsPrefix);
  return {
    hasProtocol: items.includes(protocol),
    encoding: after(items, encodingPrefix),
    // What cannot be decoded is not valid JSON either, and refused as such.
    params: params === undefined ? undefined : decode(params) ?? "",
  };
}

function itemsOf(protocols: string | null): string[] {
  return protocols?.split(",").map((item) => item.trim()) ?? [];
}

function after(items: string[], prefix: string): string | undefined {
  return items.find((item) => item.startsWith(prefix))?.slice(prefix.length);
}

function belowBase(pathname: string, basePath: string): string {
  const { length } = basePath;
  const isBelow = pathname.startsWith(basePath) &&
    (pathname.length === length || pathname[length] === "/");
  return isBelow ? pathname.slice(length) || "/" : pathname;
}

function parseGateway(path: string, search: string): Route {
  const start = gatewayPrefix.length;
  const slash = path.indexOf("/", start);
  const target = slash < 0 ? path.slice(start) : path.slice(start, slash);
  const query = search === "" ? undefined : parseQuery(search);
  const name = query && parseName(target);
  if (path.includes("//", start - 1)) return { kind: "unknown" };
  const endpoint = parseEndpoint(slash < 0 ? "/" : path.slice(slash));
  if (query !== undefined) {
    return { kind: "query", name: name!, query, endpoint };
  }
  const at = target.indexOf("@");
  const actorId = decode(at < 0 ? target : target.slice(0, at));
  const token = at < 0 ? undefined : decode(target.slice(at + 1));
  if (!actorId || (at >= 0 && !token)) return { kind: "unknown" };
  return { kind: "actor", actorId, token, endpoint };
}

function parseName(target: string): string {
  if (target.includes("@")) {
    throw actorError(
      "guard/query_path_token_syntax",
      "The path has a token, which belongs in rvt-token where the query names the actor",
    );
  }
  if (target === "") {
    throw actorError(
      "guard/query_empty_actor_name",
      "The path has no name of an actor",
    );
  }
  const name = decode(target);
  if (name === undefined) throw notPercent("The name of the actor");
  return name;
}

function parseEndpoint(path: string): ActorEndpoint {
  const slash = path.indexOf("/", 1);
  const first = slash < 0 ? path.slice(1) : path.slice(1, slash);
  // What is behind the first part: empty where that has no slash behind it.
  const rest = slash < 0 ? "" : path.slice(slash);
  switch (first) {
    case "":
      return { kind: rest === "" ? "root" : "unknown" };
    case "action":
    case "queue": {
      const isOne = rest.length > 1 && !rest.includes("/", 1);
      const name = isOne ? decode(rest.slice(1)) : undefined;
      return name ? { kind: first, name } : { kind: "unknown" };
    }
    case "connect":
    case "health":
    case "metadata":
      return { kind: /^\/*$/.test(rest) ? first : "unknown" };
    case "request":
    case "websocket":
      return { kind: first, path: rest || "/" };
    default:
      return { kind: "unknown" };
  }
}

function decode(text: string): string | undefined {
  if (!text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
