// All connections of one instance: who is there, who has subscribed to what, and sending to them.
//
// An event is written once for each encoding among its receivers, when it is sent; it leaves when
// the changes before it are durable. Where it cannot be written in one encoding, or is too long, those
// who have that are closed with 1011, `message.outgoing_too_long` or `actor.send_failed`; the sender
// is told only where nobody gets it. So nobody can spoil an event by the encoding he chooses.

import type { Conn } from "../definition/context.ts";
import { actorError, isErrorKind } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { Encoding, Frame, ToClient } from "../protocol/messages.ts";
import type { Connection, ConnectionOwner } from "./connection.ts";
import type { Identity, Services } from "./services.ts";
import type { Steps, Watched } from "./steps.ts";
import { unwrapDeep } from "./tracking.ts";
import { checkEvent } from "./validation.ts";

// How many events one connection may subscribe to, and how long a name may be.
const maxSubscriptions = 1000;
const maxEventLength = 256;

/** An event as it is written for some of its receivers, or why it cannot be. */
interface Parcel {
  frame: Frame | undefined;
  error: unknown;
  receivers: Connection[];
}

/** Whose connections they are. */
export interface ConnectionsOwner {
  readonly services: Services;
  readonly identity: Identity;
  readonly steps: Steps;
  readonly self: { readonly log: Logger };
  /** A connection has closed. Resolves when its hook has run; never rejects. */
  disconnected(connection: Connection): Promise<void>;
}

/** The connections of one instance. */
export class Connections implements ConnectionOwner, Watched {
  readonly #owner: ConnectionsOwner;
  // By id, once somebody is there.
  #connections: Map<string, Connection> | undefined;
  // As the user sees them, once he looks.
  #conns: Map<string, Conn> | undefined;
  // By event, while there are any.
  #subscribers: Map<string, Set<Connection>> | undefined;
  // Those whose state may be changed past its proxies.
  #used: Set<Connection> | undefined;

  constructor(owner: ConnectionsOwner) {
    this.#owner = owner;
  }

  /** How many there are. */
  get size(): number {
    return this.#connections?.size ?? 0;
  }

