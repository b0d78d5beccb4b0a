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
// `c.env` is what the runtime gives with a request. On Bun that is the server, which makes sockets.
app.all("/api/rivet/*", (c) => registry.handler(c.req.raw, c.env));

// Whoever listens stops at a signal without asking. This lets actors end in order: what runs is
// answered, and connections are closed.
process.once("SIGTERM", async () => {
  await registry.shutdown();
  process.exit();
});

// Both runtimes serve a default export. Sockets on Bun need `websocket`; an app that has sockets of
// its own from "hono/bun" takes both: { ...registry.websocket, ...websocket }.
export default { fetch: app.fetch, websocket: registry.websocket };
