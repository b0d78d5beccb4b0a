// What the page of hooks_test.ts connects to.

import { actor, setup, UserError } from "@troupe/actors";

const room = actor({
  createState: (_c, input: { topic: string } | undefined) => ({
    topic: input?.topic ?? "none",
  }),
  createConnState: (_c, params: { name?: string } | undefined) => {
    if (params?.name === "Mallory") {
      throw new UserError("Not you", { code: "not_you" });
    }
    return { name: params?.name ?? "nobody" };
  },
  actions: {
    tell(c, event: string, text: string): void {
      c.broadcast(event, text);
    },
    topic: (c) => c.state.topic,
    names: (c) => [...c.conns.values()].map(({ state }) => state.name).sort(),
  },
});

export const registry = setup({ use: { room }, store: "memory" });

// An empty page, into which the test puts its script.
registry.serve({
  hostname: "127.0.0.1",
  fetch: () =>
    new Response("<!DOCTYPE html><title>Hooks</title><body></body>", {
      headers: { "content-type": "text/html" },
    }),
});
