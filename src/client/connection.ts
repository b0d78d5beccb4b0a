// A connection: one caller that stays. It promises:
//
// - Calls wait until it is open, at most `maxQueuedCalls` of them, and are then sent in their order.
// - A call that was sent is never sent again: when the connection is lost before its result has
//   arrived, it rejects. A call that waits rejects when the server refuses the connection, and goes
//   on waiting when there is no server, or only for now none that could take it.
// - It tries to connect until it is disposed, whatever happens. After a loss the first attempt
//   follows at once; each that fails doubles the time to the next, from 250 ms up to 30 s. Like an
//   open socket, that keeps the process alive.
// - Each attempt finds the actor anew, so a connection that may create its actor does so again when
//   the actor is gone.
// - At every opening the server learns what is listened to before it gets the first call.
//
// The status, and which function moves it:
//
//   idle -> connecting          the constructor
//   connecting -> connected     #opened, when `Init` has come
//   connecting -> disconnected  #refused
//   connected -> disconnected   #lost
//   disconnected -> connecting  #connect, when #retry has waited
//   any -> idle                 dispose, for good

import type {
  ActionCall,
  ConnectionMembers,
  ConnStatus,
} from "../definition/handle.ts";
import { ActorError, fromWireError, isErrorKind, statusOf } from "../errors.ts";
import type { Init, ToClient, ToServer } from "../protocol/messages.ts";
import type { ActorQuery, Link, Transport } from "../protocol/transport.ts";
import { abortable } from "../abort.ts";
import {
  ActorClientError,
  ActorConnDisposed,
  MalformedResponseMessage,
} from "./errors.ts";
import { Listeners } from "./listeners.ts";
import { paramsOf, type ParamsSource } from "./params.ts";
import type { Timing } from "./timing.ts";
import { isEnd, turnsAway } from "./turned_away.ts";

/** How many calls may wait for a connection to open. One more rejects with `client/queue_full`. */
export const maxQueuedCalls = 1000;

const firstDelayMs = 250;
const maxDelayMs = 30_000;
// A connection that did not live that long has failed: a server that opens and closes in one go
// would otherwise be asked again without a pause.
const minLifeMs = 1000;
// For how long dispose() waits for the other side to close.
const closeTimeoutMs = 5000;

/** What a connection needs. */
export interface ConnectionOptions {
  transport: Transport;
  query: ActorQuery;
  params: ParamsSource;
  /** Ends the connection if it has never been open. */
  signal: AbortSignal | undefined;
  timing: Timing;
  /** Called once, when the connection is disposed. */
  onDispose(): void;
}

interface Call {
  name: string;
  args: unknown[];
  resolve(output: unknown): void;
  reject(error: unknown): void;
}

interface Attempt {
  link?: Link;
  /** When `Init` came. */
  openedAt?: number;
  /** What the server said is wrong with the connection. */
  failure?: ActorError;
  closed: PromiseWithResolvers<void>;
}

/** One caller that stays. */
export class Connection implements ConnectionMembers {
  readonly #options: ConnectionOptions;
  #status: ConnStatus = "idle";
  #actorId: string | undefined;
  #connId: string | undefined;

  #attempt: Attempt | undefined;
  // How many attempts in a row have failed.
  #failures = 0;
  #cancelRetry: (() => void) | undefined;
  readonly #search = new AbortController();
  // Aborts finding the actor: `#search`, and the caller's own until the first opening.
  #signal: AbortSignal;
  #disposal: PromiseWithResolvers<void> | undefined;
  // Whoever waits for the next opening.
  #ready: PromiseWithResolvers<void> | undefined;

  // While the connection is open, these are sent; otherwise none of them is.
  #calls = new Map<number, Call>();
  #nextId = 0;

  readonly #events = new Map<string, Listeners<unknown[]>>();
  readonly #errorListeners = new Listeners<[Error]>();
  readonly #openListeners = new Listeners<[]>();
  readonly #closeListeners = new Listeners<[]>();
  readonly #statusListeners = new Listeners<[ConnStatus]>();

