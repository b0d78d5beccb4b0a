// What comes of the options of `setup()` and of the environment.

import { assert, assertEquals, assertFalse, assertThrows } from "@std/assert";
import { actor } from "../../src/definition/actor.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import type { SetupConfig } from "../../src/registry/config.ts";
import { readEnvironment } from "../../src/registry/environment.ts";
import { resolveConfig, warningsOf } from "../../src/registry/resolve.ts";
import { test } from "../harness.ts";

type Env = Record<string, string>;

const use = { thing: actor({ actions: {} }) };

function environmentOf(env: Env) {
  return readEnvironment((name) => env[name]);
}

function resolve(given: Partial<SetupConfig>, env: Env = {}) {
  return resolveConfig({ use, ...given }, environmentOf(env));
}

function refusal(given: object, env: Env = {}): string {
  const { message } = assertThrows(() => resolve(given, env), TypeError);
  assertFalse(message.includes("secret"), message);
  return message;
}

test("without options and environment every default is as documented", () => {
  assertEquals(JSON.parse(JSON.stringify({ ...resolve({}), use: 0 })), {
    use: 0,
    maxIncomingMessageSize: 65_536,
    maxOutgoingMessageSize: 1_048_576,
    noWelcome: false,
    logging: { level: "warn" },
    namespace: "default",
    headers: {},
    serveManager: true,
    managerBasePath: "/",
    managerPort: 6420,
    managerHost: "0.0.0.0",
    inspector: { enabled: true },
    serverless: { basePath: "/api/rivet", spawnEngine: false },
    runner: { runnerName: "default", version: 1, totalSlots: 100_000 },
  });
});

test("a wrong value, or a key that is none, is named with its path", () => {
  const cases: [given: object, text: string][] = [
    [{ serverles: {} }, `unknown key "serverles"`],
    [{ serverless: { basPath: "/" } }, `unknown key "serverless.basPath"`],
    [
      { serverless: { configureRunnerPool: { url: "http://a", max: 1 } } },
      `unknown key "serverless.configureRunnerPool.max"`,
    ],
    [{ serverless: [] }, "serverless is not an object"],
    [{ acceptTokens: "" }, "acceptTokens is neither a token"],
    [{ acceptTokens: [] }, "acceptTokens is neither a token"],
    [{ acceptTokens: ["a", "my secret"] }, "acceptTokens is neither a token"],
    [{ acceptTokens: "secret☺" }, "acceptTokens is neither a token"],
    [{ acceptTokens: [["secret"]] }, "acceptTokens is neither a token"],
    [{ acceptTokens: undefined }, "acceptTokens is undefined"],
    [{ acceptTokens: null }, "acceptTokens is neither a token"],
    [{ runner: "mine" }, "runner is not an object"],
    [{ runner: { version: 0 } }, "runner.version is not a positive integer"],
    [{ runner: { totalSlots: 1.5 } }, "runner.totalSlots"],
    [{ runner: { runnerKind: "other" } }, "runner.runnerKind is none of"],
    [{ inspector: { enabled: 1 } }, "inspector.enabled is neither true nor"],
    [{ logging: { level: "loud" } }, "logging.level is none of silent, fatal"],
    [{ logging: { baseLogger: { info() {} } } }, "has no method error()"],
    [{ logging: { baseLogger: null } }, "has no method error()"],
    [{ endpoint: 7 }, "endpoint is not a text"],
    [{ headers: { a: 1 } }, "headers is not an object of texts"],
    [{ serveManager: "no" }, "serveManager is neither"],
    [{ managerPort: 70_000 }, "managerPort is not a number from 0 to 65535"],
    [{ managerBasePath: "api" }, "managerBasePath is not a path"],
    [{ serverless: { basePath: "//evil" } }, "serverless.basePath"],
    [{ driver: "engine" }, `driver is "engine"; there is no store but memory`],
    [{ driver: 7 }, "driver is no store"],
  ];
  for (const [given, text] of cases) {
    const message = refusal(given);
    assert(message.includes(text), `${text} in ${message}`);
  }
});

