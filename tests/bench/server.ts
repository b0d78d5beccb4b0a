// A server of the bench: `server.ts bare`, or `server.ts sqlite FOLDER`, `server.ts deno-kv FOLDER`.
//
// The bare one is what the runtime can do at best: it sends every frame back, and answers a POST
// with the JSON that came. Both tell at `/cpu` what time they have spent, in microseconds.

import process from "node:process";
import { setup } from "../../mod.ts";
import { counter } from "./counter.ts";
import { openStore, type StoreName } from "./stores.ts";

interface BunSocket {
  send(frame: string | Uint8Array): void;
}

interface Bun {
  serve(options: {
    port: number;
    hostname: string;
    fetch(
      request: Request,
      server: { upgrade(request: Request): boolean },
    ): Promise<Response> | undefined;
    websocket: { message(socket: BunSocket, frame: string): void };
  }): { port: number };
}

const hostname = "127.0.0.1";
const [kind, folder = "."] = process.argv.slice(2);

if (kind === "bare") {
  console.log(`ready at http://${hostname}:${serveBare()}`);
} else {
  const registry = setup({
    use: { counter },
    store: openStore(kind as StoreName, folder),
    noWelcome: true,
  });
  const { url } = registry.serve({ port: 0, hostname, fetch: answer });
  console.log(`ready at ${url}`);
}

function serveBare(): number {
  // Deno does not know the types of Bun's global.
  const { Bun } = globalThis as { Bun?: Bun };
  if (Bun === undefined) {
    return Deno.serve({ port: 0, hostname, onListen() {} }, (request) => {
      if (request.headers.get("upgrade") !== "websocket") {
        return answer(request);
      }
      const { socket, response } = Deno.upgradeWebSocket(request);
      socket.onmessage = ({ data }) => socket.send(data);
      return response;
    }).addr.port;
  }
  return Bun.serve({
    port: 0,
    hostname,
    fetch: (request, server) =>
      server.upgrade(request) ? undefined : answer(request),
    websocket: { message: (socket, frame) => socket.send(frame) },
  }).port;
}

async function answer(request: Request): Promise<Response> {
  if (request.method === "POST") return Response.json(await request.json());
  const { user, system } = process.cpuUsage();
  return Response.json(user + system);
}
