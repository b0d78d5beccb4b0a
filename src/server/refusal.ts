import { statusOf, type WireError } from "../errors.ts";
import { type Encoding, writeError } from "../protocol/messages.ts";

/** The response that tells of an error. */
export function refusal(error: WireError, encoding: Encoding): Response {
  return new Response(writeError(error, encoding.encodeError), {
    status: statusOf(error),
    headers: { "content-type": encoding.contentType },
  });
}
