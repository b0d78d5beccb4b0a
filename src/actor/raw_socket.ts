// A raw socket as long as it is open, whichever instance its actor has: between the wire and the
// user's view of it (user_socket.ts), which each instance makes anew.
//
// What a caller can rely on: every message reaches the actor once and in order, also one that comes
// while the actor is not there; it wakes for it. What waits is bounded: at most 1,000 messages and
// 4 MiB, or one message of any length. More closes the socket with 1011
// `message.incoming_too_long`.

import { cutReason } from "../protocol/close.ts";
import type { Frame } from "../protocol/messages.ts";
import type { Channel, Connection } from "./connection.ts";

const maxHeldFrames = 1000;
const maxHeldBytes = 4 * 1024 * 1024;

// What an actor may send before what came before it is durable.
const maxPendingBytes = 16 * 1024 * 1024;

/** The runtime's socket, or the end of one in this process. */
export interface RawWire {
  /** How many bytes have been sent that are not on the wire yet. */
  readonly bufferedBytes: number;
  send(frame: Frame): void;
  close(code: number, reason: string): void;
}

/** What a raw socket is opened with. */
export interface RawSocketOptions {
  wire: RawWire;
  /** The request that asked for it, with nothing internal in it. */
  request: Request;
  /** The sub-protocol that was answered with; empty when there is none. */
  protocol: string;
  /** Wakes the actor, for a message or a close that came while it was not there. Never rejects. */
  wake: (socket: RawSocket) => Promise<void>;
}

/** What an instance does with a socket. */
export interface SocketView {
  /** Messages wait, or the socket has closed. */
  notice(): void;
}

/** A raw socket. */
export class RawSocket implements Channel {
  /** Set before it is let in. */
  lasts: "instance" | "socket" = "instance";
  readonly encoding = undefined;
  readonly request: Request;
  readonly protocol: string;
  connection: Connection | undefined;
  /** Whether nobody has been told yet that it is open. */
  isNew = true;
  /** How it has closed. */
  closedWith: { code: number; reason: string } | undefined;
  readonly #wire: RawWire;
  readonly #wake: RawSocketOptions["wake"];
  readonly #closed = Promise.withResolvers<void>();
  #held: Frame[] = [];
  #heldBytes = 0;
  #pendingBytes = 0;
  #view: SocketView | undefined;
  #isWaking = false;

  constructor({ wire, request, protocol, wake }: RawSocketOptions) {
    this.#wire = wire;
    this.request = request;
    this.protocol = protocol;
    this.#wake = wake;
  }

  /** How many bytes the actor has sent that are not on the wire yet. */
  get bufferedBytes(): number {
    return this.#pendingBytes + this.#wire.bufferedBytes;
  }

  /** How many messages wait. */
  get waiting(): number {
    return this.#held.length;
  }

  /** A message came in. */
  received(frame: Frame): void {
    if (this.closedWith !== undefined) return;
    this.#held.push(frame);
    this.#heldBytes += frame.length;
    const isTooMuch = this.#heldBytes > maxHeldBytes && this.#held.length > 1;
    if (isTooMuch || this.#held.length > maxHeldFrames) {
      this.drop();
      this.#wire.close(1011, "message.incoming_too_long");
    } else this.#notice();
  }

  /** The wire has closed. */
  closed(code: number, reason: string): void {
    if (this.closedWith !== undefined) return;
    this.closedWith = { code, reason };
    this.#closed.resolve();
    this.#notice();
  }

  /** The next message that waits. */
  next(): Frame | undefined {
    const frame = this.#held.shift();
    this.#heldBytes -= frame?.length ?? 0;
    return frame;
  }

  /** Forgets what waits: nobody listens. */
  drop(): void {
    this.#held = [];
    this.#heldBytes = 0;
  }

  /** An instance has it from now on. */
  attach(view: SocketView): void {
    this.#view = view;
  }

  /** The instance that had it has stopped. */
  detach(): void {
    this.#view = undefined;
    this.isNew = false;
    if (this.waiting > 0 || this.closedWith !== undefined) this.wake();
  }

  /** Wakes the actor, which will take what waits. */
  async wake(): Promise<void> {
    if (this.#isWaking) return;
    this.#isWaking = true;
    await this.#wake(this);
    this.#isWaking = false;
  }

  /** Counts what the actor sends until it may leave; too much closes the socket. */
  pend(bytes: number): void {
    this.#pendingBytes += bytes;
    if (this.#pendingBytes > maxPendingBytes) {
      this.#wire.close(1013, "ws.slow_consumer");
    }
  }

  send(frame: Frame): void {
    this.#wire.send(frame);
  }

  async close(code: number, reason: string): Promise<void> {
    this.#wire.close(code, cutReason(reason));
    await this.#closed.promise;
  }

  #notice(): void {
    if (this.#view !== undefined) this.#view.notice();
    // Before it has been let in, it waits for that.
    else if (this.connection !== undefined) this.wake();
  }
}
