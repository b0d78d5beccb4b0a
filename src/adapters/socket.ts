// What a socket promises on either runtime, whatever the runtime does: events in order, `close`
// exactly once, a bound on what is buffered, and no callback that takes the process down.
//
// States: connecting -> open (`opened`) -> closed (`closed`, or our own `close`). Once we close, the
// events hear of it at once and the wire is left to the runtime: Bun drops a peer that does not
// answer after its idle timeout, Deno keeps the connection until the peer goes, and of what it was
// sent 1 MiB (paced.ts).

import type { Frame, Socket, SocketEvents } from "./adapter.ts";

/** Sockets with more than this many unsent bytes are closed with 1013. */
export const maxBufferedBytes = 16 * 1024 * 1024;

/** A larger message closes its socket with 1009. */
export const maxMessageBytes = 32 * 1024 * 1024;

/** A peer that has not answered a ping for this long has vanished. */
export const idleTimeoutSeconds = 30;

/** The runtime's socket. */
export interface Wire {
  readonly remoteAddress: string;
  readonly bufferedBytes: number;
  /** Returns false when too much is not on the wire yet, and the frame may be lost. */
  send(frame: Frame): boolean;
  /** Starts to close. */
  end(code: number, reason: string): void;
}

/** The socket given to the events. The adapter tells it what the runtime says. */
export class GuardedSocket implements Socket {
  readonly #events: SocketEvents;
  #wire: Wire | undefined;
  #state: "connecting" | "open" | "closed" = "connecting";

  constructor(events: SocketEvents) {
    this.#events = events;
  }

  get remoteAddress(): string {
    return this.#wire?.remoteAddress ?? "";
  }

  get bufferedBytes(): number {
    return this.#wire?.bufferedBytes ?? 0;
  }

  send(frame: Frame): void {
    if (this.#state !== "open" || this.#wire === undefined) return;
    if (!this.#wire.send(frame)) this.tooSlow();
  }

  /** The peer does not read what it is sent. */
  tooSlow(): void {
    this.close(1013, "ws.slow_consumer");
  }

  close(code: number, reason: string): void {
    if (this.#state !== "open") return;
    this.#state = "closed";
    this.#wire?.end(code, reason);
    // Not now: the caller of send() or close() may be in the middle of something.
    queueMicrotask(() => this.#tell(() => this.#events.close(code, reason)));
  }

  /** The handshake is complete. Does nothing the second time. */
  opened(wire: Wire): void {
    if (this.#state !== "connecting") return;
    this.#state = "open";
    this.#wire = wire;
    this.#tell(() => this.#events.open(this));
  }

  /** A message came in. */
  received(frame: Frame): void {
    if (this.#state !== "open") return;
    if (frame.length > maxMessageBytes) {
      this.close(1009, "Message is larger than 32 MiB");
    } else {
      this.#tell(() => this.#events.message(frame));
    }
  }

  /** The runtime's socket is gone. Does nothing the second time, or after our own `close()`. */
  closed(code: number, reason: string): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#tell(() => this.#events.close(code, reason));
  }

  #tell(event: () => void): void {
    try {
      event();
    } catch (error) {
      complain("A socket callback threw", error);
      this.close(1011, "Internal error");
    }
  }
}

/** The response to a request for which the runtime refuses to make a socket. */
export function refused(socket: GuardedSocket, cause: unknown): Response {
  queueMicrotask(() => socket.closed(1006, ""));
  const why = cause instanceof Error ? cause.message : String(cause);
  return new Response(`Cannot upgrade to a WebSocket: ${why}`, {
    status: 426,
    headers: { upgrade: "websocket", connection: "upgrade" },
  });
}

/** Whether a request asks for a WebSocket. Deno takes long to show the headers, and most have no need. */
export function asksForSocket(request: Request): boolean {
  return request.method === "GET" &&
    request.headers.get("upgrade")?.toLowerCase() === "websocket";
}

/** The response where the answer itself failed, which it never should. */
export function failed(cause: unknown): Response {
  complain("A request could not be answered", cause);
  return new Response("Internal error", { status: 500 });
}

function complain(what: string, cause: unknown): void {
  // deno-lint-ignore no-console
  console.error(`Troupe: ${what}:`, cause);
}
