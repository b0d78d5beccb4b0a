// A registry as its program has it, and what `serve()` takes and gives.

import type { Definitions } from "../definition/definition.ts";
import type { Client, RegistryTypes } from "../definition/handle.ts";
import type { RegistryConfig, SetupConfig } from "./config.ts";

const defaultPort = 6420;

/** What `registry.start()` gives besides. */
export interface StartedRegistry<
  Actors extends Definitions,
> {
  /** A client of this process. */
  readonly client: Client<Registry<Actors>>;
  /** The same as {@linkcode Registry.handler}. */
  readonly fetch: (request: Request, server?: unknown) => Promise<Response>;
}

/** A set of definitions, and what serves and calls them. */
export interface Registry<
  Actors extends Definitions = Definitions,
> extends RegistryTypes {
  /** The definitions by name; there is no value. */
  readonly "~actors"?: Actors;
  /** What it was set up with. What is changed here counts until the registry is first used. */
  readonly config: SetupConfig<Actors>;
  /**
   * {@linkcode Registry.config}, with the environment and every default in its place.
   *
   * @throws {TypeError} as `setup()` does.
   */
  readonly parseConfig: () => RegistryConfig<Actors>;
  /**
   * Answers a request below the base path, `/api/rivet`, or at the root. On Bun, pass the server that
   * got the request. Without it, connections need a port of their own: in development, or with
   * `serveManager`, one is opened and clients are told of it ({@linkcode SetupConfig.managerPort}).
   */
  readonly handler: (request: Request, server?: unknown) => Promise<Response>;
  /** The same as `handler`, for a registry that is a default export. */
  readonly fetch: (request: Request, server?: unknown) => Promise<Response>;
  /** Bun's socket handlers, for `Bun.serve`; `undefined` on Deno. */
  readonly websocket: object | undefined;
  /**
   * Opens the store and runs what is due. `serve()` does so by itself; a server of your own has
   * scheduled calls run from the first request on, or from this. What it gives can be used at once;
   * await it to know of the store.
   */
  readonly start: () => StartedRegistry<Actors> & Promise<void>;
  /** The same as {@linkcode Registry.start}. */
  readonly startAndWait: () => Promise<void>;
  /**
   * Serves actors under a Rivet Engine; this version cannot.
   *
   * @throws {ActorError} `feature/not_implemented`.
   */
  readonly startRunner: () => never;
  /**
   * Listens, and runs what is due.
   *
   * @throws {TypeError} when an option is unknown, or the registry is served already.
   * @throws {RangeError} when the port is none.
   */
  readonly serve: (options?: RegistryServeOptions) => RunningRegistry;
  /** The same as {@linkcode Registry.serve}; `hostname` may be called `host`. */
  readonly listen: (options?: ListenOptions) => RunningRegistry;
  /**
   * As {@linkcode RunningRegistry.shutdown}; for a registry that is not served by `serve()`. Your
   * server goes on, but what was asked of `handler()` has been answered: on Deno if it was given what
   * `Deno.serve` gives besides the request. It waits 5 seconds for the last answers to leave.
   */
  readonly shutdown: () => Promise<void>;
}

/** Options of `registry.serve()`. */
export interface RegistryServeOptions {
  /** The port; 0 picks a free one. Default: `PORT`, or 6420. */
  port?: number;
  /** The address to listen on. Default `"0.0.0.0"`. */
  hostname?: string;
  /**
   * Your own pages: answers every request outside the base path. Without it, actors are served at
   * the root as well.
   */
  fetch?: (request: Request) => Response | Promise<Response>;
}

/** Options of `registry.listen()`. */
export interface ListenOptions extends RegistryServeOptions {
  /** The same as `hostname`. */
  host?: string;
}

/**
 * A registry that listens. As the default export of a program it also runs under `deno serve`, and
 * Bun sees by its `stop` that it runs already.
 */
export interface RunningRegistry {
  /** Answers one request of whatever server. */
  readonly fetch: (request: Request, server?: unknown) => Promise<Response>;
  /** Bun's socket handlers, for `Bun.serve`; `undefined` on Deno. */
  readonly websocket: object | undefined;
  /** By this `deno serve` tells where it listens; `undefined` on Bun. */
  readonly onListen: ((address: object) => void) | undefined;
  /** Where it listens, without a slash at the end. */
  readonly url: string;
  /** The port it listens on. */
  readonly port: number;
  /**
   * Refuses new work, lets running actions end within `options.waitUntilTimeout` of their actor,
   * commits, closes connections with 1001 and then the store. SIGINT and SIGTERM do the same, and
   * end the process.
   */
  readonly shutdown: () => Promise<void>;
  /** The same as `shutdown`. */
  readonly stop: () => Promise<void>;
  /** Resolves when a shutdown has ended. */
  readonly finished: Promise<void>;
}

/**
 * Checks options of `serve()`.
 *
 * @throws {TypeError} when one is unknown or has the wrong type.
 * @throws {RangeError} when the port is none.
 */
export function checkServeOptions(options: RegistryServeOptions): void {
  for (const key of Object.keys(options)) {
    if (!["port", "hostname", "fetch"].includes(key)) {
      throw new TypeError(`Cannot serve: unknown option "${key}"`);
    }
  }
  const { port, hostname, fetch } = options;
  if (port !== undefined) checkPort(port, `the port is ${port}`);
  if (hostname !== undefined && typeof hostname !== "string") {
    throw new TypeError("Cannot serve: the hostname is not a string");
  }
  if (fetch !== undefined && typeof fetch !== "function") {
    throw new TypeError("Cannot serve: fetch is not a function");
  }
}

/**
 * The port that the variable `PORT` means.
 *
 * @throws {RangeError} when it is none.
 */
export function portOf(text: string | undefined): number {
  if (text === undefined || text === "") return defaultPort;
  return checkPort(Number(text), `PORT is "${text}"`);
}

function checkPort(port: number, what: string): number {
  if (Number.isInteger(port) && port >= 0 && port < 65_536) return port;
  throw new RangeError(`Cannot serve: ${what}, not a number from 0 to 65535`);
}