  constructor(options: ConnectionOptions) {
    this.#options = options;
    const { signal } = options;
    this.#signal = signal === undefined
      ? this.#search.signal
      : AbortSignal.any([signal, this.#search.signal]);
    this.#connect();
  }

  get actorId(): string | undefined {
    return this.#actorId;
  }

  get connId(): string | undefined {
    return this.#connId;
  }

  get connStatus(): ConnStatus {
    return this.#status;
  }

  get isConnected(): boolean {
    return this.#status === "connected";
  }

  get ready(): Promise<void> {
    if (this.isConnected) return Promise.resolve();
    if (this.#disposal) return Promise.reject(new ActorConnDisposed());
    this.#ready ??= Promise.withResolvers();
    return this.#ready.promise;
  }

  async action({ name, args = [], signal }: ActionCall): Promise<unknown> {
    signal?.throwIfAborted();
    if (this.#disposal) throw new ActorConnDisposed();
    if (!this.isConnected && this.#calls.size >= maxQueuedCalls) {
      throw new ActorClientError(
        "queue_full",
        `Cannot call "${name}": ${maxQueuedCalls} calls wait for the connection to open`,
      );
    }
    const id = this.#nextId++;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const call: Call = { name, args, resolve, reject };
    this.#calls.set(id, call);
    if (this.isConnected) this.#sendCall(id, call);
    try {
      return await abortable(promise, signal);
    } finally {
      this.#calls.delete(id);
    }
  }

  // What an event carries is known to the caller's types alone.
  // deno-lint-ignore no-explicit-any
  on(event: string, callback: (...args: any[]) => void): () => void {
    let listeners = this.#events.get(event);
    if (listeners === undefined) {
      listeners = new Listeners();
      this.#events.set(event, listeners);
      if (this.isConnected) this.#sendSubscription(event, true);
    }
    const remove = listeners.add(callback);
    return () => {
      if (!remove() || !listeners.isEmpty) return;
      this.#events.delete(event);
      if (this.isConnected) this.#sendSubscription(event, false);
    };
  }

  // deno-lint-ignore no-explicit-any -- as in `on`
  once(event: string, callback: (...args: any[]) => void): () => void {
    const end = this.on(event, (...args) => {
      end();
      callback(...args);
    });
    return end;
  }

  onError(callback: (error: Error) => void): () => void {
    return this.#errorListeners.add(callback);
  }

  onOpen(callback: () => void): () => void {
    return this.#openListeners.add(callback);
  }

  onClose(callback: () => void): () => void {
    return this.#closeListeners.add(callback);
  }

  onStatusChange(callback: (status: ConnStatus) => void): () => void {
    return this.#statusListeners.add(callback);
  }

  dispose(): Promise<void> {
    if (this.#disposal) return this.#disposal.promise;
    const disposal = this.#disposal = Promise.withResolvers<void>();
    const attempt = this.#attempt;
    const wasConnected = this.isConnected;
    this.#attempt = undefined;
    this.#connId = undefined;
    this.#search.abort();
    this.#cancelRetry?.();
    const calls = this.#takeCalls();
    this.#setStatus("idle");
    for (const call of calls) call.reject(new ActorConnDisposed());
    this.#ready?.reject(new ActorConnDisposed());
    if (wasConnected) this.#closeListeners.emit();
    this.#options.onDispose();
    if (attempt?.link === undefined) {
      disposal.resolve();
    } else {
      const { timing } = this.#options;
      const cancel = timing.delay(disposal.resolve, closeTimeoutMs);
      attempt.closed.promise.then(cancel).then(disposal.resolve);
      attempt.link.close(1000, "Disposed");
    }
    return disposal.promise;
  }

  async #connect(): Promise<void> {
    const { transport, query } = this.#options;
    const attempt: Attempt = { closed: Promise.withResolvers() };
    this.#attempt = attempt;
    this.#setStatus("connecting");
    try {
      const actorId = await transport.resolve(query, this.#signal);
      if (this.#attempt !== attempt) return;
      const params = await paramsOf(this.#options.params);
      if (this.#attempt !== attempt) return;
      attempt.link = transport.connect(actorId, params, {
        message: (message) => {
          if (this.#attempt === attempt) this.#receive(attempt, message);
        },
        close: (code, reason, error) => {
          attempt.closed.resolve();
          if (this.#attempt !== attempt) return;
          this.#ended(attempt, error ?? errorOfClose(attempt, code, reason));
        },
      });
    } catch (cause) {
      if (this.#attempt !== attempt) return;
      this.#refused(
        cause instanceof ActorError
          ? cause
          : new ActorClientError("connection_failed", "Cannot find the actor", {
            cause,
          }),
      );
    }
  }

  #receive(attempt: Attempt, message: ToClient): void {
    switch (message.tag) {
      case "Init":
        return this.#opened(attempt, message);
      case "Event":
        this.#events.get(message.val.name)?.emit(...message.val.args);
        return;
      case "ActionResponse":
        this.#calls.get(message.val.id)?.resolve(message.val.output);
        return;
      case "Error": {
        const error = fromWireError(message.val);
        const { actionId } = message.val;
        if (actionId !== null) {
          this.#calls.get(actionId)?.reject(error);
        } else {
          attempt.failure = error;
          // Before the opening, the close that follows reports it.
          if (attempt.openedAt !== undefined) this.#report(error);
        }
      }
    }
  }

  #opened(attempt: Attempt, { val }: Init): void {
    this.#actorId = val.actorId;
    this.#connId = val.connectionId;
    if (attempt.openedAt !== undefined) return;
    attempt.openedAt = this.#options.timing.now();
    this.#failures = 0;
    // A time limit for finding the actor has been met, and must not end a later search.
    this.#signal = this.#search.signal;
    for (const event of this.#events.keys()) {
      this.#sendSubscription(event, true);
    }
    for (const [id, call] of this.#calls) this.#sendCall(id, call);
    this.#ready?.resolve();
    this.#ready = undefined;
    this.#setStatus("connected");
    if (this.#attempt === attempt) this.#openListeners.emit();
  }

  #ended({ openedAt, failure }: Attempt, error: ActorError): void {
    if (openedAt === undefined) return this.#refused(failure ?? error);
    const isReported = failure?.group === error.group &&
      failure.code === error.code;
    const lifeMs = this.#options.timing.now() - openedAt;
    this.#lost(isReported ? failure : error, { isReported, lifeMs });
  }

  // The connection was open.
  #lost(
    error: ActorError,
    { isReported, lifeMs }: { isReported: boolean; lifeMs: number },
  ): void {
    this.#failures = lifeMs < minLifeMs ? 1 : 0;
    this.#attempt = undefined;
    this.#connId = undefined;
    const calls = this.#takeCalls();
    this.#setStatus("disconnected");
    for (const call of calls) call.reject(error);
    this.#closeListeners.emit();
    if (!isReported && !isNoError(error)) this.#report(error);
    this.#retry();
  }

  // The connection was not open yet.
  #refused(error: ActorError): void {
    const { query } = this.#options;
    // Between finding and connecting, the actor has gone: the next attempt creates it.
    const isGone = "create" in query &&
      (isErrorKind(error, "actor/not_found") || isEnd(error));
    this.#failures++;
    this.#attempt = undefined;
    const calls = isGone || isPassing(error) ? [] : this.#takeCalls();
    this.#setStatus("disconnected");
    for (const call of calls) call.reject(error);
    if (!isGone) this.#report(error);
    this.#retry();
  }

  #retry(): void {
    // A listener may have disposed the connection, or the caller may have given up finding.
    if (this.#signal.aborted) {
      this.dispose();
      return;
    }
    const { timing } = this.#options;
    const longestMs = Math.min(
      firstDelayMs * 2 ** (this.#failures - 1),
      maxDelayMs,
    );
    // Spread, so that the callers of a server that comes back do not all come at once.
    const delayMs = this.#failures === 0
      ? 0
      : longestMs * (1 + timing.random()) / 2;
    this.#cancelRetry = timing.delay(() => this.#connect(), delayMs);
  }

  #report(error: ActorError): void {
    const events = this.#events.get("error");
    if (this.#errorListeners.isEmpty && events === undefined) {
      console.warn("A connection has failed, and nobody listens:", error);
    }
    this.#errorListeners.emit(error);
    events?.emit(error);
  }

  #setStatus(status: ConnStatus): void {
    this.#status = status;
    this.#statusListeners.emit(status);
  }

  // Taken before listeners run, for they may make calls that belong to the next attempt.
  #takeCalls(): Iterable<Call> {
    const calls = this.#calls;
    this.#calls = new Map();
    return calls.values();
  }

  #sendCall(id: number, { name, args, reject }: Call): void {
    try {
      this.#send({ tag: "ActionRequest", val: { id, name, args } });
    } catch (error) {
      reject(error); // The arguments cannot be encoded.
    }
  }

  #sendSubscription(eventName: string, subscribe: boolean): void {
    this.#send({ tag: "SubscriptionRequest", val: { eventName, subscribe } });
  }

  #send(message: ToServer): void {
    this.#attempt?.link?.send(message);
  }
}

// A reason is `group.code`, and an engine adds `#` and what it calls the request.
function errorOfClose(
  { openedAt }: Attempt,
  code: number,
  reason: string,
): ActorError {
  const [, group, kind] = /^([\w-]+)\.([\w-]+)(?:#|$)/.exec(reason) ?? [];
  return group && kind
    ? new ActorError(group, kind, `Connection closed: ${reason}`)
    : new ActorClientError(
      openedAt === undefined ? "connection_failed" : "connection_lost",
      `Connection closed (code ${code}, reason "${reason}")`,
    );
}

// Whether nothing has gone wrong but that the connection is gone.
function isNoError({ group, code }: ActorError): boolean {
  return group === "client" && code === "connection_lost";
}

// Whether nobody has refused the connection, or somebody only for now.
function isPassing(error: ActorError): boolean {
  if (error instanceof MalformedResponseMessage) return false;
  return ["client", "guard", "ws"].includes(error.group) ||
    statusOf(error) === 503 || turnsAway(error);
}
