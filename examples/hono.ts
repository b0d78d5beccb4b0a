// Actors inside a Hono app: the app's own routes, and actors below /api/rivet.
//
//   deno serve -A --port 3000 examples/hono.ts
//   bun examples/hono.ts                              PORT=3000 bun examples/hono.ts
//
// Then: curl http://127.0.0.1:3000/visits/today

import { actor, createClient, setup } from "@troupe/actors";
import { Hono } from "hono";
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

const app = new Hono();
app.get("/visits/:page", async (c) => {
  const count = await client.visits.getOrCreate(c.req.param("page")).add();
  return c.text(`Visit ${count}\n`);
});
// On Bun a socket is made by the server that got the request, and Hono has it in `c.env`.
app.all("/api/rivet/*", (c) => registry.handler(c.req.raw, c.env));

// Whoever listens stops at a signal without asking; this lets actors end in order.
process.once("SIGTERM", async () => {
  await registry.shutdown();
  process.exit();
});

// Both runtimes serve a default export. The sockets of a Bun server need `websocket`.
export default { fetch: app.fetch, websocket: registry.websocket };
