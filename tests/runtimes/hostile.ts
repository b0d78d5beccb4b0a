// The program of hostile_test.ts: an actor that refuses, and tells a lot.

import process from "node:process";
import { actor, setup, type UniversalWebSocket, UserError } from "../../mod.ts";

const text = "x".repeat(60_000);

/** What it is called with. */
export interface Params {
  isWelcome?: boolean;
  /** How much the refusal says. */
  length?: number;
}

/** An actor that refuses those who do not say that they are welcome. */
export const room = actor({
  createVars: () => ({ sockets: new Set<UniversalWebSocket>(), told: 0 }),
  onBeforeConnect(_c, params: Params | null) {
    if (params?.isWelcome) return;
    throw new UserError("no", {
      code: "closed",
      metadata: { text: "x".repeat(params?.length ?? 0) },
    });
  },
  onWebSocket(c, socket) {
    const { sockets } = c.vars;
    sockets.add(socket);
    socket.onclose = () => void sockets.delete(socket);
  },
  actions: {
    // Tells everybody something of 60 KB, so often.
    tell(c, times: number) {
      const { vars } = c;
      const bytes = new TextEncoder().encode(text);
      for (let i = 0; i < times; i++) {
        c.broadcast("told", vars.told++, text);
        for (const socket of vars.sockets) {
          socket.send(socket.url.includes("bytes") ? bytes : text);
        }
      }
    },
    look(c) {
      const { rss } = process.memoryUsage();
      // All but the connection of this call.
      return { conns: c.conns.size - 1, told: c.vars.told, rss };
    },
  },
});

/** What hostile_test.ts calls. */
export const registry = setup({ use: { room }, store: "memory" });

if (import.meta.main) {
  const server = registry.serve({ hostname: "127.0.0.1", port: 0 });
  console.log(`served on ${server.url}`);
}
