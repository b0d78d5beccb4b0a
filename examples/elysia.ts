// Actors inside an Elysia app: the app's own routes, and actors below /api/rivet.
//
//   deno run -A examples/elysia.ts
//   bun examples/elysia.ts
//
// Then: curl http://127.0.0.1:3000/visits/today

import { actor, createClient, setup } from "@troupe/actors";
import { Elysia } from "elysia";
import process from "node:process";

const visits = actor({
  state: { count: 0 },
  actions: {
    add(c) {
      c.broadcast("changed", ++c.state.count);
      return c.state.count;
    },
  },
});

export const registry = setup({ use: { visits } });

// The app's own code calls actors in its own process, without a port.
const client = createClient<typeof registry>();

const app = new Elysia({
  // Elysia's server has handlers of its own, which ours live under; this gives it our limits.
  websocket: registry.websocket,
})
  .get("/visits/:page", async ({ params }) => {
    const count = await client.visits.getOrCreate(params.page).add();
    return `Visit ${count}\n`;
  })
  .all(
    "/api/rivet/*",
    // On Bun a socket is made by the server that got the request.
    ({ request, server }) => registry.handler(request, server),
    // The body is ours to read.
    { parse: "none" },
  );

const stop = serve(Number(process.env.PORT ?? 3000));

// Whoever listens stops at a signal without asking. Actors end first: what runs is answered, and the
// sockets that a server would wait for are closed.
process.once("SIGTERM", async () => {
  await registry.shutdown();
  await stop();
  process.exit();
});

function serve(port: number): () => Promise<unknown> {
  if ("Bun" in globalThis) {
    app.listen(port);
    return () => app.stop();
  }
  const server = Deno.serve({ port }, app.fetch);
  return () => server.shutdown();
}
