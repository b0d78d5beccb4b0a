// One caller that stays. A connection outlives the instance of its actor: while the actor sleeps,
// its socket stays open, and the next instance takes the connection over.

import type { Conn } from "../definition/context.ts";
import { actorError } from "../errors.ts";
import type { Encoding, Frame } from "../protocol/messages.ts";
import { encodeRecord } from "./record.ts";
import { track } from "./tracking.ts";
import { Tree, type TreeOwner } from "./tree.ts";

/** The way to the caller: a socket, or a caller in this process. */
export interface Channel {
  /** How long it lasts: as long as a request, as the instance, or as its socket. */
  readonly lasts: "request" | "instance" | "socket";
  /** How frames for the caller are written; a raw request or socket has none, and hears no events. */
  readonly encoding: Encoding | undefined;
  /** Sends a frame; does nothing when it is closed. */
  send(frame: Frame): void;
  /** Starts to close, and resolves when it is closed. */
  close(code: number, reason: string): Promise<void>;
}

/** The way to a caller who calls actions and hears events. */
export interface MessageChannel extends Channel {
  readonly encoding: Encoding;
}

/** What a connection needs of the instance that has it. */
export interface ConnectionOwner {
  /** Sends an event to one connection. */
  sendTo(connection: Connection, event: string, args: unknown[]): void;
  /** The state of a connection has changed. */
  connectionChanged(connection: Connection): void;
  /** The user's code has the state of a connection in its hands. */
  stateUsed(connection: Connection): void;
  /** Closes a connection of the actor's own will. */
  disconnect(connection: Connection, reason: string): Promise<void>;
}

/** What a connection starts with. */
export interface ConnectionOptions {
  id: string;
  params: unknown;
  /** The state, as nobody else holds it; `undefined` with `hasState` false when there is none. */
  state: unknown;
  hasState: boolean;
  /** Whether the store keeps it. */
  isSaved: boolean;
  /** Absent for a call without a connection, and for one that was lost in a crash. */
  channel: Channel | undefined;
}

/** One connection. */
export class Connection implements TreeOwner {
  readonly id: string;
  readonly params: unknown;
  readonly channel: Channel | undefined;
  /** Whether the store keeps it. */
  readonly isSaved: boolean;
  /** How many of its calls have not been answered. */
  calls = 0;
  /** The instance that has it now; `undefined` while the actor sleeps. */
  owner: ConnectionOwner | undefined;
  #conn: Conn | undefined;
  #subscriptions: Set<string> | undefined;
  // Where the definition has states of connections.
  #state: Tree | undefined;
  // What is sent before the caller knows that it is connected; it comes right after `Init`.
  #held: Frame[] | undefined = [];

  constructor(options: ConnectionOptions) {
    this.id = options.id;
    this.params = options.params;
    this.channel = options.channel;
    this.isSaved = options.isSaved;
    if (options.hasState) this.#state = this.#track(options.state);
  }

  /** The connection as the user sees it. */
  get conn(): Conn {
    return this.#conn ??= new UserConn(this);
  }

  /** The events that it has subscribed to. */
  get subscriptions(): ReadonlySet<string> {
    return this.#subscriptions ?? none;
  }

  /** Subscribes to an event. */
  subscribe(event: string): void {
    this.#subscriptions ??= new Set();
    this.#subscriptions.add(event);
  }

  /** Ends the subscription to an event; whether there was one. */
  unsubscribe(event: string): boolean {
    return this.#subscriptions?.delete(event) === true;
  }

  /** The state as the user sees it. */
  get state(): unknown {
    const tree = this.#tree;
    this.owner?.stateUsed(this);
    return track(tree);
  }

  set state(value: unknown) {
    const tree = this.#tree;
    this.owner?.stateUsed(this);
    tree.root = value;
  }

  /** Whether it goes on while the actor sleeps. */
  get isHibernatable(): boolean {
    return this.channel?.lasts === "socket";
  }

  /** Finds what was done to the state past its proxies. */
  look(): void {
    this.#state?.checkWatched();
  }

  /** Ends the watch for that. */
  unwatch(): void {
    this.#state?.unwatch();
  }

  /** Sends a frame to the caller, once it knows that it is connected. */
  push(frame: Frame): void {
    if (this.#held === undefined) this.channel?.send(frame);
    else this.#held.push(frame);
  }

  /** Tells the caller that it is connected. */
  open(init: Frame): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    this.channel?.send(init);
    for (const frame of held) this.channel?.send(frame);
  }

  /** What is saved of it, as it is now. */
  encode(): Uint8Array {
    const state = this.#state?.root;
    return encodeRecord({ params: this.params, state }, `conn ${this.id}`);
  }

  /** Goes back to the state that was saved: the actor wakes after its instance failed. */
  restore(state: unknown): void {
    if (this.#state !== undefined) this.#state = this.#track(state);
  }

  #track(state: unknown): Tree {
    return new Tree(state, {
      name: "conn.state",
      isPlain: false,
      hasSharing: false,
      owner: this,
    });
  }

  treeChanged(): void {
    this.owner?.connectionChanged(this);
  }

  // Whoever has used its state looks anyway.
  treeWatched(): void {}

  get #tree(): Tree {
    if (this.#state !== undefined) return this.#state;
    throw actorError(
      "actor/conn_state_not_enabled",
      "conn.state is not enabled: the definition has neither connState nor createConnState",
    );
  }
}

const none: ReadonlySet<string> = new Set();

class UserConn implements Conn {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  get id(): string {
    return this.#connection.id;
  }

  get params(): unknown {
    return this.#connection.params;
  }

  get state(): unknown {
    return this.#connection.state;
  }

  set state(value: unknown) {
    this.#connection.state = value;
  }

  get isHibernatable(): boolean {
    return this.#connection.isHibernatable;
  }

  get subscriptions(): ReadonlySet<string> {
    return new Set(this.#connection.subscriptions);
  }

  send(event: string, ...args: unknown[]): void {
    this.#connection.owner?.sendTo(this.#connection, event, args);
  }

  async disconnect(reason = ""): Promise<void> {
    await this.#connection.owner?.disconnect(this.#connection, reason);
  }
}
