// What is checked here is checked by the compiler; the test only says that it was.

import { actor } from "../../src/definition/actor.ts";
import { ActorError, type Client, createClient } from "../../src/client/mod.ts";
import { test } from "../harness.ts";
import { assertEquals } from "@std/assert";

const counter = actor({
  createState: (_c, input: { start: number }) => ({ count: input.start }),
  onBeforeConnect: (_c, _params: { token: string }) => {},
  actions: {
    increment: (c, by: number) => c.state.count += by,
    rename: async (_c, name: string, loud?: boolean) =>
      await Promise.resolve(loud ? name.toUpperCase() : name),
    reset: () => {},
  },
});

// It says neither which params it takes nor which input.
const plain = actor({ state: { n: 0 }, actions: { read: (c) => c.state.n } });

interface Registry {
  "~actors"?: { counter: typeof counter; plain: typeof plain };
}

function isA<T>(_value: T): void {}

async function check(client: Client<Registry>): Promise<void> {
  const main = client.counter.getOrCreate("main", {
    createWithInput: { start: 1 },
    params: { token: "t" },
  });
  isA<Promise<number>>(main.increment(1));
  isA<Promise<string>>(main.rename("a"));
  isA<Promise<string>>(main.rename("a", true));
  isA<Promise<void>>(main.reset());
  isA<Promise<unknown>>(main.action({ name: "reset" }));
  isA<string>(await main.resolve());
  // @ts-expect-error: the argument is missing
  main.increment();
  // @ts-expect-error: the argument is of another type
  main.increment("1");
  // @ts-expect-error: there is one argument too many
  main.increment(1, 2);
  // @ts-expect-error: the result is of another type
  isA<Promise<string>>(main.increment(1));
  // @ts-expect-error: there is no such action
  main.decrement(1);
  // @ts-expect-error: there is no such actor
  client.room.get();
  // @ts-expect-error: the input is of another type
  client.counter.getOrCreate("main", { createWithInput: 1 });
  // @ts-expect-error: the params are of another type
  client.counter.get("main", { params: { token: 1 } });
  // @ts-expect-error: get() creates nothing
  client.counter.get("main", { createWithInput: { start: 1 } });
  // @ts-expect-error: a key is made of texts
  client.counter.get([1]);

  const open = { params: { any: "thing" } };
  client.plain.get("main", open);
  client.plain.getOrCreate("main", { ...open, createWithInput: 1 });
  isA<number>(await (await client.plain.create("b", { input: 1 })).read());

  const created = await client.counter.create("b", { input: { start: 1 } });
  const connection = created.connect();
  isA<Promise<number>>(connection.increment(1));
  isA<() => void>(connection.on("changed", (count: number) => count));
  isA<() => void>(connection.once("changed", () => {}));
  isA<string | undefined>(connection.connId);
  connection.onError((error) => isA<Error>(error));
  // @ts-expect-error: the argument is of another type
  connection.increment("1");
  // @ts-expect-error: a connection does not connect
  connection.connect();
  // @ts-expect-error: only a server's client reads it
  connection.connStatus = "idle";

  createClient<Registry>("http://h");
  createClient<Registry>({ endpoint: "http://h", encoding: "json" });
  // @ts-expect-error: there is no such option
  createClient<Registry>({ endpoints: "http://h" });
  // @ts-expect-error: there is no such encoding
  createClient<Registry>({ encoding: "xml" });
  isA<ActorError>(new ActorError("a", "b", "c"));
}

test("a client is typed by its registry", () => {
  assertEquals(typeof check, "function");
});
