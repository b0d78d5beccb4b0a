// Makes `c` out of the parts of an instance.

import type {
  ActionContext,
  ActorContext,
  Conn,
  CreateContext,
  SaveStateOptions,
  Schedule,
} from "../definition/context.ts";
import type { Client, RegistryTypes } from "../definition/handle.ts";
import type { Logger } from "../log.ts";
import type { Link, LinkEvents, Transport } from "../protocol/transport.ts";

/** What the context needs of an instance. */
export interface ContextOwner {
  state: unknown;
  readonly vars: unknown;
  readonly actorId: string;
  readonly name: string;
  readonly key: string[];
  readonly region: string;
  readonly conns: ReadonlyMap<string, Conn>;
  readonly log: Logger;
  readonly abortSignal: AbortSignal;
  readonly client: unknown;
  schedule(dueMs: number, action: string, args: unknown[]): void;
  now(): number;
  broadcast(event: string, args: unknown[]): void;
  durable(): Promise<void>;
  waitUntil(promise: Promise<unknown>): void;
  sleep(): void;
  destroy(): void;
}

/** `c` of hooks and background work. */
export class InstanceContext implements ActorContext {
  protected readonly owner: ContextOwner;

  constructor(owner: ContextOwner) {
    this.owner = owner;
  }

  get state(): unknown {
    return this.owner.state;
  }

  set state(value: unknown) {
    this.owner.state = value;
  }

  get vars(): unknown {
    return this.owner.vars;
  }

  get actorId(): string {
    return this.owner.actorId;
  }

  get name(): string {
    return this.owner.name;
  }

  get key(): string[] {
    return [...this.owner.key];
  }

  get region(): string {
    return this.owner.region;
  }

  get conns(): ReadonlyMap<string, Conn> {
    return this.owner.conns;
  }

  get log(): Logger {
    return this.owner.log;
  }

  get schedule(): Schedule {
    return new UserSchedule(this.owner);
  }

  get abortSignal(): AbortSignal {
    return this.owner.abortSignal;
  }

  broadcast(event: string, ...args: unknown[]): void {
    this.owner.broadcast(event, args);
  }

  client<R extends RegistryTypes>(): Client<R> {
    // The instance has a client of its own registry; its type is what the caller says it is.
    return this.owner.client as Client<R>;
  }

  async saveState(_options?: SaveStateOptions): Promise<void> {
    await this.owner.durable();
  }

  waitUntil(promise: Promise<unknown>): void {
    this.owner.waitUntil(promise);
  }

  sleep(): void {
    this.owner.sleep();
  }

  destroy(): void {
    this.owner.destroy();
  }
}

/** `c` of an action or hook that runs for one caller. */
export class CallContext extends InstanceContext implements ActionContext {
  readonly request: Request | undefined;
  readonly #conn: () => Conn | undefined;
  readonly #beforeOutput: (() => void) | undefined;

  constructor(
    owner: ContextOwner,
    caller: {
      conn: () => Conn | undefined;
      request: Request | undefined;
      /** Told when the call goes on to wait for an output of its own. */
      beforeOutput?: (() => void) | undefined;
    },
  ) {
    super(owner);
    this.#conn = caller.conn;
    this.request = caller.request;
    this.#beforeOutput = caller.beforeOutput;
  }

  get conn(): Conn {
    // The type leaves out that a scheduled call has none, because RivetKit's does.
    return this.#conn() as Conn;
  }

  override client<R extends RegistryTypes>(): Client<R> {
    this.#beforeOutput?.();
    return super.client<R>();
  }

  override async saveState(options?: SaveStateOptions): Promise<void> {
    this.#beforeOutput?.();
    await super.saveState(options);
  }
}

/** `c` of `createState`. */
export function createContext(owner: ContextOwner): CreateContext {
  const { actorId, name, key, region, log } = owner;
  return { actorId, name, key: [...key], region, log };
}

class UserSchedule implements Schedule {
  readonly #owner: ContextOwner;

  constructor(owner: ContextOwner) {
    this.#owner = owner;
  }

  // deno-lint-ignore require-await -- what is wrong with the arguments is told by the promise
  async after(
    delayMs: number,
    action: string,
    ...args: unknown[]
  ): Promise<void> {
    checkTime(delayMs, "delay");
    const dueMs = this.#owner.now() + Math.max(delayMs, 0);
    this.#owner.schedule(dueMs, action, args);
  }

  // deno-lint-ignore require-await -- what is wrong with the arguments is told by the promise
  async at(dueMs: number, action: string, ...args: unknown[]): Promise<void> {
    checkTime(dueMs, "time");
    this.#owner.schedule(dueMs, action, args);
  }
}

function checkTime(value: unknown, what: string): void {
  if (typeof value === "number" && Number.isFinite(value)) return;
  throw new TypeError(`Cannot schedule: the ${what} is ${value}`);
}

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
    connect(actorId, params, events) {
      return new DurableLink(transport, { actorId, params, events, durable });
    },
  };
}

class DurableLink implements Link {
  readonly #durable: () => Promise<void>;
  readonly #events: LinkEvents;
  #link: Link | undefined;
  #isClosed = false;

  constructor(
    transport: Transport,
    options: {
      actorId: string;
      params: unknown;
      events: LinkEvents;
      durable: () => Promise<void>;
    },
  ) {
    const { actorId, params, events, durable } = options;
    this.#durable = durable;
    this.#events = events;
    this.#afterCommit(() => {
      if (this.#isClosed) return;
      this.#link = transport.connect(actorId, params, events);
    });
  }

  send(message: Parameters<Link["send"]>[0]): void {
    this.#afterCommit(() => this.#link?.send(message));
  }

  close(code: number, reason: string): void {
    if (this.#link !== undefined) {
      this.#afterCommit(() => this.#link?.close(code, reason));
    } else if (!this.#isClosed) {
      this.#isClosed = true;
      this.#events.close(code, reason);
    }
  }

  #afterCommit(act: () => void): void {
    this.#durable().then(act, () => {
      if (this.#link !== undefined) {
        this.#link.close(1011, "store.commit_failed");
      } else if (!this.#isClosed) {
        this.#isClosed = true;
        this.#events.close(1011, "store.commit_failed");
      }
    });
  }
}
