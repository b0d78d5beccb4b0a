// `setup()`: joins definitions, store, host, server and adapter.

import { systemClock } from "./clock.ts";
import { Host } from "./actor/host.ts";
import type { Address, Answer } from "./adapters/adapter.ts";
import { adapter } from "./adapters/serve.ts";
import { clientOver } from "./client/client.ts";
import { setLocalTransport } from "./client/local.ts";
import type { Definitions } from "./definition/definition.ts";
import { actorError } from "./errors.ts";
import { Logger } from "./log.ts";
import type { RegistryConfig, SetupConfig } from "./registry/config.ts";
import { readEnvironment } from "./registry/environment.ts";
import { resolveConfig, warningsOf } from "./registry/resolve.ts";
import {
  checkServeOptions,
  type ListenOptions,
  portOf,
  type Registry,
  type RegistryServeOptions,
  type RunningRegistry,
  type StartedRegistry,
} from "./registry/serving.ts";
import { earlierPort, SocketPort } from "./registry/socket_port.ts";
import { createHandler } from "./server/handler.ts";
import { localTransport } from "./server/local.ts";
import { Throttle } from "./server/throttle.ts";
import type { ClientPlace } from "./server/metadata.ts";
import { tokenCheck } from "./server/tokens.ts";
import { memoryStore } from "./stores/memory.ts";
import { openDefault, openStore } from "./stores/place.ts";
import type { Store } from "./stores/store.ts";

/** The version of Troupe. */
export const version = "0.1.0";

const storeTimeoutMs = 10_000;

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
 * @throws {TypeError} when a key is unknown, a value is wrong, two options do not go together, or a
 * variable of the environment cannot be used; the message names them.
 */
export function setup<Actors extends Definitions>(
  config: SetupConfig<Actors>,
): Registry<Actors> {
  const runtime = new Runtime(config);
  setLocalTransport(runtime.transport);
  return runtime;
}

class Runtime<Actors extends Definitions> implements Registry<Actors> {
  // Own properties: runtimes take them off the object, or look for nothing else.
  readonly handler = (request: Request, server?: unknown): Promise<Response> =>
    this.#handlers().fetch(request, server);
  readonly fetch = this.handler;
  readonly parseConfig = (): RegistryConfig<Actors> =>
    settingsOf(this.config).config;
  readonly start = (): StartedRegistry<Actors> & Promise<void> => {
    const opened = this.#host().then(() => {});
    // It has been logged; whoever does not await it wants no more.
    opened.catch(() => {});
    return Object.assign(opened, {
      client: clientOver<Registry<Actors>>(this.transport),
      fetch: this.handler,
    });
  };
  readonly startAndWait = (): Promise<void> => this.start();
  readonly startRunner = (): never => {
    throw actorError(
      "feature/not_implemented",
      "This version runs its actors in its own process: use serve(), not startRunner()",
    );
  };
  readonly serve = (options: RegistryServeOptions = {}): RunningRegistry =>
    this.#serve(options);
  readonly listen = ({ host, ...options }: ListenOptions = {}) =>
    this.#serve(host === undefined ? options : { hostname: host, ...options });
  readonly shutdown = (): Promise<void> => this.#shutdown();
  readonly transport: ReturnType<typeof localTransport>;
  readonly config: SetupConfig<Actors>;
  #ownSettings: Settings<Actors> | undefined;
  #opening: Promise<Host> | undefined;
  // Once it is open, and until it is closed.
  #openHost: Host | undefined;
  #location = "";
  #ownHandlers: ReturnType<typeof adapter.handlers> | undefined;
  #socketPort: SocketPort | undefined;
  #closing: Promise<void> | undefined;
  #hasWarnedOfUpgrades = false;
  #isServed = false;
  #address: (() => Address) | undefined;
  readonly #throttle = new Throttle(systemClock);

  constructor(config: SetupConfig<Actors>) {
    const { config: parsed, log, warnings } = settingsOf(config);
    for (const warning of warnings) log.of("registry").warn(warning);
    this.config = { ...config };
    const { serveManager, managerHost: hostname, managerPort: port } = parsed;
    if (
      serveManager && earlierPort(adapter, { hostname, port }) !== undefined
    ) {
      // After the program, which may still change `config`.
      queueMicrotask(() => this.#port().takeOver());
    }
    const exposesErrors = () => this.#settings.exposesErrors;
    this.transport = localTransport({
      host: () => this.#openHost ?? this.#host(),
      url: () => this.#url,
      get exposesErrors() {
        return exposesErrors();
      },
    });
  }

  get #log(): Logger {
    return this.#settings.log.of("registry");
  }

