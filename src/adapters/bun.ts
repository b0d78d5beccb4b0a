// Bun as a server.
//
// Who listens: always we do. Bun serves a default export by itself when that has a function `fetch`
// and no function `stop`: one with `stop` is a server that runs already. So what `registry.serve()`
// returns must have a `stop`.
//
// `bun --hot` evaluates every module again in the same process. The servers of the evaluation before
// are found on `globalThis` and given the new answers, so that the port stays bound. Each socket
// carries its own handlers in `ws.data`, so that open sockets stay with the program they belong to.

import type {
  Adapter,
  Answer,
  Frame,
  Liveness,
  ServeOptions,
  Server,
  SocketEvents,
  Upgrade,
} from "./adapter.ts";
import { Peer } from "./liveness.ts";
import { addressOf, cannotListen } from "./listening.ts";
import {
  asksForSocket,
  failed,
  GuardedSocket,
  idleTimeoutSeconds,
  maxBufferedBytes,
  maxMessageBytes,
  refused,
  type Wire,
} from "./socket.ts";
import {
  defaultStopTimeoutMs,
  onFirstSignal,
  settled,
  type Signals,
} from "./stopping.ts";

interface BunServer {
  readonly port?: number;
  upgrade(
    request: Request,
    options: { data: BunSocket; headers: Record<string, string> },
  ): boolean;
  reload(config: object): void;
  stop(isForced?: boolean): Promise<void>;
  unref(): void;
}

interface BunWebSocket {
  readonly data: unknown;
  binaryType?: string;
  readonly remoteAddress: string;
  send(frame: Frame): number;
  close(code: number, reason: string): void;
  getBufferedAmount(): number;
  ping(): void;
  terminate(): void;
}

/** What Hono calls, with a socket around Bun's. */
interface HonoEvents {
  onOpen(event: unknown, socket: { raw: BunWebSocket }): void;
  onMessage(
    event: { data: string | ArrayBuffer },
    socket: { raw: BunWebSocket },
  ): void;
  onClose(
    event: { code: number; reason: string },
    socket: { raw: BunWebSocket },
  ): void;
}

interface Globals {
  Bun: { serve(config: object): BunServer };
  process: Signals & {
    env: Record<string, string | undefined>;
    exit(code: number): void;
  };
  [runningKey]?: Map<string, Running>;
}

/** A server that a later evaluation of the program may take over. */
interface Running {
  server: BunServer;
  evaluation: object;
  isReplaced: boolean;
  onReplaced: () => void;
}

const runningKey = Symbol.for("troupe.bun.running");

// What is global in Bun has no types where Deno checks this file.
const globals = globalThis as unknown as Globals;

/** One evaluation of this module; `bun --hot` makes another. */
const evaluation = {};

/** Bun's adapter. */
export function bunAdapter(): Adapter {
  return {
    runtime: "bun",
    maxBufferedBytes,
    upgradeHelp:
      "Bun makes sockets only through its server: pass the server on with the request, as in " +
      "`fetch: (request, server) => registry.handler(request, server)`, and give Bun.serve our " +
      "`websocket`",
    env: (name) => globals.process.env[name],
    handlers: (answer) => ({
      fetch: fetchOf(answer),
      websocket,
      // Bun does not tell when an answer has left, but takes it the turn it is made.
      stop: () => new Promise((resolve) => setTimeout(resolve)),
    }),
    serve,
    hasEarlier: (at) => earlierAt(at) !== undefined,
    onStopSignal: (callback) => onFirstSignal(globals.process, callback),
    exit: (code) => globals.process.exit(code),
  };
}

function serve(answer: Answer, options: ServeOptions): Server {
  const { hostname, port } = options;
  const key = keyOf(options);
  const running = globals[runningKey] ??= new Map();
  const fetch = fetchOf(answer);
  const config = {
    hostname,
    port,
    fetch,
    websocket,
    maxRequestBodySize: Number.MAX_SAFE_INTEGER, // who reads a body bounds it
    idleTimeout: 0, // or a silent event stream ends after ten seconds
    development: false,
    reusePort: false, // or two servers may share a port, as `development: false` would have it
  };

  const before = earlierAt(options);
  const server = before?.server ?? listen(config);
  const { onReplaced } = options;
  const own: Running = { server, evaluation, isReplaced: false, onReplaced };
  running.set(key, own);
  if (before !== undefined) {
    server.reload(config);
    before.isReplaced = true;
    before.onReplaced();
  }

  if (options.keepsAlive === false) server.unref();
  const address = addressOf(hostname, server.port ?? 0);
  queueMicrotask(() => options.onListen(address));
  return {
    fetch,
    websocket,
    onListen: undefined,
    address,
    async stop(timeoutMs = defaultStopTimeoutMs) {
      if (own.isReplaced) return;
      if (running.get(key) === own) running.delete(key);
      if (!await settled([server.stop()], timeoutMs)) await server.stop(true);
    },
  };
}

function keyOf(
  { hostname, port }: Pick<ServeOptions, "hostname" | "port">,
): string {
  return `${hostname}:${port}`;
}

/** The server that an earlier evaluation made with this address. */
function earlierAt(
  at: Pick<ServeOptions, "hostname" | "port">,
): Running | undefined {
  const before = globals[runningKey]?.get(keyOf(at));
  return before?.evaluation === evaluation ? undefined : before;
}

