import type { Host } from "../actor/host.ts";
import type { Sending } from "../actor/queueing.ts";
import type { Post, Purpose } from "./action.ts";
import { askOnce } from "./once.ts";

/** Answers `POST …/queue/{name}`: decodes the message, sends it, and encodes what became of it. */
export async function answerSend(
  host: Host,
  { params, encoding, body: posted, asksAgain }: Post,
  { actorId, name, seen }: Purpose,
  signal: AbortSignal,
): Promise<Response> {
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
  const sent = await askOnce(
    sending,
    asksAgain,
    () => host.send(actorId, sending, (result) => encoding.encodeSent(result)),
  );
  return new Response(sent, {
    headers: { "content-type": encoding.contentType },
  });
}
