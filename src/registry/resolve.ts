// From what `setup()` is given, and the environment, to a configuration that holds.

import { type Definitions, maxNameLength } from "../definition/definition.ts";
import { type LogLevel, logLevelOf, logLevels } from "../log.ts";
import { type GivenEndpoint, readEndpoint } from "../protocol/endpoint.ts";
import { defaultBasePath } from "../protocol/routes.ts";
import type { RegistryConfig, SetupConfig } from "./config.ts";
import type { Environment } from "./environment.ts";
import {
  anything,
  type Check,
  checkShape,
  count,
  flag,
  isObject,
  object,
  oneOf,
  path,
  port,
  positive,
  type Shape,
  text,
  texts,
} from "./shape.ts";

const storeNames = ["memory", "sqlite", "deno-kv"];

const aStore: Check = (value) =>
  typeof value === "string"
    ? storeNames.includes(value)
      ? undefined
      : `is "${value}"; there is no store but ${storeNames.join(", ")}`
    : typeof value === "object" && value !== null || typeof value === "function"
    ? undefined
    : "is no store";

const aLogger: Check = (value) => {
  const missing = ["error", "warn", "info", "debug"].find((name) =>
    typeof (value as Record<string, unknown> | null)?.[name] !== "function"
  );
  return missing && `has no method ${missing}()`;
};

const someTokens: Check = (value) => {
  const tokens = [value].flat();
  const areTokens = tokens.length > 0 &&
    tokens.every((each) => typeof each === "string" && /^[!-~]+$/.test(each));
  return areTokens
    ? undefined
    : "is neither a token of visible ASCII characters nor a list of such";
};

const shape: Shape = {
  use: object,
  store: aStore,
  driver: aStore,
  acceptTokens: someTokens,
  maxIncomingMessageSize: positive,
  maxOutgoingMessageSize: positive,
  noWelcome: flag,
  logging: { level: oneOf(logLevels), baseLogger: aLogger },
  endpoint: text,
  token: text,
  namespace: text,
  headers: texts,
  serveManager: flag,
  managerBasePath: path,
  managerPort: port,
  managerHost: text,
  inspector: { enabled: flag, token: text, defaultEndpoint: text },
  serverless: {
    spawnEngine: flag,
    engineVersion: text,
    configureRunnerPool: {
      name: text,
      url: text,
      headers: texts,
      maxRunners: positive,
      minRunners: count,
      requestLifespan: positive,
      runnersMargin: count,
      slotsPerRunner: positive,
      metadata: anything,
      metadataPollInterval: positive,
      drainOnVersionUpgrade: flag,
    },
    basePath: path,
    publicEndpoint: text,
    publicToken: text,
  },
  runner: {
    runnerName: text,
    runnerKey: text,
    runnerKind: oneOf(["serverless", "normal"]),
    version: positive,
    totalSlots: positive,
  },
};

/**
 * The configuration that comes of what is given.
 *
 * @throws {TypeError} when a key is unknown, a value is wrong, or two do not go together; the message
 * names them, and never holds a token.
 */
export function resolveConfig<
  Actors extends Definitions,
>(
  given: SetupConfig<Actors>,
  environment: Environment,
): RegistryConfig<Actors> {
  checkShape(given, shape);
  checkActors(given.use);
  checkTokens(given);
  checkTogether(given, environment);
  const { isProduction, runner, inspector, ...env } = environment;
  const { serverless = {}, logging = {} } = given;
  const endpoint = endpointOf(given, environment);
  return {
    use: given.use,
    store: given.store ?? given.driver,
    ...("acceptTokens" in given && { acceptTokens: given.acceptTokens }),
    maxIncomingMessageSize: given.maxIncomingMessageSize ?? 65_536,
    maxOutgoingMessageSize: given.maxOutgoingMessageSize ?? 1_048_576,
    noWelcome: given.noWelcome ?? false,
    logging: { ...logging, level: levelOf(given, environment) },
    endpoint: endpoint.url,
    token: endpoint.token,
    namespace: endpoint.namespace,
    headers: { ...given.headers },
    serveManager: given.serveManager ??
      (!isProduction && given.endpoint === undefined),
    managerBasePath: given.managerBasePath ?? "/",
    managerPort: given.managerPort ?? 6420,
    managerHost: given.managerHost ?? "0.0.0.0",
    inspector: {
      ...given.inspector,
      enabled: given.inspector?.enabled ??
        (!isProduction || !inspector.isDisabled),
      token: given.inspector?.token ?? inspector.token,
    },
    serverless: {
      ...serverless,
      ...publicOf(given, environment, endpoint.namespace),
      basePath: serverless.basePath ?? defaultBasePath,
      spawnEngine: serverless.spawnEngine ?? env.spawnsEngine,
      engineVersion: serverless.engineVersion ?? env.engineVersion,
      configureRunnerPool: serverless.configureRunnerPool && {
        metadataPollInterval: 10_000,
        drainOnVersionUpgrade: false,
        ...serverless.configureRunnerPool,
      },
    },
    runner: {
      runnerName: given.runner?.runnerName ?? runner.runnerName ?? "default",
      runnerKey: given.runner?.runnerKey ?? runner.runnerKey,
      runnerKind: given.runner?.runnerKind ?? runner.runnerKind,
      version: given.runner?.version ?? runner.version ?? 1,
      totalSlots: given.runner?.totalSlots ?? runner.totalSlots ?? 100_000,
    },
  };
}

