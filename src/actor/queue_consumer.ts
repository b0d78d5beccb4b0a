// `c.queue`: the messages of an actor as one handler of it takes them.
//
// When a message is completed, and with that removed:
// - one that was asked for as `completable`: by its `complete()`;
// - one of an iterator: when the iterator is asked for the next one;
// - any other: when the same handler comes back for another message of the same queue;
// - in any case, but for a completable one: when the handler that took it has returned.
// When the handler throws instead, what it has not completed is there again, in its place. What the
// instance has not completed when it stops is there again in its next life.

import type {
  ActorQueue,
  QueueFilter,
  QueueMessage,
  QueueWait,
} from "../definition/queue.ts";
import type { QueueRules } from "../definition/queues.ts";
import { actorError, isErrorKind } from "../errors.ts";
import type { Clock } from "../clock.ts";
import { isThenable } from "./deadline.ts";
import { observed } from "./observed.ts";
import { decodeMessage } from "./queue_rows.ts";
import type { Message, Queues } from "./queues.ts";
import { unwrapDeep } from "./tracking.ts";
import { checkMessage, checkReply } from "./validation.ts";

/** What a handler needs to take messages. */
export interface ConsumerOptions {
  queues: Queues;
  rules: QueueRules;
  clock: Clock;
  /** Resolves when everything that has changed is durable. */
  durable: () => Promise<void>;
  /** Aborted when the instance stops. */
  abortSignal: AbortSignal;
  /** Told of each message that could not be sent or completed. */
  onRefused: (error: unknown) => void;
  /** Told when the handler goes on to wait for an output of its own. */
  beforeOutput?: (() => void) | undefined;
  /** Whether it only waits for a message, and has none that it has not completed. */
  onWaiting?: ((isWaiting: boolean) => void) | undefined;
}

type AnyMessage = QueueMessage<unknown>;
type Filter = QueueFilter<string>;
type Wait = QueueWait<string>;

/** One message that the handler has and has not completed. */
interface Held {
  readonly message: Message;
  readonly isCompletable: boolean;
  /** The iterator that gave it, until that is left. */
  iterator: object | undefined;
}

/** `c.queue` of one handler. */
export class QueueConsumer {
  readonly #options: ConsumerOptions;
  readonly #held = new Set<Held>();
  readonly #waits = new Set<() => void>();
  #isWaiting = false;
  #hasFailed = false;

  constructor(options: ConsumerOptions) {
    this.#options = options;
  }

  /** It as the user's code sees it. */
  get queue(): ActorQueue {
    // The names of queues, and what goes with each, are known to the user's types alone.
    return this as ActorQueue;
  }

  async next(
    first: Wait | string = {},
    options: Omit<Wait, "names"> = {},
  ): Promise<AnyMessage | undefined> {
    const wait = typeof first === "string"
      ? { ...options, names: [first] }
      : first;
    const [message] = await this.#wait(wait, 1, undefined);
    return message;
  }

  async nextBatch(
    options: Wait & { count?: number } = {},
  ): Promise<AnyMessage[]> {
    return await this.#wait(options, checkCount(options.count), undefined);
  }

  async tryNext(options: Filter = {}): Promise<AnyMessage | undefined> {
    const [message] = await this.#takeNow(options, 1);
    return message;
  }

  async tryNextBatch(
    options: Filter & { count?: number } = {},
  ): Promise<AnyMessage[]> {
    return await this.#takeNow(options, checkCount(options.count));
  }

