// The socket of a connection: frames in, frames out.
//
// Frames that come before the actor has accepted the connection are held, in order. Whatever goes
// wrong closes the socket with 1011 and a reason `group.code`, after a message with the error when
// the connection was never open. An upgrade is never refused by a status: clients could not see it.

import type { Timer } from "../clock.ts";
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
import { callerOf, type Refusal, type Throttle } from "./throttle.ts";

// What a caller may send before its connection is open: bytes, and frames.
const maxHeldBytes = 1024 * 1024;
const maxHeldFrames = 1000;

// How long a close waits for the caller's side of it.
const closeTimeoutMs = 5000;

/** What a connection is held to, and what it is for. */
interface ConnectOptions {
  actorId: string;
  /** The request as the actor's code sees it, where it has hooks that do. */
  seen: Request | undefined;
  /** The line of the client. */
  line: Line;
  liveness: Liveness | undefined;
  limits: ConnectLimits;
}

/** What all connections of a handler are held to. */
export interface ConnectLimits {
  readonly maxIncomingBytes: number;
  readonly exposesErrors: boolean;
  readonly throttle: Throttle;
}

/** Turns a request into the connection of an actor. */
export function answerConnect(
  host: Host,
  request: Request,
  upgrade: Upgrade,
  { actorId, seen, line, liveness, limits }: ConnectOptions,
): Response {
  const offer = parseProtocols(request.headers.get("sec-websocket-protocol"));
  const caller = callerOf(request, actorId);
  const opening = new Opening(seen, { caller, offer, line });
  const socket = new ConnectionSocket(host, actorId, opening, limits);
  const reader: FrameReader = {
    toServer: (frame) => socket.encoding.decodeToServer(frame),
    toClient: (frame) => socket.encoding.decodeToClient(frame),
  };
  return upgrade(
    loggedSocket(new ConnectionEvents(socket), host.log, { actorId, reader }),
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

// What a connection needs until it is open. It is given up then, for most connections are idle.
class Opening {
  readonly request: Request | undefined;
  readonly caller: string;
  readonly offer: ReturnType<typeof parseProtocols>;
  readonly line: Line;
  held: Frame[] = [];
  heldBytes = 0;
  // The actor has not accepted the connection, and the caller is told so when that is due.
  refusal: Timer | undefined;

  constructor(
    request: Request | undefined,
    { caller, offer, line }: Pick<Opening, "caller" | "offer" | "line">,
  ) {
    this.request = request;
    this.caller = caller;
    this.offer = offer;
    this.line = line;
  }
}

class ConnectionSocket implements MessageChannel {
  encoding: Encoding = json;
  readonly #host: Host;
  readonly #actorId: string;
  readonly #limits: ConnectLimits;
  #opening: Opening | undefined;
  #socket: Socket | undefined;
  #connection: Connection | undefined;
  #isClosed = false;
  // Once somebody waits for the caller's side of the close.
  #whenClosed: PromiseWithResolvers<void> | undefined;

  constructor(
    host: Host,
    actorId: string,
    opening: Opening,
    limits: ConnectLimits,
  ) {
    this.#host = host;
    this.#actorId = actorId;
    this.#opening = opening;
    this.#limits = limits;
  }

  get lasts(): "socket" {
    return "socket";
  }

  /** The socket is there. Never rejects. */
  async open(socket: Socket): Promise<void> {
    this.#socket = socket;
    const { request, offer, line, held } = this.#opening!;
    try {
      this.encoding = encodingOf(offer.encoding, line);
      const params = readParams(offer.params);
      const connection = await this.#host.connect(
        this.#actorId,
        { params, request },
        this,
      );
      this.#connection = connection;
      if (this.#isClosed) {
        return await this.#host.disconnected(this.#actorId, connection);
      }
    } catch (error) {
      return this.#refuse(error);
    }
    this.#opening = undefined;
    for (const frame of held) this.#receive(frame);
  }

  /** A frame has come. */
  take(frame: Frame): void {
    const { maxIncomingBytes } = this.#limits;
    const isTooLong = frame.length > maxIncomingBytes;
    const opening = this.#opening;
    if (opening?.refusal !== undefined) return;
    if (isTooLong) return this.#fail(tooLong(maxIncomingBytes));
    if (opening === undefined) return this.#receive(frame);
    opening.heldBytes += frame.length;
    opening.held.push(frame);
    if (
      opening.heldBytes > maxHeldBytes || opening.held.length > maxHeldFrames
    ) {
      opening.held.length = 0;
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
    if (this.#isClosed) return;
    this.#whenClosed ??= Promise.withResolvers();
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = this.#host.clock.after(closeTimeoutMs, resolve);
    await Promise.race([this.#whenClosed.promise, promise]);
    timer.cancel();
  }

  /** The socket has closed. */
  closed(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#opening?.refusal?.cancel();
    if (this.#opening !== undefined) this.#opening.held.length = 0;
    this.#whenClosed?.resolve();
    if (this.#connection !== undefined) {
      this.#host.disconnected(this.#actorId, this.#connection);
    }
  }

  #receive(frame: Frame): void {
    try {
      this.encoding = this.encoding.spokenIn(frame);
      const message = this.encoding.decodeToServer(frame);
      this.#host.receive(this.#actorId, this.#connection!, message)
        ?.catch((error) => this.#fail(error));
    } catch (error) {
      this.#fail(error);
    }
  }

  // The connection was never open: tells why in full, and closes.
  #refuse(error: unknown): void {
    const { exposesErrors, throttle } = this.#limits;
    const opening = this.#opening!;
    const wire = toWireError(error, { exposesErrors });
    // What the caller is told in full needs no log; anybody can have himself refused all day.
    if (wire.code === "internal_error") {
      this.#host.log.failure(error, { msg: "a connection was refused" });
    }
    if (this.#isClosed) return;
    opening.held.length = 0;
    opening.refusal = throttle.refuse(this.#socket!, {
      caller: opening.caller,
      ...refusalOf(wire, this.encoding, opening.line),
    });
  }

  #fail(error: unknown): void {
    const { group, code } = toWireError(error);
    this.#socket?.close(1011, cutReason(`${group}.${code}`));
  }
}

// What the adapter tells, whose words for it the channel has for what the actor does.
class ConnectionEvents implements SocketEvents {
  readonly #channel: ConnectionSocket;

  constructor(channel: ConnectionSocket) {
    this.#channel = channel;
  }

  open(socket: Socket): void {
    void this.#channel.open(socket);
  }

  message(frame: Frame): void {
    this.#channel.take(frame);
  }

  close(): void {
    this.#channel.closed();
  }
}