test("options that do not go together are refused", () => {
  const endpoint = "https://ns:secret@engine.example";
  const pool = { url: "https://app.example/api/rivet" };
  const store = memoryStore();
  const cases: [given: object, env: Env, text: string][] = [
    [{ store, driver: store }, {}, "store and driver are the same option"],
    [{ driver: store, endpoint }, {}, "driver and endpoint exclude"],
    [{ store: "sqlite", endpoint }, {}, "store and endpoint exclude"],
    [{ endpoint, serveManager: true }, {}, "serveManager and endpoint"],
    [
      { endpoint, serverless: { spawnEngine: true } },
      {},
      "serverless.spawnEngine and endpoint exclude",
    ],
    [
      {},
      { RIVET_RUN_ENGINE: "1", RIVET_ENDPOINT: "http://h" },
      "RIVET_RUN_ENGINE and RIVET_ENDPOINT exclude",
    ],
    [
      { serverless: { configureRunnerPool: pool } },
      {},
      "configureRunnerPool needs endpoint or serverless.spawnEngine",
    ],
    [
      { endpoint, serverless: { configureRunnerPool: {} } },
      {},
      "configureRunnerPool.url is missing",
    ],
    [{ endpoint, namespace: "other" }, {}, "namespace is given twice"],
    [{ endpoint, token: "other" }, {}, "token is given twice"],
    [{ endpoint: "https://:secret@h" }, {}, "a token, but no namespace"],
    [{ endpoint: "https://h?a=secret" }, {}, "a query or a fragment"],
    [{ endpoint: "https://h#secret" }, {}, "a query or a fragment"],
    [{ endpoint: "ftp://h" }, {}, "endpoint: it is not http: or https:"],
    [
      { endpoint, serverless: { publicEndpoint: "https://other:pk_1@h" } },
      {},
      `of serverless.publicEndpoint is "other", that of the actors "ns"`,
    ],
    [
      { endpoint },
      { RIVET_PUBLIC_ENDPOINT: "https://other@h" },
      "of RIVET_PUBLIC_ENDPOINT",
    ],
    [
      {
        serverless: {
          publicEndpoint: "https://default:pk_1@h",
          publicToken: "pk_2",
        },
      },
      {},
      "serverless.publicEndpoint: the token is given twice",
    ],
    [
      { serverless: { publicToken: "sk_secret" } },
      {},
      "the public token begins with sk_",
    ],
    [{}, { RIVET_PUBLIC_TOKEN: "sk_secret" }, "begins with sk_"],
  ];
  for (const [given, env, text] of cases) {
    const message = refusal(given, env);
    assert(message.includes(text), `${text} in ${message}`);
  }
});

test("an endpoint may carry namespace and token, percent-encoded", () => {
  const { endpoint, namespace, token, serveManager } = resolve({
    endpoint: "https://my%20space:t%2Fk@engine.example/base/",
  });
  assertEquals([endpoint, namespace, token, serveManager], [
    "https://engine.example/base",
    "my space",
    "t/k",
    false,
  ]);
  const { serverless } = resolve({
    namespace: "mine",
    serverless: {
      publicEndpoint: "https://mine:pk_1@app.example/api/rivet/",
      configureRunnerPool: { url: "https://app.example/api/rivet" },
      spawnEngine: true,
    },
  });
  assertEquals(JSON.parse(JSON.stringify(serverless)), {
    basePath: "/api/rivet",
    spawnEngine: true,
    publicEndpoint: "https://app.example/api/rivet",
    publicNamespace: "mine",
    publicToken: "pk_1",
    configureRunnerPool: {
      url: "https://app.example/api/rivet",
      metadataPollInterval: 10_000,
      drainOnVersionUpgrade: false,
    },
  });
});

