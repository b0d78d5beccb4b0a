import type { Call } from "../actor/calls.ts";
import { checkOutgoing } from "../actor/connections.ts";
import type { Host } from "../actor/host.ts";
import { logMessage } from "./log.ts";
import type { Post, Purpose } from "./post.ts";

/** Answers `POST …/action/{name}`: decodes the call, makes it, and encodes the result. */
export function callAction(
  host: Host,
  post: Post,
  { actorId, name, body, seen }: Purpose,
): Promise<Response> {
  const { log, maxOutgoingBytes } = host;
  const { encoding, params } = post;
  const args = encoding.decodeCall(body);
  if (log.logsMessages) {
    logMessage(log, { msg: "call", actorId, name }, () => args);
  }
  const call: Call = { name, args, params, request: seen };
  post.asked = call;
  // The response itself, so that nothing is left to do when it may leave.
  return host.call(actorId, call, (output) => {
    const result = post.encodingFor(output).encodeResult(output);
    checkOutgoing(result, maxOutgoingBytes);
    if (log.logsMessages) {
      const fields = { msg: "result", actorId, name };
      logMessage(log, fields, () => encoding.decodeResult(result));
    }
    return post.respond(result);
  });
}
