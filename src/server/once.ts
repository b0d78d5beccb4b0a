// Keeps what has begun from being begun again.
//
// RivetKit's clients from 2.3 on send a call, a message to a queue or a raw request again, up to 60 times,
// for the errors by which their engine says that an actor has not had it. An actor that has begun may end
// with such an error too: it passes on that another actor is not there, or stops before it is done. Those
// clients are then told `actor/actor_not_found` for `actor/not_found`, and so on; all others are told what
// it is, for they ask once.

import { ActorError } from "../errors.ts";

const kinds = new Set([
  "actor/destroying",
  "actor/dropped_reply",
  "actor/not_configured",
  "actor/not_found",
  "actor/restarting",
  "actor/starting",
  "actor/stopping",
  "guard/actor_ready_timeout",
  "guard/actor_runner_failed",
  "guard/actor_stopped_while_waiting",
  "guard/actor_wake_retries_exceeded",
  "guard/gateway_response_start_timeout",
  "guard/service_unavailable",
  "guard/tunnel_message_timeout",
  "guard/tunnel_request_aborted",
  "guard/tunnel_response_closed",
]);

/** What a client that asks again by itself is told of an error of what has begun. */
export function toldOnce(error: unknown): unknown {
  if (!(error instanceof ActorError)) return error;
  const { group, code, message, metadata } = error;
  const isDestroyed = group === "actor" && code.startsWith("destroyed_");
  if (!isDestroyed && !kinds.has(`${group}/${code}`)) return error;
  return new ActorError(group, `${group}_${code}`, message, {
    metadata,
    cause: error,
  });
}
