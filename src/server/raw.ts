// The user's own HTTP and sockets: `ANY …/request/{path}` becomes a standard Request for `onRequest`,
// and `WS …/websocket/{path}` a socket for `onWebSocket`.

import type { Timer } from "../clock.ts";
import type { Host } from "../actor/host.ts";
import type { RawRequest } from "../actor/raw_requests.ts";
import { RawSocket } from "../actor/raw_socket.ts";
import type {
  Exchange,
  Liveness,
  SocketEvents,
  Upgrade,
} from "../adapters/adapter.ts";
import { actorError, toWireError } from "../errors.ts";
import { lineOf } from "../protocol/line.ts";
import {
  headers as names,
  parseProtocols,
  protocol as ownProtocol,
} from "../protocol/routes.ts";
import { readParams } from "./post.ts";
import { type FrameReader, loggedSocket } from "./log.ts";
import type { Frame } from "../protocol/messages.ts";
import { toldOnce } from "./once.ts";
import { callerOf, type Throttle } from "./throttle.ts";

// What is between a caller and the server, and not for the actor's own code.
const internalPrefix = "x-rivet-";

const offerHeader = "sec-websocket-protocol";

/**
 * Answers a raw request. Its body is handed on as it comes, and is of any length: the bound on
 * messages from a caller is not for it.
 */
export async function answerRequest(
  host: Host,
  request: Request,
  options: {
    actorId: string;
    path: string;
    /** The URL of the request, whose path becomes `path`. */
    url: URL;
    exchange: Exchange;
  },
): Promise<Response> {
  const { actorId, path, url, exchange } = options;
  const { method, body } = request;
  if (method === "TRACE" || method === "CONNECT") {
    // No standard Request can be made of it.
    throw actorError(
      "route/method_not_allowed",
      `A raw request takes any method but ${method}`,
    );
  }
  const asksAgain = lineOf(request) === "2.3";
  url.pathname = path;
  const raw: RawRequest = {
    url: url.href,
    method,
    headers: outerHeaders(request.headers),
    body,
    params: readParams(request.headers.get(names.params)),
    onGone: exchange.onGone,
  };
  exchange.goesOn?.();
  try {
    return await host.request(actorId, raw);
  } catch (error) {
    throw asksAgain && raw.hasBegun ? toldOnce(error) : error;
  }
}

/**
 * Turns a request into a raw socket. It is open for the caller at once; what goes wrong closes it with
 * 1011 and a reason `group.code`. Its messages may be as long as the runtime takes them: the bound on
 * messages from a caller is not for them.
 */
export function answerSocket(
  host: Host,
  request: Request,
  upgrade: Upgrade,
  options: {
    actorId: string;
    path: string;
    /** The URL of the request, whose path becomes that of the socket. */
    url: URL;
    exposesErrors: boolean;
    liveness: Liveness | undefined;
    throttle: Throttle;
  },
): Response {
  const { actorId, path, url, exposesErrors, liveness, throttle } = options;
  const header = request.headers.get(offerHeader);
  const offer = parseProtocols(header);
  const protocol = offer.hasProtocol
    ? ownProtocol
    : header?.split(",")[0]?.trim() ?? "";
  url.pathname = `/websocket${path}`;
  // After the upgrade Deno's request cannot be read any more.
  const copy = new Request(url, { headers: outerHeaders(request.headers) });
  const caller = callerOf(request, actorId);
  let raw: RawSocket | undefined;
  let refusal: Timer | undefined;
  const events: SocketEvents = {
    async open(wire) {
      const socket = raw = new RawSocket({
        wire,
        request: copy,
        protocol,
        wake: (socket) => host.wakeFor(actorId, socket),
      });
      try {
        await host.openSocket(actorId, socket, readParams(offer.params));
      } catch (error) {
        raw = undefined;
        const reason = reasonOf(host, error, { exposesErrors });
        if (socket.closedWith !== undefined) return;
        refusal = throttle.refuse(wire, { caller, reason });
      }
    },
    message: (frame) => raw?.received(frame),
    close(code, reason) {
      raw?.closed(code, reason);
      refusal?.cancel();
    },
  };
  return upgrade(
    loggedSocket(events, host.log, { actorId, reader: rawReader }),
    protocol === "" ? { liveness } : { protocol, liveness },
  );
}

/** The reason of the close of a socket that was not let in. */
export function reasonOf(
  host: Host,
  error: unknown,
  { exposesErrors }: { exposesErrors: boolean },
): string {
  const { group, code } = toWireError(error, { exposesErrors });
  if (code === "internal_error") {
    host.log.failure(error, { msg: "a raw socket was refused" });
  }
  return `${group}.${code}`;
}

/** The headers that the actor's own code sees. */
export function outerHeaders(headers: Headers): Headers {
  const outer = new Headers(
    [...headers].filter(([name]) => !name.startsWith(internalPrefix)),
  );
  const offered = outer.get(offerHeader);
  if (offered === null) return outer;
  // A token and params may be among the sub-protocols.
  const own = offered.split(",").map((item) => item.trim())
    .filter((item) => !/^rivet(_|$)/.test(item));
  if (own.length === 0) outer.delete(offerHeader);
  else outer.set(offerHeader, own.join(", "));
  return outer;
}

// What the frames of a raw socket mean, only the actor knows.
const rawReader: FrameReader = { toServer: show, toClient: show };

function show(frame: Frame): string {
  return typeof frame === "string" ? frame : `${frame.length} bytes`;
}