  /** The connections as the user sees them, by id. */
  get conns(): ReadonlyMap<string, Conn> {
    return this.#conns ??= new Map(
      Array.from(this, (connection) => [connection.id, connection.conn]),
    );
  }

  *[Symbol.iterator](): Generator<Connection> {
    if (this.#connections !== undefined) yield* this.#connections.values();
  }

  /** Whether a connection is one of these. */
  has(connection: Connection): boolean {
    return this.#connections?.has(connection.id) === true;
  }

  /** Adds a new connection. */
  add(connection: Connection): void {
    this.adopt(connection);
    this.connectionChanged(connection);
  }

  /** Takes over a connection of an earlier instance, with its subscriptions. */
  adopt(connection: Connection): void {
    connection.owner = this;
    this.#connections ??= new Map();
    this.#connections.set(connection.id, connection);
    this.#conns?.set(connection.id, connection.conn);
    for (const event of connection.subscriptions) {
      this.#subscribersOf(event).add(connection);
    }
  }

  /** Removes a connection that has closed; whether it was there. */
  delete(connection: Connection): boolean {
    if (this.#connections?.delete(connection.id) !== true) return false;
    this.#used?.delete(connection);
    this.#conns?.delete(connection.id);
    for (const event of connection.subscriptions) {
      this.#unsubscribe(connection, event);
    }
    if (connection.isSaved) {
      this.#owner.steps.setConnection(connection.id, undefined);
    }
    return true;
  }

  /** Gives all connections away: the instance has stopped. Those end with it that do not outlast it. */
  release(): Connection[] {
    const connections = [...this];
    for (const connection of connections) connection.owner = undefined;
    return connections;
  }

  /**
   * Begins or ends the delivery of an event; doing either twice is no error.
   *
   * @throws {ActorError} `message/malformed` when there are too many, or the name is too long.
   */
  subscribe(connection: Connection, event: string, isWanted: boolean): void {
    const { subscriptions } = connection;
    if (!isWanted) {
      if (connection.unsubscribe(event)) this.#unsubscribe(connection, event);
      return;
    }
    if (subscriptions.has(event)) return;
    if (
      subscriptions.size >= maxSubscriptions || event.length > maxEventLength
    ) {
      throw actorError(
        "message/malformed",
        `Cannot subscribe: more than ${maxSubscriptions} events, or a name longer than ${maxEventLength}`,
      );
    }
    connection.subscribe(event);
    this.#subscribersOf(event).add(connection);
  }

  /** Sends an event to everybody who has subscribed to it. */
  broadcast(event: string, args: unknown[]): void {
    const checked = this.#check(event, args);
    const subscribers = this.#subscribers?.get(event);
    if (subscribers !== undefined) this.#send(subscribers, event, checked);
  }

  sendTo(connection: Connection, event: string, args: unknown[]): void {
    const { channel } = connection;
    if (channel !== undefined && channel.encoding === undefined) {
      const msg = "a raw request or socket hears no events";
      this.#owner.self.log.warn({ msg, event });
      return;
    }
    this.#send([connection], event, this.#check(event, args));
  }

  stateUsed(connection: Connection): void {
    if (!this.#isSaved(connection)) return;
    this.#used ??= new Set();
    this.#used.add(connection);
    this.#owner.steps.watch(this);
  }

  look(): void {
    for (const connection of this.#used ?? []) connection.look();
  }

  unwatch(): void {
    for (const connection of this.#used ?? []) connection.unwatch();
    this.#used?.clear();
  }

  connectionChanged(connection: Connection): void {
    if (!this.#isSaved(connection)) return;
    const { steps } = this.#owner;
    steps.setConnection(connection.id, () => connection.encode());
  }

  async disconnect(connection: Connection, reason: string): Promise<void> {
    if (!this.has(connection)) return;
    await this.#owner.disconnected(connection);
    const closed = this.close(connection, 1000, reason);
    // It closes with the end of the actor, which waits for whoever waits here.
    if (!this.#owner.steps.isEnding) await closed;
  }

  /** Closes the way to a caller when all that was sent before is on it. */
  close(connection: Connection, code: number, reason: string): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const close = () => {
      resolve(connection.channel?.close(code, reason));
    };
    this.#owner.steps.send({ release: close, reject: close });
    return promise;
  }

  // The arguments of an event as they are sent: the definition may have something to say.
  #check(event: string, args: unknown[]): unknown[] {
    const { events } = this.#owner.identity.kind;
    if (events === undefined) return args;
    return checkEvent(events, event, args, () => {
      const msg = "an event is sent that is not declared";
      this.#owner.self.log.warn({ msg, event });
    });
  }

  // One that has closed may still be changed, by its last hook for one, and is saved no more.
  #isSaved(connection: Connection): boolean {
    return connection.isSaved && this.has(connection);
  }

  #send(
    receivers: Iterable<Connection>,
    event: string,
    args: unknown[],
  ): void {
    const message = {
      tag: "Event" as const,
      val: { name: event, args: unwrapDeep(args) as unknown[] },
    };
    // By the encoding of now: a connection may have another one when the event leaves.
    const parcels = new Map<Encoding, Parcel>();
    let unsent: Parcel | undefined;
    let isSent = false;
    for (const connection of receivers) {
      const encoding = connection.channel?.encoding;
      if (encoding === undefined) continue;
      const parcel = parcels.get(encoding);
      if (parcel !== undefined) {
        parcel.receivers.push(connection);
        continue;
      }
      const packed = this.#pack(encoding, message, connection);
      if (packed.frame === undefined) unsent = packed;
      else isSent = true;
      parcels.set(encoding, packed);
    }
    if (unsent !== undefined && !isSent) throw unsent.error;
    this.#owner.steps.send({
      release: () => {
        for (const { frame, receivers } of parcels.values()) {
          if (frame === undefined) continue;
          for (const connection of receivers) connection.push(frame);
        }
      },
      // Whoever waited for the commit is told; an event has nobody to tell.
      reject: () => {},
    });
    if (unsent !== undefined) this.#closeUnsent(event, parcels.values());
  }

  #pack(
    encoding: Encoding,
    message: ToClient,
    connection: Connection,
  ): Parcel {
    const { maxOutgoingBytes } = this.#owner.services;
    const receivers = [connection];
    try {
      const frame = encoding.encodeToClient(message);
      checkOutgoing(frame, maxOutgoingBytes);
      return { frame, error: undefined, receivers };
    } catch (error) {
      return { frame: undefined, error, receivers };
    }
  }

  // Those who miss an event that others get must not go on as if there had been none.
  #closeUnsent(event: string, parcels: Iterable<Parcel>): void {
    for (const { frame, error, receivers } of parcels) {
      if (frame !== undefined) continue;
      const msg = "connections are closed that an event cannot be sent to";
      this.#owner.self.log.failure(error, { msg, event });
      const reason = isErrorKind(error, "message/outgoing_too_long")
        ? "message.outgoing_too_long"
        : "actor.send_failed";
      for (const connection of receivers) {
        void this.close(connection, 1011, reason);
      }
    }
  }

  #subscribersOf(event: string): Set<Connection> {
    this.#subscribers ??= new Map();
    let subscribers = this.#subscribers.get(event);
    if (subscribers === undefined) {
      subscribers = new Set();
      this.#subscribers.set(event, subscribers);
    }
    return subscribers;
  }

  #unsubscribe(connection: Connection, event: string): void {
    const subscribers = this.#subscribers?.get(event);
    subscribers?.delete(connection);
    if (subscribers?.size === 0) this.#subscribers?.delete(event);
  }
}

/**
 * Checks the size of a message to a caller. A text counts its UTF-16 units, at most its bytes; what
 * stays in this process has no size.
 *
 * @throws {ActorError} `message/outgoing_too_long` when it is too long.
 */
export function checkOutgoing(frame: Frame, maxBytes: number): Frame {
  if (!(frame.length > maxBytes)) return frame;
  throw actorError(
    "message/outgoing_too_long",
    `The message has ${frame.length} bytes, more than ${maxBytes}`,
  );
}
