// Our own server, with everything in memory. Its welcome tells where it is.

import * as troupe from "../../../mod.ts";
import { actorsOf } from "./actors.js";

troupe.setup({ use: actorsOf(troupe), store: "memory" })
  .serve({ port: 0, hostname: "127.0.0.1" });
