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
import type { Alarm } from "../stores/store.ts";
import { Admission, type Caller } from "./admission.ts";
import { type Call, Calls } from "./calls.ts";
import type { Connection, MessageChannel } from "./connection.ts";
import { checkOutgoing, Connections } from "./connections.ts";
import { InstanceContext } from "./context.ts";
import { isThenable, runHook, within } from "./deadline.ts";
import { Deliveries } from "./deliveries.ts";
import type { Due, Kind } from "./kind.ts";
import type { Output } from "./outbox.ts";
import type { QueueConsumer } from "./queue_consumer.ts";
import { isOwnAlarm } from "./own_alarms.ts";
import { Queueing, type Sending } from "./queueing.ts";
import { type RawRequest, RawRequests } from "./raw_requests.ts";
import { RawSocket } from "./raw_socket.ts";
import { RawSockets } from "./raw_sockets.ts";
import { Self, type SelfControl } from "./self.ts";
import type { Identity, Services } from "./services.ts";
import { Steps } from "./steps.ts";
import { Subscriptions } from "./subscriptions.ts";
import { eventCheck } from "./validation.ts";
import type { RawOptions } from "./work.ts";

/** Told when an instance has stopped, with the connections that outlive it. */
export type OnStopped = (instance: Instance, kept: Connection[]) => void;

/** Why an instance stops. */
export type StopReason = "sleep" | "destroy" | "shutdown";

// How many calls of an actor, and of one connection, may run or wait for their commit.
const maxCalls = 10_000;
const maxCallsPerConnection = 2000;

/** One life of an actor in memory. */
export class Instance implements Due, SelfControl {
  readonly identity: Identity;
  readonly services: Services;
  readonly steps: Steps;
  readonly connections: Connections;
  /** The actor as its own code sees it. */
  readonly self: Self;
  /** `c` of hooks. */
  readonly context: InstanceContext;
  readonly #admission: Admission;
  readonly #calls: Calls;
  #deliveries: Deliveries | undefined;
  #rawRequests: RawRequests | undefined;
  #rawSockets: RawSockets | undefined;
  // Only where somebody must be asked.
  readonly #subscriptions: Subscriptions | undefined;
  readonly #onStopped: OnStopped;
  #phase: "starting" | "running" | "stopping" | "stopped" = "starting";
  #runs = 0;
  #isTellingChange = false;
  #mustDestroy = false;
  #isToldDestroy = false;
  #isOutlasted = false;
  #stopAfterStart: StopReason | undefined;
  #stopping: Promise<void> | undefined;
  #onRunEnd: (() => void) | undefined;
  readonly #background = new Set<Promise<unknown>>();
  #holds = 0;
  readonly #queueing: Queueing;

