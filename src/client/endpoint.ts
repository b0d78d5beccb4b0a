// Where a client finds its server: what the options say, else the environment, else a default.

import { defaultBasePath } from "../protocol/routes.ts";

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
  /** How messages are written. The default is `"json"`. */
  encoding?: "json" | "cbor" | "bare";
  /** Headers of every HTTP request. A WebSocket cannot carry them. */
  headers?: Record<string, string>;
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
  const { url, namespace, token } = parse(
    options.endpoint ?? fromEnv ?? defaultEndpoint(),
  );
  if (namespace && options.namespace) refuse("the namespace is given twice");
  if (token && options.token) refuse("the token is given twice");
  // The token of the environment is for the server of the environment, and no other.
  const orEnv = (name: string) => fromEnv && env(name);
  return {
    url,
    token: token || options.token || orEnv("RIVET_TOKEN"),
    namespace: namespace || options.namespace || orEnv("RIVET_NAMESPACE") ||
      "default",
  };
}

// No message holds the endpoint itself, for that may hold a token.
function parse(endpoint: string): {
  url: string;
  namespace: string;
  token: string;
} {
  if (!URL.canParse(endpoint)) refuse("it is not a URL");
  const url = new URL(endpoint);
  if (!/^https?:$/.test(url.protocol)) refuse("it is not http: or https:");
  if (url.search || url.hash) refuse("it has a query or a fragment");
  const namespace = decode(url.username);
  const token = decode(url.password);
  if (token && !namespace) refuse("it has a token, but no namespace");
  const path = url.pathname.replace(/\/+/g, "/").replace(/\/$/, "");
  return { url: url.origin + path, namespace, token };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    refuse("its namespace or token is not percent-encoded");
  }
}

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

function env(name: string): string | undefined {
  const { process } = globalThis as {
    process?: { env?: Record<string, string | undefined> };
  };
  try {
    return process?.env?.[name] || undefined;
  } catch {
    return undefined; // Deno may not be permitted to read it, which is as good as not set.
  }
}
