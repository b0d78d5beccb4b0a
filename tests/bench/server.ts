// A server of the bench: `server.ts sqlite FOLDER`, `server.ts deno-kv FOLDER`, `server.ts bare`, or
// `server.ts bare sqlite FOLDER`, which commits a step before it sends a frame back.
//
// The bare one is what the runtime can do at best: it sends every frame back, answers a POST with the
// JSON that came, and one to `/tell` by sending its body to every socket. Both tell at `/cpu` what time
// they have spent, in microseconds, and at `/memory` the bytes that they have in use.

import process from "node:process";
import { setup } from "../../mod.ts";
import { openAlone } from "./alone.ts";
import { counter } from "./counter.ts";
import { measureHeld } from "./held.ts";
import { openStore, type StoreName } from "./stores.ts";

interface BunSocket {
  send(frame: string | Uint8Array): void;
  subscribe(topic: string): void;
}

interface Bun {
  serve(options: {
    port: number;
    hostname: string;
    fetch(
      request: Request,
      server: BunServer,
    ): Promise<Response> | undefined;
    websocket: {
      open(socket: BunSocket): void;
      message(socket: BunSocket, frame: string): void;
    };
  }): { port: number };
}

interface BunServer {
  upgrade(request: Request): boolean;
  publish(topic: string, frame: string): void;
}

const hostname = "127.0.0.1";
const [kind, ...rest] = process.argv.slice(2);

if (kind === "bare") {
  const [store, folder = "."] = rest;
  const commit = store === undefined
    ? undefined
    : await openAlone(await openStore(store as StoreName, folder));
  console.log(`ready at http://${hostname}:${serveBare(commit)}`);
} else {
  const [folder = "."] = rest;
  const registry = setup({
    use: { counter },
    store: openStore(kind as StoreName, folder),
    noWelcome: true,
  });
  const { url } = registry.serve({
    port: 0,
    hostname,
    fetch: (request) => answer(request),
  });
  console.log(`ready at ${url}`);
}

function serveBare(commit: (() => Promise<void>) | undefined): number {
  const echo = async (
    socket: { send(frame: string): void },
    frame: string,
  ) => {
    await commit?.();
    socket.send(frame);
  };
  // Deno does not know the types of Bun's global.
  const { Bun } = globalThis as { Bun?: Bun };
  if (Bun === undefined) {
    const sockets = new Set<WebSocket>();
    const tell = (text: string) => {
      for (const socket of sockets) socket.send(text);
    };
    return Deno.serve({ port: 0, hostname, onListen() {} }, (request) => {
      if (request.headers.get("upgrade") !== "websocket") {
        return answer(request, tell);
      }
      const { socket, response } = Deno.upgradeWebSocket(request);
      socket.onopen = () => sockets.add(socket);
      socket.onmessage = commit === undefined
        ? ({ data }) => socket.send(data)
        : ({ data }) => void echo(socket, data);
      socket.onclose = () => sockets.delete(socket);
      return response;
    }).addr.port;
  }
  return Bun.serve({
    port: 0,
    hostname,
    fetch: (request, server) =>
      server.upgrade(request)
        ? undefined
        : answer(request, (text) => server.publish("all", text)),
    websocket: {
      open: (socket) => socket.subscribe("all"),
      message: commit === undefined
        ? (socket, frame) => socket.send(frame)
        : (socket, frame) => void echo(socket, frame),
    },
  }).port;
}

async function answer(
  request: Request,
  tell?: (text: string) => void,
): Promise<Response> {
  if (request.method === "POST") {
    if (tell === undefined || !request.url.endsWith("/tell")) {
      return Response.json(await request.json());
    }
    tell(await request.text());
    return Response.json(null);
  }
  if (request.url.endsWith("/memory")) {
    return Response.json(await measureHeld());
  }
  const { user, system } = process.cpuUsage();
  return Response.json(user + system);
}
