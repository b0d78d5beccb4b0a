// The server of the page.

import { answerPage, registry } from "./browser_actors.ts";

registry.serve({ hostname: "127.0.0.1", fetch: answerPage });
