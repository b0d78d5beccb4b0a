// `c.kv`: what a user writes and reads, and when it is durable.

import { assert, assertEquals, assertRejects } from "@std/assert";
import process from "node:process";
import { actor } from "../../src/definition/actor.ts";
import type { Kv } from "../../src/definition/kv.ts";
import { ActorError } from "../../src/errors.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import type { KvPage } from "../../src/stores/store.ts";
import { test } from "../harness.ts";
import { FakeStore } from "./fake_store.ts";
import { state, World } from "./world.ts";

interface Context {
  kv: Kv;
  state: { count: number };
  saveState(): Promise<void>;
  broadcast(event: string, ...args: unknown[]): void;
}

type Use<V> = (kv: Kv, c: Context) => V | Promise<V>;

// What each call of `run` does, for functions are not among the arguments of an action.
const uses: Use<void>[] = [];

const box = actor({
  state: { count: 0 },
  options: { sleepTimeout: 1_000, stateSaveInterval: 5_000 },
  actions: {
    run: (c, use: number) => uses[use]!(c.kv, c),
    count: (c) => c.state.count,
    read: (c, key: string) => c.kv.get(key),
    write: (c, key: string, value: string) => c.kv.put(key, value),
    end: (c) => c.destroy(),
  },
});

const lazyBox = actor({
  ...box.config,
  options: { ...box.config.options, durability: "interval" },
});

/** Runs something in an action of an actor; gives back and throws what it does, not a copy. */
async function inAction<V>(
  handle: { run(use: number): Promise<unknown> },
  body: Use<V>,
): Promise<V> {
  const { promise, resolve } = Promise.withResolvers<Promise<V>[]>();
  const use = uses.push(async (kv, c) => {
    const done = Promise.try(() => body(kv, c));
    await done.catch(() => {});
    // In an array, so that it is not waited for once more.
    resolve([done]);
  });
  await handle.run(use - 1);
  return await (await promise)[0]!;
}

/** Runs `body` with `c.kv` of a new actor. */
async function inKv(body: (kv: Kv) => Promise<void>): Promise<void> {
  await using world = await World.open({ box });
  await inAction(world.client.box.getOrCreate(), body);
}

/** A store whose reads of values wait until they are let go. */
class SlowStore extends FakeStore {
  gate: Promise<void> | undefined;

  override async kvGet(actorId: string, keys: readonly Uint8Array[]) {
    await this.gate;
    return await super.kvGet(actorId, keys);
  }

  override async kvList(actorId: string, page: KvPage) {
    await this.gate;
    return await super.kvList(actorId, page);
  }
}

test("get() reads what put() has written, as text or bytes, and null where there is nothing", () =>
  inKv(async (kv) => {
    const bytes = Uint8Array.of(0xef, 0xbb, 0xbf, 0, 255);
    await kv.put("text", "\ufeffä€😀");
    await kv.put("empty", "");
    await kv.put("bytes", bytes, { type: "binary" });
    await kv.put(Uint8Array.of(0, 255), bytes.buffer, { type: "arrayBuffer" });
    assertEquals(await kv.get("text"), "\ufeffä€😀");
    assertEquals(await kv.get("text", { type: "text" }), "\ufeffä€😀");
    assertEquals(await kv.get("empty"), "");
    assertEquals(await kv.get("bytes", { type: "binary" }), bytes);
    assertEquals(
      await kv.get(Uint8Array.of(0, 255), { type: "arrayBuffer" }),
      bytes.buffer,
    );
    assertEquals(await kv.get("bytes"), "\ufeff\0\ufffd");
    assertEquals(await kv.get("none"), null);
    // A text is the same key as its bytes.
    assertEquals(await kv.get(new TextEncoder().encode("empty")), "");
    await kv.delete("empty");
    await kv.delete("none");
    assertEquals(await kv.get("empty"), null);
  }));

test("batches read, write and delete many keys, under both names", () =>
  inKv(async (kv) => {
    await kv.putBatch([["a", "1"], ["b", "2"], ["a", "3"]]);
    await kv.batchPut([["c", "4"], ["d", "5"]], { type: "text" });
    assertEquals(await kv.getBatch(["d", "no", "a"]), ["5", null, "3"]);
    await kv.deleteBatch(["a"]);
    await kv.batchDelete(["b", "no"]);
    assertEquals(await kv.batchGet(["a", "b", "c"]), [null, null, "4"]);
    assertEquals(await kv.getBatch([]), []);
    await kv.putBatch([]);
  }));

