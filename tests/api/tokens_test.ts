// A server that asks for a token, and clients over the network with and without it.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { actor, ActorError, createClient, queue, setup } from "../../mod.ts";
import { test } from "../harness.ts";

const counter = actor({
  state: { n: 0 },
  onRequest: (_c, request) => new Response(new URL(request.url).pathname),
  onWebSocket: (_c, socket) => socket.send("hello"),
  queues: { jobs: queue<string>() },
  actions: { add: (c) => ++c.state.n },
});

const lines: string[] = [];
const keep = (entry: Record<string, unknown>) =>
  void lines.push(JSON.stringify(entry));

function open(acceptTokens: string | string[]) {
  const registry = setup({
    use: { counter },
    store: "memory",
    acceptTokens,
    noWelcome: true,
    logging: {
      level: "debug",
      baseLogger: { error: keep, warn: keep, info: keep, debug: keep },
    },
  });
  const { url, shutdown } = registry.serve({ port: 0, hostname: "127.0.0.1" });
  const clientWith = (token?: string) =>
    createClient<typeof registry>({
      endpoint: `${url}/api/rivet`,
      ...(token === undefined ? {} : { token }),
    });
  return { registry, clientWith, shutdown, url };
}

test("a client with the token reaches its actors by every way there is", async () => {
  const token = "secret/k@1%&";
  const { clientWith, shutdown } = open(["next", token]);
  const client = clientWith(token);
  try {
    const handle = client.counter.getOrCreate("a");
    assertEquals(await handle.add(), 1);
    assertEquals(await client.counter.get("a").add(), 2);
    const id = await handle.resolve();
    assertEquals(await client.counter.getForId(id).add(), 3);
    const created = await client.counter.create("b");
    assertEquals(await created.add(), 1);
    await handle.send("jobs", "work");
    assertEquals(await (await handle.fetch("/x")).text(), "/x");
    const url = await handle.getGatewayUrl();
    assertEquals(await (await fetch(`${url}/request/y`)).text(), "/y");
    const socket = await handle.webSocket("/z");
    const { promise, resolve } = Promise.withResolvers<unknown>();
    socket.addEventListener("message", ({ data }) => resolve(data));
    assertEquals(await promise, "hello");
    const closed = new Promise((resolve) =>
      socket.addEventListener("close", resolve)
    );
    socket.close();
    await closed;
    const connection = handle.connect();
    assertEquals(await connection.add(), 4);
    await connection.dispose();
    const next = clientWith("next");
    assertEquals(await next.counter.get("a").add(), 5);
    await next.dispose();
  } finally {
    await client.dispose();
    await shutdown();
  }
  assert(
    lines.some((line) => line.includes("/gateway/")),
    "requests are logged",
  );
  assertEquals(lines.filter((line) => line.includes("secret")), []);
});

for (const token of [undefined, "wrong"]) {
  test(`a client with ${token ?? "no token"} is refused, and one of the same process is not`, async () => {
    const { registry, clientWith, shutdown } = open("secret");
    const client = clientWith(token);
    try {
      const handle = client.counter.getOrCreate("a");
      const forbidden = async (work: () => Promise<unknown>) => {
        const { group, code } = await assertRejects(work, ActorError);
        assertEquals([group, code], ["auth", "forbidden"]);
      };
      await forbidden(() => handle.add());
      await forbidden(() => client.counter.get("a").add());
      await forbidden(() => client.counter.create("b"));
      await forbidden(() => handle.send("jobs", "work"));
      const connection = handle.connect();
      connection.onError(() => {});
      await forbidden(() => connection.add());
      await connection.dispose();
      const { client: own } = registry.start();
      assertEquals(await own.counter.getOrCreate("a").add(), 1);
    } finally {
      await client.dispose();
      await shutdown();
    }
  });
}

test("a socket whose token is not accepted is closed with 1011 auth.forbidden", async () => {
  const { clientWith, shutdown, url } = open("secret");
  const client = clientWith("secret");
  try {
    const id = await client.counter.getOrCreate("a").resolve();
    const path = `${url.replace("http", "ws")}/gateway/${id}@old/connect`;
    const socket = new WebSocket(path, ["rivet", "rivet_encoding.json"]);
    const closed = await new Promise<CloseEvent>((resolve) => {
      socket.onclose = resolve;
    });
    assertEquals([closed.code, closed.reason], [1011, "auth.forbidden"]);
    assertEquals(socket.protocol, "rivet");
  } finally {
    await client.dispose();
    await shutdown();
  }
});
