// RivetKit's lines for Elysia, in an app that has sockets of its own.

import { Elysia } from "elysia";
import process from "node:process";
import { registry } from "./visits.ts";

new Elysia()
  .get("/", () => "own page")
  .ws("/echo", { message: (ws, message) => void ws.send(`echo: ${message}`) })
  .all(
    "/api/rivet/*",
    ({ request, server }) => registry.handler(request, server),
  )
  .listen(Number(process.env.PORT));
