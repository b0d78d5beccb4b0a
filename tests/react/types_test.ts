// What is checked here is checked by the compiler; the test only says that it was.

import { assertEquals } from "@std/assert";
import { actor } from "../../src/definition/actor.ts";
import { event } from "../../src/definition/schema.ts";
import type { ActorConnection, ConnStatus } from "../../src/client/mod.ts";
import {
  createClient,
  createRivetKit,
  createRivetKitWithClient,
  type RivetKit,
} from "../../src/react/mod.ts";
import { test } from "../harness.ts";

const counter = actor({
  createState: (_c, input: { start: number }) => ({ count: input.start }),
  onBeforeConnect: (_c, _params: { token: string }) => {},
  actions: {
    increment: (c, by: number) => c.state.count += by,
  },
});

const room = actor({
  events: { said: event<{ text: string }>() },
  actions: {},
});

interface Registry {
  "~actors"?: { counter: typeof counter; room: typeof room };
}

function isA<T>(_value: T): void {}

function check({ useActor }: RivetKit<Registry>): void {
  const main = useActor({
    name: "counter",
    key: ["main"],
    params: { token: "t" },
    createWithInput: { start: 1 },
    createInRegion: "here",
    enabled: true,
  });
  isA<ActorConnection<typeof counter> | null>(main.connection);
  isA<ConnStatus>(main.connStatus);
  isA<Error | null>(main.error);
  isA<boolean>(main.isConnected && main.isConnecting && main.isError);
  isA<Promise<number> | undefined>(main.connection?.increment(1));
  isA<Promise<number> | undefined>(main.handle?.increment(1));
  // An actor that does not say what its events are may send any.
  main.useEvent("changed", (count: number) => isA<number>(count));
  // @ts-expect-error: there may be no connection
  main.connection.increment(1);
  // @ts-expect-error: the argument is missing
  main.connection?.increment();
  // @ts-expect-error: the argument is of another type
  main.connection?.increment("1");
  // @ts-expect-error: there is no such action
  main.handle?.decrement(1);
  // @ts-expect-error: there is no such actor
  useActor({ name: "clock", key: "main" });
  // @ts-expect-error: the key is missing
  useActor({ name: "counter" });
  // @ts-expect-error: a key is made of texts
  useActor({ name: "counter", key: [1] });
  // @ts-expect-error: the params are of another type
  useActor({ name: "counter", key: "main", params: { token: 1 } });
  // @ts-expect-error: the input is of another type
  useActor({ name: "counter", key: "main", createWithInput: 1 });
  // @ts-expect-error: there is no such option
  useActor({ name: "counter", key: "main", disabled: true });

  const lobby = useActor({ name: "room", key: "lobby" });
  lobby.useEvent("said", ({ text }) => isA<string>(text));
  // @ts-expect-error: there is no such event
  lobby.useEvent("sung", () => {});
  // @ts-expect-error: the event is of another type
  lobby.useEvent("said", (text: string) => text);

  createRivetKit<Registry>();
  createRivetKit<Registry>({ endpoint: "http://h", encoding: "json" });
  isA<RivetKit<Registry>>(
    createRivetKitWithClient(createClient<Registry>("http://h")),
  );
  // @ts-expect-error: there is no such option
  createRivetKit<Registry>({ endpoints: "http://h" });
  // @ts-expect-error: it is no client
  createRivetKitWithClient("http://h");
}

test("the hooks are typed by their registry", () => {
  assertEquals(typeof check, "function");
});
