// One runtime, as the rest of Troupe sees it. Everything that differs between Deno and Bun as
// servers is behind this; an adapter has no idea of actors.

/** One WebSocket message. */
export type Frame = string | Uint8Array<ArrayBuffer>;

/** A WebSocket that was accepted. */
export interface Socket {
  /** How many bytes `send()` has taken that are not on the wire yet. */
  readonly bufferedBytes: number;
  /** Sends one message. Does nothing when the socket is closing. */
  send(frame: Frame): void;
  /** Starts to close: `reason` is at most 123 bytes of UTF-8. Does nothing the second time. */
  close(code: number, reason: string): void;
}

/** What happens to a socket, told in this order: `open`, any number of `message`, `close`. */
export interface SocketEvents {
  /** The handshake is complete. */
  open(socket: Socket): void;
  /** A message came in. */
  message(frame: Frame): void;
  /** The socket has closed, for whatever reason; told exactly once. */
  close(code: number, reason: string): void;
}

/** Turns the request it was made for into a socket, and returns the response to give back. */
export type Upgrade = (
  events: SocketEvents,
  options: {
    /** The sub-protocol to answer with, one of those that the request offers; none if absent. */
    protocol?: string;
  },
) => Response;

/** What answers a request; `upgrade` is absent where the request cannot become a socket. */
export type Answer = (
  request: Request,
  upgrade: Upgrade | undefined,
) => Promise<Response>;

/** Options of {@linkcode Adapter.serve}. */
export interface ServeOptions {
  /** The port; 0 picks a free one. */
  port: number;
  /** The address to listen on. */
  hostname: string;
  /** Told once the port is bound, by us or by the runtime itself. */
  onListen: (address: { url: string; port: number }) => void;
}

/** A server that listens, or that the runtime listens for. */
export interface Server {
  /**
   * Answers one request of whatever server; Deno and Bun call it with what they know about it. It is
   * the `fetch` of a default export.
   */
  readonly fetch: (request: Request, server?: unknown) => Promise<Response>;
  /** Bun's socket handlers, for the `websocket` of a default export; `undefined` on Deno. */
  readonly websocket: object | undefined;
  /** Stops listening, at once, and resolves when every request has been answered. */
  stop(): Promise<void>;
}

/** One runtime. */
export interface Adapter {
  /** The name of the runtime. */
  readonly runtime: "deno" | "bun";
  /** Sockets with more than this many unsent bytes are closed with 1013. */
  readonly maxBufferedBytes: number;
  /** An environment variable; `undefined` also where reading it is not permitted. */
  env(name: string): string | undefined;
  /** `fetch` and `websocket` for a server that the user starts. */
  handlers(answer: Answer): Pick<Server, "fetch" | "websocket">;
  /**
   * Listens with `answer`; under `deno serve`, and where Bun serves the default export, it lets the
   * runtime listen.
   */
  serve(answer: Answer, options: ServeOptions): Server;
  /** Calls back at the first SIGINT or SIGTERM. Returns a function that ends it. */
  onStopSignal(callback: (signal: string) => void): () => void;
  /** Ends the process; only after a stop signal. */
  exit(code: number): void;
}