test("each variable of the environment says what the program does not", () => {
  const set = resolve({}, {
    RIVET_ENDPOINT: "http://endpoint",
    RIVET_TOKEN: "t",
    RIVET_NAMESPACE: "n",
    RIVET_PUBLIC_ENDPOINT: "http://public/api/rivet",
    RIVET_PUBLIC_TOKEN: "pk_1",
    RIVET_RUNNER: "runner",
    RIVET_RUNNER_KEY: "key",
    RIVET_RUNNER_VERSION: "7",
    RIVET_RUNNER_KIND: "normal",
    RIVET_TOTAL_SLOTS: "9",
    RIVET_RUN_ENGINE_VERSION: "1.2.3",
    RIVET_INSPECTOR_TOKEN: "i",
    RIVET_INSPECTOR_DISABLE: "1",
    RIVET_LOG_LEVEL: "INFO",
    NODE_ENV: "production",
  });
  assertEquals([set.endpoint, set.token, set.namespace], [
    "http://endpoint",
    "t",
    "n",
  ]);
  assertEquals(set.runner, {
    runnerName: "runner",
    runnerKey: "key",
    runnerKind: "normal",
    version: 7,
    totalSlots: 9,
  });
  const { serverless, inspector, serveManager, logging } = set;
  assertEquals(serverless.publicEndpoint, "http://public/api/rivet");
  assertEquals(serverless.publicToken, "pk_1");
  assertEquals(serverless.engineVersion, "1.2.3");
  assertEquals([inspector.enabled, inspector.token], [false, "i"]);
  assertEquals([serveManager, logging.level], [false, "info"]);
  assertEquals(
    resolve({}, { RIVET_RUN_ENGINE: "1" }).serverless.spawnEngine,
    true,
  );

  const own = resolve({
    token: "own",
    namespace: "own",
    runner: { runnerName: "own", version: 2 },
    inspector: { enabled: true, token: "own" },
    serverless: { publicEndpoint: "http://own", publicToken: "own" },
    logging: { level: "silent" },
  }, {
    RIVET_TOKEN: "t",
    RIVET_NAMESPACE: "n",
    RIVET_RUNNER: "runner",
    RIVET_RUNNER_VERSION: "7",
    RIVET_INSPECTOR_DISABLE: "1",
    RIVET_INSPECTOR_TOKEN: "i",
    RIVET_PUBLIC_ENDPOINT: "http://public",
    RIVET_PUBLIC_TOKEN: "pk_1",
    RIVET_LOG_LEVEL: "info",
  });
  assertEquals([own.token, own.namespace], ["own", "own"]);
  assertEquals([own.runner.runnerName, own.runner.version], ["own", 2]);
  assertEquals([own.inspector.enabled, own.inspector.token], [true, "own"]);
  assertEquals(own.serverless.publicEndpoint, "http://own");
  assertEquals(own.serverless.publicToken, "own");
  assertEquals(own.logging.level, "silent");
});

test("RIVET_ENGINE goes before RIVET_ENDPOINT, and neither keeps a server from serving with its own store", () => {
  const env = {
    RIVET_ENGINE: "http://ns:t@engine",
    RIVET_ENDPOINT: "http://endpoint",
  };
  const { endpoint, namespace, store, serveManager } = resolve(
    { store: "memory" },
    env,
  );
  assertEquals([endpoint, namespace], ["http://engine", "ns"]);
  assertEquals([store, serveManager], ["memory", true]);
  assertEquals(warningsOf({ use }, environmentOf(env)), []);
});

