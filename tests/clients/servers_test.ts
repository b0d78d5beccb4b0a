// Our own client against our server on both runtimes, and against RivetKit's own servers: everything
// that it can do, in every encoding.

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import {
  ActorError,
  type Client,
  createClient,
  InternalError,
} from "../../src/client/mod.ts";
import { afterAll, test } from "../harness.ts";
import { type Running, type ServerKind, servers } from "./servers.ts";
import type { Registry } from "./servers/types.ts";

const encodings = ["bare", "cbor", "json"] as const;
type Encoding = typeof encodings[number];

/** What a case is given. */
interface Setting {
  server: ServerKind;
  encoding: Encoding;
  client: Client<Registry>;
  /** A text that no other case has, for keys. */
  key: string;
}

// How long a story may take where many tests share the machine.
const patienceMs = 60_000;

const stack = new AsyncDisposableStack();
afterAll(() => stack.disposeAsync());
// One that does not start fails its own tests alone.
const running = new Map<ServerKind, PromiseSettledResult<Running>>();
await Promise.all(servers.map(async (server) => {
  if (server.skip !== undefined) return;
  const [started] = await Promise.allSettled([server.start(stack)]);
  running.set(server, started);
}));

/** A value that crosses the wire. */
interface Sample {
  value: unknown;
  /** The lines of servers, and encodings, that cannot do as much. */
  lostIn?: RegExp;
  /** Whether a state can hold it. Default `true`. */
  isSaved?: boolean;
}

const samples: Sample[] = [
  { value: [1, -5, 1.5, true, false, null, "", "héllo 😀"] },
  { value: { a: { b: [{}, []] }, "": 0, 'q"': "\\u0000\n" } },
  { value: [2 ** 32, 1_767_225_600_000, -(2 ** 40)], lostIn: /2.3, json/ },
  { value: [NaN, Infinity], lostIn: /json|2.3, cbor/, isSaved: false },
  { value: [7n, -7n, 2n ** 64n - 1n, 2n ** 70n], lostIn: /2.3, cbor/ },
  { value: new Uint8Array([0, 1, 255]), lostIn: /2.3, cbor/ },
  { value: [new Date(0), new Date(-1500)], lostIn: /json|2.3, cbor/ },
  {
    value: new Map<unknown, unknown>([["a", { b: 1 }], [2, new Map()]]),
    lostIn: /json|2.3, cbor/,
  },
  { value: new Set([1, "a"]), lostIn: /json|2.3, cbor/ },
  { value: [undefined, { a: undefined }], lostIn: /json|2.3, cbor/ },
  {
    value: [new Float64Array([1.5]), new Int16Array([-1, 2])],
    lostIn: /json|2.3, cbor/,
  },
  { value: /a+/gi, lostIn: /json|2.3, cbor/ },
  {
    value: [["$foo", 1], ["$BigInt", "5"], ["$$x", ["$Undefined", 0]]],
    lostIn: /2.3, cbor/,
  },
];

function samplesFor(
  { server, encoding }: Setting,
  { saved = false } = {},
): unknown[] {
  const place = `${server.line}, ${encoding}`;
  return samples
    .filter(({ lostIn }) => !lostIn?.test(place))
    .filter(({ isSaved = true }) => isSaved || !saved)
    .map(({ value }) => value);
}

// One test for each server, in all encodings at the same time.
function eachServer(
  title: string,
  run: (setting: Setting) => Promise<void>,
  lines: ServerKind["line"][] = ["troupe", "2.0", "2.3"],
): void {
  for (const server of servers.filter(({ line }) => lines.includes(line))) {
    test(`${server.name}: ${title}`, async () => {
      const failures = await Promise.all(
        encodings.map((encoding) => failureIn(encoding, server, run)),
      );
      const told = failures.filter((failure) => failure !== undefined);
      assert(told.length === 0, told.join("\n\n"));
    }, { skip: server.skip });
  }
}

