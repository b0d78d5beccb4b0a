// The connections that components share. It promises:
//
// - Whoever asks for the same id shares one connection, opened for the first of them.
// - A connection that nobody uses any more is disposed in the event loop's next turn, and not at
//   once: React takes a component out and puts it back within one turn, always so in Strict Mode.
// - What is shown of a connection is the same object until something about it has changed.

import type {
  ActorConnection,
  ActorHandle,
  ConnStatus,
  Declared,
} from "../client/mod.ts";
import { Listeners } from "../client/listeners.ts";

/** What a component sees of a connection. */
export interface Shown<D extends Declared> {
  connection: ActorConnection<D> | null;
  handle: ActorHandle<D> | null;
  connStatus: ConnStatus;
  error: Error | null;
}

/** What is seen where there is no connection. */
export const nothing: Shown<never> = {
  connection: null,
  handle: null,
  connStatus: "idle",
  error: null,
};

/** All connections that the components of one client share. */
export class SharedConnections {
  readonly #all = new Map<string, SharedConnection>();

  /** What is to be seen of the connection with this id. */
  shown(id: string): Shown<Declared> {
    return this.#all.get(id)?.shown ?? nothing;
  }

  /**
   * Uses the connection with this id, which is opened by `handleOf` if there is none, and calls back
   * when there is something else to be seen. What is returned ends the use.
   */
  use(
    id: string,
    handleOf: () => ActorHandle<Declared>,
    callback: () => void,
  ): () => void {
    let shared = this.#all.get(id);
    if (shared === undefined) {
      shared = new SharedConnection(handleOf, () => this.#all.delete(id));
      this.#all.set(id, shared);
    }
    return shared.use(callback);
  }
}

class SharedConnection {
  #shown: Shown<Declared> = nothing;
  readonly #users = new Listeners<[]>();
  readonly #onDispose: () => void;
  #disposal: ReturnType<typeof setTimeout> | undefined;

  constructor(handleOf: () => ActorHandle<Declared>, onDispose: () => void) {
    this.#onDispose = onDispose;
    try {
      this.#open(handleOf());
    } catch (error) {
      // A key may come from an address that somebody typed: no reason to take the page down.
      if (!(error instanceof Error)) throw error;
      this.#show({ connStatus: "disconnected", error });
    }
  }

  get shown(): Shown<Declared> {
    return this.#shown;
  }

  use(callback: () => void): () => void {
    clearTimeout(this.#disposal);
    const remove = this.#users.add(callback);
    return () => {
      if (!remove() || !this.#users.isEmpty) return;
      this.#disposal = setTimeout(() => this.#dispose(), 0);
    };
  }

  #open(handle: ActorHandle<Declared>): void {
    const connection = handle.connect();
    const { connStatus } = connection;
    this.#show({ handle, connection, connStatus });
    connection.onError((error) => this.#show({ error }));
    connection.onStatusChange((connStatus) =>
      this.#show(
        connStatus === "connected"
          ? { connStatus, error: null }
          : { connStatus },
      )
    );
  }

  #show(change: Partial<Shown<Declared>>): void {
    this.#shown = { ...this.#shown, ...change };
    this.#users.emit();
  }

  #dispose(): void {
    this.#onDispose();
    this.#shown.connection?.dispose();
  }
}
