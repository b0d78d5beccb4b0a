import type { Call } from "../actor/calls.ts";
import { checkOutgoing } from "../actor/connections.ts";
import type { Host } from "../actor/host.ts";
import { logMessage } from "./log.ts";
import { toldOnce } from "./once.ts";
import { type Post, type Purpose, responseTo } from "./post.ts";

/** Answers `POST …/action/{name}`: decodes the call, makes it, and encodes the result. */
export async function answerAction(
  host: Host,
  post: Post,
  { actorId: found, name, seen, maxIncomingBytes }: Purpose,
): Promise<Response> {
  const body = await post.read(maxIncomingBytes);
  // Not awaited where it is there: a turn takes as long as a small part of the action.
  const actorId = typeof found === "string" ? found : await found();
  const { log, maxOutgoingBytes } = host;
  const { encoding, params } = post;
  const args = encoding.decodeCall(body);
  if (log.logsMessages) {
    logMessage(log, { msg: "call", actorId, name }, () => args);
  }
  const call: Call = { name, args, params, request: seen };
  // The response itself, so that nothing is left to do when it may leave.
  const encode = (output: unknown) => {
    const result = post.encodingFor(output).encodeResult(output);
    checkOutgoing(result, maxOutgoingBytes);
    if (log.logsMessages) {
      const fields = { msg: "result", actorId, name };
      logMessage(log, fields, () => encoding.decodeResult(result));
    }
    return responseTo(post, result);
  };
  try {
    return await host.call(actorId, call, encode);
  } catch (error) {
    throw toldOnce(error, call, post);
  }
}
