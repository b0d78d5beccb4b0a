// What the log tells of requests and messages, without what only the caller should know.

import type { Answer, SocketEvents } from "../adapters/adapter.ts";
import type { Logger } from "../log.ts";
import type { Frame } from "../protocol/messages.ts";

/** The most characters of a message in the log. */
const maxMessageChars = 1_000;

// Tokens, cookies and the params of a connection, which often carry a token; the sub-protocols of a
// socket carry both.
const secretHeader =
  /auth|cookie|token|secret|password|credential|api-?key|params|sec-websocket-protocol/i;

/** Logs each request with its answer, at `debug`, if that is logged. */
export function logged(answer: Answer, log: Logger): Answer {
  if (!log.logsRequests) return answer;
  return async (request, upgrade, canUpgrade, onGone) => {
    const start = performance.now();
    // After an upgrade Deno's request cannot be read.
    const { method } = request;
    const path = pathOf(request);
    const headers = log.logsHeaders ? headersOf(request) : undefined;
    const response = await answer(request, upgrade, canUpgrade, onGone);
    log.debug({
      msg: "request",
      method,
      path,
      status: upgrade === undefined ? response.status : "socket",
      ms: Math.round(performance.now() - start),
      headers,
    });
    return response;
  };
}

/** The path of a request, without its query and without a token. */
export function pathOf(request: Request): string {
  const { pathname } = new URL(request.url);
  return pathname.replace(/(\/gateway\/[^/@]*)@[^/]*/, "$1@***");
}

/** Logs each message of a socket, at `debug`, if messages are logged. */
export function loggedSocket(
  events: SocketEvents,
  log: Logger,
  actorId: string,
): SocketEvents {
  if (!log.logsMessages) return events;
  return {
    open: (socket) =>
      events.open({
        get remoteAddress() {
          return socket.remoteAddress;
        },
        get bufferedBytes() {
          return socket.bufferedBytes;
        },
        send(frame) {
          logMessage(log, { msg: "message to a caller", actorId }, frame);
          socket.send(frame);
        },
        close: (code, reason) => socket.close(code, reason),
      }),
    message(frame) {
      logMessage(log, { msg: "message from a caller", actorId }, frame);
      events.message(frame);
    },
    close: (code, reason) => events.close(code, reason),
  };
}

/** Logs one message, cut to a bearable length. */
export function logMessage(
  log: Logger,
  fields: Record<string, unknown>,
  frame: Frame,
): void {
  const text = typeof frame === "string" ? frame : asText(frame);
  log.debug({
    ...fields,
    message: text.length > maxMessageChars
      ? `${text.slice(0, maxMessageChars)}…`
      : text,
  });
}

// The body of a request in JSON comes as bytes too.
function asText(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return `${bytes.length} bytes`;
  }
}

function headersOf({ headers }: Request): Record<string, string> {
  return Object.fromEntries(
    [...headers].map((
      [name, value],
    ) => [name, secretHeader.test(name) ? "***" : value]),
  );
}
