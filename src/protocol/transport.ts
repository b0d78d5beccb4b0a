// How a client reaches actors: over the network, or within the process. The client is the same for
// both; only the transport differs.

import type { ActorError } from "../errors.ts";
import type {
  Frame,
  QueueSend,
  QueueSent,
  ToClient,
  ToServer,
} from "./messages.ts";

/** Which actor a handle means. */
export type ActorQuery =
  | { by: "id"; name: string; actorId: string }
  | { by: "key"; name: string; key: string[] }
  | {
    by: "key";
    name: string;
    key: string[];
    /** Creates the actor when there is none. */
    create: { input: unknown; region: string | undefined };
  };

/** A request to call one action of an actor. */
export interface TransportCall {
  actorId: string;
  name: string;
  args: unknown[];
  params: unknown;
  signal: AbortSignal | undefined;
}

/** A message to a queue of an actor. */
export interface TransportSend extends QueueSend {
  actorId: string;
  params: unknown;
  signal: AbortSignal | undefined;
}

/** A raw request to one actor. */
export interface RawFetch {
  actorId: string;
  /** The path below the actor's own, with the query; it begins with one slash. */
  path: string;
  init: RequestInit;
  params: unknown;
}

/** A raw socket to one actor. */
export interface RawDial {
  actorId: string;
  /** The path below the actor's own, with the query; it begins with one slash. */
  path: string;
  /** The sub-protocols that the caller offers. */
  protocols: string[];
  params: unknown;
}

/**
 * What happens to a raw socket, in this order: `open`, unless it fails, any number of `message`, then
 * `close` once. None is told from inside `dial`, `send` or `close`.
 */
export interface RawLinkEvents {
  open(protocol: string): void;
  message(frame: Frame): void;
  close(code: number, reason: string): void;
}

/** The caller's end of a raw socket. */
export interface RawLink {
  readonly url: string;
  readonly bufferedBytes: number;
  /** Sends a message, whose bytes are not changed afterwards. Only when it is open. */
  send(frame: Frame): void;
  /** Starts to close; `close` of the events is told when it has. */
  close(code: number, reason: string): void;
}

/**
 * What happens to a link, in this order: any number of `message`, then `close` once. None is told
 * from inside `connect`, `send` or `close`.
 */
export interface LinkEvents {
  message(message: ToClient): void;
  /** `error` is there when it is this side that could not go on. */
  close(code: number, reason: string, error?: ActorError): void;
}

/** One attempt at a connection. It is open when the message `Init` arrives. */
export interface Link {
  /** Sends a message. Only after `Init`. */
  send(message: ToServer): void;
  /** Starts to close; `close` of the events is told when it has. */
  close(code: number, reason: string): void;
}

/** How a client reaches actors. Every failure is an `ActorError`. */
export interface Transport {
  /** Whether an id that was found tells nothing later: its actor may be gone, and nothing says so. */
  readonly findsEachTime?: boolean;
  /** Finds the actor, or creates it if the query says so; resolves to its id. */
  resolve(query: ActorQuery, signal: AbortSignal | undefined): Promise<string>;
  /** Creates an actor; resolves to its id. */
  create(
    actor: { name: string; key: string[]; input: unknown; region?: string },
    signal: AbortSignal | undefined,
  ): Promise<string>;
  /** Calls an action without a connection. */
  call(call: TransportCall): Promise<unknown>;
  /** Sends a message to a queue. Resolves when it is durable, or what it waits for has come. */
  send(message: TransportSend): Promise<QueueSent>;
  /** Makes a raw request. Resolves to the response, whatever its status. */
  fetch(request: RawFetch): Promise<Response>;
  /**
   * The URL below which an actor is reached from anywhere, which `resolve` or `create` has found.
   *
   * @throws {ActorError} `route/not_found` when there is none, because nothing is served.
   */
  gatewayUrl(actorId: string): string;
  /** Opens a raw socket. Never throws: what goes wrong is told by `close`. */
  dial(dial: RawDial, events: RawLinkEvents): RawLink;
  /**
   * Opens a connection to an actor that `resolve` or `create` has found. Never throws: what goes
   * wrong is told by `close`.
   */
  connect(actorId: string, params: unknown, events: LinkEvents): Link;
  /** Gives up what waits for a server that is not there. */
  dispose?(): void;
}
