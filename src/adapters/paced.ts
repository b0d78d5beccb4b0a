// The way to a peer that may read more slowly than we send, or not at all.
//
// Deno keeps what it was given to send, and the connection, for as long as the peer stays, whether
// that reads or not: neither close() nor its pings end that. So it is given 1 MiB ahead of the peer
// and no more, and the rest waits here, where it can be dropped:
//
// - as soon as it is too much: then `send()` says so;
// - when the peer has read nothing of it for as long as a silent one may live: `stalled()` is told;
// - when we have closed, and the peer then reads nothing for a shorter time. As long as it reads, it
//   gets all of it before the close.

import type { Frame } from "./adapter.ts";
import { maxBufferedBytes, type Wire } from "./socket.ts";

const maxGivenBytes = 1024 * 1024;
// There is no event for what has been read, so we look from time to time.
const maxLookMs = 100;

/** The runtime's socket, which tells how many bytes are not on the wire yet. */
export interface RuntimeSocket {
  readonly bufferedAmount: number;
  send(frame: Frame): void;
  close(code: number, reason: string): void;
}

/** What the way to a peer needs. */
export interface PacedOptions {
  socket: RuntimeSocket;
  remoteAddress: string;
  /** How long a peer may read nothing while something waits for it. */
  stallMs: number;
  /** The same once we have closed, and how long it may take to answer the close. */
  closeTimeoutMs: number;
}

/** The way to one peer. */
export abstract class PacedWire implements Wire {
  readonly remoteAddress: string;
  readonly #socket: RuntimeSocket;
  readonly #stallMs: number;
  readonly #closeTimeoutMs: number;
  #closing: { code: number; reason: string } | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  // What waits, and how much it is.
  #frames: Frame[] = [];
  #bytes = 0;
  // While something waits: what the runtime had when we last looked, and when the peer last read.
  #givenBytes = 0;
  #readMs = 0;

  constructor(options: PacedOptions) {
    this.#socket = options.socket;
    this.remoteAddress = options.remoteAddress;
    this.#stallMs = options.stallMs;
    this.#closeTimeoutMs = options.closeTimeoutMs;
  }

  /** The peer has read nothing for `stallMs`. */
  protected abstract stalled(): void;

  /** The socket has closed, or we have closed it and the peer does not answer. May be told twice. */
  protected abstract gone(): void;

  get bufferedBytes(): number {
    return this.#socket.bufferedAmount + this.#bytes;
  }

  send(frame: Frame): boolean {
    const socket = this.#socket;
    const givenBytes = socket.bufferedAmount;
    if (givenBytes + this.#bytes + frame.length > maxBufferedBytes) {
      this.#drop();
      return false;
    }
    if (givenBytes < maxGivenBytes && this.#frames.length === 0) {
      socket.send(frame);
      return true;
    }
    if (this.#frames.length === 0) {
      this.#givenBytes = givenBytes;
      this.#readMs = performance.now();
      this.#lookIn(0);
    }
    // A copy, as the runtime would make one: whoever sends may use the bytes again.
    this.#frames.push(typeof frame === "string" ? frame : frame.slice());
    this.#bytes += frame.length;
    return true;
  }

  end(code: number, reason: string): void {
    this.#closing = { code, reason };
    this.#readMs = performance.now();
    if (this.#frames.length === 0) this.#close();
  }

  /** The runtime's socket has closed. */
  closed(): void {
    this.#drop();
    this.gone();
  }

  #lookIn(delayMs: number): void {
    this.#timer = setTimeout(() => this.#look(delayMs), delayMs);
  }

  #look(delayMs: number): void {
    const now = performance.now();
    const hasRead = this.#socket.bufferedAmount < this.#givenBytes;
    if (hasRead) this.#readMs = now;
    this.#give();
    if (this.#frames.length === 0) {
      if (this.#closing !== undefined) this.#close();
      return;
    }
    const mayWaitMs = this.#closing === undefined
      ? this.#stallMs
      : this.#closeTimeoutMs;
    if (now - this.#readMs < mayWaitMs) {
      return this.#lookIn(hasRead ? 0 : Math.min(2 * delayMs + 1, maxLookMs));
    }
    this.#drop();
    if (this.#closing === undefined) this.stalled();
    else this.#close();
  }

  // Gives the runtime as much as it may have.
  #give(): void {
    const socket = this.#socket;
    let givenBytes = socket.bufferedAmount;
    let count = 0;
    while (count < this.#frames.length && givenBytes < maxGivenBytes) {
      const frame = this.#frames[count++]!;
      socket.send(frame);
      givenBytes += frame.length;
      this.#bytes -= frame.length;
    }
    this.#frames.splice(0, count);
    this.#givenBytes = socket.bufferedAmount;
  }

  #close(): void {
    const { code, reason } = this.#closing!;
    this.#socket.close(code, reason);
    this.#timer = setTimeout(() => this.gone(), this.#closeTimeoutMs);
  }

  #drop(): void {
    clearTimeout(this.#timer);
    this.#frames = [];
    this.#bytes = 0;
  }
}
