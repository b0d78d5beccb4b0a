// What the programs of serve_test.ts serve: a registry with no actors in it. It does with the adapter
// what `registry.serve()` does.

import type {
  Address,
  Answer,
  Server,
  Socket,
} from "../../src/adapters/adapter.ts";
import { adapter } from "../../src/adapters/serve.ts";

const sockets = new Set<Socket>();

/** Answers `text`, after `?delay=` milliseconds, or in two chunks with `?silence=` between them. */
function answerWith(text: string): Answer {
  return async (request, exchange) => {
    const { upgrade } = exchange;
    const { searchParams } = new URL(request.url);
    if (upgrade !== undefined) {
      let own: Socket | undefined;
      return upgrade({
        open(socket) {
          sockets.add(own = socket);
        },
        message: (frame) => own?.send(`${text}: ${frame}`),
        close(code) {
          if (own !== undefined) sockets.delete(own);
          console.log(`socket closed ${code}`);
        },
      }, {});
    }
    if (request.headers.has("upgrade")) {
      return new Response(adapter.upgradeHelp, { status: 426 });
    }
    const silenceMs = searchParams.get("silence");
    if (silenceMs !== null) {
      exchange.goesOn?.();
      return twoChunks(Number(silenceMs));
    }
    const delayMs = searchParams.get("delay");
    if (delayMs !== null) {
      console.log("delays an answer");
      await sleep(Number(delayMs));
    }
    return new Response(text);
  };
}

/** `fetch` and `websocket` for a server that the program starts itself. */
export function handlers(): Pick<Server, "fetch" | "websocket"> {
  return adapter.handlers(answerWith("handled"));
}

/** Serves `text` on PORT. */
export function serve(text = "served"): Served {
  const server = adapter.serve(answerWith(text), {
    port: Number(adapter.env("PORT") ?? 0),
    hostname: "127.0.0.1",
    onListen: ({ url }) => console.log(`${text} on ${url}`),
    onReplaced() {
      console.log(`${text} replaced`);
      ignoreSignals();
    },
  });
  const shutdown = async () => {
    for (const socket of sockets) socket.close(1001, "stopping");
    await server.stop(2_000);
  };
  const ignoreSignals = adapter.onStopSignal(async (signal) => {
    console.log(`stopping at ${signal}`);
    await shutdown();
    console.log("stopped");
    adapter.exit(0);
  });
  return {
    fetch: server.fetch,
    websocket: server.websocket,
    get url() {
      return server.address.url;
    },
    get port() {
      return server.address.port;
    },
    shutdown,
    stop: shutdown,
    onListen: server.onListen,
  };
}

/** What `registry.serve()` returns. */
export interface Served extends Address, Pick<Server, "fetch" | "websocket"> {
  shutdown(): Promise<void>;
  /** Tells Bun that this default export is a server already. */
  stop(): Promise<void>;
  /** `deno serve` calls it. */
  onListen: Server["onListen"];
}

function twoChunks(silenceMs: number): Response {
  const { readable, writable } = new TransformStream<Uint8Array>();
  const writer = writable.getWriter();
  const encoder = new TextEncoder();
  const write = async () => {
    await writer.write(encoder.encode("first"));
    await sleep(silenceMs);
    await writer.write(encoder.encode(" second"));
    await writer.close();
  };
  write().catch((error) => console.error(error));
  return new Response(readable);
}

function sleep(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}
