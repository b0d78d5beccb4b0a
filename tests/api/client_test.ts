// What a client can rely on, in the same process and over a real server.

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertNotEquals,
  assertRejects,
} from "@std/assert";
import {
  actor,
  ActorConnDisposed,
  ActorError,
  type Client,
  createClient,
  setup,
  UserError,
} from "../../mod.ts";
import { test } from "../harness.ts";

interface Waiting {
  resolve(): void;
}
const waiting: Waiting[] = [];

const thing = actor({
  state: { n: 0 },
  onBeforeConnect: (_c, params: string | undefined) => {
    if (params === "refused") throw new UserError("no", { code: "refused" });
  },
  actions: {
    add: (c, by: number) => c.state.n += by,
    echo: (_c, ...args: unknown[]) => args,
    key: (c) => c.key,
    say: async (c, ...texts: string[]) => {
      for (const text of texts) {
        c.broadcast("said", text);
        c.state.n++;
        await c.saveState();
      }
      return texts.length;
    },
    wait: () => new Promise<void>((resolve) => waiting.push({ resolve })),
    kickAll: async (c) => {
      const closing = [...c.conns.values()].map((conn) => conn.disconnect());
      c.broadcast("said", "to nobody");
      await Promise.all(closing);
    },
    large: (_c, length: number) => "x".repeat(length),
    user: (_c, metadata?: unknown) => {
      throw new UserError("The room is full", {
        code: "room_full",
        ...(metadata === undefined ? {} : { metadata }),
      });
    },
    plainUser: () => {
      throw new UserError("no code");
    },
    bug: () => {
      throw new Error("the text of a bug");
    },
    end: (c) => c.destroy(),
  },
});
const other = actor({
  state: { n: 0 },
  actions: {
    add: (c, by: number) => c.state.n += by,
    params: (c) => {
      const params: unknown = c.conn.params;
      return [typeof params, params ?? null];
    },
  },
});

const definitions = { thing, other };
type Things = Client<{ readonly "~actors"?: typeof definitions }>;

/** Runs a test with a client of the same process, and with one over a server. */
function onBothWays(
  title: string,
  run: (client: Things, way: "local" | "http") => Promise<void>,
): void {
  for (const way of ["local", "http"] as const) {
    test(`${title} (${way === "local" ? "same process" : "server"})`, async () => {
      const registry = setup({
        use: definitions,
        store: "memory",
        noWelcome: true,
        logging: { level: "silent" },
        maxIncomingMessageSize: 10_000,
        maxOutgoingMessageSize: 20_000,
      });
      const server = way === "http"
        ? registry.serve({ port: 0, hostname: "127.0.0.1" })
        : undefined;
      const client = createClient<typeof registry>(server?.url ?? {});
      try {
        await run(client, way);
      } finally {
        for (const { resolve } of waiting.splice(0)) resolve();
        await client.dispose();
        await (server ?? registry).shutdown();
      }
    });
  }
}

async function kindOf(promise: Promise<unknown>): Promise<string> {
  const { group, code } = await assertRejects(() => promise, ActorError);
  return `${group}/${code}`;
}

// Keys and ids

onBothWays(
  "a text is the key of that one part, no key is the empty one, and the order and number of parts counts",
  async (client) => {
    const id = (key?: string | string[]) =>
      client.thing.getOrCreate(key).resolve();
    assertEquals(await id("a"), await id(["a"]));
    assertEquals(await id(), await id([]));
    assertEquals(await id(undefined), await id([]));
    assertEquals(await id(["a", "b"]), await id(["a", "b"]));
    const keys = [[], ["a"], ["a", "b"], ["b", "a"], ["a/b"], ["a", ""], [""]];
    const ids = await Promise.all(keys.map((key) => id(key)));
    assertEquals(new Set(ids).size, keys.length);
    assertEquals(await client.thing.get(["b", "a"]).key(), ["b", "a"]);
    assertEquals(
      await kindOf(client.thing.get(["a", "b", "c"]).key()),
      "actor/not_found",
    );
  },
);

onBothWays(
  "the same key under another name is another actor",
  async (client) => {
    assertEquals(await client.thing.getOrCreate("a").add(5), 5);
    assertEquals(await kindOf(client.other.get("a").add(1)), "actor/not_found");
    assertEquals(await client.other.getOrCreate("a").add(1), 1);
    const id = await client.thing.get("a").resolve();
    assertEquals(
      await kindOf(client.other.getForId(id).resolve()),
      "actor/not_found",
    );
  },
);

