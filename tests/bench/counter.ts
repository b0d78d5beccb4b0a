// The actor that the bench calls. Its state has about a hundred bytes, and every write changes it.

import { actor } from "../../mod.ts";

/** What a bench server serves: an actor to read, to write, and to tell all who listen. */
export const counter = actor({
  state: { count: 0, text: "x".repeat(80) },
  actions: {
    read: (c) => c.state.count,
    write: (c, by: number) => c.state.count += by,
    tell: (c, text: string) => c.broadcast("told", text),
    /** Tells so many characters; returns how many callers are connected. */
    tellMuch: (c, length: number) => {
      c.broadcast("told", "x".repeat(length));
      return c.conns.size;
    },
  },
});
