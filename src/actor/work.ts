import type { Admission } from "./admission.ts";
import type { Clock } from "./clock.ts";
import type { Connection } from "./connection.ts";
import type { Kind } from "./kind.ts";
import type { Self } from "./self.ts";
import type { Steps } from "./steps.ts";

/** What the parts that run the user's code for a caller ask of their instance. */
export interface Work {
  /**
   * Work for a caller begins: until it ends, the actor does not sleep, and what it changes is one
   * step.
   *
   * @throws {ActorError} `actor/stopping`, or `actor/overloaded` when there is too much already.
   */
  begin(): void;
  /** As `begin`, whatever the actor is about to do. */
  enter(): void;
  /** That work has ended. */
  end(): void;
  /** Keeps the actor awake until the promise settles; a stop waits for it, for a time. */
  waitUntil(promise: Promise<unknown>): void;
  /** Whether it takes calls. */
  isRunning(): boolean;
  /** Keeps the actor awake until `release()` is called as often; a stop does not wait for that. */
  hold(): void;
  release(): void;
  /** A connection has closed. Resolves when its hook has run; never rejects. */
  disconnected(connection: Connection): Promise<void>;
}

/** What the parts for raw requests and raw sockets need. */
export interface RawOptions {
  kind: Kind;
  self: Self;
  clock: Clock;
  steps: Steps;
  admission: Admission;
  work: Work;
  exposesErrors: boolean;
}