onBothWays(
  "a destroyed actor is not found by key or id, and its key makes a fresh one, also for handles from before",
  async (client) => {
    const handle = client.thing.getOrCreate("a");
    const byKey = client.thing.get("a");
    await handle.add(5);
    await byKey.add(1);
    const id = await handle.resolve();
    await handle.end();
    assertEquals(
      await kindOf(client.thing.getForId(id).add(1)),
      "actor/not_found",
    );
    assertEquals(await kindOf(client.thing.get("a").add(1)), "actor/not_found");
    assertEquals(await kindOf(byKey.add(1)), "actor/not_found");
    const created = await client.thing.create("a");
    assertEquals(await created.add(1), 1);
    assertNotEquals(await created.resolve(), id);
    assertEquals([await handle.add(1), await byKey.add(1)], [2, 3]);
    await created.end();
    assertEquals(await handle.add(1), 1);
  },
);

onBothWays(
  "create() resolves to a handle, or rejects when the key has an actor",
  async (client) => {
    const created = await client.thing.create(["a", "b"]);
    assertEquals(await created.add(2), 2);
    assertEquals(await client.thing.get(["a", "b"]).add(1), 3);
    assertEquals(
      await kindOf(client.thing.create(["a", "b"])),
      "actor/duplicate_key",
    );
  },
);

onBothWays(
  "params are any JSON, the same for a call and for a connection, and undefined when there are none",
  async (client) => {
    const all: unknown[] = [
      { name: "é😀\n", "a b": [1, null, { c: true }], percent: "%25%" },
      "text, with; commas=",
      5,
      null,
      [1],
      false,
      "",
      undefined,
    ];
    for (const params of all) {
      const handle = client.other.getOrCreate("a", { params });
      const connection = handle.connect();
      for (const caller of [handle, connection]) {
        assertEquals(await caller.params(), [typeof params, params ?? null]);
      }
      await connection.dispose();
    }
  },
);

// Errors

onBothWays(
  "a user's error comes with message, code, group and metadata, by a call and by a connection",
  async (client) => {
    const handle = client.thing.getOrCreate("a");
    for (const caller of [handle, handle.connect()]) {
      for (const metadata of [{ limit: 8, list: [1n] }, undefined, null]) {
        const error = await assertRejects(
          () => metadata === undefined ? caller.user() : caller.user(metadata),
          ActorError,
        );
        assertEquals(
          [error.group, error.code, error.message, error.metadata],
          ["user", "room_full", "The room is full", metadata],
        );
      }
      assertEquals(await kindOf(caller.plainUser()), "user/user_error");
    }
  },
);

onBothWays(
  "any other error is masked, by a call and by a connection, which goes on",
  async (client) => {
    const handle = client.thing.getOrCreate("a");
    const connection = handle.connect();
    for (const caller of [handle, connection]) {
      const error = await assertRejects(() => caller.bug(), ActorError);
      assertEquals(
        [error.group, error.code, error.message, error.metadata],
        [
          "internal",
          "internal_error",
          "Internal error. Read the server logs for more details.",
          undefined,
        ],
      );
      assertEquals(
        await kindOf(caller.action({ name: "missing" })),
        "action/not_found",
      );
      assertEquals(await caller.add(1) > 0, true);
    }
  },
);

onBothWays(
  "a connection that is refused rejects the calls that wait, tells onError, and tries again",
  async (client) => {
    const connection = client.thing.getOrCreate("a", { params: "refused" })
      .connect();
    const errors: string[] = [];
    const { promise: again, resolve } = Promise.withResolvers<void>();
    connection.onError((error) => {
      assertInstanceOf(error, ActorError);
      errors.push(`${error.group}/${error.code}`);
      if (errors.length === 2) resolve();
    });
    assertEquals(await kindOf(connection.add(1)), "user/refused");
    await again;
    assertEquals(errors, ["user/refused", "user/refused"]);
    assertEquals(connection.isConnected, false);
  },
);

// Connections

onBothWays(
  "connect() returns before anything is open, and what is registered later than the opening is not told of it",
  async (client) => {
    const connection = client.thing.getOrCreate("a").connect();
    assertEquals([connection.isConnected, connection.connStatus], [
      false,
      "connecting",
    ]);
    assertEquals(connection.connId, undefined);
    const told: string[] = [];
    connection.onOpen(() => told.push("open"));
    connection.onOpen(() => told.push("never"))();
    const statuses: string[] = [];
    connection.onStatusChange((status) => statuses.push(status));
    assertEquals(await connection.add(1), 1);
    assertEquals([connection.isConnected, connection.connStatus], [
      true,
      "connected",
    ]);
    connection.onOpen(() => told.push("late"));
    await connection.add(1);
    assertEquals(told, ["open"]);
    assertEquals(statuses, ["connected"]);
  },
);

onBothWays(
  "dispose() fires onClose once, rejects what is under way, and is over when it resolves",
  async (client) => {
    const connection = client.thing.getOrCreate("a").connect();
    await connection.ready;
    let closes = 0;
    connection.onClose(() => closes++);
    const call = connection.wait();
    call.catch(() => {});
    const disposed = connection.dispose();
    assertInstanceOf(await call.catch((error) => error), ActorConnDisposed);
    await disposed;
    await connection.dispose();
    assertEquals([closes, connection.connStatus], [1, "idle"]);
    assertInstanceOf(
      await connection.add(1).catch((error) => error),
      ActorConnDisposed,
    );
    assertEquals(await client.thing.get("a").add(1), 1);
  },
);

