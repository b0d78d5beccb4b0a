// Who gets an event: canSubscribe.

import { assertEquals, assertStringIncludes } from "@std/assert";
import { actor } from "../../src/definition/actor.ts";
import { event } from "../../src/definition/schema.ts";
import { ActorError, UserError } from "../../src/errors.ts";
import { test } from "../harness.ts";
import { type Peer, World } from "./world.ts";

type Answer = boolean | Promise<boolean>;

const gates: PromiseWithResolvers<boolean>[] = [];
const asked: unknown[] = [];
const room = actor({
  state: { asked: 0 },
  createConnState: (_c, params: { name: string } | undefined) => ({
    name: params?.name ?? "nobody",
  }),
  events: {
    open: event<string>(),
    secret: {
      schema: event<string>(),
      canSubscribe: (c, event) => {
        c.state.asked++;
        asked.push([c.conn.state.name, event, c.conns.has(c.conn.id)]);
        return c.conn.state.name === "ann";
      },
    },
    slow: event<string>({
      canSubscribe: () => {
        const gate = Promise.withResolvers<boolean>();
        gates.push(gate);
        return gate.promise;
      },
    }),
    told: event<string>({
      canSubscribe: () => {
        throw new UserError("Members only", { code: "members_only" });
      },
    }),
    bug: event<string>({
      canSubscribe: async () => {
        await Promise.resolve();
        throw new Error("the secret text of a bug");
      },
    }),
    revoked: event<string>({
      canSubscribe: () => {
        const { proxy, revoke } = Proxy.revocable(Promise.resolve(true), {});
        revoke();
        return proxy;
      },
    }),
    odd: event<string>({ canSubscribe: () => 1 as unknown as Answer }),
    oddLater: event<string>({
      canSubscribe: () => Promise.resolve("yes") as unknown as Answer,
    }),
  },
  actions: {
    asked: (c) => c.state.asked,
    tell: (c, event: "open", text: string) => c.broadcast(event, text),
    sleep: (c) => c.sleep(),
    wait: async () => {
      const gate = Promise.withResolvers<boolean>();
      gates.push(gate);
      await gate.promise;
    },
    hangUp: (c) => {
      for (const conn of c.conns.values()) {
        if (conn !== c.conn) conn.disconnect();
      }
    },
  },
});

async function withRoom(
  run: (
    world: World<{ room: typeof room }>,
    join: (name: string) => Promise<Peer>,
    tell: (event: string) => Promise<unknown>,
  ) => Promise<void>,
): Promise<void> {
  gates.length = asked.length = 0;
  await using world = await World.open({ room });
  const handle = world.client.room.getOrCreate("a");
  const id = await handle.resolve();
  await run(
    world,
    (name) => world.connect(id, { params: { name } }),
    (event) => handle.action({ name: "tell", args: [event, event] }),
  );
}

test("a subscription that canSubscribe allows at once counts before the next message", () =>
  withRoom(async ({ clock }, join) => {
    const ann = await join("ann");
    ann.subscribe("secret");
    ann.call(0, "tell", "secret", "hush");
    await clock.settle();
    assertEquals(ann.heard, ["init", `secret("hush")`, "0=undefined"]);
    assertEquals(asked, [["ann", "secret", true]]);
  }));

test("a subscription that is refused is answered by an error, and the connection stays", () =>
  withRoom(async ({ clock }, join, tell) => {
    const bob = await join("bob");
    bob.subscribe("secret");
    bob.subscribe("open");
    await clock.settle();
    assertEquals(bob.heard, ["init", "null!auth/forbidden"]);
    const refusal = bob.messages[1]!;
    assertEquals(refusal.tag === "Error" && refusal.val.metadata, {
      event: "secret",
    });
    await tell("secret");
    await tell("open");
    assertEquals(bob.heard.slice(2), [`open("open")`]);
    assertEquals(bob.closedWith, undefined);
  }));

test("a client is told of a refusal by onError, again after it has reconnected, and its calls go on", () =>
  withRoom(async ({ clock, client }, _join, tell) => {
    const bob = client.room.getOrCreate("a", { params: { name: "bob" } })
      .connect();
    const told: unknown[] = [];
    bob.onError((error) =>
      told.push(error instanceof ActorError && [error.code, error.metadata])
    );
    bob.on("secret", (text) => told.push(text));
    const heard: string[] = [];
    bob.on("open", (text) => heard.push(text));
    await bob.ready;
    assertEquals(await bob.asked(), 1);
    await tell("secret");
    await tell("open");
    await clock.settle();
    assertEquals(told, [["forbidden", { event: "secret" }]]);
    assertEquals([heard, bob.connStatus], [["open"], "connected"]);
    await client.room.get("a").hangUp();
    await clock.settle();
    await clock.pass(1000);
    await bob.ready;
    await clock.settle();
    assertEquals(told.length, 2);
    await bob.dispose();
  }));

