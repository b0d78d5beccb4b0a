import type { Host } from "../actor/host.ts";
import type { Sending } from "../actor/queueing.ts";
import { toldOnce } from "./once.ts";
import { type Post, type Purpose, responseTo } from "./post.ts";

/** Answers `POST …/queue/{name}`: decodes the message, sends it, and encodes what became of it. */
export async function answerSend(
  host: Host,
  post: Post,
  { actorId: found, name, seen, maxIncomingBytes, signal }: Purpose & {
    signal: AbortSignal;
  },
): Promise<Response> {
  const posted = await post.read(maxIncomingBytes);
  const actorId = typeof found === "string" ? found : await found();
  const { encoding, params } = post;
  const { body, wait, timeout: timeoutMs } = encoding.decodeSend(posted);
  const sending: Sending = {
    queue: name,
    body,
    wait,
    timeoutMs,
    signal,
    params,
    request: seen,
  };
  try {
    const sent = await host.send(
      actorId,
      sending,
      (result) => post.encodingFor(result).encodeSent(result),
    );
    return responseTo(post, sent);
  } catch (error) {
    throw toldOnce(error, sending, post);
  }
}
