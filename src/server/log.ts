// What the log tells of requests and messages, without what only the caller should know.

import type { Answer, SocketEvents } from "../adapters/adapter.ts";
import type { Logger } from "../log.ts";
import { stringify } from "../protocol/json.ts";
import type { Frame } from "../protocol/messages.ts";
import { urlOf } from "./target.ts";

/** The most characters of a message in the log. */
const maxMessageChars = 1_000;

// Tokens, cookies and the params of a connection, which often carry a token; the sub-protocols of a
// socket carry both.
const secretHeader =
  /auth|cookie|token|secret|password|credential|api-?key|params|sec-websocket-protocol/i;

/** Logs each request with its answer, at `debug`, if that is logged. */
export function logged(answer: Answer, log: Logger): Answer {
  if (!log.logsRequests) return answer;
  return async (request, exchange) => {
    const start = performance.now();
    // After an upgrade Deno's request cannot be read.
    const { method } = request;
    const path = pathOf(request);
    const headers = log.logsHeaders ? headersOf(request) : undefined;
    const response = await answer(request, exchange);
    log.debug({
      msg: "request",
      method,
      path,
      status: exchange.upgrade === undefined ? response.status : "socket",
      ms: Math.round(performance.now() - start),
      headers,
    });
    return response;
  };
}

/** The path of a request, without its query and without a token. */
export function pathOf(request: Request): string {
  const { pathname } = urlOf(request) ?? { pathname: "" };
  return pathname.replace(/(\/gateway\/[^/@]*)@[^/]*/, "$1@***");
}

/** Reads the frames of a socket, both ways. */
export interface FrameReader {
  toServer(frame: Frame): unknown;
  toClient(frame: Frame): unknown;
}

/** Logs each message of a socket, at `debug`, if messages are logged. */
export function loggedSocket(
  events: SocketEvents,
  log: Logger,
  { actorId, reader }: { actorId: string; reader: FrameReader },
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
          const fields = { msg: "message to a caller", actorId };
          logMessage(log, fields, () => reader.toClient(frame));
          socket.send(frame);
        },
        close: (code, reason) => socket.close(code, reason),
      }),
    message(frame) {
      const fields = { msg: "message from a caller", actorId };
      logMessage(log, fields, () => reader.toServer(frame));
      events.message(frame);
    },
    close: (code, reason) => events.close(code, reason),
  };
}

/** Logs one message as JSON, cut to a bearable length, whichever way it is written on the wire. */
export function logMessage(
  log: Logger,
  fields: Record<string, unknown>,
  read: () => unknown,
): void {
  const text = textOf(read);
  log.debug({
    ...fields,
    message: text.length > maxMessageChars
      ? `${text.slice(0, maxMessageChars)}…`
      : text,
  });
}

function textOf(read: () => unknown): string {
  try {
    const message = read();
    return typeof message === "string" ? message : stringify(message);
  } catch {
    // What is wrong with it, its caller is told.
    return "a message that cannot be read";
  }
}

function headersOf({ headers }: Request): Record<string, string> {
  return Object.fromEntries(
    [...headers].map((
      [name, value],
    ) => [name, secretHeader.test(name) ? "***" : value]),
  );
}
