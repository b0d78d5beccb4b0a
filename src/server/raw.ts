// The user's own HTTP: `ANY …/request/{path}` becomes a standard Request for `onRequest`.

import type { Host } from "../actor/host.ts";
import type { OnGone } from "../adapters/adapter.ts";
import { actorError } from "../errors.ts";
import { headers as names } from "../protocol/routes.ts";
import { readParams } from "./action.ts";

// What is between a caller and the server, and not for the actor's own code.
const internalPrefix = "x-rivet-";

/**
 * Answers a raw request. Its body is handed on as it comes, and is of any length: the bound on
 * messages from a caller is not for it.
 */
export async function answerRequest(
  host: Host,
  request: Request,
  options: { actorId: string; path: string; onGone: OnGone | undefined },
): Promise<Response> {
  const { actorId, path, onGone } = options;
  const { method, body } = request;
  if (method === "TRACE" || method === "CONNECT") {
    // No standard Request can be made of it.
    throw actorError(
      "route/method_not_allowed",
      `A raw request takes any method but ${method}`,
    );
  }
  const url = new URL(request.url);
  url.pathname = path;
  return await host.request(actorId, {
    url: url.href,
    method,
    headers: outerHeaders(request.headers),
    body,
    params: readParams(request.headers.get(names.params)),
    onGone,
  });
}

/** The headers that the actor's own code sees. */
export function outerHeaders(headers: Headers): Headers {
  return new Headers(
    [...headers].filter(([name]) => !name.startsWith(internalPrefix)),
  );
}