  // Settled by the first use: before, `config` may be changed.
  get #settings(): Settings<Actors> {
    return this.#ownSettings ??= settingsOf(this.config);
  }

  // Where it is served, base path included.
  get #url(): string | undefined {
    if (this.#address === undefined) return undefined;
    const { basePath } = this.#settings.config.serverless;
    return this.#address().url + basePath.replace(/\/+$/, "");
  }

  get websocket(): object | undefined {
    return this.#handlers().websocket;
  }

  #handlers(): ReturnType<typeof adapter.handlers> {
    return this.#ownHandlers ??= adapter.handlers(this.#answer());
  }

  #answer(fallback?: RegistryServeOptions["fetch"]): Answer {
    return this.#answerBelow(this.#settings.config.serverless.basePath, {
      fallback,
      placeFor: (request, canUpgrade) => this.#placeFor(request, canUpgrade),
    });
  }

  #answerBelow(
    path: string,
    { fallback, placeFor }: Pick<
      Parameters<typeof createHandler>[0],
      "fallback" | "placeFor"
    >,
  ): Answer {
    const { config, log, exposesErrors } = this.#settings;
    return createHandler({
      host: () => this.#openHost ?? this.#host(),
      basePath: path.replace(/\/+$/, ""),
      version,
      names: Object.keys(config.use),
      runner: config.runner,
      placeFor,
      maxIncomingBytes: config.maxIncomingMessageSize,
      exposesErrors,
      checkToken: config.acceptTokens === undefined
        ? undefined
        : tokenCheck([config.acceptTokens].flat()),
      throttle: this.#throttle,
      log: log.of("server"),
      upgradeHelp: adapter.upgradeHelp,
      onUpgradeMissing: () => this.#warnOfUpgrades(),
      fallback,
    });
  }

  #placeFor(request: Request, canUpgrade: boolean): ClientPlace {
    const { serverless, serveManager } = this.#settings.config;
    const { publicEndpoint, publicNamespace, publicToken } = serverless;
    const needsPort = publicEndpoint === undefined && !canUpgrade &&
      serveManager;
    return {
      clientEndpoint: needsPort ? this.#port().urlFor(request) : publicEndpoint,
      clientNamespace: publicNamespace,
      clientToken: publicToken,
    };
  }

  #port(): SocketPort {
    const { config } = this.#settings;
    return this.#socketPort ??= new SocketPort({
      adapter,
      answer: this.#answerBelow(config.managerBasePath, {
        fallback: undefined,
        placeFor: () => ({}),
      }),
      port: config.managerPort,
      hostname: config.managerHost,
      basePath: config.managerBasePath,
      log: this.#log,
      onReplaced: () => void this.#shutdown(),
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
    const { config, log, exposesErrors } = this.#settings;
    const store = await this.#openStore();
    this.#location = store.location;
    const host = new Host({
      definitions: config.use,
      store,
      clock: systemClock,
      log,
      fence: await store.claim(),
      region: "local",
      storeTimeoutMs,
      maxOutgoingBytes: config.maxOutgoingMessageSize,
      exposesErrors,
      transport: this.transport,
      clientOver,
    });
    host.start();
    if (this.#closing === undefined) this.#openHost = host;
    return host;
  }

  async #openStore(): Promise<Store> {
    const { store } = this.#settings.config;
    if (store === "memory") return memoryStore();
    if (typeof store === "string") return await openStore(store, adapter.env);
    if (typeof store === "function") return await store();
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
    this.#address = () => server.address;
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
    const { noWelcome, use, serverless } = this.#settings.config;
    if (noWelcome || this.#closing !== undefined) return;
    const names = Object.keys(use).join(", ");
    const place = this.#location || "no store: it cannot be opened, see above";
    console.log(
      `Troupe ${version} serves ${names} at ${url}${serverless.basePath} (${place})`,
    );
  }

  // How long a shutdown may take, so that the server stays for the last answers.
  #drainMs(): number {
    const drains = Object.values(this.#settings.config.use).map(({ options }) =>
      options.onSleepTimeout + options.onDestroyTimeout +
      options.onConnectTimeout + options.waitUntilTimeout
    );
    return Math.max(...drains, 0) + storeTimeoutMs;
  }

  #shutdown(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  async #close(): Promise<void> {
    this.#openHost = undefined;
    const host = await this.#opening?.catch(() => undefined);
    const drainMs = this.#drainMs();
    const closed = Promise.resolve(host?.close())
      .finally(() => this.#throttle.release());
    await Promise.all([closed, this.#socketPort?.close(drainMs)]);
    // The user's program may end the process next.
    await this.#ownHandlers?.stop();
  }
}

/** A configuration, and what follows from it and the environment. */
interface Settings<Actors extends Definitions> {
  config: RegistryConfig<Actors>;
  log: Logger;
  exposesErrors: boolean;
  /** What a person should know. */
  warnings: string[];
}

function settingsOf<Actors extends Definitions>(
  given: SetupConfig<Actors>,
): Settings<Actors> {
  const environment = readEnvironment(adapter.env);
  const config = resolveConfig(given, environment);
  const { level, baseLogger } = config.logging;
  return {
    config,
    log: new Logger({ ...environment.log, level, base: baseLogger }),
    exposesErrors: environment.exposesErrors,
    warnings: [...environment.warnings, ...warningsOf(given, environment)],
  };
}
