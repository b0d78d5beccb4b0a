// From a request to its response: route, endpoint, and the only place where an error becomes one.

import type { Timer } from "../clock.ts";
import type { Host } from "../actor/host.ts";
import type { Answer, Exchange, Upgrade } from "../adapters/adapter.ts";
import { actorError, toWireError, type WireError } from "../errors.ts";
import type { Logger } from "../log.ts";
import { encodingOf } from "../protocol/encoding.ts";
import { json } from "../protocol/json.ts";
import { lineOf } from "../protocol/line.ts";
import type { Body, Encoding } from "../protocol/messages.ts";
import {
  type ActorEndpoint,
  type ActorRoute,
  headers,
  isConnectPath,
  parseActorPath,
  parseProtocols,
  parseRoute,
  parseTarget,
  protocol,
  type QueryRoute,
  type Route,
} from "../protocol/routes.ts";
import { callAction } from "./action.ts";
import { answerActors } from "./actors.ts";
import { answerConnect, refusalOf } from "./connect.ts";
import { Post, type Purpose } from "./post.ts";
import { sendMessage } from "./queue.ts";
import { allowOrigin, answerPreflight } from "./cors.ts";
import { logged, pathOf } from "./log.ts";
import {
  answerMetadata,
  metadataOf,
  type MetadataOptions,
} from "./metadata.ts";
import { answerRequest, answerSocket } from "./raw.ts";
import { refusal } from "./refusal.ts";
import {
  actorIdOf,
  type Place,
  Places,
  seenAt,
  seenUrl,
  urlOf,
} from "./target.ts";
import { callerOf, type Throttle } from "./throttle.ts";
import type { TokenCheck } from "./tokens.ts";

/** What a server answers with. */
export interface HandlerOptions extends MetadataOptions {
  /** The host; opened with the first request that needs it. */
  host: () => Host | Promise<Host>;
  /** Without a slash at the end. */
  basePath: string;
  log: Logger;
  /** The most bytes of one message from a caller. */
  maxIncomingBytes: number;
  exposesErrors: boolean;
  /** Refuses whoever has no token that is accepted; `undefined` where nobody needs one. */
  checkToken: TokenCheck | undefined;
  /** Tells callers that they are not let in. */
  throttle: Throttle;
  /** What to tell a caller whose request the runtime could not turn into a socket. */
  upgradeHelp: string;
  /** Told when a request should have become a socket, and the runtime could not make it one. */
  onUpgradeMissing: () => void;
  /** Answers what is outside the base path; if it is there, nothing else is served there. */
  fallback: ((request: Request) => Response | Promise<Response>) | undefined;
}

/** Answers requests. */
export function createHandler(options: HandlerOptions): Answer {
  const { basePath, fallback } = options;
  const below = `${basePath}/`;
  const places = new Places();
  return logged(async (request, exchange) => {
    const place = places.at(request.url);
    if (place === null) return refusal(noHost, json);
    if (fallback !== undefined) {
      const { pathname } = place;
      if (pathname !== basePath && !pathname.startsWith(below)) {
        exchange.goesOn?.();
        return await fallback(request);
      }
    }
    if (request.method === "OPTIONS") return answerPreflight(request);
    const asked: Asked = { request, place, places, exchange };
    let response: Response;
    try {
      response = await route(options, asked);
    } catch (error) {
      response = await answerError(options, asked, error);
    }
    // After an upgrade Deno's request cannot be read, and the response belongs to the runtime.
    return exchange.upgrade === undefined
      ? allowOrigin(response, request)
      : response;
  }, options.log);
}

const noHost: WireError = {
  group: "request",
  code: "invalid",
  message: "The request has a host that is none",
};

/** A request, and what is known of it. */
interface Asked {
  request: Request;
  place: Place;
  places: Places;
  exchange: Exchange;
  /** What it posts to an actor. */
  post?: Post;
}

