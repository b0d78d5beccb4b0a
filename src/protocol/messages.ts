// What a connection and an actor say to each other, as decoded units, and how units become bytes.

import type { WireError } from "../errors.ts";

/** Calls an action. `id` is the caller's, and comes back with the result. */
export interface ActionRequest {
  tag: "ActionRequest";
  val: { id: number; name: string; args: unknown[] };
}

/** Begins or ends the delivery of an event. */
export interface SubscriptionRequest {
  tag: "SubscriptionRequest";
  val: { eventName: string; subscribe: boolean };
}

/** From a connection to its actor. */
export type ToServer = ActionRequest | SubscriptionRequest;

/** The first message of a connection: it is open. */
export interface Init {
  tag: "Init";
  val: { actorId: string; connectionId: string };
}

/** A call has failed; without `actionId`, the connection has. */
export interface ErrorMessage {
  tag: "Error";
  val: WireError & { actionId: number | null };
}

/** What an action returned. */
export interface ActionResponse {
  tag: "ActionResponse";
  val: { id: number; output: unknown };
}

/** An event. */
export interface Event {
  tag: "Event";
  val: { name: string; args: unknown[] };
}

/** From an actor to a connection. */
export type ToClient = Init | ErrorMessage | ActionResponse | Event;

/** Sends a message to a queue. */
export interface QueueSend {
  name: string;
  body: unknown;
  /** Whether to wait until the message is completed. */
  wait: boolean;
  /** The most milliseconds to wait; for ever without. */
  timeout: number | undefined;
}

/** What became of a message; it is `completed` at once for a sender that does not wait. */
export interface QueueSent {
  status: "completed" | "timedOut";
  response?: unknown;
}

/** The payload of one WebSocket message, or the body of an HTTP message. */
export type Frame = string | Uint8Array<ArrayBuffer>;

/** JSON that the runtime has read, which it does faster than anybody else. */
export class ReadJson {
  /** What it says. */
  readonly value: unknown;
  /** How many bytes its text had. */
  readonly length: number;

  constructor(value: unknown, length: number) {
    this.value = value;
    this.length = length;
  }
}

/** The body of a request. */
export type Body = Frame | ReadJson;

/**
 * One way to write messages. `encode…` and `decode…` are inverse. Decoding is strict: anything that
 * is not of the right form is `message/malformed`, however it was made.
 */
export interface Encoding {
  /** Its name on the wire: header `x-rivet-encoding`, sub-protocol `rivet_encoding.<name>`. */
  readonly name: string;
  /** The media type of an HTTP body. */
  readonly contentType: string;
  /**
   * This encoding in the version that a message to the server is written in: what answers it is to be
   * of the same.
   */
  spokenIn(message: Frame): Encoding;
  /** The body of a call: its arguments. */
  encodeCall(args: unknown[]): Frame;
  decodeCall(body: Body): unknown[];
  /** The body of a result. */
  encodeResult(output: unknown): Frame;
  decodeResult(body: Frame): unknown;
  /** The body of a message to a queue, and of the answer to it. */
  encodeSend(send: QueueSend): Frame;
  decodeSend(body: Body): QueueSend;
  encodeSent(sent: QueueSent): Frame;
  decodeSent(body: Frame): QueueSent;
  /** The body of a refusal. */
  encodeError(error: WireError): Frame;
  decodeError(body: Frame): WireError;
  encodeToServer(message: ToServer): Frame;
  decodeToServer(frame: Frame): ToServer;
  encodeToClient(message: ToClient): Frame;
  decodeToClient(frame: Frame): ToClient;
}

/** The frame that tells a connection of an error: of one call, or of itself with `null`. */
export function encodeErrorMessage(
  encoding: Encoding,
  error: WireError,
  actionId: number | null,
): Frame {
  return writeError(
    error,
    (wire) =>
      encoding.encodeToClient({ tag: "Error", val: { ...wire, actionId } }),
  );
}

/** What `write` makes of an error; without the metadata where that cannot be written. */
export function writeError<W>(
  error: WireError,
  write: (error: WireError) => W,
): W {
  try {
    return write(error);
  } catch {
    const { metadata: _, ...rest } = error;
    return write(rest);
  }
}

/** What stands for an error where identifiers are bigints. */
export function envelopeOf({ tag, val }: ErrorMessage): unknown {
  const { actionId } = val;
  return actionId === null
    ? { body: { tag, val } }
    : { body: { tag, val: { ...val, actionId: BigInt(actionId) } } };
}
