// `setup()`: joins definitions, store, host, server and adapter.

import { systemClock } from "./actor/clock.ts";
import { Host } from "./actor/host.ts";
import type { Address, Answer } from "./adapters/adapter.ts";
import { adapter } from "./adapters/serve.ts";
import { clientOver } from "./client/client.ts";
import { setLocalTransport } from "./client/local.ts";
import {
  type AnyActorDefinition,
  maxNameLength,
} from "./definition/definition.ts";
import type { RegistryTypes } from "./definition/handle.ts";
import { actorError } from "./errors.ts";
import { Logger, type LogLevel, logLevelOf } from "./log.ts";
import { defaultBasePath } from "./protocol/routes.ts";
import { createHandler } from "./server/handler.ts";
import { localTransport } from "./server/local.ts";
import { memoryStore } from "./stores/memory.ts";
import { openDefault, openStore, type StoreName } from "./stores/place.ts";
import type { Store } from "./stores/store.ts";

/** The version of Troupe. */
export const version = "0.1.0";

const defaultPort = 6420;
const storeTimeoutMs = 10_000;

/** What `setup()` takes. */
export interface SetupConfig<
  Actors extends Record<string, AnyActorDefinition>,
> {
  /** The definitions by name. A name has at most 64 characters. */
  use: Actors;
  /**
   * Where actors are kept. The default is Deno KV where Deno has it switched on, SQLite elsewhere,
   * in a folder outside the source tree: `TROUPE_DATA`, or one below the user's data folder.
   */
  store?: "memory" | StoreName | Store | Promise<Store>;
  /** The most bytes of one message from a caller. Default 65,536. */
  maxIncomingMessageSize?: number;
  /** The most bytes of one message to a caller. Default 1,048,576. */
  maxOutgoingMessageSize?: number;
  /** Whether `serve()` leaves its start line out. Default `false`. */
  noWelcome?: boolean;
  /** What is logged. */
  logging?: {
    /** Default: `RIVET_LOG_LEVEL`, or `"warn"`. */
    level?: LogLevel;
  };
}

