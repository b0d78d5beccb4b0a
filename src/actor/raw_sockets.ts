// Raw sockets: the user's `onWebSocket`. Lets them in, keeps the actor awake for those that do not
// hibernate, and gives those that do to the next instance, which calls `onWebSocket` for them again.

import { actorError, toWireError } from "../errors.ts";
import type { Connection } from "./connection.ts";
import { CallContext } from "./context.ts";
import { isThenable, within } from "./deadline.ts";
import { RawSocket } from "./raw_socket.ts";
import { UserSocket } from "./user_socket.ts";
import type { RawOptions } from "./raw.ts";

// How long a stop waits for handlers that have been told that their sockets close.
const leaveTimeoutMs = 1500;

/** One raw socket within an instance. */
interface Attached {
  view: UserSocket;
  /** Resolves when `onWebSocket` has ended. */
  handled: Promise<void>;
}

/** The raw sockets of one instance. */
export class RawSockets {
  readonly #options: RawOptions;
  readonly #attached = new Map<Connection, Attached>();

  constructor(options: RawOptions) {
    this.#options = options;
  }

  /**
   * Lets a socket in.
   *
   * @throws {ActorError} `handler/websocket_not_defined` when the actor has no `onWebSocket`; and
   * whatever a hook throws.
   */
  async open(socket: RawSocket, params: unknown): Promise<void> {
    const { admission, kind, work } = this.#options;
    const { request } = socket;
    work.beginFor({});
    try {
      if (kind.config.onWebSocket === undefined) {
        throw actorError(
          "handler/websocket_not_defined",
          `The actor "${kind.name}" has no onWebSocket`,
        );
      }
      const { canHibernateWebSocket: may } = kind.options;
      const hibernates = typeof may === "function" ? may(request) : may;
      socket.lasts = hibernates === true ? "socket" : "instance";
      const connection = await admission.admit({ params, request }, socket);
      if (socket.closedWith !== undefined) {
        return await this.#options.disconnected(connection);
      }
      socket.connection = connection;
      this.attach(connection, socket);
    } finally {
      work.end();
    }
  }

  /** Takes a socket over, and calls `onWebSocket` for it. */
  attach(connection: Connection, socket: RawSocket): void {
    const { work } = this.#options;
    const holds = socket.lasts === "instance";
    const leave = () => {
      if (!this.#attached.delete(connection)) return;
      if (holds) work.release();
      void this.#options.disconnected(connection);
    };
    const view = new UserSocket(this.#options, socket, leave);
    const handled = Promise.withResolvers<void>();
    this.#attached.set(connection, { view, handled: handled.promise });
    if (holds) work.hold();
    socket.attach(view);
    this.#handle(connection, socket, view).then(handled.resolve);
    view.notice();
  }

  /** Tells those who listen that the sockets of these connections close; waits for them, for a time. */
  async leave(
    connections: Connection[],
    code: number,
    reason: string,
  ): Promise<void> {
    const leaving = connections.flatMap((connection) =>
      this.#attached.get(connection) ?? []
    );
    const left = leaving.flatMap(({ view, handled }) => [
      view.leave(code, reason),
      handled,
    ]);
    await within(
      this.#options.clock,
      leaveTimeoutMs,
      Promise.all(left),
      () => new Error(`onWebSocket went on for ${leaveTimeoutMs} ms`),
    ).catch((error) =>
      this.#options.self.log.failure(error, { msg: "stopping anyway" })
    );
  }

  /** The instance has stopped, and has nothing to do with its sockets any more. */
  end(): void {
    for (const [{ channel }, { view }] of this.#attached) {
      view.end();
      if (channel instanceof RawSocket) channel.detach();
    }
    this.#attached.clear();
  }

  async #handle(
    connection: Connection,
    socket: RawSocket,
    view: UserSocket,
  ): Promise<void> {
    const { kind, self, steps, work } = this.#options;
    const { conn } = connection;
    const { request } = socket;
    const c = new CallContext(self, { conn: () => conn, request });
    work.enter();
    let isEnded = false;
    const end = () => {
      if (!isEnded) work.end();
      isEnded = true;
    };
    try {
      const result: unknown = kind.config.onWebSocket!(c, view);
      if (isThenable(result)) {
        // What it changes from here on is saved as it comes: it may go on as long as the socket.
        work.hold();
        steps.beginWork();
        end();
        try {
          await result;
        } finally {
          steps.endWork();
          work.release();
        }
      }
    } catch (error) {
      this.#failed(socket, error);
    }
    end();
    view.handled();
  }

  #failed(socket: RawSocket, error: unknown): void {
    const { self, steps, exposesErrors } = this.#options;
    const { group, code } = toWireError(error, { exposesErrors });
    if (code === "internal_error") {
      self.log.failure(error, { msg: "onWebSocket failed" });
    }
    const close = () => void socket.close(1011, `${group}.${code}`);
    steps.send({ release: close, reject: close });
  }
}
