// Makes `c` out of the parts of an instance.

import type {
  ActorContext,
  Conn,
  ConnContext,
  CreateStateContext,
  SaveStateOptions,
} from "../definition/context.ts";
import type { Client, RegistryTypes } from "../definition/handle.ts";
import type { Kv } from "../definition/kv.ts";
import type { ActorQueue } from "../definition/queue.ts";
import type { Cron, Schedule } from "../definition/schedule.ts";
import type { Logger } from "../log.ts";
import type { QueueConsumer } from "./queue_consumer.ts";
import { UserCron, UserSchedule } from "./schedule_context.ts";
import type { Self } from "./self.ts";

/** `c` of hooks and background work. */
export class InstanceContext implements ActorContext {
  protected readonly self: Self;

  constructor(self: Self) {
    this.self = self;
  }

  get state(): unknown {
    return this.self.state;
  }

  set state(value: unknown) {
    this.self.state = value;
  }

  get vars(): unknown {
    return this.self.vars;
  }

  get actorId(): string {
    return this.self.actorId;
  }

  get name(): string {
    return this.self.name;
  }

  get key(): string[] {
    return [...this.self.key];
  }

  get region(): string {
    return this.self.region;
  }

  get conns(): ReadonlyMap<string, Conn> {
    return this.self.conns;
  }

  get log(): Logger {
    return this.self.log;
  }

  get schedule(): Schedule {
    return new UserSchedule(this.self);
  }

  get cron(): Cron {
    return new UserCron(this.self);
  }

  get kv(): Kv {
    return this.self.kv;
  }

  get queue(): ActorQueue {
    return this.self.queue;
  }

  get db(): unknown {
    return this.self.db;
  }

  get abortSignal(): AbortSignal {
    return this.self.abortSignal;
  }

  get aborted(): boolean {
    return this.self.isAborted;
  }

  broadcast(event: string, ...args: unknown[]): void {
    this.self.broadcast(event, args);
  }

  client<R extends RegistryTypes>(): Client<R> {
    // The instance has a client of its own registry; its type is what the caller says it is.
    return this.self.client as Client<R>;
  }

  saveState(options?: SaveStateOptions): Promise<void> {
    return this.self.save(options);
  }

  waitUntil(promise: Promise<unknown>): void {
    this.self.control.waitUntil(promise);
  }

  runInBackground(promise: Promise<unknown>): void {
    this.waitUntil(promise);
  }

  keepAwake<V>(promise: Promise<V>): Promise<V> {
    // Whoever called sees the rejection, which is not for the log as well.
    this.waitUntil(promise.then(() => {}, () => {}));
    return promise;
  }

  sleep(): void {
    this.self.control.sleep();
  }

  destroy(): void {
    this.self.control.destroy();
  }
}

/** `c` of an action or hook that runs for one caller. */
export class CallContext extends InstanceContext implements ConnContext {
  #request: Request | (() => Request) | undefined;
  readonly #conn: () => Conn | undefined;
  readonly #beforeOutput: (() => void) | undefined;
  #consumer: QueueConsumer | undefined;

  constructor(
    self: Self,
    caller: {
      conn: () => Conn | undefined;
      /** What makes it is called when somebody wants to see it. */
      request: Request | (() => Request) | undefined;
      /** Told when the call goes on to wait for an output of its own. */
      beforeOutput?: (() => void) | undefined;
    },
  ) {
    super(self);
    this.#conn = caller.conn;
    this.#request = caller.request;
    this.#beforeOutput = caller.beforeOutput;
  }

  get request(): Request | undefined {
    if (typeof this.#request === "function") this.#request = this.#request();
    return this.#request;
  }

  get conn(): Conn {
    // The type leaves out that a scheduled call has none, because RivetKit's does.
    return this.#conn() as Conn;
  }

  override get conns(): ReadonlyMap<string, Conn> {
    // The caller may not be among them before somebody asks who it is.
    this.#conn();
    return super.conns;
  }

  override get queue(): ActorQueue {
    this.#consumer ??= this.self.control.consumer(this.#beforeOutput);
    return this.#consumer.queue;
  }

  /** The handler has returned, or thrown. */
  end(hasReturned: boolean): void {
    this.#consumer?.end(hasReturned);
  }

  override client<R extends RegistryTypes>(): Client<R> {
    this.#beforeOutput?.();
    return super.client<R>();
  }

  override saveState(options?: SaveStateOptions): Promise<void> {
    return this.self.save(options, this.#beforeOutput);
  }
}

/** `c` of `createState`. */
export function createContext(self: Self): CreateStateContext {
  const { actorId, name, key, region, log } = self;
  return { actorId, name, key: [...key], region, log };
}
