// From a request to its response: route, endpoint, and the only place where an error becomes one.

import type { Timer } from "../actor/clock.ts";
import type { Host } from "../actor/host.ts";
import type { Answer, OnGone, Upgrade } from "../adapters/adapter.ts";
import { actorError, toWireError, type WireError } from "../errors.ts";
import type { Logger } from "../log.ts";
import { encodingOf } from "../protocol/encoding.ts";
import { json } from "../protocol/json.ts";
import { lineOf } from "../protocol/line.ts";
import type { Encoding } from "../protocol/messages.ts";
import {
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
import { answerAction, readPost } from "./action.ts";
import { answerActors } from "./actors.ts";
import { answerConnect, refusalOf } from "./connect.ts";
import { answerSend } from "./queue.ts";
import { allowOrigin, answerPreflight } from "./cors.ts";
import { logged, pathOf } from "./log.ts";
import {
  answerMetadata,
  metadataOf,
  type MetadataOptions,
} from "./metadata.ts";
import { answerRequest, answerSocket } from "./raw.ts";
import { refusal } from "./refusal.ts";
import { actorIdOf, seenAt, seenUrl, urlOf } from "./target.ts";
import { callerOf, type Throttle } from "./throttle.ts";
import type { TokenCheck } from "./tokens.ts";

/** What a server answers with. */
export interface HandlerOptions extends MetadataOptions {
  /** The host; opened with the first request that needs it. */
  host: () => Promise<Host>;
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
  return logged(async (request, upgrade, canUpgrade, onGone) => {
    const url = urlOf(request);
    if (url === null) return refusal(noHost, json);
    const { pathname } = url;
    const isOurs = pathname === basePath ||
      pathname.startsWith(`${basePath}/`);
    if (fallback !== undefined && !isOurs) return await fallback(request);
    if (request.method === "OPTIONS") return answerPreflight(request);
    const response = await answer(options, {
      request,
      url,
      upgrade,
      canUpgrade,
      onGone,
    });
    // After an upgrade Deno's request cannot be read, and the response belongs to the runtime.
    return upgrade === undefined ? allowOrigin(response, request) : response;
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
  url: URL;
  upgrade: Upgrade | undefined;
  canUpgrade: boolean;
  onGone: OnGone | undefined;
  /** How its body is written, once that has been read. */
  encoding?: Encoding;
}

async function answer(
  options: HandlerOptions,
  asked: Asked,
): Promise<Response> {
  try {
    return await route(options, asked);
  } catch (error) {
    return await answerError(options, asked, error);
  }
}

async function route(
  options: HandlerOptions,
  asked: Asked,
): Promise<Response> {
  const { version, names, basePath } = options;
  const { request, url, canUpgrade, onGone } = asked;
  const route = routeOf(request, url, basePath);
  options.checkToken?.(request, route);
  switch (route.kind) {
    case "root":
      return new Response("This is a Troupe server.\n");
    case "health":
      return Response.json({ status: "ok", runtime: "rivetkit", version });
    case "metadata":
      return answerMetadata(options, request, {
        isBelow: basePath !== "" && url.pathname.startsWith(basePath),
        canUpgrade,
      });
    case "start":
      throw actorError(
        "feature/not_implemented",
        "This version runs its actors in its own process, and cannot be started by an engine",
      );
    case "names":
      return Response.json({ names: metadataOf(names) });
    case "actors":
      return await answerActors(await options.host(), request, url);
    case "actor":
    case "query":
      return await answerActor(options, asked, route);
    case "actor-http": {
      const { target, path } = route;
      const host = await options.host();
      const actorId = await actorOf(host, names, target);
      return await answerRequest(host, request, { actorId, path, url, onGone });
    }
    default:
      throw actorError("route/not_found", `Nothing is at ${url.pathname}`);
  }
}

// The route of the path, unless that names no actor and the headers do: then it is the actor's own.
function routeOf(request: Request, url: URL, basePath: string): Route {
  const route = parseRoute(url, basePath);
  if (route.kind === "actor" || route.kind === "query") return route;
  const actorId = parseTarget(request.headers);
  if (actorId === undefined) return route;
  if (actorId !== "") {
    return parseActorPath(url.pathname, { actorId, basePath });
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
  const { request, url, upgrade, onGone } = asked;
  const { maxIncomingBytes, exposesErrors, throttle, version } = options;
  const { endpoint } = route;
  if (
    upgrade !== undefined && endpoint.kind !== "connect" &&
    endpoint.kind !== "websocket"
  ) {
    // Whoever opens a socket would see nothing of an answer.
    throw actorError("route/not_found", "No WebSocket is here");
  }
  switch (endpoint.kind) {
    case "action":
    case "queue": {
      const { kind, name } = endpoint;
      if (request.method !== "POST") {
        const what = kind === "action" ? "An action" : "A queue";
        throw actorError(
          "route/method_not_allowed",
          `${what} takes POST, not ${request.method}`,
        );
      }
      const host = await options.host();
      const post = await readPost(request, maxIncomingBytes);
      asked.encoding = post.encoding;
      const actorId = await actorIdOf(host, route);
      // Made when the actor looks at it, which few do.
      const seen = route.kind === "query"
        ? () => seenAt(seenUrl(url, route), request)
        : request;
      const purpose = { actorId, name, seen };
      return kind === "action"
        ? await answerAction(host, post, purpose)
        : await answerSend(host, post, purpose, request.signal);
    }
    case "connect": {
      const host = await options.host();
      const able = needUpgrade(options, request, upgrade);
      const actorId = await actorIdOf(host, route);
      const liveness = await host.livenessOf(actorId);
      return answerConnect(host, request, able, {
        actorId,
        url: seenUrl(url, route),
        line: lineOf(request),
        maxIncomingBytes,
        exposesErrors,
        liveness,
        throttle,
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
        url: seenUrl(url, route),
        onGone,
      });
    }
    case "websocket": {
      const { path } = endpoint;
      const host = await options.host();
      const able = needUpgrade(options, request, upgrade);
      const actorId = await actorIdOf(host, route);
      const liveness = await host.livenessOf(actorId);
      return answerSocket(host, request, able, {
        actorId,
        path,
        url: seenUrl(url, route),
        exposesErrors,
        liveness,
        throttle,
      });
    }
    default:
      throw actorError("route/not_found", "The actor has no such route");
  }
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
  const { request, upgrade } = asked;
  const { exposesErrors } = options;
  const wire = toWireError(error, { exposesErrors });
  if (wire.code === "internal_error") {
    const host = await options.host().catch(() => undefined);
    host?.log.failure(error, {
      msg: "a request failed",
      path: pathOf(request),
    });
  }
  if (upgrade !== undefined) {
    return refuseUpgrade(options, request, upgrade, wire);
  }
  return refusal(wire, errorEncoding(asked));
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
function errorEncoding({ request, encoding }: Asked): Encoding {
  if (encoding !== undefined) return encoding;
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