async function failureIn(
  encoding: Encoding,
  server: ServerKind,
  run: (setting: Setting) => Promise<void>,
): Promise<string | undefined> {
  const started = running.get(server)!;
  if (started.status === "rejected") throw started.reason;
  const { url: endpoint, output } = started.value;
  const client = createClient<Registry>({ endpoint, encoding });
  const key = crypto.randomUUID();
  try {
    await within(patienceMs, run({ server, encoding, client, key }));
  } catch (error) {
    const text = error instanceof Error ? error.stack : error;
    return `in ${encoding}: ${text}\n${output().slice(-5000)}`;
  } finally {
    await client.dispose();
  }
}

eachServer(
  "an action is called, and its actor is there for the next call",
  async ({ client, key }) => {
    assertEquals(await client.counter.getOrCreate(key).increment(5), 5);
    assertEquals(await client.counter.get([key]).increment(), 6);
    assertEquals(await client.counter.getOrCreate([key]).value(), 6);
  },
);

eachServer(
  "keys are told apart, and come to the actor as they are",
  async ({ client, key, server }) => {
    const keys = [[key], [key, ""], ["", key], [key, "a/b"], [key, "a\\b"], [
      key,
      "ä,😀",
    ]];
    for (const [index, each] of keys.entries()) {
      const handle = client.counter.getOrCreate(each);
      assertEquals(await handle.increment(index + 1), index + 1);
      // It makes one part of all of them.
      if (server.line !== "2.0") assertEquals(await handle.key(), each);
    }
  },
);

eachServer(
  "get, getOrCreate, getForId and create mean the same actor, which resolve() names",
  async ({ client, key }) => {
    const created = await client.counter.create(key, { input: { count: 7 } });
    const actorId = await created.resolve();
    assertEquals(await created.increment(), 8);
    for (
      const handle of [
        client.counter.get(key),
        client.counter.getOrCreate(key, { createWithInput: { count: 99 } }),
        client.counter.getForId(actorId),
      ]
    ) {
      assertEquals(await handle.resolve(), actorId);
      assertEquals(await handle.value(), 8);
    }
    const url = await created.getGatewayUrl();
    const response = await fetch(`${url}/action/value`, {
      method: "POST",
      body: '{"args":[]}',
    });
    assertEquals(await response.json(), { output: 8 });
  },
);

eachServer(
  "what is not there, or is there already, is refused",
  async ({ client, key }) => {
    assertEquals(
      await kindOf(client.counter.get(key).value()),
      "actor/not_found",
    );
    // An engine asks for the form of its own ids.
    const missing = client.counter.getForId("5jxlv5boumuljx2d2nvyat0o2edl00");
    assertEquals(await kindOf(missing.value()), "actor/not_found");
    await client.counter.create(key);
    assertEquals(
      await kindOf(client.counter.create(key)),
      "actor/duplicate_key",
    );
  },
);

eachServer(
  "values keep their types, as arguments, results and in events",
  async (setting) => {
    const { client, key } = setting;
    const values = samplesFor(setting);
    const handle = client.values.getOrCreate(key);
    assertEquals(await handle.echo(...values), values);
    const connection = handle.connect();
    const told: unknown[][] = [];
    connection.on("told", (...args) => told.push(args));
    assertEquals(await connection.echo(...values), values);
    await connection.tell(...values);
    assertEquals(told, [values]);
  },
);

eachServer(
  "an input comes to the actor that a call creates",
  async (setting) => {
    const { client: { values }, key } = setting;
    const input = { text: "é😀", values: samplesFor(setting, { saved: true }) };
    const first = values.getOrCreate(key, { createWithInput: input });
    assertEquals(await first.input(), input);
    const second = await values.create([key, "2"], { input });
    assertEquals(await second.input(), input);
    const late = values.getOrCreate(key, { createWithInput: 1 });
    assertEquals(await late.input(), input);
  },
);

