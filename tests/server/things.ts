import { actor, queue } from "../../mod.ts";

/** Actors that take whatever comes. */
export const things = {
  thing: actor({
    state: { count: 0 },
    queues: { jobs: queue() },
    async run(c) {
      for await (const message of c.queue.iter({ completable: true })) {
        await message.complete();
      }
    },
    actions: {
      echo: (_c, ...args: unknown[]) => args,
      count: (c) => ++c.state.count,
    },
    onRequest: (_c, request) => new Response(request.url),
    onWebSocket(_c, socket) {
      socket.addEventListener("message", ({ data }) => socket.send(data));
    },
  }),
};
