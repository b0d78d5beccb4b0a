// Whether a peer is still there, where the runtime leaves it to us to ask.

import type { Liveness } from "./adapter.ts";

/** Pings a silent peer, and tells when it has vanished. */
export class Pings {
  readonly #liveness: Liveness;
  readonly #ping: () => void;
  readonly #onVanished: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isHeard = false;
  // Who serves the socket may not hand its answers on; then the runtime's own bound has to do.
  #hasAnswered = false;

  constructor(
    liveness: Liveness,
    { ping, onVanished }: { ping: () => void; onVanished: () => void },
  ) {
    this.#liveness = liveness;
    this.#ping = ping;
    this.#onVanished = onVanished;
    this.#wait();
  }

  /** Something came from the peer: a message, or the answer to a ping. */
  heard({ isAnswer = false } = {}): void {
    this.#isHeard = true;
    this.#hasAnswered ||= isAnswer;
  }

  /** The socket has closed. */
  end(): void {
    clearTimeout(this.#timer);
  }

  #wait(): void {
    this.#isHeard = false;
    this.#timer = setTimeout(() => {
      if (this.#isHeard) return this.#wait();
      this.#ping();
      this.#timer = setTimeout(() => {
        if (this.#isHeard || !this.#hasAnswered) this.#wait();
        else this.#onVanished();
      }, this.#liveness.timeoutMs);
    }, this.#liveness.intervalMs);
  }
}
