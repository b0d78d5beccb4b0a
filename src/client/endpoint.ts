// Where a client finds its server: what the options say, else the environment, else a default.

import { readEndpoint } from "../protocol/endpoint.ts";
import { defaultBasePath } from "../protocol/routes.ts";
import { env } from "./env.ts";

/** Options of `createClient`. */
export interface ClientOptions {
  /**
   * The URL of the server, with or without its base path: `https://example.org/api/rivet`. It may
   * carry namespace and token, percent-encoded: `https://namespace:token@example.org`.
   *
   * The default is the registry of this process, if it has one; else what `RIVET_ENGINE` or
   * `RIVET_ENDPOINT` says, with `RIVET_TOKEN` and `RIVET_NAMESPACE`; else, in a browser,
   * `/api/rivet` of the page's origin; else `http://127.0.0.1:6420`.
   */
  endpoint?: string;
  /** What the server asks for to let this client in. Default none. */
  token?: string;
  /** The namespace of the actors. The default is `"default"`. */
  namespace?: string;
  /**
   * How messages are written. Only `"bare"` and `"cbor"` keep the types of all values; `"json"` can be
   * read by people. The default is `"bare"`.
   */
  encoding?: "json" | "cbor" | "bare";
  /** Headers of every HTTP request. A WebSocket cannot carry them. */
  headers?: Record<string, string>;
  /** Which runners may have the actors that this client creates. Default: `RIVET_RUNNER`, or `"default"`. */
  runnerName?: string;
  /** The same as `runnerName`. */
  poolName?: string;
  /**
   * Before the first call a client asks the server's `/metadata` whether it is to be reached
   * elsewhere, and waits for a server that is not there yet: it tries again after 0.5 s, then twice as
   * long each time, up to 15 s. `true` leaves that out; the server is then taken for one of Troupe's.
   * Default `false`.
   */
  disableMetadataLookup?: boolean;
  /** Nothing; RivetKit's client takes it. */
  devtools?: boolean;
}

/** A server, and who we are to it. */
export interface Endpoint {
  /** The URL of the server, without a slash at the end. */
  url: string;
  token: string | undefined;
  namespace: string;
}

/**
 * The endpoint that the options mean.
 *
 * @throws {TypeError} when it is no URL, has a query or a token without a namespace, or when token
 * or namespace are given twice.
 */
export function endpointOf(options: ClientOptions): Endpoint {
  const fromEnv = options.endpoint === undefined
    ? env("RIVET_ENGINE") ?? env("RIVET_ENDPOINT")
    : undefined;
  const { url, namespace, token } = readEndpoint(
    options.endpoint ?? fromEnv ?? defaultEndpoint(),
    options,
    refuse,
  );
  // The token of the environment is for the server of the environment, and no other.
  const orEnv = (name: string) => fromEnv && env(name);
  return {
    url,
    token: token ?? orEnv("RIVET_TOKEN"),
    namespace: namespace ?? (orEnv("RIVET_NAMESPACE") || "default"),
  };
}

/**
 * The runners that the options mean.
 *
 * @throws {TypeError} when it is said twice.
 */
export function runnerOf({ runnerName, poolName }: ClientOptions): string {
  if (runnerName !== undefined && poolName !== undefined) {
    throw new TypeError(
      "Cannot make a client: runnerName and poolName are the same option",
    );
  }
  return runnerName ?? poolName ?? env("RIVET_RUNNER") ?? "default";
}

// No message holds the endpoint itself, for that may hold a token.
function refuse(why: string): never {
  throw new TypeError(`Cannot use the endpoint: ${why}`);
}

// A page has an origin. A server has none, but for what it may be told to say.
function defaultEndpoint(): string {
  const origin = globalThis.location?.origin;
  return origin?.startsWith("http")
    ? origin + defaultBasePath
    : "http://127.0.0.1:6420";
}
