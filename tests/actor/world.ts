// A host with a fake clock and a fake store, and the ways to call its actors.

import { Host, type HostOptions } from "../../src/actor/host.ts";
import type { Connection, MessageChannel } from "../../src/actor/connection.ts";
import { clientOver } from "../../src/client/client.ts";
import type { AnyActorDefinition } from "../../src/definition/definition.ts";
import type { Client } from "../../src/definition/handle.ts";
import { Logger } from "../../src/log.ts";
import { copied } from "../../src/protocol/copy.ts";
import type {
  Encoding,
  Frame,
  ToClient,
  ToServer,
} from "../../src/protocol/messages.ts";
import { localTransport } from "../../src/server/local.ts";
import { VirtualClock } from "../../src/test/clock.ts";
import { FakeStore } from "./fake_store.ts";

/** What outlives a restart. */
interface Parts {
  clock: VirtualClock;
  store: FakeStore;
}

type Definitions = Record<string, AnyActorDefinition>;

/** A host and all it needs. Disposing of it closes the host, and lets the time pass that needs. */
export class World<D extends Definitions> implements AsyncDisposable {
  readonly clock: VirtualClock;
  readonly store: FakeStore;
  readonly host: Host;
  readonly client: Client<{ readonly "~actors"?: D }>;
  /** What was logged at the level of warnings or above. */
  readonly log: string[] = [];

  private constructor(
    definitions: D,
    { clock, store, fence }: Parts & { fence: number },
    options: Partial<HostOptions>,
  ) {
    this.clock = clock;
    this.store = store;
    const transport = localTransport({
      host: () => Promise.resolve(this.host),
      exposesErrors: options.exposesErrors ?? false,
    });
    this.host = new Host({
      definitions,
      store,
      clock,
      log: new Logger({
        level: "warn",
        write: (_level, line) => void this.log.push(line),
      }),
      fence,
      region: "local",
      storeTimeoutMs: 10_000,
      maxOutgoingBytes: 1_048_576,
      exposesErrors: false,
      transport,
      clientOver: (transport) => clientOver(transport, clock.timing),
      ...options,
    });
    this.client = clientOver(transport, clock.timing);
    this.host.start();
  }

  /** Opens a world; one with the parts of an earlier one is that after a restart. */
  static async open<D extends Definitions>(
    definitions: D,
    { clock, store, ...options }:
      & Partial<Parts>
      & Partial<Omit<HostOptions, keyof Parts>> = {},
  ): Promise<World<D>> {
    const parts = {
      clock: clock ?? new VirtualClock(1_000_000),
      store: store ?? new FakeStore(),
    };
    const fence = await parts.store.claim();
    return new World(definitions, { ...parts, fence }, options);
  }

  /** What outlives a restart. */
  get parts(): Parts {
    return { clock: this.clock, store: this.store };
  }

  /** Opens a connection of which the test sees every message. */
  async connect(
    actorId: string,
    { params, encoding = copied }: { params?: unknown; encoding?: Encoding } =
      {},
  ): Promise<Peer> {
    const peer = new Peer(this.host, actorId, encoding);
    peer.connection = await this.host.connect(actorId, { params }, peer);
    return peer;
  }

  /** Ends as `kill -9` would: nothing is saved, and nothing is told. */
  kill(): void {
    this.#isKilled = true;
    this.store.fate = "hangs";
  }

  #isKilled = false;

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.dispose();
    if (this.#isKilled) return;
    this.store.fate = "works";
    await this.store.land();
    let isClosed = false;
    const closing = this.host.close().then(() => isClosed = true);
    for (let round = 0; !isClosed && round < 50; round++) {
      await this.clock.pass(1_000);
    }
    if (!isClosed) throw new Error("The host does not close");
    await closing;
    await this.clock.settle();
  }
}

/** The caller's end of a connection. */
export class Peer implements MessageChannel {
  readonly lasts = "socket";
  readonly encoding: Encoding;
  readonly frames: Frame[] = [];
  connection!: Connection;
  closedWith: string | undefined;
  readonly #host: Host;
  readonly #actorId: string;

  constructor(host: Host, actorId: string, encoding: Encoding) {
    this.#host = host;
    this.#actorId = actorId;
    this.encoding = encoding;
  }

  /** What it was sent, in short. */
  get heard(): string[] {
    return this.messages.map((message) => {
      switch (message.tag) {
        case "Init":
          return "init";
        case "ActionResponse":
          return `${message.val.id}=${JSON.stringify(message.val.output)}`;
        case "Event":
          return `${message.val.name}(${
            message.val.args.map((arg) => JSON.stringify(arg)).join()
          })`;
        case "Error":
          return `${message.val.actionId}!${message.val.group}/${message.val.code}`;
      }
    });
  }

  get messages(): ToClient[] {
    return this.frames.map((frame) => this.encoding.decodeToClient(frame));
  }

  send(frame: Frame): void {
    if (this.closedWith === undefined) this.frames.push(frame);
  }

  // deno-lint-ignore require-await -- it is closed at once
  async close(code: number, reason: string): Promise<void> {
    if (this.closedWith !== undefined) return;
    this.closedWith = `${code} ${reason}`.trim();
    queueMicrotask(() =>
      this.#host.disconnected(this.#actorId, this.connection)
    );
  }

  /** The caller hangs up. */
  async hangUp(): Promise<void> {
    this.closedWith = "hung up";
    await this.#host.disconnected(this.#actorId, this.connection);
  }

  call(id: number, name: string, ...args: unknown[]): void {
    this.#say({ tag: "ActionRequest", val: { id, name, args } });
  }

  subscribe(eventName: string, subscribe = true): void {
    this.#say({ tag: "SubscriptionRequest", val: { eventName, subscribe } });
  }

  #say(message: ToServer): void {
    this.#host.receive(this.#actorId, this.connection, message)
      ?.catch((error) => this.close(1011, String(error)));
  }
}

/** Whether a promise has settled; asked when everything that needs no time has happened. */
export async function state(
  promise: Promise<unknown>,
  clock: VirtualClock,
): Promise<"pending" | "fulfilled" | "rejected"> {
  let found: "pending" | "fulfilled" | "rejected" = "pending";
  promise.then(() => found = "fulfilled", () => found = "rejected");
  await clock.settle();
  return found;
}
