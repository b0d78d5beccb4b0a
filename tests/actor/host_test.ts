// How a host finds actors by their keys.

import { assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { actor } from "../../src/definition/actor.ts";
import { ActorError } from "../../src/errors.ts";
import { test } from "../harness.ts";
import { FakeStore } from "./fake_store.ts";
import { World } from "./world.ts";

const things = {
  thing: actor({
    state: { n: 0 },
    actions: {
      add: (c) => ++c.state.n,
      sleep: (c) => c.sleep(),
      end: (c) => c.destroy(),
    },
  }),
};

test("the store is asked for a key once while the actor lives, and again when it sleeps or is gone", async () => {
  await using world = await World.open(things);
  const { store, host } = world;
  const asked = async (work: () => Promise<unknown>) => {
    const before = store.finds;
    await work();
    return store.finds - before;
  };
  const find = () => host.find("thing", ["a"]);
  const handle = () => world.client.thing.getOrCreate("a");
  await handle().add();
  const id = await find();
  assertEquals(await asked(find), 0);
  assertEquals(await asked(() => handle().add()), 0);
  assertEquals(await asked(() => world.client.thing.get("a").add()), 0);
  await handle().sleep();
  await world.clock.settle();
  assertEquals(await asked(find), 1);
  assertEquals(await find(), id);
  await handle().add();
  assertEquals(await asked(find), 0);
  await handle().end();
  assertEquals(await asked(find), 1);
  assertEquals(await find(), undefined);
  assertEquals(await handle().add(), 1);
  assertNotEquals(await find(), id);
  assertEquals(await asked(find), 0);
});

test("keys of other kinds, and keys that look alike, are not taken for one another", async () => {
  await using world = await World.open({ ...things, other: things.thing });
  const keys = [[], [""], ["a", "b"], ["a/b"], ["a\\b"], ["", "x"], ["é"]];
  for (const round of [1, 2, 3]) {
    for (const key of keys) {
      assertEquals(await world.client.thing.getOrCreate(key).add(), round);
      assertEquals(await world.client.other.getOrCreate(key).add(), round);
    }
  }
});

test("whoever has lost an actor to another process finds its key anew, once it knows", async () => {
  const inner = new FakeStore().inner;
  await using first = await World.open(things, { store: new FakeStore(inner) });
  await first.client.thing.getOrCreate("a").add();
  const before = await first.host.find("thing", ["a"]);
  await using second = await World.open(things, {
    store: new FakeStore(inner),
  });
  await second.client.thing.getOrCreate("a").end();
  assertEquals(await second.client.thing.getOrCreate("a").add(), 1);
  const after = await second.host.find("thing", ["a"]);
  assertNotEquals(after, before);
  await assertRejects(
    () => first.client.thing.getOrCreate("a").add(),
    ActorError,
  );
  assertEquals(await first.host.find("thing", ["a"]), after);
});
