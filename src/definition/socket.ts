/** What happens to a raw socket, by name. */
export interface UniversalWebSocketEvents {
  /** It is open. */
  open: Event;
  /** A message came in: a string, or bytes as `binaryType` says. */
  message: MessageEvent<string | ArrayBuffer | Blob>;
  /** It has closed. */
  close: CloseEvent;
  /** It has failed; a close follows. */
  error: Event;
}

/** A listener of a raw socket. In an actor, a promise it returns is waited for as its work. */
export type UniversalWebSocketListener<
  Name extends keyof UniversalWebSocketEvents,
> = (event: UniversalWebSocketEvents[Name]) => unknown;

/**
 * A raw socket as `onWebSocket` is given it, and `handle.webSocket()` returns it: the standard
 * WebSocket, on every runtime the same.
 */
export interface UniversalWebSocket {
  /** 0 connecting, 1 open, 2 closing, 3 closed. */
  readonly readyState: number;
  /** The URL it was opened with. */
  readonly url: string;
  /** The sub-protocol; empty when there is none. */
  readonly protocol: string;
  /** How many bytes have been sent that are not on the wire yet. */
  readonly bufferedAmount: number;
  /** What bytes arrive as. Default `"arraybuffer"`. */
  binaryType: "arraybuffer" | "blob";
  /** Called when it opens. */
  onopen: UniversalWebSocketListener<"open"> | null;
  /** Called for each message. */
  onmessage: UniversalWebSocketListener<"message"> | null;
  /** Called when it has closed. */
  onclose: UniversalWebSocketListener<"close"> | null;
  /** Called when it fails. */
  onerror: UniversalWebSocketListener<"error"> | null;
  /** Sends a message. In an actor it leaves when what the actor has changed before is durable. */
  send(data: string | ArrayBuffer | ArrayBufferView<ArrayBuffer> | Blob): void;
  /**
   * Closes it: `code` is 1000 (the default) or 3000 to 4999, in an actor also 1001 to 1014; `reason` is
   * cut to 123 bytes of UTF-8.
   */
  close(code?: number, reason?: string): void;
  /** Adds a listener. One that comes late still gets what was not delivered to any. */
  addEventListener<Name extends keyof UniversalWebSocketEvents>(
    name: Name,
    listener: UniversalWebSocketListener<Name>,
    options?: { once?: boolean },
  ): void;
  /** Removes a listener. */
  removeEventListener<Name extends keyof UniversalWebSocketEvents>(
    name: Name,
    listener: UniversalWebSocketListener<Name>,
  ): void;
}