function route(
  options: HandlerOptions,
  asked: Asked,
): Response | Promise<Response> {
  const { version, names, basePath } = options;
  const { request, place, exchange } = asked;
  const route = place.route ?? routeOf(asked, basePath);
  options.checkToken?.(request, route);
  switch (route.kind) {
    case "root":
      return new Response("This is a Troupe server.\n");
    case "health":
      return Response.json({ status: "ok", runtime: "rivetkit", version });
    case "metadata":
      return answerMetadata(options, request, {
        isBelow: basePath !== "" && place.pathname.startsWith(basePath),
        canUpgrade: exchange.canUpgrade,
      });
    case "start":
      throw actorError(
        "feature/not_implemented",
        "This version runs its actors in its own process, and cannot be started by an engine",
      );
    case "names":
      return Response.json({ names: metadataOf(names) });
    case "actors":
      return answerListing(options, request);
    case "actor":
    case "query": {
      const { endpoint } = route;
      return exchange.upgrade === undefined && "name" in endpoint
        ? answerPost(options, asked, route, endpoint)
        : answerActor(options, asked, route);
    }
    case "actor-http":
      return answerNamed(options, asked, route);
    default:
      throw actorError("route/not_found", `Nothing is at ${place.pathname}`);
  }
}

async function answerListing(
  options: HandlerOptions,
  request: Request,
): Promise<Response> {
  return await answerActors(await options.host(), request, urlOf(request)!);
}

async function answerNamed(
  { host: open, names }: HandlerOptions,
  { request, exchange }: Asked,
  { target, path }: Extract<Route, { kind: "actor-http" }>,
): Promise<Response> {
  const host = await open();
  const actorId = await actorOf(host, names, target);
  const url = urlOf(request)!;
  return await answerRequest(host, request, { actorId, path, url, exchange });
}

// The route of the path, unless that names no actor and the headers do: then it is the actor's own.
function routeOf({ request, place, places }: Asked, basePath: string): Route {
  const route = parseRoute(place, basePath);
  if (route.kind === "actor") places.remember(request.url, place, route);
  if (route.kind === "actor" || route.kind === "query") return route;
  const actorId = parseTarget(request.headers);
  if (actorId === undefined) return route;
  if (actorId !== "") {
    return parseActorPath(place.pathname, { actorId, basePath });
  }
  throw actorError(
    "request/missing_actor_header",
    `The target is an actor, and no ${headers.actor} says which`,
  );
}

// The actor without a key of a kind, or the one with an id.
async function actorOf(
  host: Host,
  names: readonly string[],
  target: string,
): Promise<string> {
  if (!names.includes(target)) return target;
  const query = { by: "key" as const, name: target, key: [] };
  return (await host.resolve(query)).actorId;
}

async function answerActor(
  options: HandlerOptions,
  asked: Asked,
  route: ActorRoute | QueryRoute,
): Promise<Response> {
  const { request, exchange } = asked;
  const { upgrade } = exchange;
  const { exposesErrors, throttle, version } = options;
  const url = () => seenUrl(urlOf(request)!, route);
  const { endpoint } = route;
  if (
    upgrade !== undefined && endpoint.kind !== "connect" &&
    endpoint.kind !== "websocket"
  ) {
    // Whoever opens a socket would see nothing of an answer.
    throw actorError("route/not_found", "No WebSocket is here");
  }
  switch (endpoint.kind) {
    case "connect": {
      const host = await options.host();
      const able = needUpgrade(options, request, upgrade);
      const actorId = await actorIdOf(host, route);
      const { actorId: sharedId, kind } = await host.kindOf(actorId) ?? {};
      return answerConnect(host, request, able, {
        actorId: sharedId ?? actorId,
        // Nobody else of the actor's code sees it, and a copy is a good part of what a connection costs.
        seen: kind?.hasConnectionHooks ? seenAt(url(), request) : undefined,
        line: lineOf(request),
        liveness: kind?.liveness,
        limits: options,
      });
    }
    case "root":
      await checkActor(await options.host(), route);
      return new Response("This is a Troupe actor.\n");
    case "health":
      await checkActor(await options.host(), route);
      return new Response("ok");
    case "metadata":
      await checkActor(await options.host(), route);
      return Response.json({ runtime: "rivetkit", version });
    case "request": {
      const { path } = endpoint;
      const host = await options.host();
      const actorId = await actorIdOf(host, route);
      return await answerRequest(host, request, {
        actorId,
        path,
        url: url(),
        exchange,
      });
    }
    case "websocket": {
      const { path } = endpoint;
      const host = await options.host();
      const able = needUpgrade(options, request, upgrade);
      const actorId = await actorIdOf(host, route);
      const liveness = (await host.kindOf(actorId))?.kind.liveness;
      return answerSocket(host, request, able, {
        actorId,
        path,
        url: url(),
        exposesErrors,
        liveness,
        throttle,
      });
    }
    default:
      throw actorError("route/not_found", "The actor has no such route");
  }
}

