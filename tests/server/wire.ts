// Bytes over TCP, for callers that no client of HTTP would be.

import { connect, type Socket } from "node:net";
import type { Frame } from "../../src/protocol/messages.ts";
import type { OddRequest } from "./odd_requests.ts";

/** The caller's end of a TCP connection. */
export class Caller {
  readonly #socket: Socket;
  readonly #closed: Promise<void>;
  #received = "";
  #wake = () => {};

  /** Connects to a port of this machine. */
  constructor(port: number) {
    this.#socket = connect(port, "127.0.0.1");
    this.#socket.on("data", (chunk) => {
      this.#received += chunk.toString("latin1");
      this.#wake();
    });
    // How it ends does not matter, only that it does.
    this.#socket.on("error", () => {});
    this.#closed = new Promise((resolve) =>
      this.#socket.on("close", () => resolve())
    );
  }

  /** Sends bytes, which may well be too late. */
  send(bytes: Uint8Array): void {
    if (this.#socket.writable) this.#socket.write(bytes);
  }

  /** Waits until it has received the head of an answer, or everything that there is. */
  async head(): Promise<string> {
    let isClosed = false;
    this.#closed.then(() => {
      isClosed = true;
      this.#wake();
    });
    while (!isClosed && !this.#received.includes("\r\n\r\n")) {
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    return this.#received;
  }

  /** Waits until the connection is closed: everything that was received. */
  async all(): Promise<string> {
    await this.#closed;
    return this.#received;
  }

  /** Hangs up, and returns everything that was received. */
  async hangUp(): Promise<string> {
    this.#socket.destroy();
    return await this.all();
  }
}

/** The status of an answer; `undefined` when there is none. */
export function statusOf(received: string): number | undefined {
  const [, status] = /^HTTP\/1\.[01] (\d{3})/.exec(received) ?? [];
  return status === undefined ? undefined : Number(status);
}

/** The bytes of a request. */
export function bytesOf(
  { method, path, headers, body = "" }: OddRequest,
): Uint8Array<ArrayBuffer> {
  const content = typeof body === "string" ? encoder.encode(body) : body;
  const lines = [
    `${method} ${path.replaceAll("#", "")} HTTP/1.1`,
    "Host: localhost",
    "Connection: close",
    `Content-Length: ${content.length}`,
    ...headers.map(([name, value]) => `${name}: ${value}`),
  ];
  const head = Array.from(
    `${lines.join("\r\n")}\r\n\r\n`,
    (char) => char.charCodeAt(0) & 0xff,
  );
  return Uint8Array.from([...head, ...content]);
}

/** The bytes of a handshake for a socket. */
export function handshakeOf(
  path: string,
  protocols: string,
): Uint8Array<ArrayBuffer> {
  return encoder.encode([
    `GET ${path} HTTP/1.1`,
    "Host: localhost",
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    `Sec-WebSocket-Protocol: ${protocols}`,
    "",
    "",
  ].join("\r\n"));
}

/** The bytes of a frame on a socket. */
export function framed(frame: Frame): Uint8Array<ArrayBuffer> {
  const isText = typeof frame === "string";
  return masked(isText ? 0x81 : 0x82, isText ? encoder.encode(frame) : frame);
}

/** The frame that closes a socket. */
export const closing: Uint8Array<ArrayBuffer> = masked(
  0x88,
  new Uint8Array([0x03, 0xe8]),
);

const encoder = new TextEncoder();

// Masked with zeros, which leaves the bytes as they are.
function masked(kind: number, bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const { length } = bytes;
  const size = length < 126 ? [length] : [126, length >> 8, length & 0xff];
  return Uint8Array.from([
    kind,
    0x80 | size[0]!,
    ...size.slice(1),
    ...[0, 0, 0, 0],
    ...bytes,
  ]);
}
