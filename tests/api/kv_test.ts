// `c.kv` on the stores that last, through a whole program and its restart.

import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import {
  actor,
  createClient,
  denoKvStore,
  setup,
  sqliteStore,
} from "../../mod.ts";
import type { Store } from "../../src/stores/store.ts";
import { inFolder, pattern } from "../contracts/store_steps.ts";
import { test } from "../harness.ts";

const hasDenoKv =
  typeof (globalThis as { Deno?: { openKv?: unknown } }).Deno?.openKv ===
    "function";

const stores: Record<string, (folder: string) => Promise<Store>> = {
  SQLite: (folder) => sqliteStore({ path: join(folder, "actors.sqlite") }),
};
if (hasDenoKv) {
  stores["Deno KV"] = (folder) =>
    denoKvStore({ path: join(folder, "actors.kv") });
}

// The longest key, of bytes that a database may have to write as two.
const zeros = new Uint8Array(1_024);
const longest = 131_072;

const shelf = actor({
  state: { writes: 0 },
  actions: {
    async fill(c, count: number) {
      await c.kv.put(zeros, pattern(longest, 1));
      for (let n = 0; n < count; n += 100) {
        await c.kv.putBatch(
          Array.from({ length: 100 }, (_, i) => [nameOf(n + i), `${n + i}`]),
        );
      }
      c.state.writes += count;
    },
    // Reads that wait for the store while others write.
    async move(c, from: number) {
      const value = await c.kv.get(nameOf(from));
      await c.kv.delete(nameOf(from));
      await c.kv.put(`moved/${nameOf(from)}`, value!);
      c.state.writes++;
      return (await c.kv.list("moved/")).length > 0;
    },
    clear: (c) => c.kv.deleteRange("", "z"),
    async look(c) {
      return {
        writes: c.state.writes,
        zeros: await c.kv.get(zeros, { type: "binary" }),
        moved: await c.kv.list("moved/"),
        last: await c.kv.list("book", { reverse: true, limit: 3 }),
        count: (await c.kv.list("")).length,
      };
    },
    end: (c) => c.destroy(),
  },
});

for (const [name, openStore] of Object.entries(stores)) {
  test(`${name}: c.kv has after a restart what it had before, large and small`, () =>
    inFolder(async (folder) => {
      const open = () => setup({ use: { shelf }, store: openStore(folder) });
      const before = open();
      const shelves = createClient<typeof before>().shelf;
      const first = shelves.getOrCreate("a");
      await first.fill(500);
      const moves = Array.from({ length: 40 }, (_, n) => first.move(n * 10));
      assertEquals(new Set(await Promise.all(moves)), new Set([true]));
      const expected = {
        writes: 540,
        zeros: pattern(longest, 1),
        moved: moves.map((_, n) => [nameOf(n * 10), `${n * 10}`]),
        last: [["0499", "499"], ["0498", "498"], ["0497", "497"]],
        count: 501,
      };
      assertEquals(await first.look() as unknown, expected);
      await before.shutdown();

      const after = open();
      const again = createClient<typeof after>().shelf;
      assertEquals(await again.get("a").look() as unknown, expected);
      await again.get("a").clear();
      assertEquals((await again.get("a").look()).count, 0);
      await again.get("a").fill(100);
      await again.get("a").end();
      const anew = again.getOrCreate("a");
      assertEquals((await anew.look()).count, 0);
      await after.shutdown();
    }));
}

function nameOf(n: number): string {
  return `book${String(n).padStart(4, "0")}`;
}