onBothWays(
  "dispose() before the opening rejects the calls that wait, and fires no onClose",
  async (client) => {
    const connection = client.thing.getOrCreate("a").connect();
    let closes = 0;
    connection.onClose(() => closes++);
    const call = connection.add(1);
    await connection.dispose();
    assertInstanceOf(await call.catch((error) => error), ActorConnDisposed);
    assertEquals(closes, 0);
  },
);

onBothWays(
  "a connection that is lost rejects what is under way, reconnects, subscribes again, and sends what waited",
  async (client) => {
    const handle = client.thing.getOrCreate("a");
    const connection = handle.connect();
    const heard: string[] = [];
    connection.on("said", (text: string) => heard.push(text));
    await connection.say("one");
    const before = connection.connId;
    const lost = connection.wait();
    lost.catch(() => {});
    const { promise: queued, resolve: queue } = Promise.withResolvers<number>();
    let closes = 0;
    connection.onClose(() => {
      if (++closes === 1) queue(connection.add(1));
    });
    await connection.add(1);
    await handle.kickAll();
    assertEquals(await kindOf(lost), "client/connection_lost");
    assert(await queued > 0);
    assertNotEquals(connection.connId, before);
    await handle.say("two");
    await connection.add(1);
    // What was sent meanwhile is not sent again.
    assertEquals(heard, ["one", "two"]);
    assertEquals(closes, 1);
  },
);

onBothWays(
  "the events of an action arrive before its result, in their order",
  async (client) => {
    const connection = client.thing.getOrCreate("a").connect();
    const order: unknown[] = [];
    connection.on("said", (text: string) => order.push(text));
    order.push(await connection.say("one", "two", "three"));
    assertEquals(order, ["one", "two", "three", 3]);
  },
);

onBothWays(
  "once() hears one event, and a listener that has ended hears none",
  async (client) => {
    const connection = client.thing.getOrCreate("a").connect();
    const heard: string[] = [];
    connection.once("said", (text: string) => heard.push(`once ${text}`));
    const end = connection.on("said", (text: string) => heard.push(text));
    await connection.say("one", "two");
    end();
    await connection.say("three");
    assertEquals(heard, ["once one", "one", "two"]);
  },
);

// Size, which what stays in this process has not

test("a call that is too long closes its connection, which tells why, and works again", async () => {
  await overServer(async (client) => {
    const connection = client.thing.getOrCreate("a").connect();
    await connection.ready;
    const errors: string[] = [];
    connection.onError((error) =>
      errors.push(
        `${(error as ActorError).group}/${(error as ActorError).code}`,
      )
    );
    const neighbour = client.thing.get("a").connect();
    await neighbour.ready;
    const [before, neighbourId] = [connection.connId, neighbour.connId];
    const error = kindOf(connection.echo("x".repeat(10_000)));
    assertEquals(await error, "message/incoming_too_long");
    assertEquals(errors, ["message/incoming_too_long"]);
    assertEquals(await connection.echo("short"), ["short"]);
    assertNotEquals(connection.connId, before);
    assertEquals(await neighbour.add(1), 1);
    assertEquals(neighbour.connId, neighbourId);
    assertEquals(
      await kindOf(client.thing.get("a").echo("x".repeat(10_000))),
      "message/incoming_too_long",
    );
  });
});

test("a result that is too long rejects its own call, and the connection stays", async () => {
  await overServer(async (client) => {
    const handle = client.thing.getOrCreate("a");
    const connection = handle.connect();
    await connection.ready;
    const before = connection.connId;
    const [long, short] = await Promise.allSettled([
      connection.large(20_000),
      connection.large(2),
    ]);
    assertEquals(short, { status: "fulfilled", value: "xx" });
    assertEquals(
      (long as PromiseRejectedResult).reason.code,
      "outgoing_too_long",
    );
    assertEquals(await connection.add(1), 1);
    assertEquals(connection.connId, before);
    assertEquals(
      await kindOf(handle.large(20_000)),
      "message/outgoing_too_long",
    );
  });
});

async function overServer(
  run: (client: Things) => Promise<void>,
): Promise<void> {
  const registry = setup({
    use: definitions,
    store: "memory",
    noWelcome: true,
    logging: { level: "silent" },
    maxIncomingMessageSize: 10_000,
    maxOutgoingMessageSize: 20_000,
  });
  const server = registry.serve({ port: 0, hostname: "127.0.0.1" });
  const client = createClient<typeof registry>(server.url);
  try {
    await run(client);
  } finally {
    await client.dispose();
    await server.shutdown();
  }
}
