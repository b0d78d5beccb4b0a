// Which actor a request is for, where its route does not have the id.
//
// A process has one namespace, one region and one pool: which of them a caller names makes no
// difference, here as in `/actors`.

import type { Host } from "../actor/host.ts";
import { actorError, toWireError } from "../errors.ts";
import { decodeCbor } from "../protocol/cbor.ts";
import { normalizeKey } from "../protocol/key.ts";
import type { ActorRoute, QueryRoute } from "../protocol/routes.ts";

/**
 * The id of the actor; creates it if it is not there and the query says so.
 *
 * @throws {ActorError} `actor/not_found`, `actor/not_registered`, `key/invalid`, or
 * `guard/query_invalid_cbor_input`.
 */
export async function actorIdOf(
  host: Host,
  route: ActorRoute | QueryRoute,
): Promise<string> {
  if (route.kind === "actor") return route.actorId;
  const { name, query: { key, create } } = route;
  const asked = { by: "key" as const, name, key: normalizeKey(key) };
  const { actorId } = await host.resolve(
    create === undefined ? asked : {
      ...asked,
      create: { input: inputOf(create.input), region: create.region },
    },
  );
  return actorId;
}

// Only clients of the line 2.3 name actors so.
function inputOf(bytes: Uint8Array<ArrayBuffer> | undefined): unknown {
  if (bytes === undefined) return undefined;
  try {
    return decodeCbor(bytes, true);
  } catch (cause) {
    throw actorError(
      "guard/query_invalid_cbor_input",
      "rvt-input is not CBOR",
      { metadata: { detail: toWireError(cause).message }, cause },
    );
  }
}

/** The URL of a request as the actor's code is to see it: without what has told which actor is meant. */
export function seenUrl(url: URL, route: ActorRoute | QueryRoute): URL {
  if (route.kind === "query") url.search = route.query.search;
  return url;
}

/** Where a request goes: the path and query of its URL. */
export interface Place {
  readonly pathname: string;
  /** Empty, or with its `?`. */
  readonly search: string;
  /** What they mean, where that is remembered. */
  readonly route?: ActorRoute;
}

// How many URLs are remembered, which are forgotten all at once, and how long they may be.
const maxKnown = 1000;
const maxKnownLength = 512;

// What a URL's parser would leave as it is, but for the segments `.` and `..`.
const plainTarget = /^\/[\w.~@:/-]*(?:\?[\w.~@:/=&,%+-]+)?$/;

/**
 * Reads where URLs go. To parse one takes as long as a small action, so those that call actors are
 * remembered, and of the others no more is parsed than must be.
 */
export class Places {
  readonly #known = new Map<string, Place>();
  // That of the last URL that was parsed.
  #origin: string | undefined;

  /** Where a URL goes; `null` when its host is none. */
  at(url: string): Place | null {
    return this.#known.get(url) ?? this.#plain(url) ?? this.#parsed(url);
  }

  /** Remembers what a URL means. */
  remember(url: string, place: Place, route: ActorRoute): void {
    if (url.length > maxKnownLength) return;
    if (this.#known.size >= maxKnown) this.#known.clear();
    const { pathname, search } = place;
    this.#known.set(url, { pathname, search, route });
  }

  #plain(url: string): Place | undefined {
    if (this.#origin === undefined || !url.startsWith(this.#origin)) {
      return undefined;
    }
    const target = url.slice(this.#origin.length);
    if (!plainTarget.test(target) || target.includes("/.")) return undefined;
    const query = target.indexOf("?");
    return query < 0 ? { pathname: target, search: "" } : {
      pathname: target.slice(0, query),
      search: target.slice(query),
    };
  }

  #parsed(url: string): Place | null {
    const parsed = parse(url);
    if (parsed !== null) this.#origin = parsed.origin;
    return parsed;
  }
}

/**
 * The URL of a request; `null` when its header `Host` is none, about which the runtimes do not care.
 * Who asks in HTTP/1.0 needs no host.
 */
export function urlOf({ url }: Request): URL | null {
  return parse(url);
}

function parse(url: string): URL | null {
  return URL.parse(url, "http://localhost");
}

/** A request as the actor's code is to see it: for the URL that is the actor's, without its body. */
export function seenAt(url: URL, { method, headers }: Request): Request {
  // A copy, because Deno's request cannot be read after an upgrade.
  return new Request(url, { method, headers: [...headers] });
}