  iter(options: Omit<Wait, "timeout"> = {}): AsyncIterableIterator<AnyMessage> {
    let isOver = false;
    const iterator: AsyncIterableIterator<AnyMessage> = {
      next: async () => {
        if (!isOver) {
          try {
            const [value] = await this.#wait(options, 1, iterator);
            if (value !== undefined) return { done: false, value };
          } catch (error) {
            if (!isErrorKind(error, "actor/aborted")) throw error;
          }
          isOver = true;
        }
        return { done: true, value: undefined };
      },
      return: async () => {
        isOver = true;
        // It was left in the middle of its message: of that the handler has the last word.
        for (const held of this.#held) {
          if (held.iterator === iterator) held.iterator = undefined;
        }
        return await Promise.resolve({ done: true, value: undefined });
      },
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }

  send(name: string, body: unknown): Promise<void> {
    const { onRefused } = this.#options;
    return observed(() => this.#send(name, body), onRefused);
  }

  async #send(name: string, body: unknown): Promise<void> {
    const { queues, rules } = this.#options;
    const rule = rules.get(name);
    if (rule === undefined) throw unknownQueue(name, rules);
    const checked = checkMessage(rule, name, unwrapDeep(body));
    const message = isThenable(checked) ? await checked : checked;
    await queues.load();
    queues.add(name, message);
  }

  /** Whether the handler has messages that it has not completed. */
  get hasMessages(): boolean {
    return this.#held.size > 0;
  }

  /** The handler has returned, or thrown: what it has not completed is completed, or given back. */
  end(hasReturned: boolean): void {
    const { queues } = this.#options;
    if (queues.isOver) return;
    for (const held of this.#held) {
      if (hasReturned && held.isCompletable) continue;
      this.#held.delete(held);
      if (hasReturned) queues.remove(held.message, undefined);
      else queues.giveBack(held.message);
    }
    if (hasReturned) return;
    // Nobody would learn of what it takes from now on.
    this.#hasFailed = true;
    for (const endWait of this.#waits) endWait();
  }

  async #takeNow(options: Filter, count: number): Promise<AnyMessage[]> {
    const { queues } = this.#options;
    const names = this.#namesOf(options.names);
    this.#comeBack(names, undefined);
    const taken: AnyMessage[] = [];
    while (taken.length < count) {
      await queues.prepare(names);
      const left = count - taken.length;
      const more = this.#take(left, { ...options, names }, undefined);
      if (more.length === 0) break;
      taken.push(...more);
    }
    return taken;
  }

  async #wait(
    options: Wait,
    count: number,
    iterator: object | undefined,
  ): Promise<AnyMessage[]> {
    const { queues, clock } = this.#options;
    const { timeout, signal } = options;
    checkTimeout(timeout);
    checkSignal(signal);
    const names = this.#namesOf(options.names);
    this.#comeBack(names, iterator);
    const endMs = timeout === undefined ? Infinity : clock.now() + timeout;
    for (;;) {
      this.#checkAborted(signal);
      await queues.prepare(names);
      this.#checkAborted(signal);
      const taken = this.#take(count, { ...options, names }, iterator);
      const leftMs = endMs - clock.now();
      if (taken.length > 0 || leftMs <= 0) return taken;
      await this.#waitForMessage(names, leftMs, signal);
    }
  }

