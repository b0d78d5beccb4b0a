import type { Host } from "../actor/host.ts";
import { encodingOf } from "../protocol/encoding.ts";
import { headers } from "../protocol/routes.ts";
import { readParams } from "./action.ts";
import { readBody } from "./body.ts";

/** Answers `POST …/queue/{name}`: decodes the message, sends it, and encodes what became of it. */
export async function answerSend(
  host: Host,
  request: Request,
  options: { actorId: string; name: string; maxIncomingBytes: number },
): Promise<Response> {
  const { actorId, name, maxIncomingBytes } = options;
  const encoding = encodingOf(request.headers.get(headers.encoding));
  const params = readParams(request.headers.get(headers.params));
  const bytes = await readBody(request, maxIncomingBytes);
  const { body, wait, timeout: timeoutMs } = encoding.decodeSend(bytes);
  const { signal } = request;
  const sent = await host.send(
    actorId,
    { queue: name, body, wait, timeoutMs, signal, params, request },
    (result) => encoding.encodeSent(result),
  );
  return new Response(sent, {
    headers: { "content-type": encoding.contentType },
  });
}
