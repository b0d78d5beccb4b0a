// The actor as its own code sees it: what stands behind `c`.

import type { Conn, SaveStateOptions } from "../definition/context.ts";
import type { Kv } from "../definition/kv.ts";
import type { ActorQueue } from "../definition/queue.ts";
import { actorError } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { Connections } from "./connections.ts";
import { durableTransport } from "./durable_transport.ts";
import { Jobs } from "./jobs.ts";
import { ActorKv } from "./kv.ts";
import { KvRows } from "./kv_rows.ts";
import { observed } from "./observed.ts";
import { RunHistory } from "./run_history.ts";
import { Schedule } from "./schedule.ts";
import type { QueueConsumer } from "./queue_consumer.ts";
import type { Identity, Services } from "./services.ts";
import type { Steps } from "./steps.ts";

/** What an actor's own code can ask of its instance. */
export interface SelfControl {
  /** `c.queue` for one handler, which is told by `beforeOutput` when that waits to be saved. */
  consumer(beforeOutput?: () => void): QueueConsumer;
  /** Keeps it awake until the promise settles. */
  waitUntil(promise: Promise<unknown>): void;
  sleep(): void;
  destroy(): void;
}

/** Whose self it is. */
export interface SelfOwner extends SelfControl {
  readonly services: Services;
  readonly identity: Identity;
  readonly steps: Steps;
  readonly connections: Connections;
}

/** The actor as its own code sees it. */
export class Self {
  /** What the instance keeps in memory only. */
  ownVars: unknown;
  readonly #owner: SelfOwner;
  #abort: AbortController | undefined;
  #isAborted = false;
  #log: Logger | undefined;
  #client: unknown;
  #consumer: QueueConsumer | undefined;
  #schedule: Schedule | undefined;
  #jobs: Jobs | undefined;
  #kv: Kv | undefined;
  // The client of its database, once there is one.
  #db: { client: unknown } | undefined;

  constructor(owner: SelfOwner) {
    this.#owner = owner;
  }

  get actorId(): string {
    return this.#owner.identity.actorId;
  }

  get name(): string {
    return this.#owner.identity.kind.name;
  }

  get key(): string[] {
    return this.#owner.identity.key;
  }

  get region(): string {
    return this.#owner.services.region;
  }

  get state(): unknown {
    return this.#state.value;
  }

  set state(value: unknown) {
    this.#state.value = value;
  }

  get #state(): { value: unknown } {
    const { state } = this.#owner.steps;
    if (state !== undefined) return state;
    throw actorError(
      "actor/state_not_enabled",
      "c.state is not enabled: the definition has neither state nor createState",
    );
  }

  get vars(): unknown {
    if (this.#owner.identity.kind.hasVars) return this.ownVars;
    throw actorError(
      "actor/vars_not_enabled",
      "c.vars is not enabled: the definition has neither vars nor createVars",
    );
  }

  get db(): unknown {
    if (this.#db !== undefined) return this.#db.client;
    throw actorError(
      "database/not_enabled",
      "c.db is not enabled: the definition has no db",
    );
  }

  get kv(): Kv {
    return this.#kv ??= new ActorKv(
      this.rows,
      (error) => this.log.failure(error, { msg: "c.kv refused to write" }),
    );
  }

  /** Its keys and values, those of its own code and ours. */
  get rows(): KvRows {
    const { steps, services } = this.#owner;
    return steps.kv ??= new KvRows({
      actorId: this.actorId,
      store: services.kv,
      check: () => steps.check(),
      onChange: () => steps.changed(),
    });
  }

  /** Its future calls. */
  get schedule(): Schedule {
    const { steps, services, identity } = this.#owner;
    return this.#schedule ??= new Schedule({
      steps,
      clock: services.clock,
      maxCalls: identity.kind.options.maxSchedules,
    });
  }

  /** Those of them that are jobs. */
  get jobs(): Jobs {
    const { services, identity } = this.#owner;
    return this.#jobs ??= new Jobs({
      schedule: this.schedule,
      history: new RunHistory(this.rows),
      clock: services.clock,
      hasAction: (name) => identity.kind.action(name) !== undefined,
    });
  }

  /** `c.queue` of hooks. */
  get queue(): ActorQueue {
    this.#consumer ??= this.control.consumer();
    return this.#consumer.queue;
  }

  get conns(): ReadonlyMap<string, Conn> {
    return this.#owner.connections.conns;
  }

  get log(): Logger {
    return this.#log ??= this.#owner.services.log.of("actor").with({
      actor: this.name,
      key: this.key.join("/"),
      actorId: this.actorId,
    });
  }

  get control(): SelfControl {
    return this.#owner;
  }

  get abortSignal(): AbortSignal {
    this.#abort ??= new AbortController();
    if (this.#isAborted) this.#abort.abort();
    return this.#abort.signal;
  }

  get isAborted(): boolean {
    return this.#isAborted;
  }

  /** Makes the client of its database, if the definition has one, and brings that up to date. */
  async openDatabase(): Promise<void> {
    const { db } = this.#owner.identity.kind.config;
    if (db === undefined) return;
    const { actorId, name, key } = this;
    const client: unknown = await db.createClient({
      actorId,
      name,
      key: [...key],
    });
    this.#db = { client };
    // The start has taken too long, and nobody else will close it.
    if (this.#isAborted) return await this.closeDatabase();
    await db.onMigrate?.(client);
  }

  /** Closes the client of its database. Never rejects. */
  async closeDatabase(): Promise<void> {
    const db = this.#db;
    this.#db = undefined;
    if (db === undefined) return;
    try {
      await this.#owner.identity.kind.config.db?.onStop?.(db.client);
    } catch (error) {
      this.log.failure(error, { msg: "the database could not be closed" });
    }
  }

  /** Tells the actor's own code that the instance stops. */
  abort(): void {
    this.#isAborted = true;
    this.#abort?.abort();
  }

  /** A client of the same registry, whose calls wait for what is not durable yet. */
  get client(): unknown {
    const { services, identity } = this.#owner;
    const { clientOver, transport } = services;
    return this.#client ??= clientOver(
      identity.kind.options.durability === "commit"
        ? durableTransport(transport, () => this.durable())
        : transport,
    );
  }

  now(): number {
    return this.#owner.services.clock.now();
  }

  /** Resolves when everything that has changed is durable. */
  durable(): Promise<void> {
    return this.#owner.steps.durable();
  }

  /**
   * Resolves when everything that has changed is durable. With durability `"interval"` that may be
   * put off, until the actor stops. Calls `beforeOutput` first.
   *
   * @throws {RangeError} when `maxWait` is no time.
   */
  save(options?: SaveStateOptions, beforeOutput?: () => void): Promise<void> {
    return observed(() => {
      beforeOutput?.();
      return this.#save(options);
    }, (error) => this.log.failure(error, { msg: "a change was not saved" }));
  }

  #save({ immediate = false, maxWait }: SaveStateOptions = {}): Promise<void> {
    if (maxWait !== undefined && !(maxWait >= 0)) {
      throw new RangeError(
        `Cannot save the state: maxWait is ${maxWait}, not a number of milliseconds`,
      );
    }
    const { durability, stateSaveInterval } = this.#owner.identity.kind.options;
    return immediate || durability === "commit" || this.#isAborted
      ? this.durable()
      : this.#owner.steps.durable(maxWait ?? stateSaveInterval);
  }

  broadcast(event: string, args: unknown[]): void {
    this.#owner.connections.broadcast(event, args);
  }
}
