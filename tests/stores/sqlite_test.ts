import { join } from "@std/path";
import { sqliteStore } from "../../src/stores/sqlite.ts";
import { storeContract } from "../contracts/store.ts";

storeContract(
  "SQLite",
  (folder) => sqliteStore({ path: join(folder, "actors.sqlite") }),
  { isLasting: true },
);
