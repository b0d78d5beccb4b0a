// What `setup()` takes, and what comes of it with every default filled in.
//
// RivetKit's options are all here. Those that only a Rivet Engine gives a meaning (`endpoint`,
// `token`, `headers`, `runner`, the engine's part of `serverless`) are checked and kept, and a line in
// the log says that they change nothing: actors run in this process, in its own store.

import type { Definitions } from "../definition/definition.ts";
import type { BaseLogger, LogLevel } from "../log.ts";
import type { StoreName } from "../stores/place.ts";
import type { Store } from "../stores/store.ts";

/** Where actors are kept: the name of a store, a store, or what opens one at its first use. */
export type StoreChoice =
  | "memory"
  | StoreName
  | Store
  | Promise<Store>
  | (() => Store | Promise<Store>);

/** What `setup()` takes. */
export interface SetupConfig<
  Actors extends Definitions = Definitions,
> {
  /** The definitions by name. A name has at most 64 characters. */
  use: Actors;
  /**
   * Where actors are kept. The default is Deno KV where Deno has it switched on, SQLite elsewhere,
   * in a folder outside the source tree: `TROUPE_DATA`, or one below the user's data folder.
   */
  store?: StoreChoice;
  /** RivetKit's name of `store`. Not together with it, nor with `endpoint`. */
  driver?: StoreChoice;
  /**
   * Who is let in: whoever has this token, or one of these, so that the next one can be accepted before
   * the last one is not any more. Visible ASCII characters. All others are refused, with 403 or a close
   * with 1011, as `auth/forbidden`; but anybody may ask for `/health` and `/metadata`. Clients of this
   * process need none. Left out, nobody needs a token, and `onBeforeConnect` decides; `undefined` is
   * refused, for it may be a variable of the environment that somebody has forgotten to set.
   *
   * The client's option `token` sends it, and so does that of RivetKit's clients; but those up to 2.0.33
   * send none when they open a socket. Whoever reads `/metadata` is told `serverless.publicToken`, so
   * that one keeps nobody out.
   */
  acceptTokens?: string | readonly string[];
  /** The most bytes of one message from a caller. Default 65,536. */
  maxIncomingMessageSize?: number;
  /** The most bytes of one message to a caller, in the caller's encoding. Default 1,048,576. */
  maxOutgoingMessageSize?: number;
  /** Whether `serve()` leaves its start line out. Default `false`. */
  noWelcome?: boolean;
  /** What is logged. */
  logging?: LoggingConfig;
  /** What clients are told, and where requests are answered. */
  serverless?: ServerlessConfig;
  /**
   * Whether a port for sockets may be opened where the app's own server cannot open any. Default:
   * `true` in development, that is unless `NODE_ENV` is `"production"` or there is an `endpoint`.
   */
  serveManager?: boolean;
  /** The path below which that port answers. Default `"/"`. */
  managerBasePath?: string;
  /** That port, or the next of 99 that is free; 0 picks any. Default 6420. */
  managerPort?: number;
  /** The address that port is opened on. Default `"0.0.0.0"`. */
  managerHost?: string;
  /** Who may look into living actors. */
  inspector?: InspectorConfig;
  /**
   * The URL of a Rivet Engine; it may carry namespace and token, percent-encoded:
   * `https://namespace:token@example.org`. Default: `RIVET_ENGINE`, else `RIVET_ENDPOINT`. Not
   * together with `store` or `driver`, unless the environment says it: that is for clients.
   */
  endpoint?: string;
  /** The token for the engine. Default: `RIVET_TOKEN`. */
  token?: string;
  /** The namespace of the actors. Default: `RIVET_NAMESPACE`, or `"default"`. */
  namespace?: string;
  /** Headers of every request to the engine. Default none. */
  headers?: Record<string, string>;
  /** This process as an engine sees it. */
  runner?: RunnerConfig;
}

/** What is logged, and by whom. */
export interface LoggingConfig {
  /** Default: that of `baseLogger`, else `RIVET_LOG_LEVEL`, or `"warn"`. */
  level?: LogLevel;
  /** Your own logger, such as pino. Default: lines of `key=value` on the console. */
  baseLogger?: BaseLogger;
}

