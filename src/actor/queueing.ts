// What goes on in an instance besides its calls: the run loop, and the messages that wait for it.
//
// What a caller can rely on:
// - A message that is sent is durable before its sender is told, and a reply leaves when the removal
//   of the message, and what its consumer changed until then, are.
// - An actor with a run loop does not sleep over a message that its loop takes: a process that starts
//   wakes every actor for which one waits; a message that comes while the instance stops, or that run
//   has not completed by then, wakes the next one; and when run has thrown, it begins anew, after 1 s
//   at first and then after twice as long each time, up to 60 s, for as long as there are messages.

import type { ActorQueue, SendResult } from "../definition/queue.ts";
import type { CanPublish } from "../definition/queues.ts";
import { actorError } from "../errors.ts";
import type { Frame } from "../protocol/messages.ts";
import type { ActorAlarm } from "../stores/store.ts";
import { admit, connectionOf, dismiss } from "./admission.ts";
import type { Caller } from "./caller.ts";
import { checkOutgoing } from "./connections.ts";
import { CallContext, InstanceContext } from "./context.ts";
import { isThenable, runHook } from "./deadline.ts";
import type { Kind } from "./kind.ts";
import { waitingAlarm, wakeAlarm } from "./own_alarms.ts";
import type { Parts } from "./parts.ts";
import { QueueConsumer, unknownQueue } from "./queue_consumer.ts";
import { type Message, Queues } from "./queues.ts";
import { RunLoop } from "./run_loop.ts";
import type { Self } from "./self.ts";
import { checkMessage } from "./validation.ts";

/** A message of a caller. */
export interface Sending extends Caller {
  queue: string;
  body: unknown;
  /** Whether the caller waits until it is completed. */
  wait: boolean;
  /** The most milliseconds to wait; for ever without. */
  timeoutMs: number | undefined;
  /** Aborted when the caller waits no more. */
  signal: AbortSignal | undefined;
}

// The longest that `canPublish` may take.
const canPublishTimeoutMs = 5000;

// How long after a failure the run loop begins anew. One that lasted longer than the last pause is
// well again.
const firstPauseMs = 1000;
const lastPauseMs = 60_000;

