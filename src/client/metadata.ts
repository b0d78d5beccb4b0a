// What a client asks a server before anything else: where it is to be reached, and what it is.
//
// All clients of one endpoint share one question, and its answer for as long as the process lives. A
// server that is not there, or not well, is asked again, first after 0.5 s, then twice as long each
// time, up to 15 s, for as long as somebody waits; whoever has no `/metadata` is taken as it is.

import { Logger, logLevelOf } from "../log.ts";
import { readEndpoint } from "../protocol/endpoint.ts";
import type { Line } from "../protocol/line.ts";
import type { Endpoint } from "./endpoint.ts";
import { env } from "./env.ts";
import { MalformedResponseMessage } from "./errors.ts";
import { pause } from "./pause.ts";
import { Shared } from "./shared.ts";
import type { Timing } from "./timing.ts";

const firstDelayMs = 500;
const maxDelayMs = 15_000;
// A server that takes the question and says nothing is asked again as well.
const attemptTimeoutMs = 10_000;
// After so many attempts a person is told what everything waits for.
const silentAttempts = 3;
// How many answers are kept; beyond, the oldest is forgotten and asked for again.
const maxKnown = 1000;

/** What a lookup needs. */
export interface LookupOptions {
  /** Headers of every HTTP request. */
  headers: Record<string, string>;
  timing: Timing;
}

/** A server as its metadata tell of it. */
export interface Server extends Endpoint {
  /** That of the RivetKit it is; `undefined` when it is none, or does not say. */
  line: Line | undefined;
}

const known = new Map<string, Server | Shared<Server>>();

/**
 * Where a server is to be reached: at `endpoint`, or where its `/metadata` leads. Rejects with the
 * reason of `signal`.
 *
 * @throws {MalformedResponseMessage} when it leads to what is no URL.
 */
export async function lookUp(
  endpoint: Endpoint,
  options: LookupOptions,
  signal: AbortSignal,
): Promise<Server> {
  const { url, namespace, token } = endpoint;
  const key = JSON.stringify([url, namespace, token]);
  let found = known.get(key);
  if (found === undefined || (found instanceof Shared && found.isOver)) {
    found = new Shared((ended) => ask(endpoint, options, ended));
    known.delete(key);
    known.set(key, found);
    if (known.size > maxKnown) known.delete(known.keys().next().value!);
  }
  if (!(found instanceof Shared)) return found;
  const answer = await found.wait(signal);
  if (known.get(key) === found) known.set(key, answer);
  return answer;
}

async function ask(
  endpoint: Endpoint,
  options: LookupOptions,
  signal: AbortSignal,
): Promise<Server> {
  for (let attempt = 1;; attempt++) {
    const answer = await askOnce(endpoint, options, signal);
    if (!(answer instanceof Unanswered)) return answer;
    if (attempt === silentAttempts) {
      const level = logLevelOf(env("RIVET_LOG_LEVEL") ?? "") ?? "warn";
      new Logger({ level }).warn({
        msg: "a server does not answer; calls wait for it",
        endpoint: endpoint.url,
        error: answer.cause,
      });
    }
    const delayMs = Math.min(firstDelayMs * 2 ** (attempt - 1), maxDelayMs);
    await pause(options.timing, delayMs, signal);
  }
}

/** Why there was no answer. */
class Unanswered {
  readonly cause: unknown;

  constructor(cause: unknown) {
    this.cause = cause;
  }
}

async function askOnce(
  endpoint: Endpoint,
  { headers, timing }: LookupOptions,
  signal: AbortSignal,
): Promise<Server | Unanswered> {
  const { url, namespace, token } = endpoint;
  const late = new AbortController();
  const cancel = timing.delay(
    () => late.abort(new Error(`No answer within ${attemptTimeoutMs} ms`)),
    attemptTimeoutMs,
  );
  try {
    const query = new URLSearchParams({ namespace });
    const response = await fetch(`${url}/metadata?${query}`, {
      headers: {
        ...headers,
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
      },
      credentials: "include",
      signal: AbortSignal.any([signal, late.signal]),
    });
    const text = await response.text();
    if (response.ok) return serverOf(endpoint, text);
    const { status } = response;
    const isPassing = status >= 500 || status === 429 || status === 408;
    return isPassing
      ? new Unanswered(new Error(`Status ${status}`))
      : { ...endpoint, line: undefined };
  } catch (cause) {
    if (cause instanceof MalformedResponseMessage) throw cause;
    signal.throwIfAborted();
    return new Unanswered(cause);
  } finally {
    cancel();
  }
}

function serverOf(endpoint: Endpoint, text: string): Server {
  const fields = fieldsOf(text);
  return { ...placeOf(endpoint, fields), line: lineOf(fields) };
}

function placeOf(
  endpoint: Endpoint,
  { clientEndpoint, clientNamespace, clientToken }: Record<string, unknown>,
): Endpoint {
  if (!clientEndpoint) return endpoint;
  const refuse = (why: string): never => {
    throw new MalformedResponseMessage(
      `The clientEndpoint in the metadata of ${endpoint.url} cannot be used: ${why}`,
    );
  };
  if (typeof clientEndpoint !== "string") return refuse("it is not a text");
  const textOf = (value: unknown) =>
    typeof value === "string" ? value : undefined;
  const { url, namespace, token } = readEndpoint(clientEndpoint, {
    namespace: textOf(clientNamespace),
    token: textOf(clientToken),
  }, refuse);
  return {
    url,
    namespace: namespace ?? endpoint.namespace,
    token: token ?? endpoint.token,
  };
}

// From 2.3 on an engine serves RivetKit's actors, and who leads there speaks of its protocol.
function lineOf(
  { runtime, version, envoyProtocolVersion }: Record<string, unknown>,
): Line | undefined {
  if (runtime === "engine" || envoyProtocolVersion !== undefined) return "2.3";
  return runtime === "rivetkit" && /^2\.[0-2]\./.test(String(version))
    ? "2.0"
    : undefined;
}

// What is no JSON, a page for one, says nothing of where to go; the first call will tell.
function fieldsOf(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {};
  }
}
