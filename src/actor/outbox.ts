// The outputs of one actor, in order, each released when what came before it is durable.
//
// What the outside world can rely on: an output leaves only after every change that was made before
// it is committed, and after every output that was queued before it. If that commit fails, it never
// leaves; whoever waits for it is told why.

/** Something that leaves the actor: a result, an event, a call to another actor. */
export interface Output {
  /** Lets it go. Must not throw. */
  release: () => void;
  /** It will not go. Must not throw. */
  reject: (error: Error) => void;
}

/** The step that no commit reaches but the last one of an actor that is destroyed. */
export const lastStep = Infinity;

/** The outputs that wait for a commit. */
export class Outbox {
  readonly #queue: { output: Output; afterStep: number }[] = [];

  /** How many outputs wait. */
  get size(): number {
    return this.#queue.length;
  }

  /** Queues an output until step `afterStep` is durable. */
  push(output: Output, afterStep: number): void {
    this.#queue.push({ output, afterStep });
  }

  /** Lets go, in order, what waits for `step` or one before it. */
  release(step: number): void {
    const end = this.#queue.findIndex(({ afterStep }) => afterStep > step);
    const released = this.#queue.splice(0, end < 0 ? this.#queue.length : end);
    for (const { output } of released) output.release();
  }

  /** Rejects everything that waits. */
  reject(error: Error): void {
    for (const { output } of this.#queue.splice(0)) output.reject(error);
  }
}
