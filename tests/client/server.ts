// A server that is no Troupe: it notes what comes in, and answers what a test tells it.

import { createHash } from "node:crypto";
import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";

export interface Received {
  line: string;
  headers: IncomingMessage["headers"];
  body: string;
  bytes: Uint8Array<ArrayBuffer>;
}

export interface Answer {
  status?: number;
  type?: string;
  headers?: Record<string, string>;
  body: string | Uint8Array;
}

export class FakeServer implements AsyncDisposable {
  readonly received: Received[] = [];
  answer: (request: Received) => Answer | undefined = () => undefined;
  /** What `/metadata` is answered with, which is noted apart. */
  metadata: (request: Received) => Answer | undefined = () => ({ body: "{}" });
  readonly lookups: Received[] = [];
  /** What happens to a socket when it has been accepted. */
  accept: (socket: FakeSocket) => void = () => {};

  readonly #server: Server;
  readonly #sockets = new Set<Duplex>();

  private constructor(server: Server) {
    this.#server = server;
    server.on("request", (request, response) => {
      this.#handle(request, response);
    });
    server.on("upgrade", (request, socket) => this.#upgrade(request, socket));
  }

  static async start(port = 0): Promise<FakeServer> {
    const server = createServer();
    await new Promise<void>((resolve) =>
      server.listen(port, "127.0.0.1", resolve)
    );
    return new FakeServer(server);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  async #handle(
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const bytes = await new Blob(chunks.map((each) => each.slice())).bytes();
    const body = new TextDecoder().decode(bytes);
    const line = `${request.method} ${request.url}`;
    const received = { line, headers: request.headers, body, bytes };
    const isLookup = request.url?.split("?")[0]?.endsWith("/metadata");
    (isLookup ? this.lookups : this.received).push(received);
    const answer = isLookup ? this.metadata(received) : this.answer(received);
    if (answer === undefined) return; // The caller waits.
    const sent = typeof answer.body === "string"
      ? new TextEncoder().encode(answer.body)
      : answer.body;
    response.writeHead(answer.status ?? 200, {
      "content-type": answer.type ?? "application/json",
      "content-length": sent.length,
      "connection": "close",
      ...answer.headers,
    });
    response.end(sent);
  }

  #upgrade(request: IncomingMessage, socket: Duplex): void {
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket));
    socket.on("error", () => socket.destroy());
    const { headers } = request;
    const accepted = new FakeSocket(socket);
    const line = `WS ${request.url}`;
    const bytes = new Uint8Array();
    this.received.push({ line, headers, body: "", bytes });
    const key = createHash("sha1")
      .update(`${headers["sec-websocket-key"]}${acceptGuid}`)
      .digest("base64");
    socket.write(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n" +
        `Connection: Upgrade\r\nSec-WebSocket-Accept: ${key}\r\n` +
        "Sec-WebSocket-Protocol: rivet\r\n\r\n",
    );
    this.accept(accepted);
  }
}

const acceptGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** The server's end of a WebSocket, for messages of less than 64 KiB that come in one frame. */
export class FakeSocket {
  readonly received: string[] = [];
  onMessage: (text: string, bytes: Uint8Array<ArrayBuffer>) => void = () => {};
  readonly #socket: Duplex;
  #bytes = new Uint8Array();

  constructor(socket: Duplex) {
    this.#socket = socket;
    socket.on("data", (chunk: Uint8Array) => this.#take(chunk));
  }

  send(text: string | Uint8Array): void {
    const payload = typeof text === "string"
      ? new TextEncoder().encode(text)
      : text;
    this.#write(typeof text === "string" ? 0x81 : 0x82, payload);
  }

  close(code: number, reason = ""): void {
    const text = new TextEncoder().encode(reason);
    this.#write(0x88, new Uint8Array([code >> 8, code & 255, ...text]));
  }

  #write(head: number, payload: Uint8Array): void {
    const length = payload.length < 126
      ? [payload.length]
      : [126, payload.length >> 8, payload.length & 255];
    this.#socket.write(new Uint8Array([head, ...length, ...payload]));
  }

  #take(chunk: Uint8Array): void {
    this.#bytes = new Uint8Array([...this.#bytes, ...chunk]);
    while (this.#bytes.length >= 6) {
      const [head, marked] = this.#bytes;
      const length = marked! & 127;
      const isLong = length === 126;
      const at = isLong ? 4 : 2;
      const size = isLong ? this.#bytes[2]! << 8 | this.#bytes[3]! : length;
      if (this.#bytes.length < at + 4 + size) return;
      const mask = this.#bytes.subarray(at, at + 4);
      const payload = this.#bytes.slice(at + 4, at + 4 + size)
        .map((byte, index) => byte ^ mask[index % 4]!);
      this.#bytes = this.#bytes.slice(at + 4 + size);
      if (head === 0x88) {
        const reason = new TextDecoder().decode(payload.subarray(2));
        this.received.push(`close ${reason}`.trim());
        this.#write(0x88, payload);
        this.#socket.end();
      } else {
        const text = new TextDecoder().decode(payload);
        this.received.push(text);
        this.onMessage(text, payload);
      }
    }
  }
}
