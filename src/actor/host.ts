// The actors of this process: finds or wakes an instance, and keeps it while it lives.
//
// What a caller can rely on:
// - There is at most one instance of an actor here; calls that come while it starts or stops wait.
// - Nothing grows with the number of sleeping actors, but for the sockets that they keep open.

import { actorError, isErrorKind, toWireError } from "../errors.ts";
import type { AnyActorDefinition } from "../definition/definition.ts";
import type { SendResult } from "../definition/queue.ts";
import type { Logger } from "../log.ts";
import { formatKey, parseKey } from "../protocol/key.ts";
import type { ToServer } from "../protocol/messages.ts";
import type { ActorQuery } from "../protocol/transport.ts";
import type { Alarm, Store } from "../stores/store.ts";
import type { Clock } from "../clock.ts";
import { Recent } from "../recent.ts";
import { Alarms } from "./alarms.ts";
import { Committer } from "./committer.ts";
import type { Connection, MessageChannel } from "./connection.ts";
import type { Caller } from "./caller.ts";
import type { Call } from "./calls.ts";
import type { Instance, OnStopped } from "./instance.ts";
import type { RawRequest } from "./raw_requests.ts";
import type { RawSocket } from "./raw_socket.ts";
import type { Identity, Services } from "./services.ts";
import { Kind } from "./kind.ts";
import type { Sending } from "./queueing.ts";
import { ActorExists } from "./steps.ts";
import {
  type ActorListing,
  shuttingDown,
  StoredActors,
} from "./stored_actors.ts";
import { Waiting } from "./waiting.ts";
import { create, wake } from "./wake.ts";

// How many actors can be found by their keys without the store.
const maxKnown = 10_000;

/** What a host needs. */
export interface HostOptions
  extends Omit<Services, "committer" | "kv" | "onAlarm" | "onLost"> {
  definitions: Readonly<Record<string, AnyActorDefinition>>;
  store: Store;
  /** The longest that the store may take for an answer. */
  storeTimeoutMs: number;
}

/** The actors of one process. */
export class Host {
  readonly #options: HostOptions;
  readonly #services: Services;
  readonly #kinds: Map<string, Kind>;
  readonly #stored: StoredActors;
  readonly #alarms: Alarms;
  readonly #waiting: Waiting;
  readonly #instances = new Map<string, Instance | Promise<Instance>>();
  readonly #creating = new Map<string, Promise<Instance>>();
  // Which id was found for a name and key. It is believed only while that actor lives here.
  readonly #known = new Recent<string, string>(maxKnown);
  // Open connections of actors that sleep.
  readonly #kept = new Map<string, Connection[]>();
  #isClosed = false;