/** Options of `registry.serve()`. */
export interface RegistryServeOptions {
  /** The port; 0 picks a free one. Default: `PORT`, or 6420. */
  port?: number;
  /** The address to listen on. Default `"0.0.0.0"`. */
  hostname?: string;
  /**
   * Your own pages: answers every request outside `/api/rivet`. Without it, actors are served at the
   * root as well.
   */
  fetch?: (request: Request) => Response | Promise<Response>;
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

/** A set of definitions, and what serves and calls them. */
export interface Registry<
  Actors extends Record<string, AnyActorDefinition> = Record<
    string,
    AnyActorDefinition
  >,
> extends RegistryTypes {
  /** The definitions by name; there is no value. */
  readonly "~actors"?: Actors;
  /** What it was set up with. */
  readonly config: SetupConfig<Actors>;
  /**
   * Answers a request below `/api/rivet` or at the root. On Bun, pass the server that got the
   * request, or connections cannot be opened.
   */
  readonly handler: (request: Request, server?: unknown) => Promise<Response>;
  /** The same as `handler`, for a registry that is a default export. */
  readonly fetch: (request: Request, server?: unknown) => Promise<Response>;
  /** Bun's socket handlers, for `Bun.serve`; `undefined` on Deno. */
  readonly websocket: object | undefined;
  /**
   * Opens the store and runs what is due. `serve()` does so by itself; a server of your own has
   * scheduled calls run from the first request on, or from this.
   */
  readonly start: () => Promise<void>;
  /**
   * Listens, and runs what is due.
   *
   * @throws {TypeError} when an option is unknown, or the registry is served already.
   * @throws {RangeError} when the port is none.
   */
  readonly serve: (options?: RegistryServeOptions) => RunningRegistry;
  /**
   * As {@linkcode RunningRegistry.shutdown}; for a registry that is not served by `serve()`. Your
   * server goes on, but what was asked of `handler()` has been answered: on Deno if it was given what
   * `Deno.serve` gives besides the request. It waits 5 seconds for the last answers to leave.
   */
  readonly shutdown: () => Promise<void>;
}

const knownKeys = new Set([
  "use",
  "store",
  "maxIncomingMessageSize",
  "maxOutgoingMessageSize",
  "noWelcome",
  "logging",
]);

const storeNames = new Set<string>(["memory", "sqlite", "deno-kv"]);

/**
 * Joins definitions into a registry. Opens nothing and keeps no process alive: the store is opened
 * with the first call, and a port by `serve()`. From then on `createClient()` without an endpoint
 * reaches this registry.
 *
 * @example
 * ```ts
 * import { actor, createClient, setup } from "@troupe/actors";
 *
 * const counter = actor({
 *   state: { count: 0 },
 *   actions: { increment: (c, by: number) => c.state.count += by },
 * });
 * const registry = setup({ use: { counter }, store: "memory" });
 *
 * const client = createClient<typeof registry>();
 * const count = await client.counter.getOrCreate("clicks").increment(3);
 * if (count !== 3) throw new Error(`The count is ${count}`);
 * ```
 *
 * @throws {TypeError} when a key is unknown or a value has the wrong type; the message names the key.
 */
export function setup<Actors extends Record<string, AnyActorDefinition>>(
  config: SetupConfig<Actors>,
): Registry<Actors> {
  checkConfig(config);
  const runtime = new Runtime(config);
  setLocalTransport(runtime.transport);
  return runtime;
}

function checkConfig(
  config: SetupConfig<Record<string, AnyActorDefinition>>,
): void {
  for (const key of Object.keys(config)) {
    if (!knownKeys.has(key)) {
      throw new TypeError(`Cannot set up: unknown key "${key}"`);
    }
  }
  if (typeof config.use !== "object" || config.use === null) {
    throw new TypeError("Cannot set up: use is not an object");
  }
  const { store } = config;
  if (typeof store === "string" && !storeNames.has(store)) {
    const names = [...storeNames].join(", ");
    throw new TypeError(
      `Cannot set up: there is no store "${store}", only ${names}`,
    );
  }
  for (const [name, definition] of Object.entries(config.use)) {
    if (name.length > maxNameLength) {
      throw new TypeError(
        `Cannot set up: the name "${name}" is longer than ${maxNameLength}`,
      );
    }
    const { config } = (definition ?? {}) as { config?: unknown };
    if (typeof config !== "object") {
      throw new TypeError(
        `Cannot set up: use.${name} is not what actor() returns`,
      );
    }
  }
  for (
    const key of ["maxIncomingMessageSize", "maxOutgoingMessageSize"] as const
  ) {
    const value = config[key];
    if (value !== undefined && !(Number.isInteger(value) && value > 0)) {
      throw new TypeError(`Cannot set up: ${key} is not a positive integer`);
    }
  }
}

function checkServeOptions(options: RegistryServeOptions): void {
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

function portOf(text: string | undefined): number {
  if (text === undefined || text === "") return defaultPort;
  return checkPort(Number(text), `PORT is "${text}"`);
}

function checkPort(port: number, what: string): number {
  if (Number.isInteger(port) && port >= 0 && port < 65_536) return port;
  throw new RangeError(`Cannot serve: ${what}, not a number from 0 to 65535`);
}

class Runtime<Actors extends Record<string, AnyActorDefinition>>
  implements Registry<Actors> {
  // Own properties: runtimes take them off the object, or look for nothing else.
  readonly handler = (request: Request, server?: unknown): Promise<Response> =>
    this.#handlers().fetch(request, server);
  readonly fetch = this.handler;
  readonly start = async (): Promise<void> => {
    await this.#host();
  };
  readonly serve = (options: RegistryServeOptions = {}): RunningRegistry =>
    this.#serve(options);
  readonly shutdown = (): Promise<void> => this.#shutdown();
  readonly transport: ReturnType<typeof localTransport>;
  readonly config: SetupConfig<Actors>;
  readonly #log: Logger;
  readonly #exposesErrors: boolean;
  #opening: Promise<Host> | undefined;
  #location = "";
  #ownHandlers: ReturnType<typeof adapter.handlers> | undefined;
  #closing: Promise<void> | undefined;
  #hasWarnedOfUpgrades = false;
  #isServed = false;

  constructor(config: SetupConfig<Actors>) {
    this.config = config;
    this.#log = new Logger({ level: levelOf(config) });
    this.#exposesErrors = adapter.env("RIVET_EXPOSE_ERRORS") === "1" ||
      adapter.env("NODE_ENV") === "development";
    this.transport = localTransport({
      host: () => this.#host(),
      exposesErrors: this.#exposesErrors,
    });
  }

  get websocket(): object | undefined {
    return this.#handlers().websocket;
  }

  #handlers(): ReturnType<typeof adapter.handlers> {
    return this.#ownHandlers ??= adapter.handlers(this.#answer(undefined));
  }

  #answer(fallback: RegistryServeOptions["fetch"]): Answer {
    return createHandler({
      host: () => this.#host(),
      basePath: defaultBasePath,
      version,
      names: Object.keys(this.config.use),
      maxIncomingBytes: this.config.maxIncomingMessageSize ?? 65_536,
      exposesErrors: this.#exposesErrors,
      upgradeHelp: adapter.upgradeHelp,
      onUpgradeMissing: () => this.#warnOfUpgrades(),
      fallback,
    });
  }

