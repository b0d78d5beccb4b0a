// Asks `canSubscribe` before a connection gets an event.
//
// What a caller can rely on:
// - No event is delivered before `canSubscribe` has said yes. An answer that comes at once counts
//   before the next message of the connection; no message waits for one that does not.
// - What the connection asks for last wins: an unsubscription ends a subscription that is still
//   being decided.
// - Who is refused is told so by an error message that belongs to no call: `auth/forbidden`, with the
//   name of the event in its metadata, or what `canSubscribe` has thrown. The connection stays open.
// - What was granted stays granted while the actor sleeps.

import type { CanSubscribe } from "../definition/events.ts";
import { actorError, toWireError } from "../errors.ts";
import { encodeErrorMessage } from "../protocol/messages.ts";
import type { Connection } from "./connection.ts";
import { CallContext } from "./context.ts";
import { isThenable, within } from "./deadline.ts";
import type { Parts } from "./parts.ts";

// The longest that `canSubscribe` may take.
const canSubscribeTimeoutMs = 5000;

// How many questions of one connection may be open.
const maxQuestions = 1000;

// What is being decided for one connection.
interface Questions {
  // How many answers have not come, of those too that are not wanted any more.
  open: number;
  // Those that are wanted, by event.
  wanted: Map<string, object>;
}

/** Asks for the connections of one instance. */
export class Subscriptions {
  readonly #parts: Parts;
  readonly #questions = new WeakMap<Connection, Questions>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /**
   * Begins or ends the delivery of an event, when that is allowed.
   *
   * @throws {ActorError} `message/malformed` when there are too many, or the name is too long.
   */
  subscribe(connection: Connection, event: string, isWanted: boolean): void {
    const { identity: { kind }, connections } = this.#parts;
    const guard = kind.events?.guards.get(event);
    const questions = this.#questions.get(connection);
    if (
      guard === undefined || !isWanted || connection.subscriptions.has(event)
    ) {
      questions?.wanted.delete(event);
      connections.subscribe(connection, event, isWanted);
      return;
    }
    if (questions?.wanted.has(event)) return;
    if (questions !== undefined && questions.open >= maxQuestions) {
      throw actorError(
        "message/malformed",
        `Cannot subscribe: ${maxQuestions} subscriptions are being decided`,
      );
    }
    this.#ask(connection, event, guard);
  }

  // Never rejects.
  async #ask(
    connection: Connection,
    event: string,
    guard: CanSubscribe,
  ): Promise<void> {
    const { connections } = this.#parts;
    const questions = this.#questionsOf(connection);
    const question = {};
    questions.wanted.set(event, question);
    questions.open++;
    const isWanted = () => questions.wanted.get(event) === question;
    try {
      const asked = this.#answer(connection, event, guard);
      const answer = isThenable(asked) ? await asked : asked;
      if (!isWanted() || !connections.has(connection)) return;
      if (!answer) {
        throw actorError("auth/forbidden", `Not allowed to get "${event}"`, {
          metadata: { event },
        });
      }
      if (connection.owner !== connections) {
        throw actorError(
          "actor/stopping",
          `The actor stopped before it was decided who gets "${event}"`,
        );
      }
      connections.subscribe(connection, event, true);
    } catch (error) {
      if (isWanted()) this.#refuse(connection, event, error);
    } finally {
      questions.open--;
      if (isWanted()) questions.wanted.delete(event);
    }
  }

  // At once, if the user's code answers at once.
  #answer(
    connection: Connection,
    event: string,
    guard: CanSubscribe,
  ): boolean | Promise<boolean> {
    const { work, services: { clock }, self } = this.#parts;
    const c = new CallContext(self, {
      conn: () => connection.conn,
      request: undefined,
    });
    work.begin();
    let answer: unknown;
    let later: PromiseLike<unknown> | undefined;
    try {
      answer = guard(c, event);
      // What it returns may throw, too, when it is looked at.
      if (isThenable(answer)) later = answer;
    } finally {
      if (later === undefined) work.end();
    }
    if (later === undefined) return this.#read(answer, event);
    return within(clock, canSubscribeTimeoutMs, later, () =>
      actorError(
        "actor/callback_timed_out",
        `canSubscribe took more than ${canSubscribeTimeoutMs} ms`,
      )).then((answer) => this.#read(answer, event)).finally(() => work.end());
  }

  #read(answer: unknown, event: string): boolean {
    if (typeof answer === "boolean") return answer;
    this.#parts.self.log.error({
      msg: "canSubscribe has not returned a boolean, which refuses",
      event,
    });
    return false;
  }

  #refuse(connection: Connection, event: string, error: unknown): void {
    const { self, steps, services: { exposesErrors } } = this.#parts;
    const wire = toWireError(error, { exposesErrors });
    if (wire.code === "internal_error") {
      self.log.failure(error, { msg: "canSubscribe failed", event });
    }
    const encoding = connection.channel?.encoding;
    if (encoding === undefined) return;
    const frame = encodeErrorMessage(encoding, wire, null);
    const push = () => connection.push(frame);
    // Rejected by an instance that has stopped, whose last commit is done, or by one that has failed,
    // whose connections are closed.
    steps.send({ release: push, reject: push });
  }

  #questionsOf(connection: Connection): Questions {
    let questions = this.#questions.get(connection);
    if (questions === undefined) {
      questions = { open: 0, wanted: new Map() };
      this.#questions.set(connection, questions);
    }
    return questions;
  }
}