  constructor(
    services: Services,
    identity: Identity,
    onStopped: OnStopped,
  ) {
    const { actorId, kind, revision } = identity;
    const { committer, clock, fence } = services;
    this.services = services;
    this.identity = identity;
    this.#onStopped = onStopped;
    this.steps = new Steps({
      actorId,
      revision,
      fence,
      committer,
      clock,
      isDurableFirst: kind.options.durability === "commit",
      saveIntervalMs: kind.options.stateSaveInterval,
      onFailure: (error) => this.#fail(error),
      onAlarms: (alarms) => {
        for (const { dueMs } of alarms) {
          if (dueMs > 0) services.onAlarm(dueMs);
        }
      },
    });
    const { steps } = this;
    const { events } = kind;
    const connections = new Connections({
      steps,
      check: events && eventCheck(events, (event) => {
        const msg = "an event is sent that is not declared";
        this.self.log.warn({ msg, event });
      }),
      maxOutgoingBytes: services.maxOutgoingBytes,
      onDisconnect: (connection) => this.disconnected(connection),
      onUnheard: (event) => {
        const msg = "a raw request or socket hears no events";
        this.self.log.warn({ msg, event });
      },
    });
    this.connections = connections;
    const self = new Self({
      services,
      identity,
      steps,
      connections,
      control: this,
    });
    this.self = self;
    this.context = new InstanceContext(self);
    this.#admission = new Admission({ kind, clock, self, connections });
    this.#calls = new Calls({
      kind,
      self,
      admission: this.#admission,
      connections,
    });
    const guards = events?.guards;
    if (guards !== undefined && guards.size > 0) {
      this.#subscriptions = new Subscriptions({
        guards,
        clock,
        self,
        steps,
        connections,
        exposesErrors: services.exposesErrors,
        begin: () => this.#begin(),
        end: () => this.#end(),
      });
    }
    this.#queueing = new Queueing({
      services,
      identity,
      steps,
      self,
      admission: this.#admission,
      hold: () => this.#hold(),
      release: () => this.#release(),
    });
  }

  get isRunning(): boolean {
    return this.#phase === "running";
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
    const work = Promise.resolve(promise).catch((error) =>
      this.self.log.failure(error, { msg: "background work failed" })
    ).finally(() => {
      this.#background.delete(work);
      this.steps.endWork();
      this.#rest();
    });
    this.#background.add(work);
    this.steps.beginWork();
    this.#kind.idle.delete(this);
  }

  sleep(): void {
    this.services.clock.soon(() => this.stop("sleep"));
  }

  destroy(): void {
    this.#mustDestroy = true;
    this.steps.awaitDestroy();
    this.services.clock.soon(() => this.stop("destroy"));
  }

  /** It is ready: from now on it takes calls. */
  run(): void {
    if (this.#phase !== "starting") return;
    this.#phase = "running";
    this.#takeSockets();
    const reason = this.#stopAfterStart;
    if (reason !== undefined) {
      this.services.clock.soon(() => this.stop(reason));
    } else {
      this.#queueing.start();
      this.#rest();
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
    this.#rawRequests ??= new RawRequests(this.#rawOptions);
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
    this.#checkLoad(sending);
    this.#begin();
    let completed: Promise<R> | undefined;
    try {
      ({ completed } = await this.#queueing.accept(sending, encode));
    } catch (error) {
      const { promise, reject } = Promise.withResolvers<never>();
      this.#end();
      this.steps.send({ release: () => reject(error), reject });
      return await promise;
    }
    this.#end();
    await this.steps.durable();
    return await (completed ??
      encode({ status: "completed", response: undefined }));
  }

  /** Lets a raw socket in. */
  async openSocket(socket: RawSocket, params: unknown): Promise<void> {
    this.#rawSockets ??= new RawSockets(this.#rawOptions);
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
      const subscriptions = this.#subscriptions ?? this.connections;
      subscriptions.subscribe(connection, eventName, subscribe);
      return;
    }
    const { id, name, args } = message.val;
    // Only a connection with an encoding sends messages.
    const encoding = connection.channel!.encoding!;
    connection.calls++;
    this.#perform(
      { name, args, connection },
      (output) =>
        encoding.encodeToClient({
          tag: "ActionResponse",
          val: { id, output },
        }),
      {
        resolve: (frame) => {
          connection.calls--;
          connection.push(frame);
        },
        reject: (error) => {
          connection.calls--;
          const { exposesErrors } = this.services;
          const wire = toWireError(error, { exposesErrors });
          connection.push(encodeErrorMessage(encoding, wire, id));
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
    this.#deliveries ??= new Deliveries({
      self: this.self,
      steps: this.steps,
      calls: this.#calls,
      clock: this.services.clock,
      begin: () => this.#begin(),
      end: () => this.#end(),
    });
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
    this.#begin();
    try {
      const connection = await this.#admission.admit(caller, channel);
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
      this.#end();
    }
  }

  /** A connection has closed. Resolves when its hook has run; never rejects. */
  async disconnected(connection: Connection): Promise<void> {
    if (this.#phase === "stopped" || !this.connections.has(connection)) return;
    this.#enter();
    await this.#admission.dismiss(connection);
    this.#end();
  }

  /**
   * Stops it, after its start if that has not ended; once begun, a stop is not begun again. Never
   * rejects.
   */
  stop(reason: StopReason): Promise<void> {
    if (this.#phase === "stopped") return Promise.resolve();
    if (this.#phase === "starting") {
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
    if (this.#isBusy) return;
    if (this.steps.isSettled) this.stop("sleep");
    else this.#rest();
  }

  /** The state has changed. */
  stateChanged(): void {
    this.steps.changed();
    const { onStateChange } = this.#kind.config;
    if (onStateChange === undefined || this.#phase === "starting") return;
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

  // What the parts for raw requests and sockets need, which most actors do not have.
  get #rawOptions(): RawOptions {
    const { identity: { kind }, services, self, steps } = this;
    const { clock, exposesErrors } = services;
    const admission = this.#admission;
    const work = {
      begin: () => {
        this.#checkLoad({});
        this.#begin();
      },
      enter: () => this.#enter(),
      end: () => this.#end(),
      hold: () => this.#hold(),
      release: () => this.#release(),
      isRunning: () => this.isRunning,
      waitUntil: (promise: Promise<unknown>) => this.waitUntil(promise),
      disconnected: (connection: Connection) => this.disconnected(connection),
    };
    return { kind, self, clock, steps, admission, work, exposesErrors };
  }

  // The raw sockets that outlasted the instance before this one.
  #takeSockets(): void {
    if (this.#kind.config.onWebSocket === undefined) return;
    for (const connection of this.connections) {
      const { channel } = connection;
      if (!(channel instanceof RawSocket)) continue;
      this.#rawSockets ??= new RawSockets(this.#rawOptions);
      this.#rawSockets.attach(connection, channel);
    }
  }

  async #perform<R>(
    call: Call,
    encode: (output: unknown) => R,
    reply: { resolve: (value: R) => void; reject: (error: unknown) => void },
  ): Promise<void> {
    let output: Output;
    try {
      this.#checkLoad(call);
      this.#begin();
    } catch (error) {
      return reply.reject(error);
    }
    try {
      const encoded = await this.#calls.answer(call, encode);
      this.#checkSize(encoded);
      output = { release: () => reply.resolve(encoded), reject: reply.reject };
    } catch (error) {
      this.#logError(call.name, error);
      output = { release: () => reply.reject(error), reject: reply.reject };
    }
    this.#end();
    this.steps.send(output);
  }

  // An actor that is asked for more than it can do refuses, and keeps what it has taken on.
  #checkLoad({ connection }: Caller): void {
    const calls = this.#runs + this.steps.waiting;
    const own = connection?.calls ?? 0;
    if (calls < maxCalls && own <= maxCallsPerConnection) return;
    throw actorError(
      "actor/overloaded",
      `The actor is overloaded: ${calls} calls are under way, ${own} of this connection`,
    );
  }

  #checkSize(encoded: unknown): void {
    if (typeof encoded === "string" || encoded instanceof Uint8Array) {
      checkOutgoing(encoded as Frame, this.services.maxOutgoingBytes);
    }
  }

  #begin(): void {
    if (this.#phase !== "running") {
      throw actorError("actor/stopping", "The actor is stopping");
    }
    this.#enter();
  }

  #enter(): void {
    this.#runs++;
    this.#kind.idle.delete(this);
    this.steps.beginRun();
  }

  #end(): void {
    this.#runs--;
    this.steps.endRun();
    if (this.#runs > 0) return;
    this.#onRunEnd?.();
    this.#rest();
  }

  get #isBusy(): boolean {
    return this.#runs > 0 || this.#background.size > 0 || this.#holds > 0;
  }

  // Keeps it awake until `#release()` is called as often; a stop does not wait for that.
  #hold(): void {
    this.#holds++;
    this.#kind.idle.delete(this);
  }

  #release(): void {
    this.#holds--;
    this.#rest();
  }

  async #deliverOwn(alarm: Alarm): Promise<boolean> {
    this.#begin();
    this.#queueing.deliver(alarm);
    this.#end();
    await this.steps.durable();
    return true;
  }

  // Waits for the time to sleep, if there is nothing to do.
  #rest(): void {
    if (this.#isBusy) return;
    if (this.#phase !== "running" || this.#kind.options.noSleep) return;
    this.#kind.idle.add(this);
  }

  async #stop(reason: StopReason): Promise<void> {
    const { options, config } = this.#kind;
    this.#phase = "stopping";
    this.#kind.idle.delete(this);
    this.self.abort();
    this.steps.hasten();
    if (!this.#mustDestroy) {
      await this.#lastHook(
        "onSleep",
        options.onSleepTimeout,
        () => config.onSleep?.(this.context),
      );
    }
    await this.#finish();
    await this.#seeOut(reason);
    // The hooks of connections may have begun more work, or asked for the end of the actor.
    await this.#finish();
    await this.#seeOut(reason);
    if (!this.#mustDestroy) this.#queueing.leave();
    await this.#lastCommit();
    if (this.#isStopped()) return;
    await this.#lastHook(
      "db.onStop",
      options.onSleepTimeout,
      () => this.self.closeDatabase(),
    );
    this.#phase = "stopped";
    this.#onStopped(
      this,
      this.connections.release().filter(({ isHibernatable }) => isHibernatable),
    );
    this.#rawSockets?.end();
    // A call that outlasted the wait must not write what the next instance has not seen.
    const stopped = actorError("actor/stopping", "The actor has stopped");
    this.steps.fail(stopped);
    this.#queueing.close(stopped);
  }

  // Waits for what goes on, and tells onDestroy, once, when somebody has asked for that.
  async #finish(): Promise<void> {
    const { options, config } = this.#kind;
    do {
      if (this.#mustDestroy && !this.#isToldDestroy) {
        this.#isToldDestroy = true;
        await this.#lastHook(
          "onDestroy",
          options.onDestroyTimeout,
          () => config.onDestroy?.(this.context),
        );
      }
      await this.#quiet(options.waitUntilTimeout);
    } while (this.#mustDestroy && !this.#isToldDestroy);
  }

  async #lastHook(
    name: string,
    timeoutMs: number,
    run: () => unknown,
  ): Promise<void> {
    try {
      await runHook(this.services.clock, { name, timeoutMs, run });
    } catch (error) {
      this.self.log.failure(error, { msg: `${name} failed` });
    }
  }

  // Waits for running actions and background work, for a time; no more once that was too short.
  async #quiet(timeoutMs: number): Promise<void> {
    if (this.#isOutlasted) return;
    const allDone = async () => {
      await this.#queueing.ended;
      // What is waited for may begin more.
      while (this.#runs > 0 || this.#background.size > 0) {
        const { promise, resolve } = Promise.withResolvers<void>();
        this.#onRunEnd = resolve;
        if (this.#runs === 0) resolve();
        await Promise.all([promise, ...this.#background]);
      }
    };
    await within(
      this.services.clock,
      timeoutMs,
      allDone(),
      () => new Error(`Work went on for more than ${timeoutMs} ms`),
    ).catch((error) => {
      this.#isOutlasted = true;
      this.self.log.failure(error, { msg: "stopping anyway" });
    });
  }

  // What fails here has told everybody who waits.
  async #lastCommit(): Promise<void> {
    try {
      // An actor that is not created yet must be, before it can be destroyed.
      await this.steps.durable();
      if (!this.#mustDestroy) return;
      this.steps.destroy();
      await this.steps.durable();
    } catch (error) {
      this.self.log.debug({ msg: "stopped without a last commit", error });
    }
  }

  // Disconnects everybody, but for those who may stay while the actor sleeps.
  async #seeOut(reason: StopReason): Promise<void> {
    const isShutdown = reason === "shutdown" && !this.#mustDestroy;
    const [code, why] = isShutdown ? [1001, "ws.going_away"] : [1000, ""];
    const mayKeep = reason === "sleep" && !this.#mustDestroy;
    const leaving = [...this.connections].filter(({ channel }) =>
      !mayKeep || (channel !== undefined && channel.lasts !== "socket")
    );
    await this.#rawSockets?.leave(leaving, code, why);
    await Promise.all(
      leaving.map((connection) => this.disconnected(connection)),
    );
    for (const connection of leaving) {
      this.connections.close(connection, code, why);
    }
  }

  // A failed commit may have stopped it at any time.
  #isStopped(): boolean {
    return this.#phase === "stopped";
  }

  #fail(error: Error): void {
    if (this.#phase === "stopped") return;
    const wasRunning = this.#phase !== "starting";
    this.#phase = "stopped";
    this.#kind.idle.delete(this);
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
    this.#rawSockets?.end();
    this.#queueing.close(error);
    if (this.#queueing.mayHaveMessages) {
      this.services.onLost(this.identity.actorId);
    }
  }

  #logError(action: string, error: unknown): void {
    const { group, code } = toWireError(error);
    if (group === "internal" && code === "internal_error") {
      this.self.log.failure(error, { msg: "an action failed", action });
    }
  }
}
