// A raw socket between a caller and an actor of the same process. Each end is told what the other
// does after the turn in which it was done, as over a network.

import type { Host } from "../actor/host.ts";
import { turn } from "../clock.ts";
import { RawSocket } from "../actor/raw_socket.ts";
import { cutReason } from "../protocol/close.ts";
import { copyValue } from "../protocol/copy.ts";
import type { Frame } from "../protocol/messages.ts";
import type { RawDial, RawLink, RawLinkEvents } from "../protocol/transport.ts";
import { protocol } from "../protocol/routes.ts";
import { reasonOf } from "./raw.ts";

/** What it needs. */
export interface LocalSocketOptions {
  host: () => Host | Promise<Host>;
  readonly exposesErrors: boolean;
}

/** The caller's end. */
export class LocalSocket implements RawLink {
  readonly bufferedBytes = 0;
  readonly url: string;
  readonly #options: LocalSocketOptions;
  readonly #events: RawLinkEvents;
  #raw: RawSocket | undefined;
  #isClosed = false;

  constructor(
    options: LocalSocketOptions,
    dial: RawDial,
    events: RawLinkEvents,
  ) {
    this.#options = options;
    this.#events = events;
    this.url = `ws://actor/websocket${dial.path}`;
    this.#open(dial, copyValue(dial.params));
  }

  send(frame: Frame): void {
    if (!this.#isClosed) queueMicrotask(() => this.#raw?.received(frame));
  }

  close(code: number, reason: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    queueMicrotask(() => {
      this.#raw?.closed(code, reason);
      this.#events.close(code, reason);
    });
  }

  async #open(
    { actorId, protocols }: RawDial,
    params: unknown,
  ): Promise<void> {
    const { host: opening, exposesErrors } = this.#options;
    // Whoever awaits the socket, through however many functions, listens by then.
    await turn();
    if (this.#isClosed) return;
    let host: Host;
    try {
      host = await opening();
    } catch {
      return this.close(1011, "server.shutting_down");
    }
    if (this.#isClosed) return;
    const headers = new Headers();
    if (protocols.length > 0) {
      headers.set("sec-websocket-protocol", protocols.join(", "));
    }
    const raw = new RawSocket({
      wire: {
        bufferedBytes: 0,
        send: (frame) => this.#deliver(frame),
        close: (code, reason) => this.close(code, reason),
      },
      request: new Request(this.url.replace(/^ws/, "http"), { headers }),
      protocol,
      wake: (socket) => host.wakeFor(actorId, socket),
    });
    this.#raw = raw;
    queueMicrotask(() => this.#events.open(protocol));
    try {
      await host.openSocket(actorId, raw, params);
    } catch (error) {
      const reason = reasonOf(host, error, { exposesErrors });
      this.close(1011, cutReason(reason));
    }
  }

  #deliver(frame: Frame): void {
    if (this.#isClosed) return;
    const sent = typeof frame === "string" ? frame : frame.slice();
    queueMicrotask(() => this.#events.message(sent));
  }
}
