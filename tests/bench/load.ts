// Load from this process: a fixed number of requests is always under way, and each answer is
// followed by the next request. The same code drives Troupe and a bare server.

import { connect, type Socket } from "node:net";

/** What is sent, and how it is known that it was answered well. */
export interface Traffic {
  /** The n-th request of one connection. */
  request(n: number): string;
  /** What every good answer contains. */
  answer: string;
}

/** Where a load goes. */
export interface LoadOptions {
  /** One address for each connection. */
  urls: string[];
  /** How many requests of one connection are under way at once. */
  depth: number;
  traffic: Traffic;
}

/** How much a load got done. */
export interface Done {
  answers: number;
  seconds: number;
}

/** A load over connections that are open. */
export interface Load {
  /** Keeps the server busy for a time; resolves when the last answer has come. */
  run(durationMs: number): Promise<Done>;
  close(): void;
}

interface Line {
  start(): void;
  close(): void;
}

/** How a WebSocket is opened. */
export interface Opening {
  protocols: string[];
  /** Whether the server sends a frame of its own at the opening. */
  greets: boolean;
}

/** A load over WebSockets. */
export async function openSockets(
  options: LoadOptions,
  { protocols, greets }: Opening,
): Promise<Load> {
  const pump = new Pump(options.depth);
  const { traffic } = options;
  const lines = options.urls.map(async (url): Promise<Line> => {
    const socket = new WebSocket(url.replace("http:", "ws:"), protocols);
    await new Promise<void>((resolve, reject) => {
      const event = greets ? "message" : "open";
      socket.addEventListener(event, () => resolve(), { once: true });
      socket.addEventListener(
        "error",
        () => reject(new Error(`Cannot connect to ${url}`)),
      );
    });
    let n = 0;
    const send = () => socket.send(traffic.request(n++));
    socket.onmessage = ({ data }) => {
      if (data.includes(traffic.answer)) {
        if (pump.answered()) send();
      } else pump.fail(data);
    };
    socket.onclose = ({ code, reason }) =>
      pump.fail(`closed ${code} ${reason}`);
    return {
      start() {
        for (let i = 0; i < options.depth; i++) send();
      },
      close() {
        socket.onclose = null;
        socket.close();
      },
    };
  });
  return pump.load(await Promise.all(lines));
}

/**
 * A load of WebSocket frames that costs this process next to nothing, as if many machines were
 * calling: frames that arrived together are answered together. With the runtime's own sockets this
 * process would often be busier than the server.
 */
export async function openFrames(
  options: LoadOptions,
  opening: Opening,
): Promise<Load> {
  const pump = new Pump(options.depth);
  const { depth, traffic } = options;
  const lines = options.urls.map(async (url): Promise<Line> => {
    let n = 0;
    const onFrames = (frames: string[]) => {
      let next = 0;
      for (const frame of frames) {
        if (!frame.includes(traffic.answer)) pump.fail(frame);
        else if (pump.answered()) next++;
      }
      send(next);
    };
    const socket = await openFrameSocket(url, opening, onFrames);
    const send = (count: number) => {
      const frames = Array.from(
        { length: count },
        () => frameOf(traffic.request(n++)),
      );
      if (count > 0) socket.write(frames.join(""), "latin1");
    };
    return { start: () => send(depth), close: () => socket.destroy() };
  });
  return pump.load(await Promise.all(lines));
}

/** Many who hear what a server tells all of them. */
export interface Hearers {
  /** Resolves when each of them has got so many frames more. */
  heard(frames: number): Promise<void>;
  close(): void;
}