test("list() has the pairs of a prefix in order, without the prefix", () =>
  inKv(async (kv) => {
    const entries = ["a/1", "a/", "a/10", "a/2", "a", "b/1", "A/1", "ä/1"]
      .map((key) => [key, `of ${key}`] as const);
    await kv.putBatch(entries);
    assertEquals(await kv.list("a/"), [
      ["", "of a/"],
      ["1", "of a/1"],
      ["10", "of a/10"],
      ["2", "of a/2"],
    ]);
    assertEquals(await kv.list("a/", { reverse: true, limit: 2 }), [
      ["2", "of a/2"],
      ["10", "of a/10"],
    ]);
    assertEquals((await kv.list("")).map(([key]) => key), [
      "A/1",
      "a",
      "a/",
      "a/1",
      "a/10",
      "a/2",
      "b/1",
      "ä/1",
    ]);
    assertEquals(await kv.list("c"), []);
    assertEquals(await kv.list("a/", { limit: 0 }), []);
    const bytes = new TextEncoder();
    assertEquals(
      await kv.list(bytes.encode("b"), { keyType: "binary", type: "binary" }),
      [[bytes.encode("/1"), bytes.encode("of b/1")]],
    );
  }));

test("list() of a prefix ends where the prefix does, whatever its last byte", () =>
  inKv(async (kv) => {
    const keys = [[254], [254, 255], [255], [255, 255], [255, 255, 0]];
    for (const key of keys) await kv.put(Uint8Array.from(key), "x");
    const under = async (...prefix: number[]) => {
      const type = { keyType: "binary" } as const;
      const pairs = await kv.list(Uint8Array.from(prefix), type);
      return pairs.map(([key]) => [...key]);
    };
    assertEquals(await under(254), [[], [255]]);
    assertEquals(await under(254, 255), [[]]);
    assertEquals(await under(255), [[], [255], [255, 0]]);
    assertEquals(await under(255, 255), [[], [0]]);
    assertEquals(await under(), keys);
  }));

test("listRange() and deleteRange() go from the start to before the end, with whole keys", () =>
  inKv(async (kv) => {
    for (const key of ["a", "b", "c", "d", "e"]) await kv.put(key, key);
    const keys = async (...range: Parameters<Kv["listRange"]>) =>
      (await kv.listRange(...range)).map(([key]) => key);
    assertEquals(await keys("b", "d"), ["b", "c"]);
    assertEquals(await keys("b", "e", { reverse: true, limit: 2 }), ["d", "c"]);
    assertEquals(await keys("d", "b"), []);
    await kv.deleteRange("d", "b");
    await kv.deleteRange("b", "d");
    assertEquals(await keys("", "z"), ["a", "d", "e"]);
  }));

test("bytes that are changed after put(), or after get(), change nothing", () =>
  inKv(async (kv) => {
    const key = Uint8Array.of(1);
    const value = Uint8Array.of(2);
    const buffer = Uint8Array.of(3).buffer;
    await kv.put(key, value);
    await kv.put("buffer", buffer);
    key[0] = value[0] = 9;
    new Uint8Array(buffer)[0] = 9;
    const read = () => kv.get(Uint8Array.of(1), { type: "binary" });
    (await read())![0] = 9;
    assertEquals(await read(), Uint8Array.of(2));
    assertEquals(
      await kv.get("buffer", { type: "binary" }),
      Uint8Array.of(3),
    );
  }));

test("a wrong type is refused with a TypeError that names it", () =>
  inKv(async (kv) => {
    // Programs without types may pass anything.
    const any = <V>(value: unknown): V => value as V;
    const wrong: [Promise<unknown>, string][] = [
      [kv.get(any(1)), "The key is of type number"],
      [kv.get(any(undefined)), "The key is undefined"],
      [kv.put("\ud800", "a"), 'The key "\\ud800" is not well-formed'],
      [kv.getBatch(any("ab")), "The keys are of type string"],
      [kv.getBatch(["a", any(null)]), "The key is null"],
      [kv.get("a", { type: any("json") }), "is json"],
      [kv.get("a", { type: any("toString") }), "is toString"],
      [kv.put("a", any({})), 'Cannot put "a": the value is of type object'],
      [kv.put("a", any(undefined)), "the value is undefined"],
      [kv.put("a", any([1])), "the value is an array"],
      [kv.put("a", "text", { type: "binary" }), "not binary"],
      [kv.put("a", Uint8Array.of(1), { type: "arrayBuffer" }), "arrayBuffer"],
      [kv.put("a", new ArrayBuffer(1), { type: "text" }), "not text"],
      [kv.putBatch(any({ a: "b" })), "The entries are of type object"],
      [kv.putBatch([any("ab")]), "an entry is not a key with a value"],
      [kv.delete(any({})), "The key is of type object"],
      [kv.deleteBatch(any(undefined)), "The keys are undefined"],
      [kv.list(any(undefined)), "The key is undefined"],
      [kv.list("a", { keyType: any("arrayBuffer") }), "is arrayBuffer"],
      [kv.list("a", { type: any(1) }), "is 1"],
      [kv.listRange("a", any(1)), "The key is of type number"],
      [kv.deleteRange(any(1), "a"), "The key is of type number"],
    ];
    for (const [promise, text] of wrong) {
      await assertRejects(() => promise, TypeError, text);
    }
    for (const limit of [-1, 1.5, NaN, 16_385, any<number>("1")]) {
      await assertRejects(() => kv.list("a", { limit }), RangeError, "limit");
    }
    assertEquals(await kv.list(""), []);
  }));

