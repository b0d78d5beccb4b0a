// The other way to name an actor: its name in the path, its key in the query, in pairs whose names begin
// with `rvt-`. All other pairs are the actor's own, and stay as they are.
//
// The parts of a key come joined by commas and nothing escapes those, because RivetKit's clients write
// it so: a comma within a part separates two, and a key of one empty part is a key without any.

import { actorError } from "../errors.ts";

/** Which actor a query means, but for its name. */
export interface GatewayQuery {
  key: string[];
  /** With what the actor is created when there is none; absent when nothing is to be created. */
  create: {
    /** CBOR. */
    input: Uint8Array<ArrayBuffer> | undefined;
    region: string | undefined;
  } | undefined;
  token: string | undefined;
  /** The actor's own query: empty, or with its `?`. */
  search: string;
}

const prefix = "rvt-";

// What a pair may be called behind the prefix; `pool` is another name of `runner`.
const names = [
  "namespace",
  "method",
  "runner",
  "key",
  "input",
  "region",
  "crash-policy",
  "token",
  "skip-ready-wait",
];

// What has no meaning where nothing is created.
const creating = ["runner", "input", "region", "crash-policy"];

const values: Record<string, string[]> = {
  method: ["get", "getOrCreate"],
  "crash-policy": ["sleep", "restart", "destroy"],
  "skip-ready-wait": ["true", "1", "false", "0"],
};

/** Whether a query names an actor; `search` may begin with `?`. */
export function hasQueryRoute(search: string): boolean {
  return search.includes(prefix) && /(^\??|&)rvt-/.test(search);
}

/**
 * Reads a query that names an actor; `undefined` when it names none.
 *
 * @throws {ActorError} `guard/query_…` when a pair is unknown, missing, there twice, not for this
 * method, or not what it should be.
 */
export function parseQuery(search: string): GatewayQuery | undefined {
  if (!hasQueryRoute(search)) return undefined;
  const fields = new Map<string, string>();
  const others: string[] = [];
  for (const pair of search.slice(search.startsWith("?") ? 1 : 0).split("&")) {
    if (pair.startsWith(prefix)) readField(fields, pair);
    else others.push(pair);
  }
  for (const name of ["namespace", "method"]) {
    if (!fields.get(name)) throw invalid(`${prefix}${name} is missing`);
  }
  const key = fields.get("key") ?? "";
  return {
    key: key === "" ? [] : key.split(","),
    create: createOf(fields),
    token: fields.get("token") || undefined,
    search: others.length === 0 ? "" : `?${others.join("&")}`,
  };
}

function readField(fields: Map<string, string>, pair: string): void {
  const equals = pair.indexOf("=");
  const written = equals < 0 ? pair : pair.slice(0, equals);
  const value = equals < 0 ? "" : decodeForm(pair.slice(equals + 1), written);
  const name = written === "rvt-pool" ? "runner" : written.slice(prefix.length);
  if (!names.includes(name)) throw invalid(`"${written}" is unknown`);
  if (fields.has(name)) {
    throw actorError(
      "guard/query_duplicate_param",
      `The query has ${prefix}${name} twice`,
      { metadata: { name: written } },
    );
  }
  if (values[name]?.includes(value) === false) {
    throw invalid(`${written} is none of ${values[name].join(", ")}`);
  }
  fields.set(name, value);
}

function createOf(fields: Map<string, string>): GatewayQuery["create"] {
  if (fields.get("method") === "get") {
    const name = creating.find((name) => fields.has(name));
    if (name === undefined) return undefined;
    throw actorError(
      "guard/query_get_disallowed_params",
      `The query has ${prefix}${name}, which is not for the method get`,
    );
  }
  if (!fields.get("runner")) {
    throw actorError(
      "guard/query_missing_pool",
      "The query has no rvt-runner, which the method getOrCreate needs",
    );
  }
  return { input: bytesOf(fields.get("input")), region: fields.get("region") };
}

function bytesOf(
  input: string | undefined,
): Uint8Array<ArrayBuffer> | undefined {
  if (input === undefined) return undefined;
  try {
    // The decoder would skip white space, and let padding be there.
    if (!/^[\w-]*$/.test(input)) throw new TypeError("It is not base64url");
    return Uint8Array.fromBase64(input, { alphabet: "base64url" });
  } catch (cause) {
    throw actorError(
      "guard/query_invalid_base64_input",
      "rvt-input is not base64url without padding",
      { cause },
    );
  }
}

function decodeForm(text: string, name: string): string {
  if (!/[%+]/.test(text)) return text;
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch (cause) {
    throw notPercent(name, cause);
  }
}

/** The error for what is not percent-encoded as it should be. */
export function notPercent(name: string, cause?: unknown): Error {
  return actorError(
    "guard/query_invalid_percent_encoding",
    `${name} is not percent-encoded UTF-8`,
    { metadata: { name }, cause },
  );
}

function invalid(detail: string): Error {
  return actorError(
    "guard/query_invalid_params",
    `The query does not say which actor is meant: ${detail}`,
    { metadata: { detail } },
  );
}
