// A raw socket as `onWebSocket` sees it, within one instance.
//
// What its listeners can rely on:
// - `open` comes first and once, also to a listener that is added later; messages come in order, and
//   wait for the first listener until the handler has ended; `close` comes last and once.
// - The listeners of one event are work of the actor: what they change, also after an `await`, is
//   saved when they have ended or when something that describes it leaves.
// - What is sent leaves, in order, when the changes before it are durable.

import type {
  UniversalWebSocket,
  UniversalWebSocketEvents,
  UniversalWebSocketListener,
} from "../definition/socket.ts";
import type { Frame } from "../protocol/messages.ts";
import { isThenable } from "./deadline.ts";
import type { Parts } from "./parts.ts";
import type { RawSocket, SocketView } from "./raw_socket.ts";

// How many listeners of one socket may be at work at once.
const maxRuns = 2000;

type Name = keyof UniversalWebSocketEvents;
type Listener<N extends Name> = UniversalWebSocketListener<N>;
type Data = Parameters<UniversalWebSocket["send"]>[0];

/** A raw socket within one instance. */
export class UserSocket implements UniversalWebSocket, SocketView {
  binaryType: "arraybuffer" | "blob" = "arraybuffer";
  readonly #parts: Parts;
  readonly #socket: RawSocket;
  readonly #onClosed: () => void;
  readonly #listeners: { [N in Name]: Map<Listener<N>, { isOnce: boolean }> } =
    { open: new Map(), message: new Map(), close: new Map(), error: new Map() };
  readonly #handlers: { [N in Name]: Listener<N> | null } = {
    open: null,
    message: null,
    close: null,
    error: null,
  };
  #isClosing = false;
  // Whether the close has been told, or will not be.
  #isOver = false;
  #isHandled = false;
  #isFlushing = false;
  #runs = 0;
  #onQuiet: (() => void) | undefined;
  // Blobs are read before they are sent, and what comes after them waits.
  #reading: Promise<void> | undefined;

  constructor(parts: Parts, socket: RawSocket, onClosed: () => void) {
    this.#parts = parts;
    this.#socket = socket;
    this.#onClosed = onClosed;
  }

  get readyState(): number {
    if (this.#isOver || this.#socket.closedWith !== undefined) return 3;
    return this.#isClosing ? 2 : 1;
  }

  get url(): string {
    return this.#socket.request.url;
  }

  get protocol(): string {
    return this.#socket.protocol;
  }

  get bufferedAmount(): number {
    return this.#socket.bufferedBytes;
  }

  get onopen(): Listener<"open"> | null {
    return this.#handlers.open;
  }

  set onopen(listener: Listener<"open"> | null) {
    this.#handlers.open = listener;
    this.#flushSoon();
  }

  get onmessage(): Listener<"message"> | null {
    return this.#handlers.message;
  }

  set onmessage(listener: Listener<"message"> | null) {
    this.#handlers.message = listener;
    this.#flushSoon();
  }

  get onclose(): Listener<"close"> | null {
    return this.#handlers.close;
  }

  set onclose(listener: Listener<"close"> | null) {
    this.#handlers.close = listener;
    this.#flushSoon();
  }

  get onerror(): Listener<"error"> | null {
    return this.#handlers.error;
  }

  set onerror(listener: Listener<"error"> | null) {
    this.#handlers.error = listener;
  }

  addEventListener<N extends Name>(
    name: N,
    listener: Listener<N>,
    options: { once?: boolean } = {},
  ): void {
    const listeners = this.#listeners[name];
    if (listeners?.has(listener) === false) {
      listeners.set(listener, { isOnce: options?.once === true });
    }
    this.#flushSoon();
  }

  removeEventListener<N extends Name>(name: N, listener: Listener<N>): void {
    this.#listeners[name]?.delete(listener);
  }

  send(data: Data): void {
    if (this.readyState !== 1) return;
    if (data instanceof Blob || this.#reading !== undefined) {
      const bytes = data instanceof Blob ? data.bytes() : copyOf(data);
      this.#afterReading(async () => this.#send(await bytes));
    } else this.#send(frameOf(data));
  }

  close(code = 1000, reason = ""): void {
    checkCode(code);
    if (this.readyState !== 1) return;
    this.#isClosing = true;
    const close = () => void this.#socket.close(code, String(reason));
    const output = { release: close, reject: close };
    if (this.#reading === undefined) this.#parts.steps.send(output);
    else {
      this.#afterReading(() => {
        this.#parts.steps.send(output);
      });
    }
  }

  notice(): void {
    this.#flush();
  }

  /** `onWebSocket` has ended: what has no listener now is not waited for any more. */
  handled(): void {
    this.#isHandled = true;
    this.#flush();
  }

  /** The actor leaves the socket: its listeners learn that it closes, and nothing comes after. */
  leave(code: number, reason: string): Promise<void> {
    this.#tellClose(code, reason);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onQuiet = resolve;
    if (this.#runs === 0) resolve();
    return promise;
  }

  /** The instance has stopped: this view of the socket is dead. */
  end(): void {
    this.#isOver = true;
  }

  // Not at once: more listeners may be added in the same breath.
  #flushSoon(): void {
    queueMicrotask(() => this.#flush());
  }

  // Tells what is to be told, as far as there is somebody to hear it.
  #flush(): void {
    if (this.#isOver || this.#isFlushing) return;
    this.#isFlushing = true;
    const socket = this.#socket;
    if (socket.isNew && this.#hears("open")) {
      socket.isNew = false;
      this.#tell("open", new Event("open"));
    }
    this.#flushMessages();
    const { closedWith } = socket;
    const mayClose = this.#hears("close") || this.#isHandled;
    if (closedWith !== undefined && socket.waiting === 0 && mayClose) {
      this.#tellClose(closedWith.code, closedWith.reason);
    }
    this.#isFlushing = false;
    if (closedWith !== undefined) this.#onClosed();
  }

  #flushMessages(): void {
    const socket = this.#socket;
    const { work } = this.#parts;
    while (socket.waiting > 0) {
      if (!this.#hears("message")) {
        if (this.#isHandled) socket.drop();
        return;
      }
      // The next instance takes them, if the socket outlasts this one.
      if (!work.isRunning) {
        if (socket.lasts === "socket") socket.wake();
        else socket.drop();
        return;
      }
      if (this.#runs >= maxRuns) {
        socket.drop();
        void socket.close(1011, "actor.overloaded");
        return;
      }
      const data = this.#dataOf(socket.next()!);
      this.#tell("message", new MessageEvent("message", { data }));
    }
  }

  #dataOf(frame: Frame): string | ArrayBuffer | Blob {
    if (typeof frame === "string") return frame;
    if (this.binaryType === "blob") return new Blob([frame]);
    const { buffer, byteOffset, byteLength } = frame;
    return byteLength === buffer.byteLength
      ? buffer
      : buffer.slice(byteOffset, byteOffset + byteLength);
  }

  #tellClose(code: number, reason: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const wasClean = code !== 1006;
    this.#tell("close", new CloseEvent("close", { code, reason, wasClean }));
  }

  #hears(name: Name): boolean {
    return this.#handlers[name] !== null || this.#listeners[name].size > 0;
  }

  // Calls the listeners of an event, as one piece of work.
  #tell<N extends Name>(name: N, event: UniversalWebSocketEvents[N]): void {
    const listeners = this.#listeners[name];
    const told = [...listeners];
    const handler = this.#handlers[name];
    if (handler === null && told.length === 0) return;
    Object.defineProperty(event, "target", { value: this });
    const { work } = this.#parts;
    work.enter();
    this.#runs++;
    let left = 1;
    const end = () => {
      if (--left > 0) return;
      this.#runs--;
      work.end();
      if (this.#runs === 0) this.#onQuiet?.();
    };
    const call = (listener: Listener<N>) => {
      try {
        const result = listener.call(this, event);
        if (!isThenable(result)) return;
        left++;
        Promise.resolve(result).catch((error) => this.#failed(name, error))
          .then(end);
      } catch (error) {
        this.#failed(name, error);
      }
    };
    if (handler !== null) call(handler);
    for (const [listener, { isOnce }] of told) {
      if (!listeners.has(listener)) continue;
      if (isOnce) listeners.delete(listener);
      call(listener);
    }
    end();
  }

  // A listener has thrown. The socket stays open, as in a browser.
  #failed(name: Name, error: unknown): void {
    const { log } = this.#parts.self;
    log.failure(error, { msg: "a listener of a raw socket failed", on: name });
    if (name !== "error" && this.#hears("error")) {
      this.#tell("error", new Event("error"));
    }
  }

  #send(frame: Frame): void {
    const socket = this.#socket;
    let sent = frame;
    let isSent = false;
    const settle = (isReleased: boolean) => {
      isSent = true;
      socket.pend(-frame.length);
      if (isReleased) socket.send(sent);
    };
    socket.pend(frame.length);
    this.#parts.steps.send({
      release: () => settle(true),
      reject: () => settle(false),
    });
    // It has to wait, and the caller may use its bytes again.
    if (!isSent && typeof frame !== "string") sent = frame.slice();
  }

  #afterReading(act: () => void | Promise<void>): void {
    const reading = (this.#reading ?? Promise.resolve()).then(act)
      .catch((error) => this.#failed("message", error))
      .finally(() => {
        if (this.#reading === reading) this.#reading = undefined;
      });
    this.#reading = reading;
  }
}

function frameOf(data: Exclude<Data, Blob>): Frame {
  if (typeof data === "string") return data;
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  if (ArrayBuffer.isView(data)) {
    return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  }
  throw new TypeError(
    "Cannot send: it is neither a string, nor an ArrayBuffer, a view of one or a Blob",
  );
}

// What is sent later must be as it was when it was given.
function copyOf(data: Exclude<Data, Blob>): Frame {
  const frame = frameOf(data);
  return typeof frame === "string" ? frame : frame.slice();
}

function checkCode(code: number): void {
  const isKnown = code >= 1000 && code <= 1014 && ![1004, 1005, 1006].includes(
    code,
  );
  if (Number.isInteger(code) && (isKnown || code >= 3000 && code <= 4999)) {
    return;
  }
  throw new RangeError(
    `Cannot close: the code is ${code}, not 1000 or 3000 to 4999`,
  );
}
