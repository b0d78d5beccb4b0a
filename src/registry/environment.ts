// What the environment says to a registry. What the program says goes before it.
//
// A variable that is empty counts as not set. One that only changes the log, and says nothing that
// is known, is a warning; any other is an error, which names it and does not show its value where
// that may hold a token.

import { type LoggerOptions, logLevelOf } from "../log.ts";
import { type GivenEndpoint, readEndpoint } from "../protocol/endpoint.ts";
import type { Env } from "../stores/place.ts";
import type { InspectorConfig, RunnerConfig } from "./config.ts";

/** What the environment says. */
export interface Environment {
  /** `NODE_ENV` is `"production"`. */
  isProduction: boolean;
  /** Whether callers see the text of every error. */
  exposesErrors: boolean;
  /** How the log looks; without a level where none is told. */
  log: Partial<LoggerOptions>;
  /** The engine that clients use, by `RIVET_ENGINE` or `RIVET_ENDPOINT`. */
  endpoint: GivenEndpoint | undefined;
  token: string | undefined;
  namespace: string | undefined;
  publicEndpoint: string | undefined;
  publicToken: string | undefined;
  runner: RunnerConfig;
  spawnsEngine: boolean;
  engineVersion: string | undefined;
  inspector: Pick<InspectorConfig, "token"> & { isDisabled: boolean };
  /** What a person should know. */
  warnings: string[];
}

/**
 * Reads the environment.
 *
 * @throws {TypeError} when a variable says what it cannot say.
 */
export function readEnvironment(env: Env): Environment {
  const warnings: string[] = [];
  const text = (name: string) => env(name) || undefined;
  const flag = (name: string) => {
    const value = text(name);
    if (value === undefined) return undefined;
    if (value === "1" || value === "0") return value === "1";
    warnings.push(
      `${name} is "${value}", and counts as not set: only 0 and 1 are known`,
    );
  };
  const positive = (name: string) => {
    const value = text(name);
    if (value === undefined) return undefined;
    if (/^[1-9]\d{0,14}$/.test(value)) return Number(value);
    throw new TypeError(
      `Cannot set up: ${name} is "${value}", not a positive integer`,
    );
  };
  const level = () => {
    const name = text("RIVET_LOG_LEVEL") === undefined
      ? "LOG_LEVEL"
      : "RIVET_LOG_LEVEL";
    const value = text(name);
    const level = logLevelOf(value ?? "");
    if (value !== undefined && level === undefined) {
      warnings.push(
        `${name} is "${value}", which is no level, and counts as not set`,
      );
    }
    return level;
  };
  const endpointName = text("RIVET_ENGINE") === undefined
    ? "RIVET_ENDPOINT"
    : "RIVET_ENGINE";
  const endpoint = text(endpointName);
  return {
    isProduction: env("NODE_ENV") === "production",
    exposesErrors: flag("RIVET_EXPOSE_ERRORS") === true ||
      env("NODE_ENV") === "development",
    log: {
      level: level(),
      hasTargets: flag("RIVET_LOG_TARGET"),
      hasTimes: flag("RIVET_LOG_TIMESTAMP"),
      hasStacks: flag("RIVET_LOG_ERROR_STACK"),
      hasHeaders: flag("RIVET_LOG_HEADERS"),
      hasMessages: flag("RIVET_LOG_MESSAGE"),
    },
    endpoint: endpoint === undefined ? undefined : readEndpoint(
      endpoint,
      {},
      (why) => {
        throw new TypeError(`Cannot set up: ${endpointName}: ${why}`);
      },
    ),
    token: text("RIVET_TOKEN"),
    namespace: text("RIVET_NAMESPACE"),
    publicEndpoint: text("RIVET_PUBLIC_ENDPOINT"),
    publicToken: text("RIVET_PUBLIC_TOKEN"),
    runner: {
      runnerName: text("RIVET_RUNNER"),
      runnerKey: text("RIVET_RUNNER_KEY"),
      runnerKind: runnerKind(text("RIVET_RUNNER_KIND")),
      version: positive("RIVET_RUNNER_VERSION"),
      totalSlots: positive("RIVET_TOTAL_SLOTS"),
    },
    spawnsEngine: flag("RIVET_RUN_ENGINE") ?? false,
    engineVersion: text("RIVET_RUN_ENGINE_VERSION"),
    inspector: {
      token: text("RIVET_INSPECTOR_TOKEN"),
      isDisabled: flag("RIVET_INSPECTOR_DISABLE") ?? false,
    },
    warnings,
  };
}

function runnerKind(value: string | undefined): RunnerConfig["runnerKind"] {
  if (value === undefined || value === "serverless" || value === "normal") {
    return value;
  }
  throw new TypeError(
    `Cannot set up: RIVET_RUNNER_KIND is "${value}", not serverless or normal`,
  );
}