/** What a person should know of a configuration: what it asks for in vain. */
export function warningsOf(
  { endpoint, serverless }: SetupConfig,
  { spawnsEngine }: Environment,
): string[] {
  const vain = [
    endpoint !== undefined && "endpoint",
    serverless?.spawnEngine && "serverless.spawnEngine",
    serverless?.spawnEngine === undefined && spawnsEngine && "RIVET_RUN_ENGINE",
    serverless?.configureRunnerPool && "serverless.configureRunnerPool",
  ].filter((name) => typeof name === "string");
  return vain.map((name) =>
    `${name} changes nothing: this version runs its actors in its own process, and under no engine`
  );
}

function checkActors(use: Definitions): void {
  if (use === undefined) throw new TypeError("Cannot set up: use is missing");
  for (const [name, definition] of Object.entries(use)) {
    if (name.length > maxNameLength) {
      throw new TypeError(
        `Cannot set up: the name "${name}" is longer than ${maxNameLength}`,
      );
    }
    const { config } = (definition ?? {}) as { config?: unknown };
    if (!isObject(config)) {
      throw new TypeError(
        `Cannot set up: use.${name} is not what actor() returns`,
      );
    }
  }
}

// A variable of the environment that is not set would let everybody in.
function checkTokens(given: SetupConfig): void {
  if (!("acceptTokens" in given) || given.acceptTokens !== undefined) return;
  throw new TypeError(
    "Cannot set up: acceptTokens is undefined; leave it out to let everybody in",
  );
}

// The endpoint of the environment is for clients, so it forbids less than that of the program.
function checkTogether(given: SetupConfig, environment: Environment): void {
  const { store, driver, endpoint, serveManager, serverless = {} } = given;
  const refuse = (what: string, why: string) => {
    throw new TypeError(`Cannot set up: ${what} ${why}`);
  };
  if (store !== undefined && driver !== undefined) {
    refuse("store and driver", "are the same option, given twice");
  }
  const own = store !== undefined ? "store" : "driver";
  if (endpoint !== undefined && (store ?? driver) !== undefined) {
    refuse(
      `${own} and endpoint`,
      "exclude each other: an engine keeps its actors itself",
    );
  }
  if (endpoint !== undefined && serveManager) {
    refuse("serveManager and endpoint", "exclude each other");
  }
  const hasEndpoint = endpoint !== undefined ||
    environment.endpoint !== undefined;
  const spawnsEngine = serverless.spawnEngine ?? environment.spawnsEngine;
  if (spawnsEngine && hasEndpoint) {
    const engine = serverless.spawnEngine
      ? "serverless.spawnEngine"
      : "RIVET_RUN_ENGINE";
    const where = endpoint === undefined ? "RIVET_ENDPOINT" : "endpoint";
    refuse(`${engine} and ${where}`, "exclude each other");
  }
  const pool = serverless.configureRunnerPool;
  if (pool === undefined) return;
  if (!hasEndpoint && !spawnsEngine) {
    refuse(
      "serverless.configureRunnerPool",
      "needs endpoint or serverless.spawnEngine",
    );
  }
  if (pool.url === undefined) {
    refuse("serverless.configureRunnerPool.url", "is missing");
  }
}

function endpointOf(
  { endpoint, namespace, token }: SetupConfig,
  env: Environment,
): Partial<GivenEndpoint> & { namespace: string } {
  const own: Partial<GivenEndpoint> = endpoint === undefined
    ? { namespace, token }
    : readEndpoint(endpoint, { namespace, token }, refusal("endpoint"));
  const from = endpoint === undefined ? env.endpoint : undefined;
  return {
    url: own.url ?? from?.url,
    namespace: own.namespace ?? from?.namespace ?? env.namespace ?? "default",
    token: own.token ?? from?.token ?? env.token,
  };
}

function publicOf(
  { serverless = {} }: SetupConfig,
  env: Environment,
  namespace: string,
): Partial<RegistryConfig["serverless"]> {
  const given = serverless.publicEndpoint ?? env.publicEndpoint;
  const name = serverless.publicEndpoint === undefined
    ? "RIVET_PUBLIC_ENDPOINT"
    : "serverless.publicEndpoint";
  const read: Partial<GivenEndpoint> = given === undefined
    ? { token: serverless.publicToken }
    : readEndpoint(given, { token: serverless.publicToken }, refusal(name));
  if (read.namespace !== undefined && read.namespace !== namespace) {
    throw new TypeError(
      `Cannot set up: the namespace of ${name} is "${read.namespace}", that of the actors "${namespace}"`,
    );
  }
  const publicToken = read.token ?? env.publicToken;
  // A client shows its token to everybody.
  if (publicToken?.startsWith("sk_")) {
    throw new TypeError(
      "Cannot set up: the public token begins with sk_, and everybody would see it; publishable ones begin with pk_",
    );
  }
  return {
    publicEndpoint: read.url,
    publicNamespace: read.url && namespace,
    publicToken,
  };
}

function refusal(name: string): (why: string) => never {
  return (why) => {
    throw new TypeError(`Cannot set up: ${name}: ${why}`);
  };
}

function levelOf({ logging }: SetupConfig, { log }: Environment): LogLevel {
  return logging?.level ??
    logLevelOf(String(logging?.baseLogger?.level ?? "")) ??
    log.level ?? "warn";
}
