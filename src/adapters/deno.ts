// Deno as a server.
//
// Who listens. `deno serve`, and `deno run` under DENO_AUTO_SERVE, serve the default export of the
// main module, and nothing says so beforehand. When the main module has been evaluated, Deno looks
// at its default export, serves it, calls its `onListen`, and fires `load`, all in one turn. So:
//
// - a main module without a default export cannot be served by Deno: we listen at once;
// - otherwise we wait for `load`, and listen then unless `onListen` has been called;
// - we wait no longer when somebody asks for our address, or when the main module goes on to await
//   something, which may be an answer of ours. Should Deno serve after all, we stop listening.

import type {
  Adapter,
  Address,
  Answer,
  Exchange,
  Frame,
  ServeOptions,
  Server,
  Upgrade,
} from "./adapter.ts";
import { addressOf, cannotListen } from "./listening.ts";
import { PacedWire } from "./paced.ts";
import {
  asksForSocket,
  failed,
  GuardedSocket,
  idleTimeoutSeconds,
  maxBufferedBytes,
  refused,
} from "./socket.ts";
import {
  defaultStopTimeoutMs,
  onFirstSignal,
  settled,
  type Signals,
} from "./stopping.ts";

/** A TCP address; for a Unix socket there is a path instead. */
interface DenoAddress {
  hostname?: string;
  port?: number;
  path?: string;
}

/** What Deno tells of a request besides. */
interface RequestInfo {
  completed: Promise<void>;
  remoteAddr: DenoAddress;
}

interface DenoServer {
  readonly addr: DenoAddress;
  shutdown(): Promise<void>;
  unref(): void;
}

interface DenoWebSocket {
  binaryType: string;
  readonly bufferedAmount: number;
  send(frame: Frame): void;
  close(code: number, reason: string): void;
  addEventListener(type: DenoSocketEvent["type"], listener: DenoSocket): void;
}

type DenoSocketEvent =
  | { type: "open" }
  | { type: "message"; data: string | ArrayBuffer }
  | { type: "error"; message?: string }
  | { type: "close"; code: number; reason: string };

interface DenoGlobal {
  readonly build: { readonly os: string; readonly standalone?: boolean };
  readonly env: { get(name: string): string | undefined };
  readonly mainModule?: string;
  readonly permissions: {
    querySync(permission: object): { readonly state: string };
  };
  readTextFileSync(path: URL): string;
  serve(
    options: { port: number; hostname: string; onListen: () => void },
    handler: Server["fetch"],
  ): DenoServer;
  upgradeWebSocket(
    request: Request,
    options: { idleTimeout: number },
  ): { socket: DenoWebSocket; response: Response };
  addSignalListener(signal: string, listener: () => void): void;
  removeSignalListener(signal: string, listener: () => void): void;
  exit(code: number): void;
}

interface Globals {
  Deno: DenoGlobal;
  addEventListener(type: string, listener: () => void): void;
}

// What is global in Deno has no types where Bun's are checked.
const globals = globalThis as unknown as Globals;

/** How long a peer may take to answer our close. */
const closeTimeoutMs = 5000;

/** Whether the main module has been evaluated, and who serves it is decided. */
let isLoaded = false;

/** Deno's adapter. */
export function denoAdapter(): Adapter {
  globals.addEventListener("load", () => isLoaded = true);
  return {
    runtime: "deno",
    maxBufferedBytes,
    upgradeHelp: "Deno can make a socket of every upgrade request",
    env,
    handlers(answer) {
      const unfinished = new Unfinished();
      return {
        fetch: fetchOf(answer, unfinished),
        websocket: undefined,
        stop: (timeoutMs = defaultStopTimeoutMs) => unfinished.end(timeoutMs),
      };
    },
    serve,
    hasEarlier: () => false,
    onStopSignal: (callback) => onFirstSignal(signals, callback),
    exit: (code) => globals.Deno.exit(code),
  };
}

/** Asks first, because `Deno.env.get()` may ask the user. */
function env(name: string): string | undefined {
  const { Deno } = globals;
  const { state } = Deno.permissions.querySync({ name: "env", variable: name });
  return state === "granted" ? Deno.env.get(name) : undefined;
}

const signals: Signals = {
  on(signal, listener) {
    if (isKnown(signal)) globals.Deno.addSignalListener(signal, listener);
  },
  off(signal, listener) {
    if (isKnown(signal)) globals.Deno.removeSignalListener(signal, listener);
  },
};