eachServer(
  "params come to the actor with each call and each connection",
  async ({ client, key }) => {
    for (const params of [{ name: "Zoë (é)", n: [1, null] }, "text", 7]) {
      const handle = client.counter.getOrCreate(key, { params });
      assertEquals(await handle.params(), params);
      const connection = handle.connect();
      assertEquals(await connection.params(), params);
      await connection.dispose();
    }
    assertEquals(await client.counter.getOrCreate(key).params() ?? null, null);
  },
);

eachServer("an action without a result resolves", async ({ client, key }) => {
  const handle = client.values.getOrCreate(key);
  assertEquals(await handle.nothing() ?? null, null);
  const connection = handle.connect();
  assertEquals(await connection.nothing() ?? null, null);
});

eachServer("large messages arrive", async ({ client, key }) => {
  const handle = client.values.getOrCreate(key);
  const connection = handle.connect();
  for (const caller of [handle, connection]) {
    assertEquals((await caller.fill(300_000)).length, 300_000);
    const text = "y".repeat(60_000);
    assertEquals(await caller.echo(text), [text]);
  }
});

eachServer(
  "errors come with their metadata, and what is no user's business without its text",
  async ({ client, key }) => {
    const handle = client.failing.getOrCreate(key);
    for (const caller of [handle, handle.connect()]) {
      const refusal = await failureOf(caller.refuse());
      assertEquals(
        [refusal.group, refusal.code, refusal.message, refusal.metadata],
        ["user", "room_full", "The room is full", {
          limit: 8,
          why: ["a", null],
        }],
      );
      const plain = await failureOf(caller.plain());
      assertEquals([plain.group, plain.code, plain.message], [
        "user",
        "user_error",
        "No",
      ]);
      const crash = await failureOf(caller.crash());
      assert(crash instanceof InternalError, crash.name);
      assertEquals(`${crash.group}/${crash.code}`, "internal/internal_error");
      assert(!crash.message.includes("secret"));
      const missing = await failureOf(caller.missing());
      assertMatch(
        `${missing.group}/${missing.code}`,
        /^action\/not_found$|^actor\/action_not_found$/,
      );
      assertMatch(missing.message, /missing/);
    }
  },
);

eachServer(
  "onBeforeConnect refuses calls and connections",
  async ({ client, key, server }) => {
    const refused = client.guarded.getOrCreate(key, {
      params: { token: "guess" },
    });
    const failure = await failureOf(refused.hello());
    assertEquals([failure.group, failure.code, failure.metadata], [
      "user",
      "unauthorized",
      { why: "token" },
    ]);
    const connection = refused.connect();
    const told = await new Promise<Error>((resolve) =>
      connection.onError(resolve)
    );
    assert(told instanceof ActorError);
    if (server.line === "2.0") {
      // It says no more than the code, and that only to a person.
      assertEquals(`${told.group}/${told.code}`, "client/connection_failed");
      assertMatch(told.message, /unauthorized/);
    } else {
      assertEquals([told.group, told.code, told.metadata], [
        "user",
        "unauthorized",
        { why: "token" },
      ]);
    }
    await connection.dispose();
    const admitted = client.guarded.getOrCreate(key, {
      params: { token: "let me in" },
    });
    assertEquals(await admitted.hello(), "welcome");
    assertEquals(await admitted.connect().hello(), "welcome");
  },
);