test("what is too large is refused, and nothing of it is written", () =>
  inKv(async (kv) => {
    const refused = async (promise: Promise<unknown>, code: string) => {
      const error = await assertRejects(() => promise, ActorError);
      assertEquals(`${error.group}/${error.code}`, `kv/${code}`);
    };
    const longKey = "ä".repeat(512);
    const longValue = new Uint8Array(131_072).fill(7);
    await kv.put(longKey, longValue);
    assertEquals(await kv.get(longKey, { type: "binary" }), longValue);
    assertEquals((await kv.list(longKey)).map(([key]) => key), [""]);
    await kv.delete(longKey);
    await refused(kv.put(`${longKey}a`, ""), "key_too_large");
    await refused(kv.get(new Uint8Array(1_025)), "key_too_large");
    await refused(kv.list(`${longKey}a`), "key_too_large");
    await refused(kv.put("a", "ä".repeat(65_537)), "value_too_large");
    await refused(
      kv.putBatch([["a", "1"], ["b", new Uint8Array(131_073)]]),
      "value_too_large",
    );
    const keys = Array.from({ length: 129 }, (_, n) => `${n}`);
    await refused(kv.getBatch(keys), "batch_too_large");
    await refused(kv.deleteBatch(keys), "batch_too_large");
    await refused(
      kv.putBatch(keys.map((key) => [key, ""] as const)),
      "batch_too_large",
    );
    // 999,424 bytes are 7 values of 131,072 bytes, and 81,920 more.
    const full = keys.slice(0, 8).map((key, n) =>
      [key, new Uint8Array(n < 7 ? 131_072 : 81_920 - 8)] as const
    );
    await refused(kv.putBatch([...full, ["", "1"]]), "batch_too_large");
    assertEquals(await kv.list(""), []);
    await kv.putBatch(full);
  }));

test("more than a step holds is refused until it is saved", async () => {
  await using world = await World.open({ box });
  const value = new Uint8Array(131_072);
  await inAction(world.client.box.getOrCreate(), async (kv, c) => {
    const fill = async () => {
      for (let n = 0;; n++) await kv.put(`key ${n}`, value);
    };
    const isFull = async () => {
      const error = await assertRejects(fill, ActorError, "c.saveState()");
      assertEquals(`${error.group}/${error.code}`, "kv/step_too_large");
    };
    await isFull();
    assertEquals((await kv.list("")).length, 127);
    await c.saveState();
    await isFull();
    await c.saveState();
    await kv.deleteRange("", "z");
    assertEquals(await kv.list(""), []);
  });
});

test("a list of more than 64 MiB is refused, and a limit helps", async () => {
  await using world = await World.open({ box });
  const value = new Uint8Array(131_072);
  await inAction(world.client.box.getOrCreate(), async (kv, c) => {
    for (let n = 0; n < 520; n++) {
      await kv.put(`key ${n}`, value);
      if (n % 100 === 0) await c.saveState();
    }
    await c.saveState();
    const error = await assertRejects(() => kv.list("key "), ActorError);
    assertEquals(`${error.group}/${error.code}`, "kv/list_too_large");
    const some = await kv.list("key ", { limit: 3, type: "binary" });
    assertEquals(some.map(([key]) => key), ["0", "1", "10"]);
    await kv.deleteRange("key ", "key z");
    assertEquals(await kv.list(""), []);
  });
});