test("a variable that cannot be used is an error that names it, or a warning where only the log is touched", () => {
  const errors: [Env, string][] = [
    [{ RIVET_TOTAL_SLOTS: "many" }, `RIVET_TOTAL_SLOTS is "many"`],
    [{ RIVET_TOTAL_SLOTS: "-1" }, "RIVET_TOTAL_SLOTS"],
    [{ RIVET_RUNNER_VERSION: "1.5" }, "RIVET_RUNNER_VERSION"],
    [{ RIVET_RUNNER_KIND: "other" }, "RIVET_RUNNER_KIND"],
    [{ RIVET_ENDPOINT: "secret" }, "RIVET_ENDPOINT: it is not a URL"],
    [{ RIVET_ENGINE: "ws://n:secret@h" }, "RIVET_ENGINE: it is not http:"],
    [{ RIVET_PUBLIC_ENDPOINT: "secret" }, "RIVET_PUBLIC_ENDPOINT: it is not"],
  ];
  for (const [env, text] of errors) {
    const message = refusal({}, env);
    assert(message.includes(text), `${text} in ${message}`);
  }
  const flags = [
    "RIVET_EXPOSE_ERRORS",
    "RIVET_RUN_ENGINE",
    "RIVET_INSPECTOR_DISABLE",
    "RIVET_LOG_TARGET",
    "RIVET_LOG_TIMESTAMP",
    "RIVET_LOG_MESSAGE",
    "RIVET_LOG_ERROR_STACK",
    "RIVET_LOG_HEADERS",
  ];
  const names = [...flags, "RIVET_LOG_LEVEL"];
  const said = environmentOf(
    Object.fromEntries(names.map((name) => [name, "yes"])),
  );
  assertEquals(said.warnings.length, names.length);
  for (const name of names) {
    assert(said.warnings.some((text) => text.startsWith(`${name} is "yes"`)));
  }
  assertEquals(said.spawnsEngine, false);
  const empty = environmentOf(
    Object.fromEntries(names.map((name) => [name, ""])),
  );
  assertEquals(empty.warnings, []);
});

test("the variables of the log switch what they are named for", () => {
  const on = {
    RIVET_LOG_TARGET: "1",
    RIVET_LOG_TIMESTAMP: "1",
    RIVET_LOG_ERROR_STACK: "0",
    RIVET_LOG_HEADERS: "1",
    RIVET_LOG_MESSAGE: "1",
  };
  assertEquals(environmentOf(on).log, {
    level: undefined,
    hasTargets: true,
    hasTimes: true,
    hasStacks: false,
    hasHeaders: true,
    hasMessages: true,
  });
});

test("LOG_LEVEL counts where RIVET_LOG_LEVEL does not", () => {
  const levelOf = (env: Env) => environmentOf(env).log.level;
  assertEquals(levelOf({ LOG_LEVEL: "debug" }), "debug");
  assertEquals(
    levelOf({ LOG_LEVEL: "debug", RIVET_LOG_LEVEL: "error" }),
    "error",
  );
  const { warnings } = environmentOf({ LOG_LEVEL: "verbose" });
  assert(warnings[0]!.startsWith(`LOG_LEVEL is "verbose"`));
});

test("the text of errors is exposed in development, or when the environment says so", () => {
  const exposes = (env: Env) => environmentOf(env).exposesErrors;
  assertEquals(exposes({}), false);
  assertEquals(exposes({ NODE_ENV: "development" }), true);
  assertEquals(exposes({ RIVET_EXPOSE_ERRORS: "1" }), true);
  assertEquals(exposes({ RIVET_EXPOSE_ERRORS: "0" }), false);
});

test("the level of a logger of the user's goes before that of the environment", () => {
  const baseLogger = { ...console, level: "debug" };
  const env = { RIVET_LOG_LEVEL: "error" };
  const levelOf = (given: Partial<SetupConfig>) =>
    resolve(given, env).logging.level;
  assertEquals(levelOf({ logging: { baseLogger } }), "debug");
  assertEquals(levelOf({ logging: { baseLogger, level: "info" } }), "info");
  const odd = { ...console, level: 30 as unknown as string };
  assertEquals(levelOf({ logging: { baseLogger: odd } }), "error");
});

test("what only an engine could do is told to change nothing", () => {
  const given = {
    use,
    serverless: {
      spawnEngine: true,
      configureRunnerPool: { url: "http://app" },
    },
  };
  const names = (given: SetupConfig, env: Env) =>
    warningsOf(given, environmentOf(env)).map((text) => text.split(" ")[0]);
  assertEquals(names(given, {}), [
    "serverless.spawnEngine",
    "serverless.configureRunnerPool",
  ]);
  assertEquals(names({ use, endpoint: "http://h" }, {}), ["endpoint"]);
  assertEquals(names({ use }, { RIVET_RUN_ENGINE: "1" }), ["RIVET_RUN_ENGINE"]);
});