test("canSubscribe is asked once for each subscription, also after a refusal", () =>
  withRoom(async ({ clock }, join) => {
    const [ann, bob] = [await join("ann"), await join("bob")];
    for (const peer of [ann, ann, bob, bob]) peer.subscribe("secret");
    await clock.settle();
    assertEquals(asked.length, 3);
    ann.subscribe("secret", false);
    ann.subscribe("secret");
    await clock.settle();
    assertEquals(asked.length, 4);
  }));

test("what canSubscribe changes is durable before a refusal is told", () =>
  withRoom(async ({ clock, store, client }, join) => {
    const bob = await join("bob");
    await clock.settle();
    store.fate = "hangs";
    bob.subscribe("secret");
    await clock.settle();
    assertEquals(bob.heard, ["init"]);
    await store.land();
    await clock.settle();
    assertEquals(bob.heard, ["init", "null!auth/forbidden"]);
    assertEquals(await client.room.getOrCreate("a").asked(), 1);
  }));

test("messages do not wait for a subscription that is being decided", () =>
  withRoom(async ({ clock }, join, tell) => {
    const ann = await join("ann");
    ann.subscribe("slow");
    ann.subscribe("slow");
    ann.call(0, "asked");
    await tell("slow");
    assertEquals(ann.heard, ["init", "0=0"]);
    assertEquals(gates.length, 1);
    gates[0]!.resolve(true);
    await clock.settle();
    await tell("slow");
    assertEquals(ann.heard, ["init", "0=0", `slow("slow")`]);
  }));

test("an unsubscription wins over a subscription that is being decided", () =>
  withRoom(async ({ clock }, join, tell) => {
    const ann = await join("ann");
    ann.subscribe("slow");
    ann.subscribe("slow", false);
    gates[0]!.resolve(true);
    await clock.settle();
    await tell("slow");
    assertEquals(ann.heard, ["init"]);
    // Neither is anything told of a refusal that nobody waits for.
    ann.subscribe("slow");
    ann.subscribe("slow", false);
    gates[1]!.resolve(false);
    await clock.settle();
    assertEquals(ann.heard, ["init"]);
  }));

test("of two subscriptions with an unsubscription between, the answer to the later one counts", () =>
  withRoom(async ({ clock }, join, tell) => {
    const ann = await join("ann");
    ann.subscribe("slow");
    ann.subscribe("slow", false);
    ann.subscribe("slow");
    gates[0]!.resolve(true);
    await clock.settle();
    await tell("slow");
    gates[1]!.resolve(false);
    await clock.settle();
    await tell("slow");
    assertEquals(ann.heard, ["init", "null!auth/forbidden"]);
  }));

test("a connection that has closed gets nothing of what was being decided", () =>
  withRoom(async ({ clock, client }, join, tell) => {
    const ann = await join("ann");
    ann.subscribe("slow");
    await clock.settle();
    await ann.hangUp();
    gates[0]!.resolve(true);
    await clock.settle();
    await tell("slow");
    assertEquals(ann.frames.length, 1);
    assertEquals(ann.connection.subscriptions.size, 0);
    assertEquals(await client.room.getOrCreate("a").asked(), 0);
  }));

test("what canSubscribe throws refuses: a user's error is told, any other is logged and masked", () =>
  withRoom(async ({ clock, log }, join, tell) => {
    const ann = await join("ann");
    ann.subscribe("told");
    ann.subscribe("bug");
    await clock.settle();
    assertEquals(ann.heard, [
      "init",
      "null!user/members_only",
      "null!internal/internal_error",
    ]);
    await tell("told");
    await tell("bug");
    assertEquals(ann.frames.length, 3);
    assertEquals(log.length, 1);
    assertStringIncludes(log[0]!, "the secret text of a bug");
  }));

test("an answer of canSubscribe that is no boolean refuses, and is logged", () =>
  withRoom(async ({ clock, log }, join, tell) => {
    const ann = await join("ann");
    for (const event of ["odd", "oddLater"]) {
      ann.subscribe(event);
      await clock.settle();
      await tell(event);
      assertStringIncludes(log.at(-1)!, "not returned a boolean");
    }
    assertEquals(log.length, 2);
    assertEquals(ann.heard, [
      "init",
      "null!auth/forbidden",
      "null!auth/forbidden",
    ]);
  }));

