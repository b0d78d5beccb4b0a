// What a client throws when it is this side that gave up. Each is an `ActorError` of group
// `"client"`, so that a program may match on the code or on the class.

import { ActorError, type ActorErrorOptions } from "../errors.ts";

/** This side of a call gave up. The group is `"client"`; the code tells why. */
export class ActorClientError extends ActorError {
  /** The name of the class. */
  override readonly name: string = "ActorClientError";

  /** Makes an error of group `"client"`. */
  constructor(code: string, message: string, options?: ActorErrorOptions) {
    super("client", code, message, options);
  }
}

/** The server cannot be reached: `connection_failed`. Nothing is known of what it has done. */
export class HttpRequestError extends ActorClientError {
  /** The name of the class. */
  override readonly name: string = "HttpRequestError";

  /** Makes an error of code `"connection_failed"`. */
  constructor(message: string, options?: ActorErrorOptions) {
    super("connection_failed", message, options);
  }
}

/** The server cannot be reached to find or create an actor: `connection_failed`. */
export class ManagerError extends HttpRequestError {
  /** The name of the class. */
  override readonly name: string = "ManagerError";
}

/** What the server has sent cannot be read: `malformed_response`. */
export class MalformedResponseMessage extends ActorClientError {
  /** The name of the class. */
  override readonly name: string = "MalformedResponseMessage";

  /** Makes an error of code `"malformed_response"`. */
  constructor(message: string, options?: ActorErrorOptions) {
    super("malformed_response", message, options);
  }
}

/** The connection, or its client, is disposed: `disposed`. Its calls reject with this. */
export class ActorConnDisposed extends ActorClientError {
  /** The name of the class. */
  override readonly name: string = "ActorConnDisposed";

  /** Makes an error of code `"disposed"`. */
  constructor(message = "The connection is disposed") {
    super("disposed", message);
  }
}
