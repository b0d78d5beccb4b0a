// A Hono app on Bun that has sockets of its own.

import { Hono } from "hono";
import { upgradeWebSocket, websocket } from "hono/bun";
import { registry } from "./visits.ts";

const app = new Hono();
app.get("/", (c) => c.text("own page"));
app.get(
  "/echo",
  upgradeWebSocket(() => ({
    onMessage: ({ data }, socket) => socket.send(`echo: ${data}`),
  })),
);
app.all("/api/rivet/*", (c) => registry.handler(c.req.raw, c.env));

export default {
  fetch: app.fetch,
  websocket: { ...registry.websocket, ...websocket },
};
