// Actors mounted into Elysia, which takes the path away before it hands a request on.

import { Elysia } from "elysia";
import process from "node:process";
import { registry } from "./visits.ts";

const app = new Elysia()
  .get("/", () => "own page")
  .mount("/api/rivet", registry.handler);

const port = Number(process.env.PORT);
if ("Bun" in globalThis) app.listen(port);
else Deno.serve({ port }, app.fetch);