function listen(config: { hostname: string; port: number }): BunServer {
  try {
    return globals.Bun.serve(config);
  } catch (error) {
    throw cannotListen(config.hostname, config.port, error);
  }
}

function fetchOf(answer: Answer): Server["fetch"] {
  let lastServer: BunServer | undefined;
  return function (this: unknown, request: Request, second?: unknown) {
    lastServer = serverOf(this, request, second) ?? lastServer;
    const upgrade = lastServer !== undefined && asksForSocket(request)
      ? upgradeOf(request, lastServer)
      : undefined;
    return answer(request, {
      upgrade,
      canUpgrade: lastServer !== undefined,
      onGone(callback) {
        const { signal } = request;
        if (signal.aborted) callback();
        else signal.addEventListener("abort", callback);
      },
    }).catch(failed);
  };
}

/** Finds Bun's server where it, Hono (`c.env`) or srvx (`request.runtime`) puts it. */
function serverOf(
  receiver: unknown,
  request: Request & { runtime?: { bun?: { server?: unknown } } },
  second: unknown,
): BunServer | undefined {
  if (isServer(second)) return second;
  const within = second as { server?: unknown } | null | undefined;
  return [within?.server, request.runtime?.bun?.server, receiver]
    .find(isServer);
}

function isServer(value: unknown): value is BunServer {
  return typeof value === "object" && value !== null && "upgrade" in value &&
    typeof value.upgrade === "function";
}

function upgradeOf(request: Request, server: BunServer): Upgrade {
  return (events, { protocol = "", liveness }) => {
    const data = new BunSocket(events, liveness);
    // Without the header Bun answers with the first protocol offered; an empty one answers with none.
    const headers = { "sec-websocket-protocol": protocol };
    try {
      if (server.upgrade(request, { data, headers })) {
        return new Response(null, { status: 101 });
      }
    } catch (error) {
      return refused(data.socket, error);
    }
    return refused(data.socket, "Bun's server did not accept the request");
  };
}

/**
 * `ws.data` of our sockets. Its methods have the names that Elysia too looks for in `ws.data`, and
 * its `events` those that Hono does, so that our sockets live under their `websocket` handlers as
 * well as under ours.
 */
class BunSocket extends Peer implements Wire {
  readonly socket: GuardedSocket;
  // Once it is open.
  #ws: BunWebSocket | undefined;

  constructor(events: SocketEvents, liveness: Liveness | undefined) {
    super(liveness);
    this.socket = new GuardedSocket(events);
  }

  open(ws: BunWebSocket): void {
    ws.binaryType = "uint8array";
    // Bun calls this inside upgrade(), whose caller is not ready for events.
    queueMicrotask(() => this.#opened(ws));
  }

  message(ws: BunWebSocket, frame: Frame): void {
    this.#opened(ws);
    this.heard(false);
    this.socket.received(frame);
  }

  pong(): void {
    this.heard(true);
  }

  close(ws: BunWebSocket, code: number, reason: string): void {
    this.#opened(ws);
    this.unwatch();
    const isTooLarge = code === 1006 && reason === "Received too big message";
    this.socket.closed(isTooLarge ? 1009 : code, reason);
  }

  get events(): HonoEvents {
    return {
      onOpen: (_, { raw }) => this.open(raw),
      onMessage: ({ data }, { raw }) =>
        this.message(
          raw,
          typeof data === "string" ? data : new Uint8Array(data),
        ),
      onClose: ({ code, reason }, { raw }) => this.close(raw, code, reason),
    };
  }

  get remoteAddress(): string {
    return this.#ws!.remoteAddress;
  }

  get bufferedBytes(): number {
    return this.#ws!.getBufferedAmount();
  }

  // Bun returns 0 both for a frame it dropped and for an empty one.
  send(frame: Frame): boolean {
    const ws = this.#ws!;
    return (ws.send(frame) !== 0 || frame.length === 0) &&
      ws.getBufferedAmount() <= maxBufferedBytes;
  }

  end(code: number, reason: string): void {
    this.#ws!.close(code, reason);
  }

  protected ping(): void {
    this.#ws!.ping();
  }

  protected vanished(): void {
    this.socket.closed(1006, "");
    this.#ws!.terminate();
  }

  #opened(ws: BunWebSocket): void {
    if (this.#ws !== undefined) return;
    this.#ws = ws;
    this.watch();
    this.socket.opened(this);
  }
}

/** The same for every server and evaluation: what to do is in `ws.data`. */
const websocket = {
  idleTimeout: idleTimeoutSeconds,
  backpressureLimit: maxBufferedBytes,
  maxPayloadLength: maxMessageBytes,
  open(ws: BunWebSocket): void {
    socketOf(ws)?.open(ws);
  },
  message(ws: BunWebSocket, frame: Frame): void {
    socketOf(ws)?.message(ws, frame);
  },
  pong(ws: BunWebSocket): void {
    socketOf(ws)?.pong();
  },
  close(ws: BunWebSocket, code: number, reason: string): void {
    socketOf(ws)?.close(ws, code, reason);
  },
};

/** Not `instanceof`: after a reload the socket's class is that of another evaluation. */
function socketOf({ data }: BunWebSocket): BunSocket | undefined {
  return typeof data === "object" && data !== null && "socket" in data
    ? data as BunSocket
    : undefined;
}