test("a list has 16,384 pairs at most", async () => {
  await using world = await World.open({ box });
  await inAction(world.client.box.getOrCreate(), async (kv) => {
    for (let n = 0; n < 16_400; n++) await kv.put(`${100_000 + n}`, "");
    assertEquals((await kv.list("")).length, 16_384);
    const last = await kv.list("", { reverse: true });
    assertEquals([last.length, last[0]![0]], [16_384, "116399"]);
  });
});

test("what an action writes to state and kv is one step, however often it waits for them", async () => {
  const store = new SlowStore();
  await using world = await World.open({ box }, { store });
  const handle = world.client.box.getOrCreate();
  await handle.count();
  store.commits.length = 0;
  const { promise, resolve } = Promise.withResolvers<void>();
  store.gate = promise;
  const call = inAction(handle, async (kv, c) => {
    c.state.count++;
    await kv.put("a", "1");
    await world.clock.settle();
    assertEquals(await kv.get("b"), null);
    c.state.count++;
    await kv.put("b", "2");
    assertEquals(await kv.list(""), [["a", "1"], ["b", "2"]]);
    await kv.delete("a");
    c.state.count++;
  });
  assertEquals(await state(call, world.clock), "pending");
  assertEquals(store.steps, []);
  resolve();
  await call;
  assertEquals(store.steps.length, 1);
  const { snapshot, kv } = store.steps[0]!;
  assertEquals(new TextDecoder().decode(snapshot!).includes("3"), true);
  assertEquals(kv?.map(({ key, value }) => [[...key], value]), [
    [[1, 97], undefined],
    [[1, 98], new TextEncoder().encode("2")],
  ]);
});

test("a result and an event wait until the write before them is durable", async () => {
  await using world = await World.open({ box });
  const { client, store, clock } = world;
  const handle = client.box.getOrCreate();
  const peer = await world.connect(await handle.resolve());
  peer.subscribe("told");
  store.fate = "hangs";
  const call = inAction(handle, async (kv, c) => {
    await kv.put("a", "1");
    c.broadcast("told", await kv.get("a"));
  });
  assertEquals(await state(call, clock), "pending");
  assertEquals(peer.heard, ["init"]);
  await store.land();
  await call;
  assertEquals(peer.heard, ["init", 'told("1")']);
});

test("a read alone makes no step, and its result does not wait", async () => {
  await using world = await World.open({ box });
  const handle = world.client.box.getOrCreate();
  await handle.write("a", "1");
  world.store.commits.length = 0;
  assertEquals(await handle.read("a"), "1");
  await inAction(handle, async (kv) => {
    await kv.list("");
    await kv.deleteRange("b", "c");
  });
  assertEquals(world.store.commits, []);
});

test("what a failed commit has not saved is not read by the next instance", async () => {
  await using world = await World.open({ box });
  const { client, store } = world;
  const handle = client.box.getOrCreate();
  await handle.write("a", "1");
  const { promise, resolve } = Promise.withResolvers<Kv>();
  store.fate = "fails";
  const error = await assertRejects(
    () =>
      inAction(handle, async (kv, c) => {
        resolve(kv);
        await kv.put("a", "2");
        c.state.count++;
      }),
    ActorError,
  );
  assertEquals(`${error.group}/${error.code}`, "store/commit_failed");
  store.fate = "works";
  const lost = await promise;
  for (const late of [lost.put("a", "3"), lost.get("a"), lost.list("")]) {
    await assertRejects(() => late, ActorError, "was not saved");
  }
  assertEquals(await handle.read("a"), "1");
  assertEquals(await handle.count(), 0);
});

test("kv outlives sleep and a crash, and ends with the actor", async () => {
  await using world = await World.open({ box });
  const handle = world.client.box.getOrCreate("a");
  await handle.write("a", "1");
  const loads = world.store.loads;
  await world.clock.pass(2_000);
  assertEquals(await handle.read("a"), "1");
  assertEquals(world.store.loads, loads + 1);
  world.kill();

  await using after = await World.open({ box }, world.parts);
  after.store.fate = "works";
  const again = after.client.box.getOrCreate("a");
  assertEquals(await again.read("a"), "1");
  await again.end();
  await after.clock.settle();
  assertEquals(await after.client.box.getOrCreate("a").read("a"), null);
});

