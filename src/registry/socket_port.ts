// A port of our own, for apps whose server makes no sockets of the requests it hands on: Bun's, where
// `handler()` is not given the server. Clients learn of it from `/metadata`, before they open any, and
// then use it for everything.
//
// It is opened by the first client that asks for the metadata and can be told of it. The host it is
// told is the one that it has reached the app by, so that a browser elsewhere is never sent to its own
// machine; where the way to us leads through somebody else, whose port this would be, nothing is
// announced. It keeps no process alive.
//
// Clients that have been told of it do not ask again. So after `bun --hot` has evaluated the program
// anew, the new registry takes over the port of the old one at once, and the old one is shut down.

import type { Adapter, Answer, Server } from "../adapters/adapter.ts";
import { isPortTaken } from "../adapters/listening.ts";
import type { Logger } from "../log.ts";

/** How many ports after the first are tried. */
const moreTries = 99;

const wildcards = ["0.0.0.0", "::", "[::]"];

// Whoever adds one of these stands between the caller and us.
const proxyHeaders = [
  "forwarded",
  "via",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-port",
  "x-forwarded-proto",
  "x-real-ip",
];

/** What the port needs. */
export interface SocketPortOptions {
  adapter: Pick<Adapter, "serve" | "hasEarlier">;
  answer: Answer;
  /** The first port to try; 0 picks a free one. */
  port: number;
  hostname: string;
  /** The path that clients are sent to. */
  basePath: string;
  log: Logger;
  /** Told when a later evaluation of the program has taken over the port. */
  onReplaced: () => void;
}

/** A port of our own for sockets, opened when it is needed. */
export class SocketPort {
  readonly #options: SocketPortOptions;
  readonly #told = new Set<string>();
  #server: Server | "none" | undefined;

  constructor(options: SocketPortOptions) {
    this.#options = options;
  }

  /** Where the caller who sent `request` finds the port; `undefined` where that cannot be told. */
  urlFor(request: Request): string | undefined {
    const { hostname, basePath } = this.#options;
    const place = hostFor(request, hostname);
    if ("why" in place) {
      this.#warn(
        `no client is told of a port for its connections, because ${place.why}`,
      );
      return undefined;
    }
    this.#server ??= this.#open();
    if (this.#server === "none") return undefined;
    const { port } = this.#server.address;
    return `http://${place.host}:${port}${basePath}`.replace(/\/$/, "");
  }

  /** Opens the port if an earlier evaluation of the program has one. */
  takeOver(): void {
    const port = earlierPort(this.#options.adapter, this.#options);
    if (port !== undefined) this.#server ??= this.#openOne(port);
  }

  /** Closes the port when what it answers is answered, after `timeoutMs` at the latest. */
  async close(timeoutMs: number): Promise<void> {
    const server = this.#server;
    this.#server = "none";
    if (server !== undefined && server !== "none") await server.stop(timeoutMs);
  }

  #open(): Server | "none" {
    const ports = portsFrom(this.#options.port);
    for (const port of ports) {
      try {
        return this.#openOne(port);
      } catch (error) {
        if (isPortTaken(error)) continue;
        const msg = "cannot open a port for connections";
        this.#options.log.failure(error, { msg });
        return "none";
      }
    }
    this.#warn(
      `no port from ${ports[0]} to ${ports.at(-1)} is free for connections`,
    );
    return "none";
  }

  #openOne(port: number): Server {
    const { adapter, answer, hostname, log, onReplaced } = this.#options;
    return adapter.serve(answer, {
      port,
      hostname,
      keepsAlive: false,
      onListen: ({ url }) =>
        log.info({ msg: "opened a port for connections", url }),
      onReplaced,
    });
  }

  // Once for each reason: clients ask all the time.
  #warn(text: string): void {
    if (this.#told.has(text)) return;
    this.#told.add(text);
    this.#options.log.warn(text);
  }
}

/** Which port an earlier evaluation of the program has opened for the same purpose, if it has. */
export function earlierPort(
  adapter: Pick<Adapter, "hasEarlier">,
  { hostname, port }: { hostname: string; port: number },
): number | undefined {
  return portsFrom(port).find((port) => adapter.hasEarlier({ hostname, port }));
}

function portsFrom(port: number): number[] {
  const more = port === 0 ? 0 : Math.min(moreTries, 65_535 - port);
  return Array.from({ length: more + 1 }, (_, index) => port + index);
}

/** By which name the caller reaches a port that is opened on `hostname`, or why it does not. */
function hostFor(
  request: Request,
  hostname: string,
): { host: string } | { why: string } {
  const { protocol, hostname: host } = new URL(request.url);
  if (protocol === "https:") return { why: "requests come by https" };
  const proxied = proxyHeaders.find((name) => request.headers.has(name));
  if (proxied !== undefined) {
    return { why: `requests come through a proxy (their header ${proxied})` };
  }
  if (!wildcards.includes(hostname)) {
    if (!isLoopback(hostname)) return { host: bracketed(hostname) };
    if (!isLoopback(host)) {
      return { why: `managerHost is ${hostname}, and requests come from afar` };
    }
  } else if (hostname === "0.0.0.0" && host.startsWith("[")) {
    return { why: `requests come to ${host}, and managerHost is no "::"` };
  }
  return { host };
}

function isLoopback(host: string): boolean {
  return /^(localhost|127(\.\d+){3}|(\[::1\])|::1)$/.test(host);
}

function bracketed(host: string): string {
  return host.includes(":") && !host.startsWith("[") ? `[${host}]` : host;
}
