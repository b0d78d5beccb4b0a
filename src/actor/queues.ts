// The messages that wait for one actor, in all its queues.
//
// What a caller can rely on:
// - A message is saved in one step with whatever else has changed, and its removal too. One that is
//   not removed is there again in the next life of the actor, with the same id, in the same place.
// - Messages are taken in the order in which they were sent, each by one taker only until it is
//   removed or given back.
// - How many there are is known without reading them. In memory are, of each queue, those that are
//   taken and at most `maxReady` others.

import { actorError } from "../errors.ts";
import type { KvRows } from "./kv_rows.ts";
import type { Output } from "./outbox.ts";
import {
  decodeTally,
  encodeMessage,
  encodeTally,
  messageKey,
  numberOf,
  tallyKey,
} from "./queue_rows.ts";
import type { Steps } from "./steps.ts";

/** What the queues of an actor need. */
export interface QueuesOptions {
  rows: KvRows;
  steps: Steps;
  now: () => number;
  /** The names of all queues. */
  names: Iterable<string>;
  /** How many messages there may be. */
  maxSize: number;
  maxMessageBytes: number;
  /** There are messages now, or none any more. */
  onWaiting: (hasMessages: boolean) => void;
  /** A message has come. */
  onMessage: () => void;
}

/** One message. */
export interface Message {
  readonly queue: string;
  readonly number: number;
  readonly bytes: Uint8Array;
}

/** Whoever waits until a message is completed. */
export interface Awaiter {
  /** What will tell of the reply. Throws when it cannot be sent. */
  answer(reply: unknown): Output;
  /** The message will not be completed in this life of the actor. */
  fail(error: Error): void;
}

// How many messages of one queue are read at once, and kept when they come.
const maxReady = 32;

interface Line {
  readonly queue: string;
  count: number;
  /** Those in memory that nobody has taken, in order. */
  readonly ready: Message[];
  /** How many more are in the store only; they come behind. */
  stored: number;
  /** The last one that has been in memory. */
  readTo: number;
  reading: Promise<void> | undefined;
}

/** The messages that wait for one actor. */
export class Queues {
  readonly #options: QueuesOptions;
  readonly #lines: ReadonlyMap<string, Line>;
  // Messages of queues that the definition does not have any more. They stay, and count for nothing.
  #others: [queue: string, count: number][] = [];
  #next = 1;
  #size = 0;
  #loading: Promise<void> | undefined;
  readonly #listeners = new Set<(queue: string) => void>();
  readonly #awaiters = new Map<number, Awaiter>();

