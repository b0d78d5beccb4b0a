// A transport and a time that do nothing but what a test tells them.

import type {
  QueueSent,
  ToClient,
  ToServer,
} from "../../src/protocol/messages.ts";
import type {
  ActorQuery,
  Link,
  LinkEvents,
  RawDial,
  RawFetch,
  RawLink,
  RawLinkEvents,
  Transport,
  TransportCall,
  TransportSend,
} from "../../src/protocol/transport.ts";
import type { Timing } from "../../src/client/timing.ts";

/** Lets everything happen that needs no timer. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await Promise.resolve();
}

export class FakeTransport implements Transport {
  readonly queries: ActorQuery[] = [];
  readonly calls: TransportCall[] = [];
  readonly sent: TransportSend[] = [];
  readonly creations: unknown[] = [];
  readonly fetches: RawFetch[] = [];
  readonly dials: { dial: RawDial; events: RawLinkEvents }[] = [];
  readonly links: FakeLink[] = [];

  find: (query: ActorQuery, signal?: AbortSignal) => Promise<string> = () =>
    Promise.resolve("id-1");
  run: (call: TransportCall) => Promise<unknown> = () =>
    Promise.resolve("result");
  queue: (message: TransportSend) => Promise<QueueSent> = () =>
    Promise.resolve({ status: "completed" });

  answer: (request: RawFetch) => Promise<Response> = () =>
    Promise.resolve(new Response("response"));

  resolve(query: ActorQuery, signal?: AbortSignal): Promise<string> {
    this.queries.push(query);
    return this.find(query, signal);
  }

  create(actor: unknown): Promise<string> {
    this.creations.push(actor);
    return Promise.resolve("created");
  }

  call(call: TransportCall): Promise<unknown> {
    this.calls.push(call);
    return this.run(call);
  }

  send(message: TransportSend): Promise<QueueSent> {
    this.sent.push(message);
    return this.queue(message);
  }

  fetch(request: RawFetch): Promise<Response> {
    this.fetches.push(request);
    return this.answer(request);
  }

  dial(dial: RawDial, events: RawLinkEvents): RawLink {
    this.dials.push({ dial, events });
    return { url: "", bufferedBytes: 0, send() {}, close() {} };
  }

  gatewayUrl(actorId: string): string {
    return `http://fake/gateway/${actorId}`;
  }

  connect(actorId: string, params: unknown, events: LinkEvents): Link {
    const link = new FakeLink(actorId, params, events);
    this.links.push(link);
    return link;
  }

  get lastLink(): FakeLink {
    return this.links.at(-1)!;
  }
}

export class FakeLink implements Link {
  readonly actorId: string;
  readonly params: unknown;
  readonly sent: string[] = [];
  closedWith: string | undefined;
  readonly #events: LinkEvents;

  constructor(actorId: string, params: unknown, events: LinkEvents) {
    this.actorId = actorId;
    this.params = params;
    this.#events = events;
  }

  send({ tag, val }: ToServer): void {
    if (tag === "ActionRequest") {
      if (val.args.includes("unencodable")) throw new TypeError("unencodable");
      this.sent.push(`${val.id} ${val.name}(${val.args.join()})`);
    } else {
      this.sent.push(`${val.subscribe ? "+" : "-"}${val.eventName}`);
    }
  }

  close(code: number, reason: string): void {
    this.closedWith = `${code} ${reason}`;
  }

  open(connectionId = "conn-1"): void {
    const { actorId } = this;
    this.tell({ tag: "Init", val: { actorId, connectionId } });
  }

  answer(id: number, output: unknown): void {
    this.tell({ tag: "ActionResponse", val: { id, output } });
  }

  event(name: string, ...args: unknown[]): void {
    this.tell({ tag: "Event", val: { name, args } });
  }

  fail(actionId: number | null, kind: string, metadata?: unknown): void {
    const [group = "", code = ""] = kind.split("/");
    const val = { group, code, message: "told", metadata, actionId };
    this.tell({ tag: "Error", val });
  }

  tell(message: ToClient): void {
    this.#events.message(message);
  }

  end(code = 1006, reason = ""): void {
    this.#events.close(code, reason);
  }
}

export class FakeTiming implements Timing {
  #nowMs = 0;
  #timers = new Set<{ callback: () => void; atMs: number }>();

  now(): number {
    return this.#nowMs;
  }

  // The longest delay there can be.
  random(): number {
    return 1;
  }

  delay(callback: () => void, delayMs: number): () => void {
    const timer = { callback, atMs: this.#nowMs + delayMs };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** How long each timer has still to wait. */
  get waitsMs(): number[] {
    return [...this.#timers].map(({ atMs }) => atMs - this.#nowMs);
  }

  async pass(ms: number): Promise<void> {
    this.#nowMs += ms;
    for (const timer of [...this.#timers]) {
      if (timer.atMs > this.#nowMs || !this.#timers.delete(timer)) continue;
      timer.callback();
    }
    await settle();
  }
}
