// A plain WebSocket of the runtime, where a case must see or say what no client would.

const { WebSocket } = "WebSocket" in globalThis
  ? globalThis
  : await import("ws");

/** A socket to a server, and everything that has come over it. */
export class Plain {
  /** The frames that came, as texts or bytes. */
  frames = [];
  /** Resolves with `{ code, reason }` when it has closed. */
  closed;
  #socket;
  #opened;
  #wakers = new Set();

  constructor(url, protocols) {
    this.#socket = new WebSocket(url, protocols);
    this.#socket.binaryType = "arraybuffer";
    this.#opened = new Promise((resolve, reject) => {
      this.#socket.addEventListener("open", () => resolve());
      this.#socket.addEventListener("error", () => reject(new Error(`${url}`)));
    });
    this.closed = new Promise((resolve) =>
      this.#socket.addEventListener(
        "close",
        ({ code, reason }) => resolve({ code, reason }),
      )
    );
    this.#socket.addEventListener("message", ({ data }) => {
      this.frames.push(typeof data === "string" ? data : new Uint8Array(data));
      for (const wake of this.#wakers) wake();
    });
  }

  /** Opens a socket to the connections of an actor; it speaks JSON unless told otherwise. */
  static async connect(endpoint, actorId, encoding = "json") {
    const url = `${endpoint.replace("http", "ws")}/gateway/${actorId}/connect`;
    const plain = new Plain(url, ["rivet", `rivet_encoding.${encoding}`]);
    await plain.opened();
    return plain;
  }

  /** Resolves when it is open; rejects when it never will be. */
  opened() {
    return this.#opened;
  }

  get protocol() {
    return this.#socket.protocol;
  }

  /** The messages that came as JSON. */
  get messages() {
    return this.frames.map((frame) => JSON.parse(frame).body);
  }

  /** Waits until so many frames have come. */
  async until(count) {
    while (this.frames.length < count) {
      await new Promise((resolve) => {
        const wake = () => {
          this.#wakers.delete(wake);
          resolve();
        };
        this.#wakers.add(wake);
      });
    }
  }

  /** Sends a text, bytes, or a message as JSON. */
  say(frame) {
    const isRaw = typeof frame === "string" || frame instanceof Uint8Array;
    this.#socket.send(isRaw ? frame : JSON.stringify({ body: frame }));
  }

  call(id, name, ...args) {
    const val = { id: ["$BigInt", `${id}`], name, args };
    this.say({ tag: "ActionRequest", val });
  }

  subscribe(eventName, subscribe = true) {
    this.say({ tag: "SubscriptionRequest", val: { eventName, subscribe } });
  }

  close() {
    this.#socket.close(1000);
  }
}