  constructor(options: QueuesOptions) {
    this.#options = options;
    this.#lines = new Map(
      Array.from(options.names, (queue) => [queue, lineOf(queue)]),
    );
  }

  /** Reads how many there are. Must resolve before anything is added. */
  load(): Promise<void> {
    if (this.#loading !== undefined) return this.#loading;
    const loading = this.#load();
    this.#loading = loading;
    loading.catch(() => this.#loading = undefined);
    return loading;
  }

  /**
   * Adds a message behind all others.
   *
   * @throws {ActorError} `queue/full`, `queue/message_too_large` or `queue/message_invalid`.
   */
  add(queue: string, body: unknown): Message {
    const { maxSize, maxMessageBytes, now, rows } = this.#options;
    const line = this.#lines.get(queue)!;
    if (this.#size >= maxSize) {
      throw actorError(
        "queue/full",
        `The queues are full: ${maxSize} messages wait, as many as options.maxQueueSize allows`,
      );
    }
    const bytes = encodeMessage({ body, createdAt: now() }, maxMessageBytes);
    const message = { queue, number: this.#next++, bytes };
    rows.set(messageKey(queue, message.number), bytes);
    this.#count(line, 1);
    if (line.stored > 0 || line.ready.length >= maxReady) line.stored++;
    else {
      line.ready.push(message);
      line.readTo = message.number;
    }
    for (const listener of this.#listeners) listener(queue);
    this.#options.onMessage();
    return message;
  }

  /** Whether nothing is removed any more: the instance has stopped. */
  get isOver(): boolean {
    return this.#options.steps.hasFailed;
  }

  /** Whether there are messages, as far as is known. */
  get hasMessages(): boolean {
    return this.#size > 0;
  }

  /** Tells of each message that comes, or comes back. Returns a function that ends it. */
  listen(listener: (queue: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Resolves when `take()` knows of the first messages of these queues. */
  async prepare(queues: readonly string[]): Promise<void> {
    await this.load();
    for (;;) {
      const empty = this.#linesOf(queues).filter(isUnread);
      if (empty.length === 0) return;
      await Promise.all(
        empty.map((line) =>
          line.reading ??= this.#read(line)
            .finally(() => line.reading = undefined)
        ),
      );
    }
  }

  /** Takes the first message of these queues, if there is one and `prepare()` has just resolved. */
  take(queues: readonly string[]): Message | undefined {
    const lines = this.#linesOf(queues);
    // What comes first cannot be told without the first of each.
    if (lines.some(isUnread)) return undefined;
    let first: Line | undefined;
    for (const line of lines) {
      const [message] = line.ready;
      if (message === undefined) continue;
      if (first === undefined || message.number < first.ready[0]!.number) {
        first = line;
      }
    }
    return first?.ready.shift();
  }

  /** Puts a message that was taken back into its place. */
  giveBack(message: Message): void {
    const { ready } = this.#lines.get(message.queue)!;
    const at = ready.findIndex(({ number }) => number > message.number);
    ready.splice(at < 0 ? ready.length : at, 0, message);
    for (const listener of this.#listeners) listener(message.queue);
  }

  /** Removes a message that was taken, and replies to whoever waits. */
  remove(message: Message, reply: unknown): void {
    const { queue, number } = message;
    // Before anything is changed: it may be that the reply cannot be sent.
    const output = this.#awaiters.get(number)?.answer(reply);
    this.#awaiters.delete(number);
    this.#options.rows.set(messageKey(queue, number), undefined);
    this.#count(this.#lines.get(queue)!, -1);
    if (output !== undefined) this.#options.steps.send(output);
  }

  /** Waits until a message is completed. Returns a function that ends the wait. */
  awaitReply(message: Message, awaiter: Awaiter): () => void {
    this.#awaiters.set(message.number, awaiter);
    return () => this.#awaiters.delete(message.number);
  }

  /** Nothing will be completed any more. */
  close(error: Error): void {
    const awaiters = [...this.#awaiters.values()];
    this.#awaiters.clear();
    for (const awaiter of awaiters) awaiter.fail(error);
  }

  async #load(): Promise<void> {
    const [bytes] = await this.#options.rows.get([tallyKey]);
    if (bytes === undefined) return;
    const { next, counts } = decodeTally(bytes);
    this.#next = next;
    for (const [queue, count] of counts) {
      const line = this.#lines.get(queue);
      if (line === undefined) this.#others.push([queue, count]);
      else {
        line.count = line.stored = count;
        this.#size += count;
      }
    }
  }

  #linesOf(queues: readonly string[]): Line[] {
    return queues.map((queue) => this.#lines.get(queue)!);
  }

  async #read(line: Line): Promise<void> {
    const before = line.stored;
    const page = await this.#options.rows.list({
      start: messageKey(line.queue, line.readTo + 1),
      end: messageKey(line.queue, Number.MAX_SAFE_INTEGER),
      limit: maxReady,
    });
    for (const [key, bytes] of page) {
      const number = numberOf(key);
      line.ready.push({ queue: line.queue, number, bytes });
      line.readTo = number;
    }
    // Rows that somebody has taken out of the store by force must not be waited for.
    line.stored -= page.length > 0 ? page.length : before;
  }

  #count(line: Line, by: number): void {
    line.count += by;
    const hadMessages = this.#size > 0;
    this.#size += by;
    const counts = [...this.#others];
    for (const { queue, count } of this.#lines.values()) {
      if (count > 0) counts.push([queue, count]);
    }
    const tally = encodeTally({ next: this.#next, counts });
    this.#options.rows.set(tallyKey, tally);
    const hasMessages = this.#size > 0;
    if (hasMessages !== hadMessages) this.#options.onWaiting(hasMessages);
  }
}

function lineOf(queue: string): Line {
  return {
    queue,
    count: 0,
    ready: [],
    stored: 0,
    readTo: 0,
    reading: undefined,
  };
}

// Whether it has messages of which none is in memory.
function isUnread({ ready, stored }: Line): boolean {
  return ready.length === 0 && stored > 0;
}