  #warnOfUpgrades(): void {
    if (this.#hasWarnedOfUpgrades) return;
    this.#hasWarnedOfUpgrades = true;
    this.#log.warn(`connections cannot be opened. ${adapter.upgradeHelp}`);
  }

  #host(): Promise<Host> {
    if (this.#closing !== undefined) {
      return Promise.reject(
        actorError("server/shutting_down", "The registry has been shut down"),
      );
    }
    return this.#opening ??= this.#open().catch((error) => {
      // The next call tries again: the medium may be mended in the meantime.
      this.#opening = undefined;
      this.#log.failure(error, { msg: "cannot open the store" });
      throw actorError("store/unavailable", "The store cannot be opened", {
        cause: error,
      });
    });
  }

  async #open(): Promise<Host> {
    const store = await this.#openStore();
    this.#location = store.location;
    const host = new Host({
      definitions: this.config.use,
      store,
      clock: systemClock,
      log: this.#log,
      fence: await store.claim(),
      region: "local",
      storeTimeoutMs,
      maxOutgoingBytes: this.config.maxOutgoingMessageSize ?? 1_048_576,
      exposesErrors: this.#exposesErrors,
      transport: this.transport,
      clientOver,
    });
    host.start();
    return host;
  }

  async #openStore(): Promise<Store> {
    const { store } = this.config;
    if (store === "memory") return memoryStore();
    if (typeof store === "string") return await openStore(store, adapter.env);
    if (store !== undefined) return await store;
    const { store: opened, warning } = await openDefault(adapter.env);
    if (warning !== undefined) this.#log.warn(warning);
    return opened;
  }

  #serve(options: RegistryServeOptions): RunningRegistry {
    checkServeOptions(options);
    if (this.#isServed) {
      throw new TypeError("Cannot serve: the registry is served already");
    }
    const port = options.port ?? portOf(adapter.env("PORT"));
    const done = Promise.withResolvers<void>();
    this.#isServed = true;
    const server = adapter.serve(this.#answer(options.fetch), {
      port,
      hostname: options.hostname ?? "0.0.0.0",
      onListen: (address) => void this.#welcome(address),
      onReplaced: () => void shutdown(),
    });
    const endSignals = adapter.onStopSignal(async () => {
      await shutdown();
      adapter.exit(0);
    });
    const stopAll = async () => {
      await Promise.all([server.stop(this.#drainMs()), this.#shutdown()]);
      // Not before: without our listener a second signal would end the process in the middle.
      endSignals();
      done.resolve();
    };
    let stopping: Promise<void> | undefined;
    const shutdown = () => stopping ??= stopAll();
    return {
      fetch: server.fetch,
      websocket: server.websocket,
      onListen: server.onListen,
      get url() {
        return server.address.url;
      },
      get port() {
        return server.address.port;
      },
      shutdown,
      stop: shutdown,
      finished: done.promise,
    };
  }

  async #welcome({ url }: Address): Promise<void> {
    // Opens the store, so that what is due runs, and what is wrong is known, before the first call.
    await this.#host().catch(() => {});
    if (this.config.noWelcome || this.#closing !== undefined) return;
    const names = Object.keys(this.config.use).join(", ");
    const place = this.#location || "no store: it cannot be opened, see above";
    console.log(
      `Troupe ${version} serves ${names} at ${url}${defaultBasePath} (${place})`,
    );
  }

  // How long a shutdown may take, so that the server stays for the last answers.
  #drainMs(): number {
    const drains = Object.values(this.config.use).map(({ options }) =>
      options.onSleepTimeout + options.onDestroyTimeout +
      options.onConnectTimeout + options.waitUntilTimeout
    );
    return Math.max(...drains, 0) + storeTimeoutMs;
  }

  #shutdown(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  async #close(): Promise<void> {
    const host = await this.#opening?.catch(() => undefined);
    await host?.close();
    // The user's program may end the process next.
    await this.#ownHandlers?.stop();
  }
}

function levelOf({ logging }: { logging?: { level?: LogLevel } }): LogLevel {
  const level = logging?.level ?? adapter.env("RIVET_LOG_LEVEL");
  return (level && logLevelOf(level)) || "warn";
}
