import type { Host } from "../actor/host.ts";
import type { Sending } from "../actor/queueing.ts";
import type { Post, Purpose } from "./post.ts";

/** Answers `POST …/queue/{name}`: decodes the message, sends it, and encodes what became of it. */
export async function sendMessage(
  host: Host,
  post: Post,
  { actorId, name, body: written, seen, signal }: Purpose & {
    signal: AbortSignal;
  },
): Promise<Response> {
  const { encoding, params } = post;
  const { body, wait, timeout: timeoutMs } = encoding.decodeSend(written);
  const sending: Sending = {
    queue: name,
    body,
    wait,
    timeoutMs,
    signal,
    params,
    request: seen,
  };
  post.asked = sending;
  const sent = await host.send(
    actorId,
    sending,
    (result) => post.encodingFor(result).encodeSent(result),
  );
  return post.respond(sent);
}
