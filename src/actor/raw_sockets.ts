// Raw sockets: the user's `onWebSocket`. Lets them in, keeps the actor awake for those that do not
// hibernate, and gives those that do to the next instance, which calls `onWebSocket` for them again.

import { actorError, toWireError } from "../errors.ts";
import { admit } from "./admission.ts";
import type { Connection } from "./connection.ts";
import { CallContext } from "./context.ts";
import { isThenable, within } from "./deadline.ts";
import type { Parts } from "./parts.ts";
import { RawSocket } from "./raw_socket.ts";
import { UserSocket } from "./user_socket.ts";

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
  readonly #parts: Parts;
  readonly #attached = new Map<Connection, Attached>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /**
   * Lets a socket in.
   *
   * @throws {ActorError} `handler/websocket_not_defined` when the actor has no `onWebSocket`; and
   * whatever a hook throws.
   */
  async open(socket: RawSocket, params: unknown): Promise<void> {
    const { identity: { kind }, work } = this.#parts;
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
      const connection = await admit(this.#parts, { params, request }, socket);
      if (socket.closedWith !== undefined) {
        return await this.#parts.disconnected(connection);
      }
      socket.connection = connection;
      this.attach(connection, socket);
    } finally {
      work.end();
    }
  }

  /** Takes a socket over, and calls `onWebSocket` for it. */
  attach(connection: Connection, socket: RawSocket): void {
    const { work } = this.#parts;
    const holds = socket.lasts === "instance";
    const leave = () => {
      if (!this.#attached.delete(connection)) return;
      if (holds) work.release();
      void this.#parts.disconnected(connection);
    };
    const view = new UserSocket(this.#parts, socket, leave);
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
      this.#parts.services.clock,
      leaveTimeoutMs,
      Promise.all(left),
      () => new Error(`onWebSocket went on for ${leaveTimeoutMs} ms`),
    ).catch((error) =>
      this.#parts.self.log.failure(error, { msg: "stopping anyway" })
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
    const { identity: { kind }, self, steps, work } = this.#parts;
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
    const { self, steps, services: { exposesErrors } } = this.#parts;
    const { group, code } = toWireError(error, { exposesErrors });
    if (code === "internal_error") {
      self.log.failure(error, { msg: "onWebSocket failed" });
    }
    const close = () => void socket.close(1011, `${group}.${code}`);
    steps.send({ release: close, reject: close });
  }
}