/** What clients are told, and where requests are answered. */
export interface ServerlessConfig {
  /** The path below which requests are answered. Default `"/api/rivet"`. */
  basePath?: string;
  /**
   * Where clients are to reach the actors; they are told by `/metadata`. It may carry namespace and
   * publishable token, like `endpoint`. Default: `RIVET_PUBLIC_ENDPOINT`, or where they asked.
   */
  publicEndpoint?: string;
  /** The token that clients are to use there. Default: `RIVET_PUBLIC_TOKEN`, or none. */
  publicToken?: string;
  /** Whether to start an engine. Default: `RIVET_RUN_ENGINE`, or `false`. Not with `endpoint`. */
  spawnEngine?: boolean;
  /** The version of that engine. Default: `RIVET_RUN_ENGINE_VERSION`. */
  engineVersion?: string;
  /** How the engine is to find this app. Needs `endpoint` or `spawnEngine`. */
  configureRunnerPool?: RunnerPoolConfig;
}

/** How an engine finds an app that runs only while it is asked. */
export interface RunnerPoolConfig {
  /** The name of the pool. Default: that of the runner. */
  name?: string;
  /** Where the engine reaches the app. */
  url: string;
  /** Headers of the engine's requests. Default none. */
  headers?: Record<string, string>;
  /** The most runners at a time. */
  maxRunners?: number;
  /** The least runners at a time. */
  minRunners?: number;
  /** How long one request may last, in seconds. */
  requestLifespan?: number;
  /** How many runners more than are needed. */
  runnersMargin?: number;
  /** How many actors a runner has. */
  slotsPerRunner?: number;
  /** What the engine keeps with the pool. */
  metadata?: Record<string, unknown>;
  /** How often the engine asks for the version, in milliseconds. Default 10,000. */
  metadataPollInterval?: number;
  /** Whether older runners stop when there is a newer one. Default `false`. */
  drainOnVersionUpgrade?: boolean;
}

/** This process as an engine sees it. */
export interface RunnerConfig {
  /** Default: `RIVET_RUNNER`, or `"default"`. */
  runnerName?: string;
  /** A new runner of the same key takes the place of the old one. Default: `RIVET_RUNNER_KEY`. */
  runnerKey?: string;
  /** Default: `RIVET_RUNNER_KIND`, or as `/metadata` is asked below the base path or at the root. */
  runnerKind?: "serverless" | "normal";
  /** A higher one is preferred. Default: `RIVET_RUNNER_VERSION`, or 1. */
  version?: number;
  /** The most actors. Default: `RIVET_TOTAL_SLOTS`, or 100,000. */
  totalSlots?: number;
}

/** Who may look into living actors. */
export interface InspectorConfig {
  /** Default: `true` in development, or unless `RIVET_INSPECTOR_DISABLE` is 1. */
  enabled?: boolean;
  /** What whoever looks has to know. Default: `RIVET_INSPECTOR_TOKEN`, or none. */
  token?: string;
  /** Where the inspector is told to look. Default: where the registry is served. */
  defaultEndpoint?: string;
}

/** Options of which some have a value in any case. */
export type Filled<Config, Key extends keyof Config> =
  & Required<Pick<Config, Key>>
  & Omit<Config, Key>;

/** A {@linkcode SetupConfig} with the environment and every default in its place. */
export interface RegistryConfig<
  Actors extends Definitions = Definitions,
> extends
  Filled<
    Omit<SetupConfig<Actors>, "driver">,
    | "maxIncomingMessageSize"
    | "maxOutgoingMessageSize"
    | "noWelcome"
    | "serveManager"
    | "managerBasePath"
    | "managerPort"
    | "managerHost"
    | "namespace"
    | "headers"
  > {
  /** What is logged. */
  logging: Filled<LoggingConfig, "level">;
  /** What clients are told; the endpoint without what it carried. */
  serverless:
    & Filled<ServerlessConfig, "basePath" | "spawnEngine">
    & { publicNamespace?: string };
  /** Who may look into living actors. */
  inspector: Filled<InspectorConfig, "enabled">;
  /** This process as an engine sees it. */
  runner: Filled<RunnerConfig, "runnerName" | "version" | "totalSlots">;
}
