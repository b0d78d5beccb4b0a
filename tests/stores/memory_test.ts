import { memoryStore } from "../../src/stores/memory.ts";
import { storeContract } from "../contracts/store.ts";

storeContract("memory", () => Promise.resolve(memoryStore()), {
  isLasting: false,
});