function isKnown(signal: string): boolean {
  return globals.Deno.build.os !== "windows" || signal === "SIGINT";
}

function serve(answer: Answer, options: ServeOptions): Server {
  const { hostname, port } = options;
  const unfinished = new Unfinished();
  // After stop() we still listen while a socket is open, and `deno serve` always does; whoever
  // answers knows that it has stopped.
  const fetch = fetchOf(answer, unfinished);
  let own: DenoServer | undefined;
  let address: Address | undefined;
  let isStopped = false;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const listens = (at: Address) => {
    address = at;
    queueMicrotask(() => options.onListen(at));
  };
  const listen = () => {
    clearTimeout(timer);
    if (address !== undefined || isStopped) return;
    try {
      // Without an `onListen` Deno prints a line of its own.
      own = globals.Deno.serve({ hostname, port, onListen() {} }, fetch);
    } catch (error) {
      throw cannotListen(hostname, port, error);
    }
    if (options.keepsAlive === false) own.unref();
    listens(addressIn(own.addr));
  };
  if (isLoaded || !mayBeServedByDeno()) {
    listen();
  } else {
    globals.addEventListener("load", listen);
    timer = setTimeout(listen);
  }

  return {
    fetch(request, info) {
      // A worker of `deno serve --parallel` is served without being told by `onListen`.
      if (own !== undefined && isRequestInfo(info)) {
        own.shutdown();
        own = undefined;
        console.error(
          "`deno serve --parallel` is not supported: each of its workers would run the same " +
            "actors. The store refuses all but one of them.",
        );
      }
      return fetch(request, info);
    },
    websocket: undefined,
    onListen(at) {
      clearTimeout(timer);
      own?.shutdown();
      own = undefined;
      listens(addressIn(at));
    },
    get address() {
      listen();
      return address ?? addressOf(hostname, port);
    },
    async stop(timeoutMs = defaultStopTimeoutMs) {
      isStopped = true;
      clearTimeout(timer);
      await unfinished.end(timeoutMs, () => own?.shutdown());
    },
  };
}

/** Whether a server of Deno's calls, and not the program itself. */
function isRequestInfo(info: unknown): boolean {
  return typeof info === "object" && info !== null && "completed" in info;
}

/** Only a main module that has a default export can be served by Deno. */
function mayBeServedByDeno(): boolean {
  const { build, mainModule, permissions, readTextFileSync } = globals.Deno;
  if (mainModule === undefined || build.standalone) return false;
  const path = new URL(mainModule);
  const isReadable = path.protocol === "file:" &&
    permissions.querySync({ name: "read", path }).state === "granted";
  if (!isReadable) return true;
  try {
    // `exports` is CommonJS, whose `module.exports` is the default export.
    return /\b(default|exports)\b/.test(readTextFileSync(path));
  } catch {
    return true; // What was given to `deno eval`, or on standard input, is no file.
  }
}

function addressIn({ hostname, port, path }: DenoAddress): Address {
  return hostname === undefined || port === undefined
    ? { url: `unix:${path}`, port: 0 }
    : addressOf(hostname, port);
}

/** What `stop()` has to wait for. */
class Unfinished {
  readonly sockets = new Set<DenoSocket>();
  /** Responses whose body goes on. */
  readonly bodies = new Set<Promise<void>>();
  #answers = 0;
  #onAnswered: (() => void) | undefined;

  /** A request has come. */
  begin(): void {
    this.#answers++;
  }

