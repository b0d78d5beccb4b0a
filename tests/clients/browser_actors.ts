// What the page of browser_test.ts connects to, and that page.

import { actor, setup, UserError } from "../../mod.ts";

// Who is refused, until somebody lets them in.
const refused = new Set(["Mallory"]);

const room = actor({
  createState: (_c, input: { topic: string } | undefined) => ({
    topic: input?.topic ?? "none",
    said: 0,
  }),
  createConnState: (_c, params: { name?: string } | undefined) => {
    const name = params?.name ?? "nobody";
    if (refused.has(name)) throw new UserError("Not you", { code: "not_you" });
    return { name };
  },
  onRequest: (_c, request) => {
    const { pathname, search } = new URL(request.url);
    return new Response(pathname + search, { headers: { "x-own": "yes" } });
  },
  onWebSocket(_c, socket) {
    socket.addEventListener("message", ({ data }) => {
      socket.send(data);
      socket.close(4001, "bye");
    });
  },
  actions: {
    say(c, text: string): number {
      c.broadcast("said", text);
      return ++c.state.said;
    },
    topic: (c) => c.state.topic,
    names: (c) => [...c.conns.values()].map(({ state }) => state.name).sort(),
    echo: (_c, ...args: unknown[]) => args,
    fail() {
      throw new UserError("It is closed", {
        code: "closed",
        metadata: { until: 9 },
      });
    },
    admit: (_c, name: string) => refused.delete(name),
    // Closes all connections but the caller's.
    async clear(c, reason: string): Promise<void> {
      // Not those that come back while the others are still closed.
      for (const conn of [...c.conns.values()]) {
        if (conn.id !== c.conn.id) await conn.disconnect(reason);
      }
    },
  },
});

/** The registry of the page. */
export const registry = setup({ use: { room }, store: "memory" });

/** An empty page, into which the test puts its script. */
export function answerPage(): Response {
  return new Response("<!DOCTYPE html><title>Guests</title><body></body>", {
    headers: { "content-type": "text/html" },
  });
}
