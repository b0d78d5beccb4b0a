// RivetKit's lines for Hono, and nothing else.

import { Hono } from "hono";
import { registry } from "./visits.ts";

const app = new Hono();
app.get("/", (c) => c.text("own page"));
app.all("/api/rivet/*", (c) => registry.handler(c.req.raw));

export default app;