  constructor(options: HostOptions) {
    const { store, clock, log, definitions, storeTimeoutMs } = options;
    this.#options = options;
    this.#kinds = new Map(
      Object.entries(definitions).map(([name, definition]) => [
        name,
        new Kind(name, definition, clock),
      ]),
    );
    const stored = new StoredActors(options);
    this.#stored = stored;
    this.#alarms = new Alarms({
      read: (page) => stored.alarms(page),
      clock,
      log,
      deliver: (alarm) => this.#deliver(alarm),
    });
    this.#waiting = new Waiting({
      read: (page) => stored.alarms({ ...page, until: 0 }),
      wake: (actorId) => Promise.resolve(this.#awake(actorId)),
      clock,
      log,
    });
    this.#services = {
      ...options,
      committer: new Committer(store, clock, storeTimeoutMs),
      kv: stored,
      onAlarm: (dueMs) => this.#alarms.notice(dueMs),
      onLost: (actorId) => this.#waiting.retry(actorId),
    };
  }

  get clock(): Clock {
    return this.#options.clock;
  }

  get log(): Logger {
    return this.#options.log;
  }

  /** The most bytes of one message to a caller. */
  get maxOutgoingBytes(): number {
    return this.#options.maxOutgoingBytes;
  }

  /** The names of all kinds of actors. */
  get names(): string[] {
    return [...this.#kinds.keys()];
  }

  /** Begins to deliver alarms, and wakes actors whose messages wait. */
  start(): void {
    this.#alarms.start();
    this.#waiting.start();
  }

  /**
   * The id of the actor that a query means; creates it if the query says so.
   *
   * @throws {ActorError} `actor/not_found`, or `actor/not_registered` when there is no such kind.
   */
  async resolve(
    query: ActorQuery,
  ): Promise<{ actorId: string; isNew: boolean }> {
    if (query.by === "id") {
      const listing = await this.get(query.actorId);
      if (listing?.name !== query.name) throw notFound(query.actorId);
      return { actorId: query.actorId, isNew: false };
    }
    const { name, key } = query;
    const kind = this.#kindOf(name);
    const found = await this.find(name, key);
    if (found !== undefined) return { actorId: found, isNew: false };
    if (!("create" in query)) {
      throw notFound(`${name}:${JSON.stringify(key)}`);
    }
    try {
      const instance = await this.#create(kind, key, query.create.input);
      return { actorId: instance.identity.actorId, isNew: true };
    } catch (error) {
      if (!(error instanceof ActorExists)) throw error;
      return { actorId: error.actorId, isNew: false };
    }
  }

  /**
   * Creates an actor; returns its id.
   *
   * @throws {ActorError} `actor/duplicate_key` when its key has an actor, with the id of that one.
   */
  async create(name: string, key: string[], input: unknown): Promise<string> {
    const kind = this.#kindOf(name);
    const duplicate = (actorId: string) =>
      actorError(
        "actor/duplicate_key",
        `Actor already exists with name '${name}' and key ${
          JSON.stringify(key)
        }`,
        { metadata: { existing_actor_id: actorId, key: formatKey(key) } },
      );
    const found = await this.find(name, key);
    if (found !== undefined) throw duplicate(found);
    try {
      return (await this.#create(kind, key, input)).identity.actorId;
    } catch (error) {
      throw error instanceof ActorExists ? duplicate(error.actorId) : error;
    }
  }

  /** The id of the actor of this name and key. */
  async find(name: string, key: string[]): Promise<string | undefined> {
    const id = nameAndKey(name, formatKey(key));
    const known = this.#known.get(id);
    if (known !== undefined && this.#isLiving(known)) return known;
    const creating = this.#creating.get(id);
    if (creating !== undefined) {
      // A creation that fails leaves nothing to be found.
      const instance = await creating.catch(() => undefined);
      if (instance !== undefined) return instance.identity.actorId;
    }
    const found = await this.#stored.find(name, key);
    if (found === undefined) this.#known.delete(id);
    else this.#known.set(id, found);
    return found;
  }

  /** One actor; `undefined` when there is none of this id. */
  get(actorId: string): Promise<ActorListing | undefined> {
    return this.#stored.get(actorId);
  }

  /** Actors of one kind, the newest first; without those whose record is damaged. */
  list(name: string, limit: number): Promise<ActorListing[]> {
    return this.#stored.list(name, limit);
  }

  /**
   * The kind of an actor, and its id as all who refer to it may share it; `undefined` when there is no such
   * actor, or the store does not tell.
   */
  async kindOf(
    actorId: string,
  ): Promise<Pick<Identity, "actorId" | "kind"> | undefined> {
    const living = this.#instances.get(actorId);
    if (living !== undefined && !(living instanceof Promise)) {
      return living.identity;
    }
    // Who opens a socket next is told what is wrong with the store.
    const found = await this.get(actorId).catch(() => undefined);
    const kind = found && this.#kinds.get(found.name);
    return kind && { actorId, kind };
  }

  /** Calls an action of an actor, which wakes for it. */
  call<R>(
    actorId: string,
    call: Call,
    encode: (output: unknown) => R,
  ): Promise<R> {
    const instance = this.#awake(actorId);
    return instance instanceof Promise
      ? instance.then((instance) => instance.call(call, encode))
      : instance.call(call, encode);
  }

  /** Sends a message to a queue of an actor, which wakes for it. */
  async send<R>(
    actorId: string,
    sending: Sending,
    encode: (result: SendResult<unknown>) => R,
  ): Promise<R> {
    return await (await this.#awake(actorId)).send(sending, encode);
  }

  /** Opens a connection to an actor, which wakes for it. */
  async connect(
    actorId: string,
    caller: Caller,
    channel: MessageChannel,
  ): Promise<Connection> {
    return await (await this.#awake(actorId)).connect(caller, channel);
  }

  /** Answers a raw request to an actor, which wakes for it. */
  async request(actorId: string, request: RawRequest): Promise<Response> {
    return await (await this.#awake(actorId)).request(request);
  }

  /** Lets a raw socket in to an actor, which wakes for it. */
  async openSocket(
    actorId: string,
    socket: RawSocket,
    params: unknown,
  ): Promise<void> {
    await (await this.#awake(actorId)).openSocket(socket, params);
  }

  /** Wakes an actor for a raw socket that has outlasted its instance. Never rejects. */
  async wakeFor(actorId: string, socket: RawSocket): Promise<void> {
    const { connection } = socket;
    if (this.#isClosed || connection === undefined) return;
    const isKept = this.#kept.get(actorId)?.includes(connection) ?? false;
    if (!isKept && !this.#instances.has(actorId)) return;
    try {
      const { connections } = await this.#awake(actorId);
      if (connections.has(connection)) return;
      await socket.close(1011, "actor.not_found");
    } catch (error) {
      this.log.failure(error, { msg: "cannot wake for a raw socket", actorId });
      const { group, code } = toWireError(error);
      await socket.close(1011, `${group}.${code}`);
    }
  }

  /**
   * Takes a message of a connection, whose actor wakes for it.
   *
   * @throws {ActorError} `message/malformed` when it asks for too much.
   */
  receive(
    actorId: string,
    connection: Connection,
    message: ToServer,
  ): void | Promise<void> {
    // While the host closes, the instance refuses each call, and its connections stay open for the
    // results of those that run.
    const living = this.#instances.get(actorId);
    const instance = this.#isClosed ? living : this.#awake(actorId);
    if (instance === undefined) return;
    if (!(instance instanceof Promise)) {
      // What comes after its disconnection has nobody to answer to.
      if (!instance.connections.has(connection)) return;
      return instance.receive(connection, message);
    }
    return instance.then((instance) => {
      // The actor may have been destroyed, or have forgotten the connection with a failed commit.
      if (!instance.connections.has(connection)) throw notFound(actorId);
      instance.receive(connection, message);
    });
  }

  /** The socket of a connection has closed. Never rejects. */
  async disconnected(actorId: string, connection: Connection): Promise<void> {
    // A host that closes has said goodbye to everybody, or will.
    if (this.#isClosed) return;
    const kept = this.#kept.get(actorId);
    if (kept?.includes(connection) && !connection.isSaved) {
      const others = kept.filter((other) => other !== connection);
      if (others.length > 0) this.#kept.set(actorId, others);
      else this.#kept.delete(actorId);
      return;
    }
    if (!this.#instances.has(actorId) && kept === undefined) return;
    try {
      await (await this.#awake(actorId)).disconnected(connection);
    } catch (error) {
      if (isErrorKind(error, "actor/not_found")) return;
      this.log.failure(error, { msg: "cannot tell of a lost connection" });
    }
  }

  /**
   * Refuses new work, lets running actions end within a bound, commits, closes all connections.
   * Then closes the store.
   */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#stored.beginClose();
    this.#alarms.close();
    this.#waiting.close();
    const instances = await Promise.allSettled(this.#instances.values());
    await Promise.all(
      instances.map((result) =>
        result.status === "fulfilled" && result.value.stop("shutdown")
      ),
    );
    const closing = [...this.#kept.values()].flat().map(({ channel }) =>
      channel?.close(1001, "ws.going_away")
    );
    await Promise.all(closing);
    for (const kind of this.#kinds.values()) kind.close();
    this.#services.committer.close();
    await this.#options.store.close();
    this.#stored.close();
  }

  #kindOf(name: string): Kind {
    const kind = this.#kinds.get(name);
    if (kind !== undefined) return kind;
    throw actorError(
      "actor/not_registered",
      `There is no actor "${name}" in this registry, only ${
        this.names.map((name) => `"${name}"`).join(", ") || "none"
      }`,
    );
  }

  #checkOpen(): void {
    if (this.#isClosed) throw shuttingDown();
  }

  #isLiving(actorId: string): boolean {
    const instance = this.#instances.get(actorId);
    return instance !== undefined && !(instance instanceof Promise) &&
      instance.isRunning;
  }

  // The living instance at once, so that a call of an actor that is awake waits for nothing.
  #awake(actorId: string): Instance | Promise<Instance> {
    const instance = this.#instances.get(actorId);
    if (instance instanceof Promise) return instance;
    if (this.#isClosed) return Promise.reject(shuttingDown());
    if (instance?.isRunning) return instance;
    return this.#wake(actorId, instance);
  }

  #wake(actorId: string, before: Instance | undefined): Promise<Instance> {
    const waking = this.#load(actorId, before);
    this.#keep(actorId, waking);
    return waking;
  }

  async #load(
    actorId: string,
    before: Instance | undefined,
  ): Promise<Instance> {
    await before?.stopped;
    this.#checkOpen();
    const stored = await this.#stored.load(actorId);
    if (stored === undefined) {
      this.#closeKept(actorId);
      throw notFound(actorId);
    }
    const kind = this.#kindOf(stored.name);
    const key = parseKey(stored.key);
    const kept = this.#kept.get(actorId) ?? [];
    this.#kept.delete(actorId);
    const identity = { actorId, kind, key, revision: stored.revision };
    try {
      return await wake(this.#services, identity, stored, {
        kept,
        onStopped: this.#onStopped,
      });
    } catch (error) {
      for (const { channel } of kept) {
        channel?.close(1011, "actor.start_failed");
      }
      throw error;
    }
  }

  #create(kind: Kind, key: string[], input: unknown): Promise<Instance> {
    this.#checkOpen();
    const id = nameAndKey(kind.name, formatKey(key));
    const other = this.#creating.get(id);
    if (other !== undefined) {
      return other.then(({ identity }) => {
        throw new ActorExists(identity.actorId);
      });
    }
    const actorId = nextActorId(this.clock.now());
    const creating = create(
      this.#services,
      { actorId, kind, key, revision: 0 },
      { input, onStopped: this.#onStopped },
    )
      .finally(() => this.#creating.delete(id));
    this.#creating.set(id, creating);
    this.#keep(actorId, creating);
    return creating;
  }

  // Keeps an instance while it starts, and as long as it lives.
  #keep(actorId: string, starting: Promise<Instance>): void {
    this.#instances.set(actorId, starting);
    starting.then(
      (instance) => {
        if (this.#instances.get(actorId) !== starting) return;
        if (instance.isRunning) this.#instances.set(actorId, instance);
        else this.#instances.delete(actorId);
      },
      () => {
        if (this.#instances.get(actorId) === starting) {
          this.#instances.delete(actorId);
        }
      },
    );
  }

  readonly #onStopped: OnStopped = (instance, kept) => {
    const { actorId } = instance.identity;
    if (kept.length > 0) this.#kept.set(actorId, kept);
    if (this.#instances.get(actorId) === instance) {
      this.#instances.delete(actorId);
    }
  };

  #closeKept(actorId: string): void {
    for (const { channel } of this.#kept.get(actorId) ?? []) {
      channel?.close(1011, "actor.not_found");
    }
    this.#kept.delete(actorId);
  }

  async #deliver(alarm: Alarm): Promise<void> {
    try {
      const instance = await this.#awake(alarm.actorId);
      if (await instance.deliver(alarm)) return;
      if (!await this.#stored.hasAlarm(alarm) || instance.knows(alarm)) return;
      // Another owner has made it. The next instance will know of it.
      const fenced = actorError(
        "store/fenced",
        "The alarm was not delivered: the actor has had another owner",
      );
      instance.abandon(fenced);
      throw fenced;
    } catch (error) {
      // It was destroyed, and its alarms with it, after this one was read.
      if (!isErrorKind(error, "actor/not_found")) throw error;
    }
  }
}

function notFound(actor: string): Error {
  return actorError("actor/not_found", `Actor not found: ${actor}`);
}

function nameAndKey(name: string, key: string): string {
  return `${name}\n${key}`;
}

// Ids sort by the time of creation, so that a store writes those of one time side by side.
function nextActorId(now: number): string {
  const random = crypto.getRandomValues(new Uint8Array(10));
  return now.toString(16).padStart(12, "0") + random.toHex();
}
