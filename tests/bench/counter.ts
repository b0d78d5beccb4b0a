// The actor that the bench calls. Its state has about a hundred bytes, and every write changes it.

import { actor } from "../../mod.ts";

/** What a bench server serves. */
export const counter = actor({
  state: { count: 0, text: "x".repeat(80) },
  actions: {
    read: (c) => c.state.count,
    write: (c, by: number) => c.state.count += by,
  },
});