test("with durability interval kv is saved like the state, and read at once", async () => {
  await using world = await World.open({ lazyBox });
  const { client, store, clock } = world;
  const handle = client.lazyBox.getOrCreate();
  await handle.count();
  store.commits.length = 0;
  await handle.write("a", "1");
  assertEquals(await handle.read("a"), "1");
  assertEquals(store.commits, []);
  // Neither does it sleep on what is not saved.
  await clock.pass(4_000);
  assertEquals(store.commits, []);
  await clock.pass(1_000);
  assertEquals(store.steps.map(({ kv }) => kv?.length), [1]);
});

test("kv is there in every hook, and not in createState", async () => {
  const told = new Set<string>();
  const note = async (kv: Kv, name: string) => {
    await kv.put("last", name);
    assertEquals(await kv.get("last"), name);
    told.add(name);
  };
  const hooks = actor({
    createState: (c) => ({ hasKv: "kv" in c }),
    createVars: async (c) => {
      await note(c.kv, "createVars");
      return {};
    },
    createConnState: async (c) => {
      await note(c.kv, "createConnState");
      return {};
    },
    onCreate: (c) => note(c.kv, "onCreate"),
    onWake: (c) => note(c.kv, "onWake"),
    run: (c) => note(c.kv, "run"),
    onBeforeConnect: (c) => note(c.kv, "onBeforeConnect"),
    onConnect: (c) => note(c.kv, "onConnect"),
    onDisconnect: (c) => note(c.kv, "onDisconnect"),
    onStateChange: (c) => void note(c.kv, "onStateChange"),
    onSleep: (c) => note(c.kv, "onSleep"),
    onDestroy: (c) => note(c.kv, "onDestroy"),
    actions: {
      hasKv: (c) => c.state.hasKv,
      change: (c) => void (c.state.hasKv = true),
      nap: (c) => c.sleep(),
      last: (c) => c.kv.get("last"),
      end: (c) => c.destroy(),
    },
  });
  await using world = await World.open({ hooks });
  const handle = world.client.hooks.getOrCreate();
  assertEquals(await handle.hasKv(), false);
  await handle.change();
  await handle.nap();
  await world.clock.settle();
  assertEquals(typeof await handle.last(), "string");
  await handle.end();
  await world.clock.settle();
  assertEquals([...told].toSorted(), [
    "createConnState",
    "createVars",
    "onBeforeConnect",
    "onConnect",
    "onCreate",
    "onDestroy",
    "onDisconnect",
    "onSleep",
    "onStateChange",
    "onWake",
    "run",
  ]);
});

test("an actor that does not use kv writes nothing of it", async () => {
  await using world = await World.open({ box });
  await inAction(world.client.box.getOrCreate(), (_kv, c) => {
    c.state.count++;
  });
  assertEquals(world.store.steps.some((step) => "kv" in step), false);
});

const seed = Number(process.env.SEED ?? Date.now() % 1e9);

test(`state and kv are never apart after a crash, and have all that was told (SEED=${seed})`, async () => {
  const random = randomFrom(seed);
  for (let run = 0; run < 15; run++) {
    const durable = memoryStore();
    let told = 0;
    for (let life = 0; life < 4; life++) {
      // What was left of an earlier life goes on without effect.
      const store = new FakeStore(durable);
      await using world = await World.open({ box }, { store });
      const handle = world.client.box.getOrCreate();
      const [count, pairs] = await inAction(
        handle,
        async (kv, c) => [c.state.count, await kv.list("")] as const,
      );
      assert(count >= told, `${told} were told, ${count} are there`);
      assertEquals(pairs, pairsAt(count));
      const calls = Array.from({ length: 1 + random(6) }, async (_, n) => {
        for (let turns = random(5); turns > 0; turns--) {
          await world.clock.settle();
        }
        if (n === 3) store.fate = "hangs";
        const mine = await inAction(handle, async (kv, c) => {
          const next = ++c.state.count;
          const before = await kv.get(`key ${next % 5}`);
          assertEquals(before, next > 5 ? `${next - 5}` : null);
          await kv.put(`key ${next % 5}`, `${next}`);
          return next;
        });
        told = Math.max(told, mine);
      });
      await Promise.race([Promise.all(calls), world.clock.settle()]);
      // Of the commits under way some come through.
      if (random(2) === 0) await store.land();
      world.kill();
    }
  }
});

/** What the actor of the test above has after so many calls. */
function pairsAt(count: number): [string, string][] {
  return [0, 1, 2, 3, 4].flatMap((n): [string, string][] => {
    const last = count - (count - n + 5) % 5;
    return last < 1 || last > count ? [] : [[`key ${n}`, `${last}`]];
  });
}

function randomFrom(seed: number): (below: number) => number {
  let state = seed >>> 0 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}
