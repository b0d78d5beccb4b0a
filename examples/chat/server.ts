// A chat with rooms, for a browser.
//
//   deno run -A examples/chat/server.ts        npx -y deno@2.9 run -A examples/chat/server.ts
//   bun examples/chat/server.ts
//
// Then open http://127.0.0.1:6420 in two tabs. Kill it while they talk, even with kill -9, and start
// it again: the tabs come back by themselves, and no message that anybody has seen is missing.

import { setup } from "@troupe/actors";
import { answerPage } from "./pages.ts";
import { chatRoom } from "./room.ts";

/** All that this program serves; `browser.ts` takes its types from here. */
export const registry = setup({ use: { chatRoom } });

// Actors are served at /api/rivet, and the page at every other path.
registry.serve({ fetch: answerPage });