/** Opens WebSockets that send `hello`, if there is one, and then only listen. */
export async function openHearers(
  urls: string[],
  { hello, answer, ...opening }: Opening & {
    hello?: string | undefined;
    answer: string;
  },
): Promise<Hearers> {
  let missing = 0;
  let all: PromiseWithResolvers<void> | undefined;
  const onFrames = (frames: string[]) => {
    const wrong = frames.find((frame) => !frame.includes(answer));
    if (wrong !== undefined) {
      all?.reject(new Error(`A wrong frame: ${wrong}`));
    }
    missing -= frames.length;
    if (missing === 0) all?.resolve();
  };
  const sockets: Socket[] = [];
  // Not all at once: a server has room for so many that have not been taken in.
  for (const url of urls) {
    const socket = await openFrameSocket(url, opening, onFrames);
    if (hello !== undefined) socket.write(frameOf(hello), "latin1");
    sockets.push(socket);
  }
  return {
    heard(frames) {
      all = Promise.withResolvers();
      missing = frames * sockets.length;
      return all.promise;
    },
    close() {
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** Opens a WebSocket that sends `hello`, and then reads nothing any more. */
export async function openSilent(
  url: string,
  { hello, ...opening }: Opening & { hello: string },
): Promise<{ close(): void }> {
  const socket = await openFrameSocket(url, opening, () => {});
  socket.pause();
  socket.write(frameOf(hello), "latin1");
  return { close: () => socket.destroy() };
}

// A WebSocket by hand: resolves when it is open, and then gives the frames that come to `onFrames`.
async function openFrameSocket(
  url: string,
  { protocols, greets }: Opening,
  onFrames: (frames: string[]) => void,
): Promise<Socket> {
  const socket = await openSocket(url);
  const ready = Promise.withResolvers<void>();
  let take = (frames: string[]) => {
    if (greets && frames.length === 0) return;
    take = onFrames;
    ready.resolve();
  };
  splitFrames(socket, (frames) => take(frames));
  const { hostname, pathname } = new URL(url);
  const offer = protocols.length === 0
    ? ""
    : `sec-websocket-protocol: ${protocols.join(", ")}\r\n`;
  socket.write(
    `GET ${pathname} HTTP/1.1\r\nhost: ${hostname}\r\nupgrade: websocket\r\n` +
      `connection: Upgrade\r\nsec-websocket-version: 13\r\n${offer}` +
      `sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`,
  );
  await ready.promise;
  return socket;
}

// A masked text frame; a mask of zeros leaves the text as it is.
function frameOf(text: string): string {
  const { length } = text;
  const head = length < 126
    ? [0x81, 0x80 | length]
    : [0x81, 0x80 | 126, length >> 8, length & 255];
  return String.fromCharCode(...head, 0, 0, 0, 0) + text;
}

// Calls back with no frames when the socket has become a WebSocket, then with what has come. Pings,
// which servers send without a payload, are answered here.
function splitFrames(
  socket: Socket,
  onFrames: (frames: string[]) => void,
): void {
  let rest = "";
  let isOpen = false;
  socket.on("data", (chunk: string) => {
    rest += chunk;
    if (!isOpen) {
      const end = rest.indexOf("\r\n\r\n");
      if (end < 0) return;
      isOpen = true;
      rest = rest.slice(end + 4);
      onFrames([]);
    }
    const frames: string[] = [];
    let start = 0;
    for (;;) {
      let length = rest.charCodeAt(start + 1) & 127;
      let from = start + 2;
      if (length === 126) {
        length = rest.charCodeAt(start + 2) << 8 | rest.charCodeAt(start + 3);
        from += 2;
      }
      // Of a frame that has not come whole, the head may be missing too.
      if (!(from + length <= rest.length)) break;
      const isPing = (rest.charCodeAt(start) & 15) === 9;
      if (isPing) socket.write("\x8a\x80\0\0\0\0", "latin1");
      else frames.push(rest.slice(from, from + length));
      start = from + length;
    }
    rest = rest.slice(start);
    if (frames.length > 0) onFrames(frames);
  });
}

async function openSocket(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port) });
  socket.setNoDelay(true);
  socket.setEncoding("latin1");
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("error", reject);
  });
  return socket;
}

/**
 * A load of POST requests over kept connections, each with one request under way. Where there are more
 * addresses than connections, each of these goes to its share of them in turn. Not `fetch()`, which costs
 * more than most servers.
 */
export async function openPosts(
  options: LoadOptions & { connections: number },
  headers: Record<string, string> = {},
): Promise<Load> {
  const more = Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}\r\n`).join("");
  const pump = new Pump(1);
  const { urls, connections } = options;
  const opening = Array.from({ length: connections }, async (_, i) => {
    const own = urls.filter((_, j) => j % connections === i);
    const paths = own.map((url) => new URL(url).pathname);
    const { hostname } = new URL(own[0]!);
    const socket = await openSocket(own[0]!);
    let n = 0;
    const send = () => {
      const path = paths[n % paths.length];
      const body = options.traffic.request(n++);
      socket.write(
        `POST ${path} HTTP/1.1\r\nhost: ${hostname}\r\n` +
          `content-type: application/json\r\n${more}` +
          `content-length: ${body.length}\r\n\r\n${body}`,
      );
    };
    onResponses(socket, (response) => {
      if (response.includes(options.traffic.answer)) {
        if (pump.answered()) send();
      } else pump.fail(response);
    });
    socket.on("error", (error) => pump.fail(error));
    socket.on("close", () => pump.fail(closed));
    return {
      start() {
        if (socket.destroyed) pump.fail(closed);
        else send();
      },
      close: () => socket.destroy(),
    };
  });
  return pump.load(await Promise.all(opening));
}

const closed = "the connection was closed";

function onResponses(socket: Socket, onResponse: (text: string) => void): void {
  let rest = "";
  socket.on("data", (chunk: string) => {
    rest += chunk;
    for (;;) {
      const body = rest.indexOf("\r\n\r\n") + 4;
      if (body < 4) return;
      const [, length] = /\r\ncontent-length: *(\d+)/i.exec(rest) ?? [];
      if (length === undefined) throw new Error(`No length in: ${rest}`);
      const end = body + Number(length);
      if (rest.length < end) return;
      const response = rest.slice(0, end);
      rest = rest.slice(end);
      onResponse(response);
    }
  });
}

// Counts the answers of all connections, and says when no more requests should follow.
class Pump {
  readonly #depth: number;
  #answers = 0;
  #underWay = 0;
  #isOver = false;
  #end: PromiseWithResolvers<void> | undefined;

  constructor(depth: number) {
    this.#depth = depth;
  }

  load(lines: Line[]): Load {
    return {
      run: (durationMs) => this.#run(lines, durationMs),
      close() {
        for (const line of lines) line.close();
      },
    };
  }

  /** Takes note of an answer; returns whether a request should follow it. */
  answered(): boolean {
    this.#answers++;
    if (!this.#isOver) return true;
    if (--this.#underWay === 0) this.#end?.resolve();
    return false;
  }

  fail(why: unknown): void {
    this.#end?.reject(new Error(`The load got a wrong answer: ${why}`));
  }

  async #run(lines: Line[], durationMs: number): Promise<Done> {
    this.#end = Promise.withResolvers();
    this.#answers = 0;
    this.#underWay = lines.length * this.#depth;
    this.#isOver = false;
    const start = performance.now();
    const timer = setTimeout(() => this.#isOver = true, durationMs);
    for (const line of lines) line.start();
    await this.#end.promise.finally(() => clearTimeout(timer));
    return {
      answers: this.#answers,
      seconds: (performance.now() - start) / 1000,
    };
  }
}
