// Polls, with a page in React.
//
//   deno run -A examples/react/server.ts        npx -y deno@2.9 run -A examples/react/server.ts
//   bun examples/react/server.ts                after npm install
//
// Then open http://127.0.0.1:6420 in two windows and vote. Kill it, even with kill -9, and start it
// again: the pages come back by themselves, and no vote that was seen is missing.

import { setup } from "@troupe/actors";
import { answerPage } from "./pages.ts";
import { poll } from "./poll.ts";

/** All that this program serves; `app.tsx` takes its types from here. */
export const registry = setup({ use: { poll } });

// Actors are served at /api/rivet, and the page at every other path.
registry.serve({ fetch: answerPage });
