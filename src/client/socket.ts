// A raw socket as a caller sees it: a standard WebSocket, whichever way its messages go. Messages
// wait for the first listener, at most 1,000 of them; one more closes it with 3008.

import type {
  UniversalWebSocket,
  UniversalWebSocketListener,
} from "../definition/socket.ts";
import { cutReason } from "../protocol/close.ts";
import type { Frame } from "../protocol/messages.ts";
import type { RawLink, RawLinkEvents } from "../protocol/transport.ts";

const maxHeldFrames = 1000;

type Name = "open" | "message" | "close" | "error";
type Handler<N extends Name> = UniversalWebSocketListener<N> | null;

/** A raw socket. */
export class ClientSocket implements UniversalWebSocket {
  binaryType: "arraybuffer" | "blob" = "arraybuffer";
  readyState = 0;
  protocol = "";
  readonly #target = new EventTarget();
  readonly #link: RawLink;
  readonly #handlers = new Map<Name, unknown>();
  #held: Frame[] | undefined = [];
  // Blobs are read before they are sent, and what comes after them waits.
  #reading: Promise<void> | undefined;

  /** `dial` opens it, and tells what happens to it. */
  constructor(dial: (events: RawLinkEvents) => RawLink) {
    this.#link = dial({
      open: (protocol) => this.#opened(protocol),
      message: (frame) => this.#received(frame),
      close: (code, reason) => this.#closed(code, reason),
    });
  }

  get url(): string {
    return this.#link.url;
  }

  get bufferedAmount(): number {
    return this.#link.bufferedBytes;
  }

  get onopen(): Handler<"open"> {
    return this.#handlerOf("open");
  }

  set onopen(handler: Handler<"open">) {
    this.#setHandler("open", handler);
  }

  get onmessage(): Handler<"message"> {
    return this.#handlerOf("message");
  }

  set onmessage(handler: Handler<"message">) {
    this.#setHandler("message", handler);
  }

  get onclose(): Handler<"close"> {
    return this.#handlerOf("close");
  }

  set onclose(handler: Handler<"close">) {
    this.#setHandler("close", handler);
  }

  get onerror(): Handler<"error"> {
    return this.#handlerOf("error");
  }

  set onerror(handler: Handler<"error">) {
    this.#setHandler("error", handler);
  }

  addEventListener<N extends Name>(
    name: N,
    listener: UniversalWebSocketListener<N>,
    options?: { once?: boolean },
  ): void {
    // The name says which events it is told of.
    this.#target.addEventListener(name, listener as EventListener, options);
    // Not at once: more listeners may be added in the same breath.
    if (name === "message") queueMicrotask(() => this.#release());
  }

  removeEventListener<N extends Name>(
    name: N,
    listener: UniversalWebSocketListener<N>,
  ): void {
    this.#target.removeEventListener(name, listener as EventListener);
  }

  /** @throws {DOMException} `InvalidStateError` while it is connecting. */
  send(data: Parameters<UniversalWebSocket["send"]>[0]): void {
    if (this.readyState === 0) {
      throw new DOMException(
        "Cannot send: the socket is not open yet",
        "InvalidStateError",
      );
    }
    if (this.readyState !== 1) return;
    if (data instanceof Blob || this.#reading !== undefined) {
      const bytes = data instanceof Blob ? data.bytes() : frameOf(data);
      this.#afterReading(async () => this.#link.send(await bytes));
    } else this.#link.send(frameOf(data));
  }

  /** @throws {DOMException} `InvalidAccessError` when the code is none of the caller's. */
  close(code = 1000, reason = ""): void {
    if (code !== 1000 && !(code >= 3000 && code <= 4999)) {
      throw new DOMException(
        `Cannot close: the code is ${code}, not 1000 or 3000 to 4999`,
        "InvalidAccessError",
      );
    }
    if (this.readyState >= 2) return;
    this.readyState = 2;
    const cut = cutReason(reason);
    if (this.#reading === undefined) this.#link.close(code, cut);
    else this.#afterReading(() => this.#link.close(code, cut));
  }

  #opened(protocol: string): void {
    if (this.readyState !== 0) return;
    this.readyState = 1;
    this.protocol = protocol;
    this.#tell(new Event("open"));
  }

  #received(frame: Frame): void {
    if (this.readyState !== 1) return;
    if (this.#held === undefined) return this.#tellOf(frame);
    this.#held.push(frame);
    if (this.#held.length <= maxHeldFrames) return;
    this.#held = [];
    this.readyState = 2;
    this.#link.close(3008, "nobody listens");
  }

  #closed(code: number, reason: string): void {
    if (this.readyState === 3) return;
    this.readyState = 3;
    if (code === 1006) this.#tell(new Event("error"));
    const wasClean = code !== 1006;
    this.#tell(new CloseEvent("close", { code, reason, wasClean }));
  }

  #release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const frame of held) this.#tellOf(frame);
  }

  #tellOf(frame: Frame): void {
    let data: string | ArrayBuffer | Blob;
    if (typeof frame === "string") data = frame;
    else if (this.binaryType === "blob") data = new Blob([frame]);
    else data = frame.slice().buffer;
    this.#tell(new MessageEvent("message", { data }));
  }

  #tell(event: Event): void {
    Object.defineProperty(event, "target", { value: this });
    this.#target.dispatchEvent(event);
  }

  #handlerOf<N extends Name>(name: N): Handler<N> {
    return (this.#handlers.get(name) ?? null) as Handler<N>;
  }

  #setHandler<N extends Name>(name: N, handler: Handler<N>): void {
    const before = this.#handlerOf(name);
    if (before !== null) this.removeEventListener(name, before);
    this.#handlers.set(name, handler);
    if (handler !== null) this.addEventListener(name, handler);
  }

  #afterReading(act: () => void | Promise<void>): void {
    const reading = (this.#reading ?? Promise.resolve()).then(act)
      .catch(() => this.#tell(new Event("error")))
      .finally(() => {
        if (this.#reading === reading) this.#reading = undefined;
      });
    this.#reading = reading;
  }
}

// A copy: what is sent later must be as it was when it was given.
function frameOf(
  data: Exclude<Parameters<UniversalWebSocket["send"]>[0], Blob>,
): Frame {
  if (typeof data === "string") return data;
  if (data instanceof ArrayBuffer) return new Uint8Array(data).slice();
  if (ArrayBuffer.isView(data)) {
    const { buffer, byteOffset, byteLength } = data;
    return new Uint8Array(buffer, byteOffset, byteLength).slice();
  }
  throw new TypeError(
    "Cannot send: it is neither a string, nor an ArrayBuffer, a view of one or a Blob",
  );
}
