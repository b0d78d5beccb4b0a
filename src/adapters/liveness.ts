// Whether peers are still there, where the runtime leaves it to us to ask: of all that are watched alike,
// two timers take care.

import { systemClock } from "../clock.ts";
import { Deadlines, Due } from "../deadlines.ts";
import type { Liveness } from "./adapter.ts";

// By what is shared among the sockets of actors of one kind.
const byLiveness = new WeakMap<Liveness, Pings>();

/** The peers that are watched alike: those to be pinged, and those that have been. */
class Pings {
  readonly silent: Deadlines;
  readonly pinged: Deadlines;

  constructor({ intervalMs, timeoutMs }: Liveness) {
    this.silent = new Deadlines(systemClock, intervalMs);
    this.pinged = new Deadlines(systemClock, timeoutMs);
  }
}

/** A peer that is pinged when it is silent. */
export abstract class Peer extends Due {
  readonly #pings: Pings | undefined;
  #isPinged = false;
  #isHeard = false;
  // Who serves the socket may not hand its answers on; then the runtime's own bound has to do.
  #hasAnswered = false;

  constructor(liveness: Liveness | undefined) {
    super();
    if (liveness === undefined) return;
    this.#pings = byLiveness.get(liveness) ?? new Pings(liveness);
    byLiveness.set(liveness, this.#pings);
  }

  /** Pings it. */
  protected abstract ping(): void;

  /** It has not answered in time. */
  protected abstract vanished(): void;

  /** Begins to watch it, if it is to be. */
  protected watch(): void {
    this.#pings?.silent.add(this);
  }

  /** Ends the watch, if there is one. */
  protected unwatch(): void {
    const { silent, pinged } = this.#pings ?? {};
    if (this.#isPinged) pinged?.delete(this);
    else silent?.delete(this);
  }

  /** Something came from it: a message, or the answer to a ping. */
  protected heard(isAnswer: boolean): void {
    this.#isHeard = true;
    this.#hasAnswered ||= isAnswer;
  }

  onDue(): void {
    const { silent, pinged } = this.#pings!;
    if (this.#isHeard || this.#isPinged && !this.#hasAnswered) {
      this.#isHeard = false;
      this.#isPinged = false;
      silent.add(this);
    } else if (this.#isPinged) {
      this.vanished();
    } else {
      this.#isPinged = true;
      pinged.add(this);
      this.ping();
    }
  }
}
