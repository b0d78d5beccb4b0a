// The way from an actor to others: every word waits until what the actor has changed is durable.

import type { Frame, ToServer } from "../protocol/messages.ts";
import type {
  Link,
  LinkEvents,
  RawLink,
  Transport,
} from "../protocol/transport.ts";

/** A transport whose every word waits until `durable()` resolves. */
export function durableTransport(
  transport: Transport,
  durable: () => Promise<void>,
): Transport {
  return {
    async resolve(query, signal) {
      await durable();
      return await transport.resolve(query, signal);
    },
    async create(actor, signal) {
      await durable();
      return await transport.create(actor, signal);
    },
    async call(call) {
      await durable();
      return await transport.call(call);
    },
    async send(message) {
      await durable();
      return await transport.send(message);
    },
    async fetch({ init, ...request }) {
      await durable();
      const body = init.body instanceof ReadableStream
        ? init.body.pipeThrough(gate(durable))
        : init.body;
      return await transport.fetch({ ...request, init: { ...init, body } });
    },
    dial: (dial, events) =>
      new DurableSocket(
        () => transport.dial(dial, events),
        events,
        durable,
      ),
    gatewayUrl: (actorId) => transport.gatewayUrl(actorId),
    connect(actorId, params, events) {
      const connect = () => transport.connect(actorId, params, events);
      return new DurableLink(connect, events, durable);
    },
  };
}

// Lets each part of a body go when what was changed before it is durable.
function gate(durable: () => Promise<void>): TransformStream {
  return new TransformStream({
    async transform(chunk, controller) {
      await durable();
      controller.enqueue(chunk);
    },
  });
}

// What both kinds of links have, of which only one says what is sent.
class Durable<M, L extends { send(m: M): void; close: Link["close"] }> {
  readonly #events: Pick<LinkEvents, "close">;
  readonly #durable: () => Promise<void>;
  #link: L | undefined;
  #isClosed = false;

  constructor(
    connect: () => L,
    events: Pick<LinkEvents, "close">,
    durable: () => Promise<void>,
  ) {
    this.#events = events;
    this.#durable = durable;
    this.#afterCommit(() => {
      if (!this.#isClosed) this.#link = connect();
    });
  }

  protected get link(): L | undefined {
    return this.#link;
  }

  send(message: M): void {
    this.#afterCommit(() => this.#link?.send(message));
  }

  close(code: number, reason: string): void {
    if (this.#link === undefined) this.#end(code, reason);
    else this.#afterCommit(() => this.#link?.close(code, reason));
  }

  #afterCommit(act: () => void): void {
    this.#durable().then(act, () => {
      const [code, reason] = [1011, "store.commit_failed"] as const;
      if (this.#link === undefined) this.#end(code, reason);
      else this.#link.close(code, reason);
    });
  }

  // It was never open, so there is nobody else to tell of its end.
  #end(code: number, reason: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    queueMicrotask(() => this.#events.close(code, reason));
  }
}

class DurableLink extends Durable<ToServer, Link> implements Link {}

class DurableSocket extends Durable<Frame, RawLink> implements RawLink {
  get url(): string {
    return this.link?.url ?? "";
  }

  get bufferedBytes(): number {
    return this.link?.bufferedBytes ?? 0;
  }
}
