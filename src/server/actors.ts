// The management routes: finding, creating and listing actors. Always JSON.

import type { Host } from "../actor/host.ts";
import type { ActorListing } from "../actor/stored_actors.ts";
import { maxNameLength } from "../definition/definition.ts";
import { actorError } from "../errors.ts";
import { decodeCbor } from "../protocol/cbor.ts";
import { parsePlain } from "../protocol/json.ts";
import { formatKey, normalizeKey, parseKey } from "../protocol/key.ts";
import { toldLine } from "../protocol/line.ts";
import { readBody } from "./body.ts";

// How many ids one request may ask for, and how many actors a listing shows.
const maxIds = 32;
const maxListed = 100;

// An input may be larger than a message, because it comes once in the life of an actor.
const maxInputBytes = 4 * 1024 * 1024;

// What a body may have of `{`.
const maxObjects = 1000;
const brace = 0x7b;

/** Answers `GET`, `PUT` and `POST /actors`. */
export async function answerActors(
  host: Host,
  request: Request,
  url: URL,
): Promise<Response> {
  switch (request.method) {
    case "GET":
      return Response.json({ actors: await find(host, url.searchParams) });
    case "PUT": {
      const { name, key, input } = await readActor(request);
      const { actorId, isNew } = await host.resolve({
        by: "key",
        name,
        key,
        create: { input, region: undefined },
      });
      return Response.json({
        actor: await show(host, actorId),
        created: isNew,
      });
    }
    case "POST": {
      const { name, key, input } = await readActor(request);
      const actorId = await host.create(name, key, input);
      return Response.json({ actor: await show(host, actorId) });
    }
    default:
      throw actorError(
        "route/method_not_allowed",
        `/actors takes GET, PUT and POST, not ${request.method}`,
      );
  }
}

async function find(host: Host, query: URLSearchParams): Promise<unknown[]> {
  const ids = query.get("actor_ids");
  const name = query.get("name");
  const key = query.get("key");
  if (ids !== null) {
    if (name !== null || key !== null) {
      throw invalid("Cannot provide both actor_ids and name or key.");
    }
    const wanted = ids.split(",").filter((id) => id !== "");
    if (wanted.length > maxIds) {
      throw invalid(
        `Too many actor IDs. Maximum is ${maxIds}, got ${wanted.length}.`,
      );
    }
    const found = await Promise.all(wanted.map((id) => host.get(id)));
    return found.filter((actor) => actor !== undefined).map(format);
  }
  if (name === null) {
    throw invalid(
      key === null
        ? "Name is required when not using actor_ids."
        : "Name is required when key is provided.",
    );
  }
  if (key === null) return (await host.list(name, maxListed)).map(format);
  const actorId = await host.find(name, parseKey(key));
  return actorId === undefined ? [] : [await show(host, actorId)];
}

async function show(host: Host, actorId: string): Promise<unknown> {
  const actor = await host.get(actorId);
  if (actor !== undefined) return format(actor);
  throw actorError("actor/not_found", `Actor not found: ${actorId}`);
}

async function readActor(
  request: Request,
): Promise<{ name: string; key: string[]; input: unknown }> {
  const body = await readFlat(request);
  if (typeof body !== "object" || body === null) {
    throw invalid("The body is not an object.");
  }
  const fields = body as Record<string, unknown>;
  const { name, key, input } = fields;
  if (typeof name !== "string" || name.length > maxNameLength) {
    throw invalid(`The name is not a text of at most ${maxNameLength}.`);
  }
  if (key !== undefined && key !== null && typeof key !== "string") {
    throw invalid("The key is not a text.");
  }
  return {
    name,
    key: normalizeKey(parseKey(key ?? "/")),
    input: readInput(input, request),
  };
}

// A runtime may take thousands of bytes for an object of ten, and nothing here is more than a few.
async function readFlat(request: Request): Promise<unknown> {
  const bytes = await readBody(request, maxInputBytes);
  let at = -1;
  for (let count = 0; count <= maxObjects; count++) {
    at = bytes.indexOf(brace, at + 1);
    if (at < 0) return parsePlain(bytes);
  }
  throw invalid(`The body has more than ${maxObjects} objects.`);
}

// CBOR in base64.
function readInput(input: unknown, request: Request): unknown {
  if (input === undefined || input === null) return undefined;
  if (typeof input !== "string") throw invalid("The input is not a text.");
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    bytes = Uint8Array.fromBase64(input);
  } catch {
    throw invalid("The input is not base64.");
  }
  const line = toldLine(request);
  if (line !== undefined || !isBrowser(request)) {
    return decodeCbor(bytes, line === "2.3");
  }
  try {
    return decodeCbor(bytes, true);
  } catch {
    // It may be of the line that knows no tags, and have what looks like one.
    return decodeCbor(bytes);
  }
}

// Not all browsers let a client say what it is.
function isBrowser({ headers }: Request): boolean {
  return headers.get("user-agent")?.startsWith("Mozilla/") ?? false;
}

function format(actor: ActorListing): unknown {
  return {
    actor_id: actor.actorId,
    name: actor.name,
    key: formatKey(actor.key),
    namespace_id: "default",
    runner_name_selector: "default",
    create_ts: actor.createdAt,
    connectable_ts: actor.createdAt,
    start_ts: actor.createdAt,
    sleep_ts: null,
    destroy_ts: null,
  };
}

function invalid(message: string): Error {
  return actorError("request/invalid", message);
}