eachServer(
  "a connection calls actions, and hears the events it listens to in their order",
  async ({ client, key }) => {
    const handle = client.counter.getOrCreate(key);
    const connection = handle.connect();
    const other = handle.connect();
    const heard: unknown[] = [];
    const end = connection.on("changed", (...args) => heard.push(args));
    await other.value();
    assertEquals(await connection.increment(2), 2);
    // An event comes before the result of the action that it was sent in.
    assertEquals(heard, [[2, 2]]);
    assertEquals(await connection.increment(3), 5);
    assertEquals(heard, [[2, 2], [5, 3]]);
    const numbers: number[] = [];
    connection.on("number", (number) => numbers.push(number));
    assertEquals(await connection.count(), 100);
    assertEquals(numbers, Array.from({ length: 100 }, (_, index) => index + 1));
    end();
    await connection.increment();
    assertEquals(heard.length, 2);
    // What is said to one connection is not heard by another, and needs no subscription.
    const whispers: unknown[] = [];
    for (const each of [connection, other]) {
      each.on("whisper", (...args) => whispers.push(args));
    }
    await connection.whisper("psst", { a: [1] });
    await other.value();
    assertEquals(whispers, [["psst", { a: [1] }]]);
  },
);

eachServer(
  "results come when they are there, whatever was called first",
  async ({ client, key }) => {
    const connection = client.counter.getOrCreate(key).connect();
    const order: unknown[] = [];
    await Promise.all([
      connection.later(500, "slow").then((result) => order.push(result)),
      connection.later(0, "fast").then((result) => order.push(result)),
      ...Array.from(
        { length: 200 },
        (_, index) =>
          connection.later(0, index).then((result) =>
            assertEquals(result, index)
          ),
      ),
    ]);
    assertEquals(order, ["fast", "slow"]);
  },
);

eachServer(
  "a closed connection rejects what is under way, and comes back with its subscriptions",
  async ({ client, key }) => {
    const connection = client.counter.getOrCreate(key).connect();
    const heard: unknown[] = [];
    connection.on("changed", (count) => heard.push(count));
    const errors: Error[] = [];
    connection.onError((error) => errors.push(error));
    await connection.increment();
    const { connId, actorId } = connection;
    const underWay = failureOf(connection.later(60_000, "late"));
    const closed = new Promise<void>((resolve) => connection.onClose(resolve));
    connection.leave("my.reason").catch(() => {}); // Its result may come or not.
    await closed;
    const { group, code } = await underWay;
    assertEquals([group, code], ["my", "reason"]);
    assertEquals(await connection.increment(), 2);
    assertEquals(heard, [1, 2]);
    assertEquals(connection.actorId, actorId);
    assert(connection.connId !== connId);
    assert(
      errors.every((error) =>
        error instanceof ActorError && error.code === "reason"
      ),
    );
  },
);

eachServer(
  "a disposed connection ends, and rejects its calls",
  async ({ client, key }) => {
    const handle = client.counter.getOrCreate(key);
    const connection = handle.connect();
    await connection.increment();
    const late = kindOf(connection.later(60_000, "late"));
    await connection.dispose();
    assertEquals(connection.connStatus, "idle");
    assertEquals(await late, "client/disposed");
    assertEquals(await kindOf(connection.increment()), "client/disposed");
    assertEquals(await handle.value(), 1);
  },
);

eachServer(
  "the handle and the connection of a key go on with a new actor where theirs is destroyed",
  async ({ client, key, server }) => {
    const handle = client.counter.getOrCreate(key);
    const connection = handle.connect();
    assertEquals(await connection.increment(5), 5);
    const closed = new Promise<void>((resolve) => connection.onClose(resolve));
    await handle.end();
    await closed;
    // While RivetKit 2.0 destroys an actor, an internal error is all that its own client hears too.
    const increment = server.line === "2.0"
      ? untilThere(() => handle.increment())
      : handle.increment();
    assertEquals(await increment, 1);
    assertEquals(await connection.increment(), 2);
  },
);

eachServer(
  "a raw request and its response are passed on as they are",
  async ({ client, key }) => {
    const handle = client.raw.getOrCreate(key);
    const body = new Uint8Array([0, 1, 254, 255]);
    const response = await handle.fetch("some/path?a=1&b=%20x", {
      method: "PUT",
      body,
      headers: { "content-type": "application/octet-stream", "x-mine": "mine" },
    });
    assertEquals(response.status, 201);
    assertMatch(
      response.headers.get("x-seen")!,
      /^PUT .*\/some\/path\?a=1&b=%20x mine$/,
    );
    assertEquals(new Uint8Array(await response.arrayBuffer()), body);
    const teapot = await handle.fetch("teapot");
    assertEquals([teapot.status, await teapot.text()], [
      418,
      "short and stout",
    ]);
  },
);

