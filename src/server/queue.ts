import type { Host } from "../actor/host.ts";
import { type PostOptions, readPost } from "./action.ts";

/** Answers `POST …/queue/{name}`: decodes the message, sends it, and encodes what became of it. */
export async function answerSend(
  host: Host,
  request: Request,
  options: PostOptions,
): Promise<Response> {
  const { actorId, name, maxIncomingBytes, seen } = options;
  const posted = await readPost(request, maxIncomingBytes);
  const { encoding, params } = posted;
  const { body, wait, timeout: timeoutMs } = encoding.decodeSend(posted.body);
  const { signal } = request;
  const sent = await host.send(
    actorId,
    { queue: name, body, wait, timeoutMs, signal, params, request: seen },
    (result) => encoding.encodeSent(result),
  );
  return new Response(sent, {
    headers: { "content-type": encoding.contentType },
  });
}