// Not an async function: it is a good part of a small action to wait where there is nothing to wait for.
function answerPost(
  { host: open, maxIncomingBytes }: HandlerOptions,
  asked: Asked,
  route: ActorRoute | QueryRoute,
  { kind, name }: Extract<ActorEndpoint, { name: string }>,
): Promise<Response> {
  const { request } = asked;
  if (request.method !== "POST") {
    const what = kind === "action" ? "An action" : "A queue";
    throw actorError(
      "route/method_not_allowed",
      `${what} takes POST, not ${request.method}`,
    );
  }
  const post = asked.post = new Post(request);
  const isById = route.kind === "actor";
  const ask = (host: Host, actorId: string, body: Body) => {
    const purpose: Purpose = {
      actorId,
      name,
      body,
      // Made when the actor looks at it, which few do.
      seen: isById
        ? request
        : () => seenAt(seenUrl(urlOf(request)!, route), request),
    };
    return kind === "action"
      ? callAction(host, post, purpose)
      : sendMessage(host, post, { ...purpose, signal: request.signal });
  };
  return post.answer(maxIncomingBytes, (body) => {
    const host = open();
    if (isById && !(host instanceof Promise)) {
      return ask(host, route.actorId, body);
    }
    return Promise.resolve(host).then(async (host) =>
      await ask(host, await actorIdOf(host, route), body)
    );
  });
}

async function checkActor(
  host: Host,
  route: ActorRoute | QueryRoute,
): Promise<void> {
  const actorId = await actorIdOf(host, route);
  if (await host.get(actorId) !== undefined) return;
  throw actorError("actor/not_found", `Actor not found: ${actorId}`);
}

function needUpgrade(
  options: HandlerOptions,
  request: Request,
  upgrade: Upgrade | undefined,
): Upgrade {
  if (upgrade !== undefined) return upgrade;
  // A client that opens a socket cannot see the response, so the operator is told as well.
  if (isUpgrade(request)) options.onUpgradeMissing();
  throw actorError(
    "websocket/upgrade_required",
    isUpgrade(request)
      ? `The request did not become a WebSocket. ${options.upgradeHelp}`
      : "This path takes WebSocket connections only",
  );
}

function isUpgrade(request: Request): boolean {
  return request.headers.get("upgrade")?.toLowerCase() === "websocket";
}

async function answerError(
  options: HandlerOptions,
  asked: Asked,
  error: unknown,
): Promise<Response> {
  const { request, exchange: { upgrade } } = asked;
  const { exposesErrors } = options;
  const wire = toWireError(error, { exposesErrors });
  if (wire.code === "internal_error") {
    const host = await Promise.try(options.host).catch(() => undefined);
    host?.log.failure(error, {
      msg: "a request failed",
      path: pathOf(request),
    });
  }
  if (upgrade !== undefined) {
    return refuseUpgrade(options, request, upgrade, wire);
  }
  return refusal(wire, errorEncoding(asked, wire));
}

// A client cannot see the status of a refused upgrade, but it sees how a socket was closed.
function refuseUpgrade(
  { throttle, basePath }: HandlerOptions,
  request: Request,
  upgrade: Upgrade,
  error: WireError,
): Response {
  const offer = parseProtocols(request.headers.get("sec-websocket-protocol"));
  // Not that of the actor's code, but the one that was asked for; without one nobody comes here.
  const { pathname, searchParams } = urlOf(request)!;
  const key = searchParams.get("rvt-key") ?? "";
  const caller = callerOf(request, `${pathOf(request)} ${key}`);
  const told = isConnectPath(pathname, basePath)
    ? refusalOf(error, encodingOrJson(offer.encoding, request), lineOf(request))
    : { reason: `${error.group}.${error.code}` };
  let refusal: Timer | undefined;
  return upgrade({
    open(socket) {
      refusal = throttle.refuse(socket, { caller, ...told });
    },
    message: () => {},
    close: () => refusal?.cancel(),
  }, offer.hasProtocol ? { protocol } : {});
}

// Every client reads JSON, so that is for who asks for an encoding that is not there, or for bare in
// a version that is not known yet.
function errorEncoding({ request, post }: Asked, error: WireError): Encoding {
  if (post?.isRead) return post.encodingFor(error);
  const asked = encodingOrJson(request.headers.get(headers.encoding), request);
  return asked.name === "bare" ? json : asked;
}

function encodingOrJson(
  name: string | null | undefined,
  request: Request,
): Encoding {
  try {
    return encodingOf(name, lineOf(request));
  } catch {
    return json;
  }
}
