// Our own server on PORT, with everything in memory.

import process from "node:process";
import * as troupe from "../../../mod.ts";
import { actorsOf } from "./actors.js";

troupe.setup({ use: actorsOf(troupe), store: "memory" })
  .serve({ port: Number(process.env.PORT), hostname: "127.0.0.1" });
