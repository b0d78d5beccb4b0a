// The program that is killed. CRASH_STORE names the store, TROUPE_DATA its folder.

import process from "node:process";
import { setup } from "../../mod.ts";
import { agenda, archive, ledger, room } from "./actors.ts";

/** The actors of the rig. */
export const registry = setup({
  use: { ledger, agenda, archive, room },
  store: process.env.CRASH_STORE === "deno-kv" ? "deno-kv" : "sqlite",
  maxOutgoingMessageSize: 16 * 1024 * 1024,
});

registry.serve({ port: 0, hostname: "127.0.0.1" });
