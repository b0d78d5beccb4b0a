// The actors that RivetKit's clients call in the cases.

import { actor, setup } from "../../mod.ts";

const counter = actor({
  state: { count: 0 },
  actions: {
    increment(c, by = 1) {
      c.state.count += by;
      c.broadcast("newCount", c.state.count);
      return c.state.count;
    },
    read: (c) => c.state.count,
    nothing() {},
  },
});

/** The registry of the cases. */
export const registry = setup({ use: { counter }, store: "memory" });
