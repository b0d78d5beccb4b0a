import type { Host } from "../actor/host.ts";
import { actorError } from "../errors.ts";
import { encodingOf } from "../protocol/encoding.ts";
import { parse } from "../protocol/json.ts";
import type { Encoding } from "../protocol/messages.ts";
import { headers } from "../protocol/routes.ts";
import { readBody } from "./body.ts";
import { logMessage } from "./log.ts";

/** What is known of a post to an actor. */
export interface PostOptions {
  actorId: string;
  /** That of the action or queue. */
  name: string;
  maxIncomingBytes: number;
  /** The request as the actor's code sees it. */
  seen: Request;
}

/** Answers `POST …/action/{name}`: decodes the call, makes it, and encodes the result. */
export async function answerAction(
  host: Host,
  request: Request,
  options: PostOptions,
): Promise<Response> {
  const { actorId, name, maxIncomingBytes, seen } = options;
  const { encoding, params, body } = await readPost(request, maxIncomingBytes);
  const { log } = host;
  if (log.logsMessages) logMessage(log, { msg: "call", actorId, name }, body);
  const args = encoding.decodeCall(body);
  const result = await host.call(
    actorId,
    { name, args, params, request: seen },
    (output) => encoding.encodeResult(output),
  );
  if (log.logsMessages) {
    logMessage(log, { msg: "result", actorId, name }, result);
  }
  return new Response(result, {
    headers: { "content-type": encoding.contentType },
  });
}

/** What is posted to an actor: how it is written, who asks, and the bytes of what. */
export async function readPost(
  request: Request,
  maxIncomingBytes: number,
): Promise<
  { encoding: Encoding; params: unknown; body: Uint8Array<ArrayBuffer> }
> {
  return {
    encoding: encodingOf(request.headers.get(headers.encoding)),
    params: readParams(request.headers.get(headers.params)),
    body: await readBody(request, maxIncomingBytes),
  };
}

/**
 * The params of a connection, out of JSON text.
 *
 * @throws {ActorError} `params/invalid` when it is not JSON.
 */
export function readParams(text: string | null | undefined): unknown {
  if (text === null || text === undefined) return undefined;
  try {
    return parse(text);
  } catch (cause) {
    throw actorError(
      "params/invalid",
      "The connection params are not valid JSON",
      { cause },
    );
  }
}
