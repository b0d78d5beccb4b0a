import type { Host } from "../actor/host.ts";
import type { Post, Purpose } from "./action.ts";

/** Answers `POST …/queue/{name}`: decodes the message, sends it, and encodes what became of it. */
export async function answerSend(
  host: Host,
  { params, encoding, body: posted }: Post,
  { actorId, name, seen }: Purpose,
  signal: AbortSignal,
): Promise<Response> {
  const { body, wait, timeout: timeoutMs } = encoding.decodeSend(posted);
  const sent = await host.send(
    actorId,
    { queue: name, body, wait, timeoutMs, signal, params, request: seen },
    (result) => encoding.encodeSent(result),
  );
  return new Response(sent, {
    headers: { "content-type": encoding.contentType },
  });
}
