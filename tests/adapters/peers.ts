// Both ends of a socket, recorded so that a test can await what happens next.

import { assert } from "@std/assert";
import { connect, type Socket as TcpSocket } from "node:net";
import type { Socket, SocketEvents } from "../../src/adapters/adapter.ts";

type Told =
  | ["open"]
  | ["message", string | Uint8Array]
  | ["close", code: number, reason: string];

/** What was told, in order, for a test to await. */
class Queue {
  readonly pending: Told[] = [];
  #wake = () => {};

  protected push(told: Told): void {
    this.pending.push(told);
    this.#wake();
  }

  async next(): Promise<Told> {
    for (;;) {
      const told = this.pending.shift();
      if (told !== undefined) return told;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }
}

/** The events of a server's socket; one of them may throw. */
export class Recording extends Queue implements SocketEvents {
  readonly #throwing: keyof SocketEvents | undefined;
  #socket: Socket | undefined;

  constructor(throwing?: keyof SocketEvents) {
    super();
    this.#throwing = throwing;
  }

  get socket(): Socket {
    assert(this.#socket);
    return this.#socket;
  }

  open(socket: Socket): void {
    this.#socket = socket;
    this.push(["open"]);
    this.#throw("open");
  }

  message(frame: string | Uint8Array): void {
    this.push(["message", frame]);
    this.#throw("message");
  }

  close(code: number, reason: string): void {
    this.push(["close", code, reason]);
    this.#throw("close");
  }

  #throw(event: keyof SocketEvents): void {
    if (event === this.#throwing) throw new Error("thrown");
  }
}

/** A WebSocket client. */
class Client extends Queue {
  readonly #socket: WebSocket;

  constructor(socket: WebSocket) {
    super();
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    socket.addEventListener("message", ({ data }) => {
      this.push([
        "message",
        data instanceof ArrayBuffer ? new Uint8Array(data) : data,
      ]);
    });
    socket.addEventListener("close", ({ code, reason }) => {
      this.push(["close", code, reason]);
    });
  }

  send(frame: string | Uint8Array<ArrayBuffer>): void {
    this.#socket.send(frame);
  }

  close(code?: number, reason?: string): void {
    this.#socket.close(code, reason);
  }
}

/** Connects; `onOpen` runs in the very turn in which the client's socket opens. */
export async function dial(
  url: string,
  onOpen: (socket: WebSocket) => void = () => {},
): Promise<Client> {
  const socket = new WebSocket(url.replace("http:", "ws:"));
  const client = new Client(socket);
  await new Promise<void>((resolve, reject) => {
    socket.addEventListener("open", () => {
      onOpen(socket);
      resolve();
    });
    socket.addEventListener("error", () => reject(new Error("Cannot dial")));
  });
  return client;
}

/** The headers that make an upgrade request complete. */
export const handshake = [
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
];

/** A peer that has sent an upgrade request and reads no further than the answer's head. */
export class RawPeer {
  readonly socket: TcpSocket;
  readonly head: string;

  private constructor(socket: TcpSocket, head: string) {
    this.socket = socket;
    this.head = head;
  }

  /** Reads on, and answers so many pings, and then no more. */
  answerPings(count: number): void {
    let left = count;
    this.socket.removeAllListeners("data");
    this.socket.on("data", (chunk) => {
      // A ping has few bytes, and comes alone.
      if (typeof chunk === "string") return;
      const bytes = new Uint8Array(chunk);
      if (bytes[0] !== 0x89 || left-- <= 0) return;
      const payload = bytes.slice(2, 2 + bytes[1]!);
      // Masked with zeros, which leaves it as it is.
      this.socket.write(
        new Uint8Array([0x8a, 0x80 | payload.length, 0, 0, 0, 0, ...payload]),
      );
    });
    this.socket.resume();
  }

  /** Sends one message, short enough for a length of two bytes. */
  send(frame: string | Uint8Array): void {
    const isText = typeof frame === "string";
    const bytes = isText ? new TextEncoder().encode(frame) : frame;
    const length = [bytes.length >> 8, bytes.length & 255];
    // Masked with zeros, which leaves it as it is.
    const head = [isText ? 0x81 : 0x82, 0x80 | 126, ...length, 0, 0, 0, 0];
    this.socket.write(new Uint8Array([...head, ...bytes]));
  }

  static dial(url: string, headers: string[]): Promise<RawPeer> {
    const { hostname, port, pathname } = new URL(url);
    const socket = connect(Number(port), hostname);
    const lines = [
      `GET ${pathname} HTTP/1.1`,
      "Host: localhost",
      "Connection: Upgrade",
      "Upgrade: websocket",
      ...headers,
    ];
    socket.write(lines.join("\r\n") + "\r\n\r\n");
    return new Promise((resolve, reject) => {
      let head = "";
      socket.on("error", reject);
      socket.on("data", (chunk) => {
        head += chunk.toString("latin1");
        if (!head.includes("\r\n\r\n")) return;
        socket.pause();
        resolve(new RawPeer(socket, head));
      });
    });
  }
}
