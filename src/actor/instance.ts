// One life of an actor in memory. `call()` is the only way in.
//
//   starting ──start()──▶ running ──stop()──▶ stopping ──▶ stopped
//       └── a hook throws, or any commit fails ─────────────▶ ┘
//
// What a caller can rely on:
// - Actions begin only while it is running; they interleave where they wait.
// - Whatever an action returns, throws or sends leaves when the changes before it are durable.
// - A stopped instance changes nothing any more; the next call wakes another from what is durable.

import { actorError, toWireError } from "../errors.ts";
import {
  encodeErrorMessage,
  type Frame,
  type ToServer,
} from "../protocol/messages.ts";
import type { SendResult } from "../definition/queue.ts";
import type { Alarm, AlarmKey } from "../stores/store.ts";
import { Due } from "../deadlines.ts";
import { admit, dismiss } from "./admission.ts";
import type { Caller } from "./caller.ts";
import { answerCall, type Call } from "./calls.ts";
import type { Connection, MessageChannel } from "./connection.ts";
import {
  checkOutgoing,
  Connections,
  type ConnectionsOwner,
} from "./connections.ts";
import { InstanceContext } from "./context.ts";
import { isThenable } from "./deadline.ts";
import { Deliveries } from "./deliveries.ts";
import { Ending, type EndingParts, type StopReason } from "./ending.ts";
import type { Kind } from "./kind.ts";
import type { Output } from "./outbox.ts";
import type { QueueConsumer } from "./queue_consumer.ts";
import { isOwnAlarm } from "./own_alarms.ts";
import { Queueing, type Sending } from "./queueing.ts";
import { type RawRequest, RawRequests } from "./raw_requests.ts";
import { RawSocket } from "./raw_socket.ts";
import { RawSockets } from "./raw_sockets.ts";
import { Self, type SelfOwner } from "./self.ts";
import type { Identity, Services } from "./services.ts";
import type { State, StateOwner } from "./state.ts";
import { Steps, type StepsOwner } from "./steps.ts";
import { Subscriptions } from "./subscriptions.ts";
import { Work } from "./work.ts";

/** Told when an instance has stopped, with the connections that outlive it. */
export type OnStopped = (instance: Instance, kept: Connection[]) => void;

