// One runtime, as the rest of Troupe sees it. Everything that differs between Deno and Bun as
// servers is behind this; an adapter has no idea of actors.

/** One WebSocket message. */
export type Frame = string | Uint8Array<ArrayBuffer>;

/** A WebSocket that was accepted. */
export interface Socket {
  /** The address of the peer, without its port; empty where the runtime does not tell. */
  readonly remoteAddress: string;
  /** How many bytes `send()` has taken that are not on the wire yet. */
  readonly bufferedBytes: number;
  /** Sends one message. Does nothing when the socket is closing. */
  send(frame: Frame): void;
  /**
   * Starts to close: `code` is 1000 to 1014 or 3000 to 4999, `reason` at most 123 bytes of UTF-8.
   * Does nothing the second time.
   */
  close(code: number, reason: string): void;
}

/**
 * What happens to a socket, told in this order: `open`, any number of `message`, `close`. None is
 * told from inside `upgrade`, `send` or `close`. One that throws is logged and closes the socket
 * with 1011.
 */
export interface SocketEvents {
  /** The handshake is complete. */
  open(socket: Socket): void;
  /** A message came in; none comes after our own `close()`. */
  message(frame: Frame): void;
  /**
   * The socket has closed, for whatever reason: ours at once after our own `close()`, the peer's,
   * 1005 when the peer gave none, or 1006 when it vanished. Told exactly once after every `upgrade`,
   * also when the handshake failed and there was no `open`.
   */
  close(code: number, reason: string): void;
}

/**
 * Turns the request it was made for into a socket, and returns the response to give back: where the
 * runtime refuses, one that says why. On Deno the request cannot be read afterwards, so copy what you
 * need before. Also works after an `await`.
 */
export type Upgrade = (
  events: SocketEvents,
  options: {
    /** The sub-protocol to answer with, one of those that the request offers; none if absent. */
    protocol?: string;
    /** When the peer counts as vanished; if absent, when it has not answered for 30 seconds. */
    liveness?: Liveness | undefined;
  },
) => Response;

/**
 * How long a peer may be silent before it is pinged, and after that before it counts as vanished, in
 * milliseconds. Deno pings after half of both together. On Bun a peer must have answered once, or the
 * 30 seconds of the server are its bound: not every framework hands the answers on.
 */
export interface Liveness {
  intervalMs: number;
  timeoutMs: number;
}

/** Calls back when the caller goes before its response is complete; at once if it has gone. */
export type OnGone = (callback: () => void) => void;

/** What a runtime does for a request besides sending its answer. */
export interface Exchange {
  /**
   * Absent where the request asks for no socket, or the runtime cannot make one of it
   * ({@linkcode Adapter.upgradeHelp}).
   */
  readonly upgrade?: Upgrade | undefined;
  /** Whether the runtime could make a socket of a request like this, also where it asks for none. */
  readonly canUpgrade: boolean;
  /**
   * Absent where the runtime does not tell: on Deno, whose `request.signal` prints a warning when it
   * is looked at. Everywhere the body of a response is cancelled when its reader goes.
   */
  readonly onGone?: OnGone | undefined;
  /**
   * To be called before a response is returned whose body may be a stream: a stop then waits for its
   * end. Absent where the runtime waits by itself.
   */
  goesOn?(): void;
}

/** What answers a request. */
export type Answer = (
  request: Request,
  exchange: Exchange,
) => Promise<Response>;

/** Where a server listens. */
export interface Address {
  /** Without a slash at the end; a wildcard address is written as the loopback one. */
  url: string;
  /** 0 when it is no TCP port. */
  port: number;
}

/** Options of {@linkcode Adapter.serve}. */
export interface ServeOptions {
  /** The port; 0 picks a free one. */
  port: number;
  /** The address to listen on. */
  hostname: string;
  /** Whether the process goes on because of it. Default `true`. */
  keepsAlive?: boolean;
  /**
   * Told once the port is bound, by us or by the runtime itself, and never before `serve()` has
   * returned. Told again in the rare case that we had to listen before `deno serve` did.
   */
  onListen: (address: Address) => void;
  /**
   * Told when `bun --hot` has evaluated the program again and a new server has taken over this one's
   * port. Open sockets stay with the old one's events.
   */
  onReplaced: () => void;
}

/** A server that listens, or that the runtime listens for. */
export interface Server {
  /**
   * Answers one request of whatever server; Deno and Bun call it with what they know about it. It is
   * the `fetch` of a default export. Never rejects.
   */
  readonly fetch: (request: Request, server?: unknown) => Promise<Response>;
  /** Bun's socket handlers, for the `websocket` of a default export; `undefined` on Deno. */
  readonly websocket: object | undefined;
  /** The `onListen` of a default export, which `deno serve` calls; `undefined` on Bun. */
  readonly onListen: ((address: object) => void) | undefined;
  /** Where it listens. Reading it makes a server listen that still waits for `deno serve`. */
  readonly address: Address;
  /**
   * Takes no more requests, and resolves when every running one has been answered and every socket
   * has closed, which is for the layer above to do: no socket is closed by this. After `timeoutMs`,
   * 5,000 by default, it resolves all the same: Bun has then cut what was still open; Deno has closed
   * the sockets with 1001 and leaves unfinished responses to the end of the process. While a socket
   * is open Deno still listens, and answers 503.
   */
  stop(timeoutMs?: number): Promise<void>;
}

/** One runtime. */
export interface Adapter {
  /** The name of the runtime; `none` is one that Troupe cannot serve on. */
  readonly runtime: "deno" | "bun" | "none";
  /** Sockets with more than this many unsent bytes are closed with 1013. */
  readonly maxBufferedBytes: number;
  /** What to tell a caller whose upgrade request came without an `upgrade`. */
  readonly upgradeHelp: string;
  /** An environment variable; `undefined` also where reading it is not permitted. */
  env(name: string): string | undefined;
  /**
   * `fetch` and `websocket` for a server that the user starts. `stop` stops nothing of it, but waits
   * as a server's does: on Deno for the requests that came with what Deno knows about them.
   */
  handlers(answer: Answer): Pick<Server, "fetch" | "websocket" | "stop">;
  /**
   * Listens with `answer`; under `deno serve` it lets the runtime listen. Throws when the port is
   * taken, unless it has to wait for `deno serve` to be ruled out: then the process ends with that
   * error.
   */
  serve(answer: Answer, options: ServeOptions): Server;
  /**
   * Whether a server that an earlier evaluation of the program made with this address still listens,
   * so that `serve()` with the same one takes its place. Only `bun --hot` has such.
   */
  hasEarlier(at: Pick<ServeOptions, "hostname" | "port">): boolean;
  /**
   * Calls back at the first SIGINT or SIGTERM. For a second the same signal is not heard again,
   * because a terminal and the process that started us may both send it; after that the next one
   * ends the process. Returns a function that ends it.
   */
  onStopSignal(callback: (signal: string) => void): () => void;
  /** Ends the process; only after a stop signal. */
  exit(code: number): void;
}
