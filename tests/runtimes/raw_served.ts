// The program of raw_test.ts: actors with raw requests and sockets, served on PORT.

import { actor, setup } from "../../mod.ts";

const chunk = new Uint8Array(65_536);

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
      return { produced, isCancelled, isAborted, conns: c.conns.size };
    },
    count: (c) => c.state.count,
  },
});

/** What raw_test.ts calls. */
export const registry = setup({ use: { streams }, store: "sqlite" });

if (import.meta.main) {
  const server = registry.serve({ hostname: "127.0.0.1", port: 0 });
  console.log(`served on ${server.url}`);
}
