// Tells callers that they are not let in: at once, and those who come back at once later and later.
//
// Some clients open a connection that was refused anew without a pause, hundreds of times a second;
// those of RivetKit for React do. They wait to be told, so this is where they can be slowed down.
//
// What can be relied on:
// - The first refusal is told at once, the next after 250 ms, and each one after that after twice as
//   long, up to 4 s. Whoever has not been refused for 10 s begins anew. So clients that pause
//   themselves hardly notice.
// - A caller is an address, as far as we and the proxies before us know it, and what it asks for.
//   Others of the same address who are refused by the same actor wait as long as it does; whoever is
//   let in does not wait.
// - At most 10,000 callers are remembered, those who were refused last. At most 5,000 refusals wait at
//   once, for which Deno needs some 33 KB each and Bun 9 KB; one more is told at once. Whoever closes
//   first does not wait any longer.
// - It is no defence against somebody who means harm: he has other addresses.
//
// Only sockets wait. Whoever calls by HTTP again has a pause of his own: RivetKit's clients repeat a
// call only for a few codes, at most every 25 ms and 60 times.

import type { Clock, Timer } from "../clock.ts";
import { Deadlines, Reminder } from "../deadlines.ts";
import type { Socket } from "../adapters/adapter.ts";
import { cutReason } from "../protocol/close.ts";
import type { Frame } from "../protocol/messages.ts";

const delaysMs = [250, 500, 1000, 2000, 4000];
const forgetMs = 10_000;
const maxCallers = 10_000;
const maxHeld = 5000;

// What is longer is cut, so that what is remembered is small.
const maxTextLength = 200;

/** What a caller who is not let in is told. */
export interface Refusal {
  /** Who asked: {@linkcode callerOf} the request. */
  caller: string;
  /** A message that goes before the close. */
  frame?: Frame;
  /** The reason of the close, `group.code`. */
  reason: string;
}

/** Tells callers that they are not let in. */
export class Throttle {
  readonly #clock: Clock;
  // Those who were refused longest ago come first.
  readonly #callers = new Map<string, { times: number; atMs: number }>();
  readonly #held = new Set<Reminder>();
  readonly #waits: Deadlines[];

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#waits = delaysMs.map((delayMs) => new Deadlines(clock, delayMs));
  }

  /** Closes the socket of a caller when that is due. Cancel what it returns when the socket closes. */
  refuse(socket: Socket, { caller, frame, reason }: Refusal): Timer {
    const held = new Reminder(() => {
      this.#held.delete(held);
      if (frame !== undefined) socket.send(frame);
      socket.close(1011, cutReason(reason));
    });
    const times = this.#count(`${socket.remoteAddress} ${caller}`);
    const wait = this.#waits[Math.min(times, delaysMs.length) - 1];
    if (wait === undefined || this.#held.size >= maxHeld) {
      held.onDue();
      return { cancel() {} };
    }
    this.#held.add(held);
    wait.add(held);
    return {
      cancel: () => {
        this.#held.delete(held);
        wait.delete(held);
      },
    };
  }

  /** Tells everybody who waits: the server stops, and does not wait for them. */
  release(): void {
    for (const wait of this.#waits) wait.clear();
    for (const held of this.#held) held.onDue();
  }

  // How often the caller was refused before.
  #count(caller: string): number {
    const now = this.#clock.now();
    for (const [other, { atMs }] of this.#callers) {
      if (now - atMs < forgetMs) break;
      this.#callers.delete(other);
    }
    const times = this.#callers.get(caller)?.times ?? 0;
    this.#callers.delete(caller);
    this.#callers.set(caller, { times: times + 1, atMs: now });
    const [oldest] = this.#callers.keys();
    if (this.#callers.size > maxCallers) this.#callers.delete(oldest!);
    return times;
  }
}

/** Who asks for `target`, the id of an actor or a path. Deno's request is read before the upgrade. */
export function callerOf({ headers }: Request, target: string): string {
  const forwarded = headers.get("x-forwarded-for") ?? "";
  return [forwarded, target].map((text) => text.slice(0, maxTextLength))
    .join(" ");
}
