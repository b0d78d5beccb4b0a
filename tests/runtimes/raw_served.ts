// The program of raw_test.ts: actors with raw requests and sockets, served on PORT.

import { actor, type Conn, setup } from "../../mod.ts";

const chunk = new Uint8Array(65_536);

// The connections but for that of the call.
function others(
  { conn, conns }: { conn: Conn; conns: ReadonlyMap<string, unknown> },
): number {
  return conns.size - (conns.has(conn.id) ? 1 : 0);
}

/** Streams of every kind. */
export const streams = actor({
  state: { count: 0 },
  createVars: () => ({
    produced: 0,
    isCancelled: false,
    isAborted: false,
    next: Promise.withResolvers<void>(),
  }),
  async onRequest(c, request) {
    const { vars } = c;
    switch (new URL(request.url).pathname) {
      // Reads one part, and the rest when an action says so.
      case "/upload": {
        const reader = request.body!.getReader();
        let length = (await reader.read()).value!.length;
        await vars.next.promise;
        for (;;) {
          const { done, value } = await reader.read();
          if (done) return Response.json(length);
          length += value.length;
        }
      }
      // As much as anybody reads.
      case "/endless":
        return new Response(
          new ReadableStream({
            pull(controller) {
              vars.produced += chunk.length;
              controller.enqueue(chunk);
            },
            cancel: () => void (vars.isCancelled = true),
          }, { highWaterMark: 0 }),
        );
      // One event for each `tell()`.
      case "/events":
        return new Response(
          new ReadableStream({
            async pull(controller) {
              await vars.next.promise;
              vars.next = Promise.withResolvers();
              const text = `data: ${++c.state.count}\n\n`;
              controller.enqueue(new TextEncoder().encode(text));
            },
            cancel: () => void (vars.isCancelled = true),
          }, { highWaterMark: 0 }),
          { headers: { "content-type": "text/event-stream" } },
        );
      // Counts as fast as anybody reads.
      case "/count":
        return new Response(
          new ReadableStream({
            async pull(controller) {
              await new Promise((resolve) => setTimeout(resolve, 2));
              const text = `${++c.state.count}\n`;
              controller.enqueue(new TextEncoder().encode(text));
            },
          }, { highWaterMark: 0 }),
        );
      case "/hang":
        request.signal.addEventListener("abort", () => vars.isAborted = true);
        console.log("hanging");
        await vars.next.promise;
        return new Response("late");
    }
  },
  actions: {
    tell: (c) => c.vars.next.resolve(),
    look: (c) => {
      const { produced, isCancelled, isAborted } = c.vars;
      return { produced, isCancelled, isAborted, conns: others(c) };
    },
    count: (c) => c.state.count,
  },
});

/** A socket that counts, and goes on while its actor sleeps. */
export const talks = actor({
  state: { count: 0, opened: 0, closed: 0 },
  connState: { count: 0 },
  vars: { life: 0 },
  onWebSocket(c, socket) {
    socket.onopen = () => void c.state.opened++;
    socket.onclose = () => void c.state.closed++;
    socket.onmessage = ({ data }) => {
      if (data === "bye") return socket.close(4001, "bye");
      if (data !== "add") return socket.send(data);
      c.conn.state.count++;
      const own = c.conn.state.count;
      socket.send(`${++c.state.count} ${own} ${++c.vars.life}`);
    };
  },
  actions: {
    rest: (c) => c.sleep(),
    look: (c) => ({ ...c.state, conns: others(c) }),
  },
  options: { canHibernateWebSocket: (r) => r.url.includes("hibernate") },
});

/** What raw_test.ts calls. */
export const registry = setup({ use: { streams, talks }, store: "sqlite" });

if (import.meta.main) {
  const server = registry.serve({ hostname: "127.0.0.1", port: 0 });
  console.log(`served on ${server.url}`);
}