  /** It has been answered. Deno takes a response without a stream the turn it is made. */
  answered(): void {
    if (--this.#answers === 0) this.#onAnswered?.();
  }

  /** Resolves when all have ended, or after `timeoutMs`; calls `shutdown` when no socket is left. */
  async end(
    timeoutMs: number,
    shutdown?: () => Promise<void> | undefined,
  ): Promise<void> {
    const end = performance.now() + timeoutMs;
    const gone = Array.from(this.sockets, ({ whenGone }) => whenGone);
    // Sockets first, for shutdown() would close them with a code of its own.
    await settled(gone, timeoutMs);
    const rest = [shutdown?.(), this.#allAnswered()];
    await settled(rest, Math.max(0, end - performance.now()));
    await settled(this.bodies, Math.max(0, end - performance.now()));
    // What Deno calls completed leaves the process a turn later.
    await new Promise((resolve) => setTimeout(resolve));
  }

  #allAnswered(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onAnswered = resolve;
    if (this.#answers === 0) resolve();
    return promise;
  }
}

/** Holds `work` in `all` until it is settled. */
function hold(all: Set<Promise<void>>, work: Promise<void>): void {
  const end = () => void all.delete(work);
  all.add(work);
  work.then(end, end);
}

function fetchOf(answer: Answer, unfinished: Unfinished): Server["fetch"] {
  return (request, info) => {
    unfinished.begin();
    const known = (info ?? {}) as Partial<RequestInfo>;
    // Not `await`, which is a good part of what a small answer takes.
    return answer(request, new DenoExchange(request, known, unfinished))
      .then((response) => {
        unfinished.answered();
        return response;
      }, (error) => {
        unfinished.answered();
        return failed(error);
      });
  };
}

class DenoExchange implements Exchange {
  readonly upgrade: Upgrade | undefined;
  readonly canUpgrade = true;
  readonly #info: Partial<RequestInfo>;
  readonly #unfinished: Unfinished;

  constructor(
    request: Request,
    info: Partial<RequestInfo>,
    unfinished: Unfinished,
  ) {
    this.#info = info;
    this.#unfinished = unfinished;
    this.upgrade = asksForSocket(request)
      ? upgradeOf(request, unfinished.sockets, info)
      : undefined;
  }

  // Not for every request, for each promise of Deno's costs as much as a small action.
  goesOn(): void {
    const { completed } = this.#info;
    if (completed !== undefined) hold(this.#unfinished.bodies, completed);
  }
}

function upgradeOf(
  request: Request,
  sockets: Set<DenoSocket>,
  { remoteAddr }: Partial<RequestInfo>,
): Upgrade {
  return (events, { protocol, liveness }) => {
    const guarded = new GuardedSocket(events);
    const remoteAddress = remoteAddr?.hostname ?? "";
    // Deno pings after that time, and gives up after the same time again.
    const idleTimeout = liveness === undefined
      ? idleTimeoutSeconds
      : (liveness.intervalMs + liveness.timeoutMs) / 2000;
    let upgraded: ReturnType<DenoGlobal["upgradeWebSocket"]>;
    try {
      upgraded = globals.Deno.upgradeWebSocket(request, {
        idleTimeout,
      });
    } catch (error) {
      return refused(guarded, error);
    }
    const stallMs = 2000 * idleTimeout;
    const { socket } = upgraded;
    new DenoSocket(guarded, { socket, sockets, remoteAddress, stallMs });
    // Deno's own option throws where the offered protocols are not parted by ", ".
    if (protocol !== undefined) {
      upgraded.response.headers.set("sec-websocket-protocol", protocol);
    }
    return upgraded.response;
  };
}

/** One of Deno's sockets: tells `guarded` what it says. */
class DenoSocket extends PacedWire {
  readonly #guarded: GuardedSocket;
  /** All of a server. */
  readonly #sockets: Set<DenoSocket>;
  #whenGone: PromiseWithResolvers<void> | undefined;

  constructor(
    guarded: GuardedSocket,
    { sockets, ...options }: {
      socket: DenoWebSocket;
      sockets: Set<DenoSocket>;
      remoteAddress: string;
      stallMs: number;
    },
  ) {
    super({ ...options, closeTimeoutMs });
    this.#guarded = guarded;
    this.#sockets = sockets;
    sockets.add(this);
    const { socket } = options;
    socket.binaryType = "arraybuffer";
    // One listener for all of them takes less memory than a function for each.
    for (const type of ["open", "message", "error", "close"] as const) {
      socket.addEventListener(type, this);
    }
  }

  handleEvent(event: DenoSocketEvent): void {
    switch (event.type) {
      case "message": {
        const { data } = event;
        this.#guarded.received(
          typeof data === "string" ? data : new Uint8Array(data),
        );
        break;
      }
      case "open":
        this.#guarded.opened(this);
        break;
      case "close":
        this.#closed(event.code || 1006, event.reason);
        break;
      case "error":
        // A handshake that fails has an error and no close.
        this.#closed(event.message === "Frame too large" ? 1009 : 1006, "");
        break;
    }
  }

  /** Resolves when it has closed, or when we have closed it and the peer does not answer. */
  get whenGone(): Promise<void> {
    this.#whenGone ??= Promise.withResolvers();
    return this.#whenGone.promise;
  }

  protected stalled(): void {
    this.#guarded.tooSlow();
  }

  protected gone(): void {
    this.#sockets.delete(this);
    this.#whenGone?.resolve();
  }

  #closed(code: number, reason: string): void {
    this.#guarded.closed(code, reason);
    this.closed();
  }
}