/** The run loop and the messages of one instance. */
export class Queueing {
  readonly #parts: Parts;
  #queues: Queues | undefined;
  #loop: RunLoop | undefined;
  #consumer: QueueConsumer | undefined;
  #hasFailed = false;
  #pauseMs = firstPauseMs;
  #hasWakeAlarm = false;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Begins the run loop, which the definition has. */
  start(): void {
    const { services, identity, steps, self, work } = this.#parts;
    const { run, options, queueRules } = identity.kind;
    this.#hasFailed = false;
    const consumer = queueRules && this.consumer({
      onWaiting: (isWaiting) => loop.setWaiting(isWaiting),
    });
    this.#consumer = consumer;
    const c = new LoopContext(self, consumer);
    const startMs = services.clock.now();
    const loop = new RunLoop({
      run: () => run!(c),
      steps,
      clock: services.clock,
      log: self.log,
      saveIntervalMs: options.stateSaveInterval,
      isAborted: () => self.isAborted,
      onWork: (isAtWork) => isAtWork ? work.hold() : work.release(),
      onEnd: (failure) => {
        consumer?.end(failure === undefined);
        if (failure === undefined) return;
        this.#hasFailed = true;
        if (services.clock.now() - startMs > lastPauseMs) {
          this.#pauseMs = firstPauseMs;
        }
        if (this.#queues?.hasMessages) this.#wakeLater();
      },
    });
    this.#loop = loop;
    loop.start();
  }

  /** Resolves when the run loop has ended; `undefined` where there is none. */
  get ended(): Promise<void> | undefined {
    return this.#loop?.ended;
  }

  /**
   * `c.queue` for one handler.
   *
   * @throws {ActorError} `queue/not_enabled` when the definition has no queues.
   */
  consumer(
    options: {
      beforeOutput?: (() => void) | undefined;
      onWaiting?: (isWaiting: boolean) => void;
    } = {},
  ): QueueConsumer {
    const { services, identity, self } = this.#parts;
    const { queueRules: rules } = identity.kind;
    if (rules === undefined) {
      throw actorError(
        "queue/not_enabled",
        "c.queue is not enabled: the definition has no queues",
      );
    }
    return new QueueConsumer({
      queues: this.#opened,
      rules,
      clock: services.clock,
      durable: () => self.durable(),
      onRefused: (error) =>
        self.log.failure(error, {
          msg: "refused to send or complete a message",
        }),
      abortSignal: self.abortSignal,
      ...options,
    });
  }

  /**
   * Takes a message of a caller in. Resolves when it is added, to what resolves when it has been
   * completed, or the caller waits no more; what that tells is made by `encode` of the result.
   *
   * @throws {ActorError} `queue/not_found`, `auth/forbidden`, `queue/invalid_payload`,
   * `queue/message_too_large` or `queue/full`.
   */
  async accept<R>(
    sending: Sending,
    encode: (result: SendResult<unknown>) => R,
  ): Promise<{ completed: Promise<R> | undefined }> {
    const { kind } = this.#parts.identity;
    if (sending.connection !== undefined || !kind.hasConnectionHooks) {
      return await this.#add(sending, encode);
    }
    const connection = await admit(this.#parts, sending, undefined);
    try {
      return await this.#add({ ...sending, connection }, encode);
    } finally {
      await dismiss(this.#parts, connection);
    }
  }

  /** An alarm of ours is due; the instance is awake. */
  deliver(alarm: ActorAlarm): void {
    this.#parts.steps.deleteAlarm(alarm);
    this.#hasWakeAlarm = false;
    if (this.#hasFailed && !this.#parts.self.isAborted) this.start();
  }

  /** The instance falls asleep: what run still has is for the next one, which wakes for it. */
  leave(): void {
    if (this.#consumer?.hasMessages) this.#wakeLater();
  }

  /** The instance has stopped: whoever waits for a reply is told. */
  close(error: Error): void {
    this.#queues?.close(error);
  }

  /** Whether messages may wait for a run loop: one that is removed is there if that is not saved. */
  get mayHaveMessages(): boolean {
    return this.#parts.identity.kind.run !== undefined &&
      this.#queues !== undefined;
  }

  get #opened(): Queues {
    if (this.#queues !== undefined) return this.#queues;
    const { services, identity, steps, self } = this.#parts;
    const { queueRules, options, run } = identity.kind;
    return this.#queues = new Queues({
      rows: self.rows,
      steps,
      now: () => services.clock.now(),
      names: queueRules!.keys(),
      maxSize: options.maxQueueSize,
      maxMessageBytes: options.maxQueueMessageSize,
      onWaiting: (hasMessages) => {
        if (run === undefined) return;
        if (hasMessages) steps.addAlarm(waitingAlarm);
        else steps.deleteAlarm(waitingAlarm);
      },
      onMessage: () => this.#onMessage(),
    });
  }

  async #add<R>(
    sending: Sending,
    encode: (result: SendResult<unknown>) => R,
  ): Promise<{ completed: Promise<R> | undefined }> {
    const { kind } = this.#parts.identity;
    const { queue, body, wait } = sending;
    const rule = kind.queueRules?.get(queue);
    if (rule === undefined) throw unknown(queue, kind);
    const { canPublish } = rule;
    if (canPublish !== undefined) await this.#checkSender(sending, canPublish);
    const checked = checkMessage(rule, queue, body);
    const content = isThenable(checked)
      ? await runHook(this.#parts.services.clock, {
        name: `The schema of queue "${queue}"`,
        timeoutMs: kind.options.actionTimeout,
        run: () => checked,
      })
      : checked;
    const queues = this.#opened;
    await queues.load();
    const message = queues.add(queue, content);
    const completed = wait
      ? this.#completed(message, sending, encode)
      : undefined;
    // It is awaited when the message is durable; until then nobody hears of its failure.
    completed?.catch(() => {});
    return { completed };
  }

  async #checkSender(sending: Sending, canPublish: CanPublish): Promise<void> {
    const { services: { clock }, self } = this.#parts;
    const { queue, params, request } = sending;
    const conn = () => {
      sending.connection ??= connectionOf(this.#parts, { params });
      return sending.connection.conn;
    };
    const c = new CallContext(self, { conn, request });
    const answer = await runHook(clock, {
      name: "canPublish",
      timeoutMs: canPublishTimeoutMs,
      run: () => canPublish(c, queue),
    });
    if (answer === true) return;
    if (answer !== false) {
      const msg = "canPublish has not returned a boolean, which refuses";
      self.log.error({ msg, queue });
    }
    throw actorError(
      "auth/forbidden",
      `This caller may not send to queue "${queue}"`,
      { metadata: { queue } },
    );
  }

  #completed<R>(
    message: Message,
    { timeoutMs, signal }: Sending,
    encode: (result: SendResult<unknown>) => R,
  ): Promise<R> {
    const { services: { clock, maxOutgoingBytes }, work } = this.#parts;
    const { promise, resolve, reject } = Promise.withResolvers<R>();
    const forget = this.#opened.awaitReply(message, {
      answer: (response) => {
        const encoded = encode({ status: "completed", response });
        if (typeof encoded === "string" || encoded instanceof Uint8Array) {
          checkOutgoing(encoded as Frame, maxOutgoingBytes);
        }
        return { release: () => resolve(encoded), reject };
      },
      fail: reject,
    });
    const timer = timeoutMs === undefined
      ? undefined
      : clock.after(timeoutMs, () => {
        forget();
        resolve(encode({ status: "timedOut" }));
      });
    const abort = () => {
      forget();
      reject(actorError("actor/aborted", "Nobody waits for the reply"));
    };
    if (signal?.aborted) abort();
    signal?.addEventListener("abort", abort);
    work.hold();
    return promise.finally(() => {
      timer?.cancel();
      signal?.removeEventListener("abort", abort);
      work.release();
    });
  }

  // A message has come: somebody must take care of it.
  #onMessage(): void {
    const { identity, self } = this.#parts;
    if (identity.kind.run === undefined) return;
    if (self.isAborted || this.#hasFailed) this.#wakeLater();
  }

  #wakeLater(): void {
    const { services, steps, self } = this.#parts;
    if (this.#hasWakeAlarm) return;
    this.#hasWakeAlarm = true;
    const pauseMs = self.isAborted && !this.#hasFailed ? 0 : this.#pauseMs;
    if (pauseMs > 0) this.#pauseMs = Math.min(pauseMs * 2, lastPauseMs);
    steps.addAlarm(wakeAlarm(services.clock.now() + pauseMs));
  }
}

function unknown(queue: string, kind: Kind): Error {
  if (kind.queueRules !== undefined) {
    return unknownQueue(queue, kind.queueRules);
  }
  // A caller cannot tell by its handle whether `send` is meant as the action.
  const isAction = kind.action("send") !== undefined;
  return actorError("queue/not_found", "The actor has no queues", {
    metadata: isAction ? { action: "send" } : undefined,
  });
}

/** `c` of the run loop. */
class LoopContext extends InstanceContext {
  readonly #consumer: QueueConsumer | undefined;

  constructor(self: Self, consumer: QueueConsumer | undefined) {
    super(self);
    this.#consumer = consumer;
  }

  override get queue(): ActorQueue {
    // Where there are no queues, the error is that of any other handler.
    return this.#consumer?.queue ?? super.queue;
  }
}