test("an answer of canSubscribe that throws when it is looked at refuses, and the actor sleeps", () =>
  withRoom(async ({ clock, store, client }, join) => {
    const ann = await join("ann");
    ann.subscribe("revoked");
    await clock.settle();
    assertEquals(ann.heard, ["init", "null!internal/internal_error"]);
    const { loads } = store;
    await clock.pass(30_000);
    await client.room.get("a").asked();
    assertEquals(store.loads, loads + 1);
  }));

test("a canSubscribe that takes more than five seconds refuses", () =>
  withRoom(async ({ clock }, join, tell) => {
    const ann = await join("ann");
    ann.subscribe("slow");
    await clock.pass(4999);
    assertEquals(ann.heard, ["init"]);
    await clock.pass(1);
    assertEquals(ann.heard, ["init", "null!actor/callback_timed_out"]);
    gates[0]!.resolve(true);
    await clock.settle();
    await tell("slow");
    assertEquals(ann.frames.length, 2);
  }));

test("what canSubscribe has allowed stays allowed while the actor sleeps", () =>
  withRoom(async ({ clock }, join, tell) => {
    const ann = await join("ann");
    ann.subscribe("secret");
    ann.call(0, "sleep");
    await clock.pass(1000);
    await tell("secret");
    assertEquals(ann.heard, ["init", "0=undefined", `secret("secret")`]);
    assertEquals(asked.length, 1);
  }));

test("a subscription wakes an actor that sleeps, which is asked then", () =>
  withRoom(async ({ clock }, join, tell) => {
    const [ann, bob] = [await join("ann"), await join("bob")];
    ann.call(0, "sleep");
    await clock.pass(1000);
    ann.subscribe("secret");
    bob.subscribe("secret");
    await clock.settle();
    await tell("secret");
    assertEquals(ann.heard, ["init", "0=undefined", `secret("secret")`]);
    assertEquals(bob.heard, ["init", "null!auth/forbidden"]);
  }));

test("a server that shuts down asks nobody any more, and says so", () =>
  withRoom(async ({ clock, host, client }, join) => {
    const ann = await join("ann");
    const call = client.room.getOrCreate("a").wait();
    await clock.settle();
    const closing = host.close();
    await clock.settle();
    ann.subscribe("secret");
    await clock.settle();
    assertEquals(ann.heard, ["init", "null!actor/stopping"]);
    assertEquals(asked, []);
    gates[0]!.resolve(true);
    await call;
    await closing;
  }));

test("an actor that stops waits for what is being decided", () =>
  withRoom(async ({ clock }, join, tell) => {
    const ann = await join("ann");
    ann.subscribe("slow");
    ann.call(0, "sleep");
    await clock.settle();
    gates[0]!.resolve(true);
    await clock.pass(1000);
    await tell("slow");
    assertEquals(ann.heard, ["init", "0=undefined", `slow("slow")`]);
  }));

test("an actor that cannot wait tells the caller that it has not been decided", async () => {
  gates.length = 0;
  const hasty = actor({
    options: { waitUntilTimeout: 10 },
    events: room.config.events!,
    actions: { sleep: (c) => c.sleep(), read: () => 7 },
  });
  await using world = await World.open({ hasty });
  const handle = world.client.hasty.getOrCreate("a");
  const ann = await world.connect(await handle.resolve());
  ann.subscribe("slow");
  ann.call(0, "sleep");
  await world.clock.pass(1000);
  assertEquals(await handle.read(), 7);
  gates[0]!.resolve(true);
  await world.clock.settle();
  assertEquals(ann.heard, ["init", "0=undefined", "null!actor/stopping"]);
  assertEquals(ann.connection.subscriptions.size, 0);
});

test("a caller that asks for too much at once is cut off", () =>
  withRoom(async ({ clock }, join) => {
    const ann = await join("ann");
    for (let count = 0; count < 1000; count++) {
      ann.subscribe("slow");
      ann.subscribe("slow", false);
    }
    assertEquals([gates.length, ann.closedWith], [1000, undefined]);
    let refusal: unknown;
    try {
      ann.subscribe("slow");
    } catch (error) {
      refusal = error;
    }
    assertStringIncludes(String(refusal), "1000 subscriptions");
    for (const gate of gates) gate.resolve(true);
    await clock.settle();
    ann.subscribe("slow");
    assertEquals(gates.length, 1001);
    gates[1000]!.resolve(true);
    await clock.settle();
  }));
