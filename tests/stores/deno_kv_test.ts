import { join } from "@std/path";
import { denoKvStore } from "../../src/stores/deno_kv.ts";
import { storeContract } from "../contracts/store.ts";

storeContract(
  "Deno KV",
  (folder) => denoKvStore({ path: join(folder, "actors.kv") }),
  { isLasting: true },
);
