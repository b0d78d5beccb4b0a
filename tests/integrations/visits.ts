// The registry of every program here.

import { actor, setup } from "@troupe/actors";

const visits = actor({
  state: { count: 0 },
  actions: {
    add(c, by: number) {
      c.state.count += by;
      c.broadcast("changed", c.state.count);
      return c.state.count;
    },
    /** Says so when it begins, and takes a while. */
    async addSlowly(c, by: number) {
      console.log("adding slowly");
      await new Promise((resolve) => setTimeout(resolve, 300));
      return c.state.count += by;
    },
  },
});

export const registry = setup({ use: { visits } });
