import type { MessageOf, NameIn, ReplyOf, SentTo } from "./schema.ts";

/** One message, as its consumer gets it. */
export type QueueMessage<Q, Name extends string = NameIn<Q>> = Name extends
  string ? {
    /** Unique within the actor; the same when the message is delivered again. */
    readonly id: string;
    /** The queue it came through. */
    readonly name: Name;
    /** What was sent. */
    readonly body: MessageOf<Q, Name>;
    /** When it was sent, in milliseconds since the epoch. */
    readonly createdAt: number;
    /**
     * Removes the message, in one commit with what has changed since the last one, and then tells
     * whoever waits. Resolves when that is durable. Only for messages that were asked for as
     * `completable`.
     *
     * What its handler changed before it last waited for something may be saved already: to have
     * the effect of a message once, change the state right before this call, after the last `await`.
     *
     * @throws {ActorError} `queue/complete_not_configured`, `queue/already_completed`, or
     * `queue/invalid_completion_payload` when the reply does not pass its schema.
     */
    complete(reply?: ReplyOf<Q, Name>): Promise<void>;
  }
  : never;

/** Which messages to take. */
export interface QueueFilter<Name extends string> {
  /** The queues to take from. Default all. */
  names?: readonly Name[];
  /** Whether a message stays until its `complete()` is called. Default `false`. */
  completable?: boolean;
}

/** Which messages to wait for. */
export interface QueueWait<Name extends string> extends QueueFilter<Name> {
  /** The most milliseconds to wait. Default for ever. */
  timeout?: number;
  /** Ends the wait. */
  signal?: AbortSignal;
}

/**
 * The messages that others have sent to this actor, in their order.
 *
 * A message is delivered at least once: it is removed only with the commit that completes it, and
 * until then it is there again, with the same id and in the same place, after a crash, a stop, or an
 * error of its handler. It is completed
 * - when it was asked for as `completable`: by its `complete()`;
 * - when it came from an iterator: when that is asked for the next one;
 * - else when the same handler comes back for another message of its queue;
 * - in any case, but for a completable one, when the handler has returned: `run`, an action, or
 *   `onRequest`.
 *
 * While one consumer has it, nobody else gets it. A handler that fails gives back what it took; what
 * another hook took, and did not come back for, is there again in the next life of the actor.
 * `options.maxQueueSize` says how many messages there may be in all, `options.maxQueueMessageSize` how
 * large each may be.
 */
export interface ActorQueue<Q = unknown> {
  /**
   * The next message; `undefined` when none came in time.
   *
   * @throws {ActorError} `actor/aborted` when the actor stops or the signal is aborted,
   * `queue/previous_message_not_completed` when this handler has a completable message of the same
   * queue that it has not completed, and `queue/not_found`.
   */
  next<Name extends NameIn<Q>>(
    options?: QueueWait<Name>,
  ): Promise<QueueMessage<Q, Name> | undefined>;
  /** The next message of one queue. */
  next<Name extends NameIn<Q>>(
    name: Name,
    options?: Omit<QueueWait<Name>, "names">,
  ): Promise<QueueMessage<Q, Name> | undefined>;
  /** The next messages, at least one and at most `count`; none when none came in time. */
  nextBatch<Name extends NameIn<Q>>(
    options?: QueueWait<Name> & { count?: number },
  ): Promise<QueueMessage<Q, Name>[]>;
  /** The next message, if there is one now. */
  tryNext<Name extends NameIn<Q>>(
    options?: QueueFilter<Name>,
  ): Promise<QueueMessage<Q, Name> | undefined>;
  /** The messages that are there now, at most `count`. */
  tryNextBatch<Name extends NameIn<Q>>(
    options?: QueueFilter<Name> & { count?: number },
  ): Promise<QueueMessage<Q, Name>[]>;
  /** One message after the other. Ends when the actor stops or the signal is aborted. */
  iter<Name extends NameIn<Q>>(
    options?: Omit<QueueWait<Name>, "timeout">,
  ): AsyncIterableIterator<QueueMessage<Q, Name>>;
  /**
   * Sends a message to this very actor. Resolves when it is recorded; it becomes durable with the
   * step it is part of.
   *
   * @throws {ActorError} `queue/full` and what else {@linkcode Send} throws, but for `auth/forbidden`.
   */
  send<Name extends NameIn<Q>>(
    name: Name,
    body: SentTo<Q, Name>,
  ): Promise<void>;
}

/** Options of `handle.send()`. */
export interface SendOptions {
  /** Whether to wait until the message is completed. Default `false`. */
  wait?: boolean;
  /** The most milliseconds to wait. Default for ever. */
  timeout?: number;
  /** Aborts waiting; the message stays sent. */
  signal?: AbortSignal;
}

/** What became of a message that was waited for. */
export type SendResult<Reply> =
  | {
    /** A consumer has completed it. */
    status: "completed";
    /** What the consumer replied. */
    response: Reply;
  }
  | {
    /** Nobody has completed it in time; it stays sent. */
    status: "timedOut";
  };

/**
 * Sends a message. Resolves when it is durable, or with `wait` when it has been completed.
 *
 * @throws {ActorError} `queue/not_found` when there is no such queue, `queue/full` when
 * `options.maxQueueSize` messages wait, `queue/message_too_large` when the message has more bytes
 * than `options.maxQueueMessageSize`, `queue/invalid_payload` when it does not pass its schema,
 * `auth/forbidden` when `canPublish` does not allow it, and `actor/callback_timed_out` when
 * `canPublish` takes longer than 5,000 ms, or an asynchronous schema than `options.actionTimeout`.
 */
export interface Send<Q> {
  <Name extends NameIn<Q>>(
    name: Name,
    body: SentTo<Q, Name>,
    options: SendOptions & { wait: true },
  ): Promise<SendResult<ReplyOf<Q, Name>>>;
  <Name extends NameIn<Q>>(
    name: Name,
    body: SentTo<Q, Name>,
    options?: SendOptions & { wait?: false },
  ): Promise<void>;
}