  // Takes what is in memory, in one turn.
  #take(
    count: number,
    { names, completable }: Filter & { names: readonly string[] },
    iterator: object | undefined,
  ): AnyMessage[] {
    const { queues } = this.#options;
    const messages: Message[] = [];
    while (messages.length < count) {
      const message = queues.take(names);
      if (message === undefined) break;
      messages.push(message);
    }
    const isCompletable = completable === true;
    const held = messages.map((message) => ({
      message,
      isCompletable,
      iterator,
    }));
    let taken: AnyMessage[];
    try {
      taken = held.map((each) => this.#messageOf(each));
    } catch (error) {
      for (const message of messages) queues.giveBack(message);
      throw error;
    }
    for (const each of held) this.#held.add(each);
    this.#tellWaiting();
    return taken;
  }

  #messageOf(held: Held): AnyMessage {
    const { onRefused } = this.#options;
    const { queue: name, number, bytes } = held.message;
    const { body, createdAt } = decodeMessage(bytes);
    let isCompleted = false;
    const complete = async (reply: unknown) => {
      if (!held.isCompletable) {
        throw actorError(
          "queue/complete_not_configured",
          "The message is completed by itself; ask for `completable: true` to do it with complete()",
        );
      }
      if (isCompleted) {
        throw actorError(
          "queue/already_completed",
          `Message ${number} of queue "${name}" is completed`,
        );
      }
      isCompleted = true;
      try {
        await this.#complete(held, reply);
      } catch (error) {
        isCompleted = !this.#held.has(held);
        throw error;
      }
    };
    return {
      id: String(number),
      name,
      body,
      createdAt,
      complete: (reply) => observed(() => complete(reply), onRefused),
    };
  }

  async #complete(held: Held, reply: unknown): Promise<void> {
    const { queues, rules, durable, beforeOutput } = this.#options;
    const { queue } = held.message;
    const rule = rules.get(queue)!;
    const checked = checkReply(rule, queue, unwrapDeep(reply));
    // In the same turn, where that is possible, so that it is one step with the changes before it.
    const value = isThenable(checked) ? await checked : checked;
    if (!this.#held.has(held)) {
      throw actorError(
        "queue/already_completed",
        `Message ${held.message.number} of queue "${queue}" was given back, because its handler has thrown`,
      );
    }
    queues.remove(held.message, value);
    this.#held.delete(held);
    this.#tellWaiting();
    beforeOutput?.();
    await durable();
  }

  // The handler, or an iterator of it, comes for another message, and is done with the one before.
  #comeBack(names: readonly string[], iterator: object | undefined): void {
    const { queues } = this.#options;
    if (queues.isOver) return;
    for (const held of this.#held) {
      if (held.iterator !== undefined && held.iterator !== iterator) continue;
      if (held.iterator === undefined && !names.includes(held.message.queue)) {
        continue;
      }
      if (held.isCompletable) {
        throw actorError(
          "queue/previous_message_not_completed",
          `Message ${held.message.number} of queue "${held.message.queue}" is not completed; call its complete() before you take another`,
        );
      }
      this.#held.delete(held);
      queues.remove(held.message, undefined);
    }
    this.#tellWaiting();
  }

  async #waitForMessage(
    names: readonly string[],
    timeoutMs: number,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { queues, clock, abortSignal } = this.#options;
    const { promise, resolve } = Promise.withResolvers<void>();
    const end = () => {
      this.#waits.delete(end);
      // Before anybody can let the actor sleep.
      this.#tellWaiting();
      resolve();
    };
    this.#waits.add(end);
    this.#tellWaiting();
    const unlisten = queues.listen((queue) => {
      if (names.includes(queue)) end();
    });
    const timer = timeoutMs === Infinity
      ? undefined
      : clock.after(timeoutMs, end);
    for (const each of [abortSignal, signal]) {
      each?.addEventListener("abort", end);
    }
    await promise;
    for (const each of [abortSignal, signal]) {
      each?.removeEventListener("abort", end);
    }
    timer?.cancel();
    unlisten();
  }

  #tellWaiting(): void {
    const { onWaiting } = this.#options;
    const isWaiting = this.#waits.size > 0 && this.#held.size === 0;
    if (isWaiting === this.#isWaiting) return;
    this.#isWaiting = isWaiting;
    onWaiting?.(isWaiting);
  }

  #checkAborted(signal: AbortSignal | undefined): void {
    if (this.#options.abortSignal.aborted) {
      throw actorError("actor/aborted", "The actor is stopping");
    }
    if (this.#hasFailed) {
      throw actorError("actor/aborted", "The handler has failed");
    }
    if (signal?.aborted) {
      throw actorError("actor/aborted", "The wait for a message was aborted", {
        cause: signal.reason,
      });
    }
  }

  #namesOf(names: readonly string[] | undefined): readonly string[] {
    const { rules } = this.#options;
    if (names === undefined || names.length === 0) return [...rules.keys()];
    for (const name of names) {
      if (!rules.has(name)) throw unknownQueue(name, rules);
    }
    return [...new Set(names)];
  }
}

/** The error for a queue that the definition does not have. */
export function unknownQueue(name: string, rules: QueueRules): Error {
  return actorError(
    "queue/not_found",
    `There is no queue ${JSON.stringify(name)}, only ${
      Array.from(rules.keys(), (name) => JSON.stringify(name)).join(", ")
    }`,
  );
}

function checkCount(count: number | undefined): number {
  if (count === undefined) return 1;
  if (Number.isInteger(count) && count > 0) return count;
  throw new RangeError(
    `Cannot take messages: the count is ${count}, not a positive whole number`,
  );
}

function checkTimeout(timeout: number | undefined): void {
  if (timeout === undefined || typeof timeout === "number" && timeout >= 0) {
    return;
  }
  throw new RangeError(
    `Cannot wait for a message: the timeout is ${timeout}, not a number of milliseconds`,
  );
}

function checkSignal(signal: unknown): void {
  if (signal === undefined || signal instanceof AbortSignal) return;
  throw new TypeError(
    "Cannot wait for a message: the signal is no AbortSignal",
  );
}