/** One life of an actor in memory. */
export class Instance extends Due
  implements ConnectionsOwner, EndingParts, SelfOwner, StateOwner, StepsOwner {
  readonly services: Services;
  readonly identity: Identity;
  readonly steps: Steps;
  readonly connections: Connections;
  readonly self: Self;
  readonly work: Work;
  // What only some instances need, once they do.
  queueing: Queueing | undefined;
  rawSockets: RawSockets | undefined;
  #context: InstanceContext | undefined;
  #deliveries: Deliveries | undefined;
  #rawRequests: RawRequests | undefined;
  #subscriptions: Subscriptions | undefined;
  #endingOrNone: Ending | undefined;
  readonly #onStopped: OnStopped;
  #isTellingChange = false;
  #stopAfterStart: StopReason | undefined;
  #stopping: Promise<void> | undefined;

  constructor(
    services: Services,
    identity: Identity,
    onStopped: OnStopped,
  ) {
    super();
    this.services = services;
    this.identity = identity;
    this.#onStopped = onStopped;
    this.steps = new Steps(this);
    this.connections = new Connections(this);
    this.self = new Self(this);
    this.work = new Work(this);
  }

  /** `c` of hooks. */
  get context(): InstanceContext {
    return this.#context ??= new InstanceContext(this.self);
  }

  get isRunning(): boolean {
    return this.work.isRunning;
  }

  /** Resolves when it has stopped; `undefined` when it is not about to. */
  get stopped(): Promise<void> | undefined {
    return this.#stopping;
  }

  get #kind(): Kind {
    return this.identity.kind;
  }

  consumer(beforeOutput?: () => void): QueueConsumer {
    return this.#queueing.consumer({ beforeOutput });
  }

  waitUntil(promise: Promise<unknown>): void {
    this.work.waitUntil(promise);
  }

  sleep(): void {
    this.services.clock.soon(() => this.stop("sleep"));
  }

  destroy(): void {
    this.#ending.mustDestroy = true;
    this.steps.awaitDestroy();
    this.services.clock.soon(() => this.stop("destroy"));
  }

  /** It is ready: from now on it takes calls. */
  run(): void {
    if (this.work.phase !== "starting") return;
    this.work.phase = "running";
    this.#takeSockets();
    const reason = this.#stopAfterStart;
    if (reason !== undefined) {
      this.services.clock.soon(() => this.stop(reason));
    } else {
      if (this.#kind.run !== undefined) this.#queueing.start();
      this.work.rest();
    }
  }

  /** Calls an action. Resolves to what `encode` makes of its output, when that may leave. */
  call<R>(call: Call, encode: (output: unknown) => R): Promise<R> {
    const { promise, resolve, reject } = Promise.withResolvers<R>();
    this.#perform(call, encode, { resolve, reject });
    return promise;
  }

  /** Answers a raw request. Resolves when the response may leave; its body follows. */
  request(request: RawRequest): Promise<Response> {
    this.#rawRequests ??= new RawRequests(this);
    return this.#rawRequests.answer(request);
  }

  /**
   * Sends a message to a queue. Resolves when it is durable, or with `wait` when it is completed, to
   * what `encode` makes of the result.
   */
  async send<R>(
    sending: Sending,
    encode: (result: SendResult<unknown>) => R,
  ): Promise<R> {
    this.work.beginFor(sending);
    let completed: Promise<R> | undefined;
    try {
      ({ completed } = await this.#queueing.accept(sending, encode));
      sending.hasBegun = true;
    } catch (error) {
      const { promise, reject } = Promise.withResolvers<never>();
      this.work.end();
      this.steps.send({ release: () => reject(error), reject });
      return await promise;
    }
    this.work.end();
    await this.steps.durable();
    return await (completed ??
      encode({ status: "completed", response: undefined }));
  }

  /** Lets a raw socket in. */
  async openSocket(socket: RawSocket, params: unknown): Promise<void> {
    await this.#rawSockets.open(socket, params);
  }

  /**
   * Takes a message of a connection.
   *
   * @throws {ActorError} `message/malformed` when it asks for too much.
   */
  receive(connection: Connection, message: ToServer): void {
    if (message.tag === "SubscriptionRequest") {
      const { eventName, subscribe } = message.val;
      this.#subscriber.subscribe(connection, eventName, subscribe);
      return;
    }
    const { id, name, args } = message.val;
    // Only a connection with an encoding sends messages.
    const encoding = connection.channel!.encoding!;
    connection.calls++;
    const answer = (frame: Frame) => {
      connection.calls--;
      connection.push(frame);
    };
    this.#perform(
      { name, args, connection },
      (output) =>
        encoding.encodeToClient({
          tag: "ActionResponse",
          val: { id, output },
        }),
      {
        resolve: answer,
        reject: (error) => {
          const { exposesErrors } = this.services;
          const wire = toWireError(error, { exposesErrors });
          answer(encodeErrorMessage(encoding, wire, id));
        },
      },
    );
  }

  /**
   * Makes the call of an alarm. Resolves when its removal is durable and the next one may begin: to
   * `false` when the actor has no such call.
   */
  deliver(alarm: Alarm): Promise<boolean> {
    if (isOwnAlarm(alarm)) return this.#deliverOwn(alarm);
    this.#deliveries ??= new Deliveries(this);
    return this.#deliveries.deliver(alarm);
  }

  /** Whether the call of an alarm is still to be made. */
  knows(alarm: Alarm): boolean {
    return this.self.schedule.callOf(alarm) !== undefined;
  }

  /** Opens a connection; it learns so when that is durable. */
  async connect(
    caller: Caller,
    channel: MessageChannel,
  ): Promise<Connection> {
    this.work.begin();
    try {
      const connection = await admit(this, caller, channel);
      const init = channel.encoding.encodeToClient({
        tag: "Init",
        val: { actorId: this.identity.actorId, connectionId: connection.id },
      });
      this.steps.send({
        release: () => connection.open(init),
        reject: () => {},
      });
      return connection;
    } finally {
      this.work.end();
    }
  }

  /** A connection has closed. Resolves when its hook has run; never rejects. */
  async disconnected(connection: Connection): Promise<void> {
    if (this.work.isStopped || !this.connections.has(connection)) return;
    this.work.enter();
    await dismiss(this, connection);
    this.work.end();
  }

  /**
   * Stops it, after its start if that has not ended; once begun, a stop is not begun again. Never
   * rejects.
   */
  stop(reason: StopReason): Promise<void> {
    if (this.work.isStopped) return Promise.resolve();
    if (this.work.phase === "starting") {
      // Whoever waits for the start gets an instance that takes calls.
      this.#stopAfterStart = reason;
      return Promise.resolve();
    }
    return this.#stopping ??= this.#stop(reason);
  }

  /** Gives up: nothing of what is not durable yet will be, and nobody will hear of it. */
  abandon(error: Error): void {
    this.steps.fail(error);
  }

  onDue(): void {
    if (this.work.isBusy) return;
    if (this.steps.isSettled) this.stop("sleep");
    else this.work.rest();
  }

  stateWatched(state: State): void {
    this.steps.watch(state);
  }

  stateChanged(): void {
    this.steps.changed();
    const { onStateChange } = this.#kind.config;
    if (onStateChange === undefined || this.work.phase === "starting") return;
    if (this.#isTellingChange) return;
    this.#isTellingChange = true;
    try {
      const result: unknown = onStateChange(this.context, this.self.state);
      if (isThenable(result)) this.waitUntil(Promise.resolve(result));
    } catch (error) {
      this.self.log.failure(error, { msg: "onStateChange failed" });
    } finally {
      this.#isTellingChange = false;
    }
  }

  alarmsAdded(alarms: readonly AlarmKey[]): void {
    for (const { dueMs } of alarms) {
      if (dueMs > 0) this.services.onAlarm(dueMs);
    }
  }

  stepFailed(error: Error): void {
    if (this.work.isStopped) return;
    const wasRunning = this.work.phase !== "starting";
    this.work.leave("stopped");
    this.self.abort();
    this.self.closeDatabase();
    // Before that, whoever waits for the start logs it and closes the connections.
    if (wasRunning) {
      this.self.log.failure(error, { msg: "stopped: a change was not saved" });
      const { group, code } = toWireError(error);
      for (const connection of this.connections.release()) {
        connection.channel?.close(1011, `${group}.${code}`);
      }
    }
    this.#onStopped(this, []);
    this.rawSockets?.end();
    this.queueing?.close(error);
    if (this.queueing?.mayHaveMessages) {
      this.services.onLost(this.identity.actorId);
    }
  }

  // Who takes subscriptions: somebody may have to be asked first.
  get #subscriber(): Subscriptions | Connections {
    const { events } = this.#kind;
    if (events === undefined || events.guards.size === 0) {
      return this.connections;
    }
    return this.#subscriptions ??= new Subscriptions(this);
  }

  get #queueing(): Queueing {
    return this.queueing ??= new Queueing(this);
  }

  get #rawSockets(): RawSockets {
    return this.rawSockets ??= new RawSockets(this);
  }

  // How it ends, from the moment that somebody thinks of it.
  get #ending(): Ending {
    return this.#endingOrNone ??= new Ending(this);
  }

  // The raw sockets that outlasted the instance before this one.
  #takeSockets(): void {
    if (this.#kind.config.onWebSocket === undefined) return;
    for (const connection of this.connections) {
      const { channel } = connection;
      if (!(channel instanceof RawSocket)) continue;
      this.#rawSockets.attach(connection, channel);
    }
  }

  #perform<R>(
    call: Call,
    encode: (output: unknown) => R,
    reply: { resolve: (value: R) => void; reject: (error: unknown) => void },
  ): void {
    const answered = (encoded: R) => {
      try {
        this.#checkSize(encoded);
      } catch (error) {
        return failed(error);
      }
      this.#end({
        release: () => reply.resolve(encoded),
        reject: reply.reject,
      });
    };
    const failed = (error: unknown) => {
      this.#logError(call.name, error);
      this.#end({ release: () => reply.reject(error), reject: reply.reject });
    };
    try {
      this.work.beginFor(call);
    } catch (error) {
      return reply.reject(error);
    }
    this.steps.beginTurn();
    let answer: R | Promise<R>;
    try {
      answer = answerCall(this, call, encode);
    } catch (error) {
      return failed(error);
    }
    if (!(answer instanceof Promise)) return answered(answer);
    this.steps.endTurn();
    answer.then(answered, failed);
  }

  // A call has ended with this output.
  #end(output: Output): void {
    this.work.end();
    this.steps.endTurn();
    this.steps.send(output);
  }

  #checkSize(encoded: unknown): void {
    if (typeof encoded === "string" || encoded instanceof Uint8Array) {
      checkOutgoing(encoded as Frame, this.services.maxOutgoingBytes);
    }
  }

  async #deliverOwn(alarm: Alarm): Promise<boolean> {
    this.work.begin();
    this.#queueing.deliver(alarm);
    this.work.end();
    await this.steps.durable();
    return true;
  }

  async #stop(reason: StopReason): Promise<void> {
    this.work.leave("stopping");
    this.self.abort();
    this.steps.hasten();
    await this.#ending.run(reason);
    // A failed commit may have stopped it at any time.
    if (this.work.isStopped) return;
    await this.#ending.closeDatabase();
    this.work.leave("stopped");
    this.#onStopped(
      this,
      this.connections.release().filter(({ isHibernatable }) => isHibernatable),
    );
    this.rawSockets?.end();
    // A call that outlasted the wait must not write what the next instance has not seen.
    const stopped = actorError("actor/stopping", "The actor has stopped");
    this.steps.fail(stopped);
    this.queueing?.close(stopped);
  }

  #logError(action: string, error: unknown): void {
    const { group, code } = toWireError(error);
    if (group === "internal" && code === "internal_error") {
      this.self.log.failure(error, { msg: "an action failed", action });
    }
  }
}
