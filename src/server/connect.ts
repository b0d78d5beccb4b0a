// The socket of a connection: frames in, frames out.
//
// Frames that come before the actor has accepted the connection are held, in order. Whatever goes
// wrong closes the socket with 1011 and a reason `group.code`, after a message with the error when
// the connection was never open. An upgrade is never refused by a status: clients could not see it.

import type { Timer } from "../actor/clock.ts";
import type { Connection, MessageChannel } from "../actor/connection.ts";
import type { Host } from "../actor/host.ts";
import type {
  Liveness,
  Socket,
  SocketEvents,
  Upgrade,
} from "../adapters/adapter.ts";
import {
  actorError,
  statusOf,
  toWireError,
  type WireError,
} from "../errors.ts";
import { cutReason } from "../protocol/close.ts";
import { encodingOf } from "../protocol/encoding.ts";
import { json } from "../protocol/json.ts";
import type { Line } from "../protocol/line.ts";
import {
  encodeErrorMessage,
  type Encoding,
  type Frame,
} from "../protocol/messages.ts";
import { parseProtocols, protocol } from "../protocol/routes.ts";
import { readParams } from "./post.ts";
import { tooLong } from "./body.ts";
import { type FrameReader, loggedSocket } from "./log.ts";
import { seenAt } from "./target.ts";
import { callerOf, type Refusal, type Throttle } from "./throttle.ts";

// What a caller may send before its connection is open: bytes, and frames.
const maxHeldBytes = 1024 * 1024;
const maxHeldFrames = 1000;

// How long a close waits for the caller's side of it.
const closeTimeoutMs = 5000;

/** Turns a request into the connection of an actor. */
export function answerConnect(
  host: Host,
  request: Request,
  upgrade: Upgrade,
  options: {
    actorId: string;
    /** The URL that the actor's code sees. */
    url: URL;
    /** The line of the client. */
    line: Line;
    maxIncomingBytes: number;
    exposesErrors: boolean;
    liveness: Liveness | undefined;
    throttle: Throttle;
  },
): Response {
  const { liveness } = options;
  const offer = parseProtocols(request.headers.get("sec-websocket-protocol"));
  const seen = seenAt(options.url, request);
  const socket = new ConnectionSocket(host, seen, offer, options);
  const { actorId } = options;
  const reader: FrameReader = {
    toServer: (frame) => socket.encoding.decodeToServer(frame),
    toClient: (frame) => socket.encoding.decodeToClient(frame),
  };
  return upgrade(
    loggedSocket(socket.events, host.log, { actorId, reader }),
    offer.hasProtocol ? { protocol, liveness } : { liveness },
  );
}

/**
 * What a caller is told whose connection is refused. Clients of the later line then give it up, but for
 * a few errors that they know to pass; so what passes here is told to them as one of those.
 */
export function refusalOf(
  error: WireError,
  encoding: Encoding,
  line: Line,
): Pick<Refusal, "frame" | "reason"> {
  const told = line === "2.3" && statusOf(error) === 503
    ? { ...error, group: "guard", code: "service_unavailable" }
    : error;
  return {
    frame: encodeErrorMessage(encoding, told, null),
    reason: `${told.group}.${told.code}`,
  };
}

class ConnectionSocket implements MessageChannel {
  readonly lasts = "socket";
  readonly events: SocketEvents = {
    open: (socket) => void this.#open(socket),
    message: (frame) => this.#take(frame),
    close: () => this.#onClosed(),
  };
  encoding: Encoding = json;
  readonly #host: Host;
  readonly #request: Request;
  readonly #offer: ReturnType<typeof parseProtocols>;
  readonly #options: Parameters<typeof answerConnect>[3];
  readonly #closed = Promise.withResolvers<void>();
  #socket: Socket | undefined;
  #connection: Connection | undefined;
  #held: Frame[] = [];
  #heldBytes = 0;
  #isClosed = false;
  // The actor has not accepted the connection, and the caller is told so when that is due.
  #refusal: Timer | undefined;

  constructor(
    host: Host,
    request: Request,
    offer: ReturnType<typeof parseProtocols>,
    options: Parameters<typeof answerConnect>[3],
  ) {
    this.#host = host;
    this.#request = request;
    this.#offer = offer;
    this.#options = options;
  }

  async #open(socket: Socket): Promise<void> {
    this.#socket = socket;
    const { actorId } = this.#options;
    try {
      const { line } = this.#options;
      this.encoding = encodingOf(this.#offer.encoding, line);
      const params = readParams(this.#offer.params);
      const caller = { params, request: this.#request };
      const connection = await this.#host.connect(actorId, caller, this);
      this.#connection = connection;
      if (this.#isClosed) {
        return await this.#host.disconnected(actorId, connection);
      }
    } catch (error) {
      return this.#refuse(error);
    }
    for (const frame of this.#held.splice(0)) this.#receive(frame);
  }

  #take(frame: Frame): void {
    const { maxIncomingBytes } = this.#options;
    const isTooLong = frame.length > maxIncomingBytes;
    if (this.#connection !== undefined && !isTooLong) {
      return this.#receive(frame);
    }
    if (this.#refusal !== undefined) return;
    if (isTooLong) return this.#fail(tooLong(maxIncomingBytes));
    this.#heldBytes += frame.length;
    this.#held.push(frame);
    if (
      this.#heldBytes > maxHeldBytes || this.#held.length > maxHeldFrames
    ) {
      this.#held = [];
      this.#fail(actorError(
        "message/incoming_too_long",
        "Too many messages before the connection was open",
      ));
    }
  }

  send(frame: Frame): void {
    this.#socket?.send(frame);
  }

  async close(code: number, reason: string): Promise<void> {
    this.#socket?.close(code, cutReason(reason));
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = this.#host.clock.after(closeTimeoutMs, resolve);
    await Promise.race([this.#closed.promise, promise]);
    timer.cancel();
  }

  #receive(frame: Frame): void {
    const { actorId } = this.#options;
    try {
      this.encoding = this.encoding.spokenIn(frame);
      const message = this.encoding.decodeToServer(frame);
      this.#host.receive(actorId, this.#connection!, message)
        ?.catch((error) => this.#fail(error));
    } catch (error) {
      this.#fail(error);
    }
  }

  // The connection was never open: tells why in full, and closes.
  #refuse(error: unknown): void {
    const { actorId, line, exposesErrors, throttle } = this.#options;
    const wire = toWireError(error, { exposesErrors });
    // What the caller is told in full needs no log; anybody can have himself refused all day.
    if (wire.code === "internal_error") {
      this.#host.log.failure(error, { msg: "a connection was refused" });
    }
    if (this.#isClosed) return;
    this.#held = [];
    this.#refusal = throttle.refuse(this.#socket!, {
      caller: callerOf(this.#request, actorId),
      ...refusalOf(wire, this.encoding, line),
    });
  }

  #fail(error: unknown): void {
    const { group, code } = toWireError(error);
    this.#socket?.close(1011, cutReason(`${group}.${code}`));
  }

  #onClosed(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#refusal?.cancel();
    this.#held = [];
    this.#closed.resolve();
    if (this.#connection !== undefined) {
      this.#host.disconnected(this.#options.actorId, this.#connection);
    }
  }
}