eachServer(
  "a raw socket passes on text, bytes and how it is closed",
  async ({ client, key }) => {
    const socket = await client.raw.getOrCreate(key).webSocket("room?x=1");
    const frames: unknown[] = [];
    const closed = new Promise((resolve) =>
      socket.addEventListener(
        "close",
        ({ code, reason }) => resolve([code, reason]),
      )
    );
    socket.addEventListener("message", ({ data }) => {
      frames.push(
        data instanceof ArrayBuffer ? [...new Uint8Array(data)] : data,
      );
      if (frames.length === 2) {
        socket.send("bye");
      }
    });
    socket.addEventListener("open", () => {
      socket.send("text");
      socket.send(new Uint8Array([0, 255]));
    });
    assertEquals(await closed, [4001, "bye"]);
    assertEquals(frames, ["text", [0, 255]]);
  },
);

eachServer(
  "a message to a queue is taken, and answered where one waits for it",
  async ({ client, key }) => {
    const handle = client.jobs.getOrCreate(key);
    assertEquals(await handle.send("work", { job: 1 }), undefined);
    assertEquals(
      await handle.send("work", { job: 2 }, { wait: true, timeout: 20_000 }),
      { status: "completed", response: { heard: { job: 2 } } },
    );
    assertEquals(
      await handle.send("silent", { job: 3 }, { wait: true, timeout: 100 }),
      { status: "timedOut" },
    );
    assertEquals(await handle.done(), [{ job: 1 }, { job: 2 }]);
  },
  ["troupe", "2.3"],
);

test("a connection comes back by itself when its server was killed, whichever that is", async () => {
  const kinds = servers.filter(({ skip }) => skip === undefined);
  await Promise.all(kinds.map(async (kind) => {
    await using stack = new AsyncDisposableStack();
    const server = await kind.start(stack);
    const clients = encodings.map((encoding) =>
      createClient<Registry>({ endpoint: server.url, encoding })
    );
    for (const client of clients) stack.defer(() => client.dispose());
    const connections = clients.map((client, index) =>
      client.counter.getOrCreate([kind.name, `${index}`]).connect()
    );
    const heard = connections.map((connection) => {
      const numbers: number[] = [];
      connection.onError(() => {}); // There is nobody for a while.
      connection.on("number", (number) => numbers.push(number));
      return numbers;
    });
    await Promise.all(connections.map(({ ready }) => ready));
    const lost = connections.map((connection) =>
      kindOf(connection.later(60_000, "late"))
    );
    await server.restart();
    assertEquals(
      await Promise.all(lost),
      lost.map(() => "client/connection_lost"),
    );
    for (const [index, connection] of connections.entries()) {
      assertEquals(await connection.count(), 100);
      assertEquals(heard[index]!.length, 100);
    }
  }));
});

function within(ms: number, promise: Promise<void>): Promise<void> {
  const late = Promise.withResolvers<void>();
  const timer = setTimeout(
    () => late.reject(new Error(`It did not end within ${ms} ms`)),
    ms,
  );
  return Promise.race([late.promise, promise])
    .finally(() => clearTimeout(timer));
}

async function untilThere<V>(call: () => Promise<V>): Promise<V> {
  for (let attempt = 1;; attempt++) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof InternalError) || attempt === 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

async function failureOf(promise: Promise<unknown>): Promise<ActorError> {
  return await assertRejects(() => promise, ActorError);
}

async function kindOf(promise: Promise<unknown>): Promise<string> {
  const { group, code } = await failureOf(promise);
  return `${group}/${code}`;
}
