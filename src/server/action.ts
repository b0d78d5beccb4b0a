import type { Call } from "../actor/calls.ts";
import type { Host } from "../actor/host.ts";
import { actorError } from "../errors.ts";
import { bareFor } from "../protocol/bare.ts";
import { encodingOf } from "../protocol/encoding.ts";
import { parsePlain } from "../protocol/json.ts";
import { lineOf } from "../protocol/line.ts";
import type { Encoding } from "../protocol/messages.ts";
import { headers } from "../protocol/routes.ts";
import { checkDepth } from "../protocol/shapes.ts";
import { readBody } from "./body.ts";
import { askOnce } from "./once.ts";
import { logMessage } from "./log.ts";

/** What is posted to an actor. */
export interface Post {
  params: unknown;
  /** How the body is written, and the answer is to be. */
  encoding: Encoding;
  body: Uint8Array<ArrayBuffer>;
  /** Whether it comes from a client that asks again for some errors. */
  asksAgain: boolean;
}

/** What a post to an actor is for. */
export interface Purpose {
  actorId: string;
  /** That of the action or queue. */
  name: string;
  /** The request as the actor's code sees it, or what makes it. */
  seen: Request | (() => Request);
}

/** Reads what is posted to an actor. */
export async function readPost(
  request: Request,
  maxIncomingBytes: number,
): Promise<Post> {
  const name = request.headers.get(headers.encoding);
  const line = lineOf(request);
  const params = readParams(request.headers.get(headers.params));
  const asked = encodingOf(name, line);
  const body = await readBody(request, maxIncomingBytes);
  const encoding = asked.spokenIn(body);
  // Where nothing else tells the line, the version does.
  const asksAgain = line === "2.3" || encoding === bareFor(4);
  return { params, encoding, body, asksAgain };
}

/** Answers `POST …/action/{name}`: decodes the call, makes it, and encodes the result. */
export async function answerAction(
  host: Host,
  { params, encoding, body, asksAgain }: Post,
  { actorId, name, seen }: Purpose,
): Promise<Response> {
  const { log } = host;
  if (log.logsMessages) {
    const fields = { msg: "call", actorId, name };
    logMessage(log, fields, () => encoding.decodeCall(body));
  }
  const args = encoding.decodeCall(body);
  const call: Call = { name, args, params, request: seen };
  const result = await askOnce(
    call,
    asksAgain,
    () => host.call(actorId, call, (output) => encoding.encodeResult(output)),
  );
  if (log.logsMessages) {
    const fields = { msg: "result", actorId, name };
    logMessage(log, fields, () => encoding.decodeResult(result));
  }
  return new Response(result, {
    headers: { "content-type": encoding.contentType },
  });
}

/**
 * The params of a connection, out of JSON text. Clients write them as JSON and no more, so what looks like
 * a tag and a value is none.
 *
 * @throws {ActorError} `params/invalid` when it is not JSON, or too deep.
 */
export function readParams(text: string | null | undefined): unknown {
  if (text === null || text === undefined) return undefined;
  try {
    const params = parsePlain(text);
    checkDepth(params);
    return params;
  } catch (cause) {
    throw actorError(
      "params/invalid",
      "The connection params are not valid JSON",
      { cause },
    );
  }
}
