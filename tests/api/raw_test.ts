// Raw requests and raw sockets as a program has them, in the same process and over a real server.

import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  actor,
  ActorError,
  type Client,
  createClient,
  setup,
  type UniversalWebSocket,
} from "../../mod.ts";
import { test } from "../harness.ts";

const thing = actor({
  createConnState: (_c, params: unknown) => ({ params: params ?? null }),
  async onRequest(c, request) {
    const { method, headers } = request;
    const { pathname, search } = new URL(request.url);
    const answer = new Headers({
      "content-type": headers.get("content-type") ?? "text/none",
    });
    switch (pathname) {
      case "/cookies":
        answer.append("set-cookie", "a=1; Path=/");
        answer.append("set-cookie", "b=2");
        return new Response(headers.get("cookie"), { headers: answer });
      case "/echo":
        return new Response(await request.bytes(), { headers: answer });
      case "/form": {
        const form = await request.formData();
        const file = form.get("file") as File;
        return Response.json([form.get("text"), file.name, await file.text()]);
      }
      case "/nothing":
        return;
    }
    answer.set("x-method", method);
    const seen: Seen = {
      path: pathname + search,
      method,
      headers: Object.fromEntries(headers),
      params: c.conn.state.params,
    };
    return Response.json(seen, { headers: { "x-method": method } });
  },
  onWebSocket(c, socket) {
    const { pathname, search } = new URL(c.request!.url);
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => socket.send(data as string | ArrayBuffer);
    socket.send(JSON.stringify([pathname + search, c.conn.state.params]));
  },
  actions: { add: (_c, a: number, b: number) => a + b },
});

const sleeper = actor({
  state: { wakes: 0, opens: 0 },
  onBeforeConnect(_c, _params: { n: number } | undefined) {},
  onWake: (c) => c.state.wakes++,
  onWebSocket(c, socket) {
    socket.onopen = () => c.state.opens++;
    socket.onmessage = () => {
      const { pathname, search } = new URL(c.request!.url);
      socket.send(JSON.stringify({
        ...c.state,
        seen: pathname + search,
        offer: c.request!.headers.get("sec-websocket-protocol"),
        params: c.conn.params?.n,
      }));
    };
  },
  actions: { rest: (c) => c.sleep() },
  options: { canHibernateWebSocket: true },
});

/** What an actor has seen of a request. */
interface Seen {
  path: string;
  method: string;
  headers: Record<string, string>;
  params: unknown;
}

const definitions = { thing, sleeper };
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
      });
      const server = way === "http"
        ? registry.serve({ port: 0, hostname: "127.0.0.1" })
        : undefined;
      const client = createClient<typeof registry>(server?.url ?? {});
      try {
        await run(client, way);
      } finally {
        await client.dispose();
        await (server ?? registry).shutdown();
      }
    });
  }
}

const paths: [input: string | URL | Request, path: string][] = [
  ["", "/"],
  ["/", "/"],
  ["a", "/a"],
  ["/a", "/a"],
  ["//a", "/a"],
  ["a//b", "/a/b"],
  ["a/", "/a/"],
  ["?x=1", "/?x=1"],
  ["a?x=1&y=a%20b+c&z=%26#part", "/a?x=1&y=a%20b+c&z=%26"],
  ["a%2Fb%20c/%C3%A4", "/a%2Fb%20c/%C3%A4"],
  ["ä b", "/%C3%A4%20b"],
  ["#part", "/"],
  [new URL("http://any.test/a/b?x=1#part"), "/a/b?x=1"],
  [new Request("http://any.test/a/b?x=1#part"), "/a/b?x=1"],
];

onBothWays(
  "fetch() takes a path with or without a slash, a URL or a Request, and keeps its query and its escapes",
  async (client) => {
    const handle = client.thing.getOrCreate("a");
    for (const [input, path] of paths) {
      const { path: seen }: Seen = await (await handle.fetch(input)).json();
      assertEquals(seen, path);
    }
  },
);

onBothWays(
  "fetch() sends the headers of a Request and of the init, which goes before, and the conn params besides",
  async (client) => {
    const params = { name: "änn", n: 1 };
    const handle = client.thing.getOrCreate("a", { params });
    const request = new Request("http://any.test/a", {
      method: "PUT",
      headers: { "x-a": "request", "x-b": "request" },
    });
    const init = { headers: { "x-b": "init", "x-c": "init" } };
    const one: Seen = await (await handle.fetch(request, init)).json();
    const { "x-a": a, "x-b": b, "x-c": c } = one.headers;
    assertEquals([one.method, a, b, c], ["PUT", "request", "init", "init"]);
    assertEquals(one.params, params);
    assert(
      !Object.keys(one.headers).some((name) => name.startsWith("x-rivet")),
    );
    const asInit = new Request("http://any.test/other", {
      method: "DELETE",
      headers: { "x-a": "init" },
    });
    const two: Seen = await (await handle.fetch("a", asInit)).json();
    assertEquals([two.path, two.method, two.headers["x-a"]], [
      "/a",
      "DELETE",
      "init",
    ]);
  },
);

for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"]) {
  onBothWays(`fetch() brings ${method} to onRequest`, async (client) => {
    const response = await client.thing.getOrCreate("a").fetch("a", { method });
    assertEquals(response.headers.get("x-method"), method);
    const text = await response.text();
    if (method === "HEAD") assertEquals(text, "");
    else assertEquals((JSON.parse(text) as Seen).method, method);
  });
}

onBothWays("OPTIONS does not come to onRequest", async (client) => {
  const handle = client.thing.getOrCreate("a");
  const response = await handle.fetch("a", { method: "OPTIONS" });
  assertEquals([response.status, await response.text()], [204, ""]);
});

onBothWays(
  "cookies, content types and bodies of every kind go both ways untouched",
  async (client) => {
    const handle = client.thing.getOrCreate("a");
    const headers = { cookie: "a=1; b=2" };
    const cookies = await handle.fetch("cookies", { headers });
    assertEquals(await cookies.text(), "a=1; b=2");
    assertEquals(cookies.headers.getSetCookie(), ["a=1; Path=/", "b=2"]);
    const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
    const bodies: [body: () => BodyInit, given?: string, type?: string][] = [
      [() => "text"], // Bun gives a text no type by itself
      [() => "{}", "application/json"],
      [() => "a", "text/x-own; charset=latin1"],
      [() => bytes, "application/octet-stream"],
      [() => new URLSearchParams({ a: "ä&" }), undefined, undefined],
      [
        () => new Blob([bytes], { type: "image/x-own" }),
        undefined,
        "image/x-own",
      ],
      [() => new Blob([bytes]).stream(), "application/x-stream"],
    ];
    for (const [body, given, type = given] of bodies) {
      const response = await handle.fetch("echo", {
        method: "POST",
        body: body(),
        ...(given === undefined ? {} : { headers: { "content-type": given } }),
      });
      assertEquals(await response.bytes(), await new Response(body()).bytes());
      const seen = response.headers.get("content-type");
      if (type !== undefined) {
        assertEquals(seen?.toLowerCase(), type.toLowerCase());
      }
    }
    const form = new FormData();
    form.append("text", "ä");
    form.append("file", new File(["inside"], "name.txt"));
    const answer = await handle.fetch("form", { method: "POST", body: form });
    assertEquals(await answer.json(), ["ä", "name.txt", "inside"]);
  },
);

onBothWays("onRequest that returns nothing is a 404", async (client) => {
  const response = await client.thing.getOrCreate("a").fetch("nothing");
  assertEquals(response.status, 404);
  assertEquals((await response.json()).code, "not_found");
});

const socketPaths: [path: string | undefined, seen: string][] = [
  [undefined, "/websocket/"],
  ["custom/path?x=1", "/websocket/custom/path?x=1"],
  ["/custom/path?x=1&y=a%20b", "/websocket/custom/path?x=1&y=a%20b"],
  ["?x=1", "/websocket/?x=1"],
];

/** The next message of a socket. */
function next(socket: UniversalWebSocket | WebSocket): Promise<unknown> {
  return new Promise((resolve) => {
    socket.addEventListener(
      "message",
      ({ data }: MessageEvent) => resolve(data),
      { once: true },
    );
  });
}

/** Closes a socket, and resolves to how it has closed. */
async function close(
  socket: UniversalWebSocket | WebSocket,
  reason = "",
): Promise<[code: number, reason: string]> {
  const closed = new Promise<CloseEvent>((resolve) => {
    socket.addEventListener("close", resolve, { once: true });
  });
  socket.close(4000, reason);
  const event = await closed;
  return [event.code, event.reason];
}

onBothWays(
  "webSocket() and websocket() keep path and query, carry params, and take text and bytes both ways",
  async (client) => {
    const handle = client.thing.getOrCreate("a", { params: { name: "ann" } });
    for (const [path, seen] of socketPaths) {
      for (const open of ["webSocket", "websocket"] as const) {
        const socket = await handle[open](path);
        const told = JSON.parse(String(await next(socket)));
        assertEquals(told, [seen, { name: "ann" }]);
        socket.send("text");
        assertEquals(await next(socket), "text");
        socket.send(new Uint8Array([1, 0, 255]));
        const bytes = await next(socket) as ArrayBuffer;
        assertEquals(new Uint8Array(bytes), new Uint8Array([1, 0, 255]));
        await close(socket);
      }
    }
  },
);

onBothWays(
  "a reason that is too long for a close is cut, and the socket closes",
  async (client) => {
    const socket = await client.thing.getOrCreate("a").webSocket();
    await next(socket);
    const [code, reason] = await close(socket, "ä".repeat(100));
    assertEquals(code, 4000);
    assert("ä".repeat(61).startsWith(reason), reason);
  },
);

onBothWays(
  "webSocket() rejects when there is no actor, and for sub-protocols that are none",
  async (client) => {
    const missing = client.thing.get("missing");
    const { group, code } = await assertRejects(
      () => missing.webSocket(),
      ActorError,
    );
    assertEquals(`${group}/${code}`, "actor/not_found");
    const handle = client.thing.getOrCreate("a");
    for (const protocols of ["a b", "", ["own", "own"], ["a,b"]]) {
      const error = await assertRejects(() => handle.webSocket("", protocols));
      assertEquals((error as Error).name, "SyntaxError");
    }
  },
);

onBothWays(
  "whoever awaits a socket, however deep, hears it open",
  async (client) => {
    const outer = async () => await inner();
    const inner = async () => await client.thing.getOrCreate("a").webSocket();
    const socket = await outer();
    assertEquals(socket.readyState, 0);
    await new Promise((resolve) => socket.onopen = resolve);
    assertEquals(socket.readyState, 1);
    await close(socket);
  },
);

test("a socket whose params are no JSON closes, and tells who awaits it", async () => {
  const registry = setup({
    use: definitions,
    store: "memory",
    noWelcome: true,
    logging: { level: "silent" },
  });
  const server = registry.serve({ port: 0, hostname: "127.0.0.1" });
  const client = createClient<typeof registry>(server.url);
  try {
    const handle = client.thing.getOrCreate("a", { params: 1n });
    const open = async () => await handle.webSocket();
    const socket = await open();
    const { code, reason } = await new Promise<CloseEvent>((resolve) => {
      socket.onclose = resolve;
    });
    assertEquals([code, reason], [1006, "params.invalid"]);
  } finally {
    await client.dispose();
    await server.shutdown();
  }
});

onBothWays(
  "what a hibernating socket came with is there after a sleep, and open is told once",
  async (client) => {
    const handle = client.sleeper.getOrCreate("a", { params: { n: 1 } });
    const socket = await handle.webSocket("room?x=1", "own");
    await new Promise((resolve) => socket.onopen = resolve);
    let told;
    do {
      await handle.rest();
      // Calls of the same process leave timers no turn, and with that a stop.
      await new Promise((resolve) => setTimeout(resolve));
      const answer = next(socket);
      socket.send("who");
      told = JSON.parse(String(await answer));
    } while (told.wakes < 2);
    const seen = "/websocket/room?x=1";
    assertEquals(told, { wakes: 2, opens: 1, seen, offer: "own", params: 1 });
    await close(socket);
  },
);

test("the URL of getGatewayUrl() takes a plain fetch and a plain WebSocket", async () => {
  const registry = setup({
    use: definitions,
    store: "memory",
    noWelcome: true,
    logging: { level: "silent" },
  });
  const server = registry.serve({ port: 0, hostname: "127.0.0.1" });
  const outer = createClient<typeof registry>(server.url);
  const inner = createClient<typeof registry>();
  try {
    for (const client of [outer, inner]) {
      const url = await client.thing.getOrCreate("a").getGatewayUrl();
      const response = await fetch(`${url}/request/a?x=1`);
      assertEquals((await response.json() as Seen).path, "/a?x=1");
      const socket = new WebSocket(
        `${url.replace(/^http/, "ws")}/websocket/b?y=2`,
      );
      const told = JSON.parse(String(await next(socket)));
      assertEquals(told, ["/websocket/b?y=2", null]);
      await close(socket);
      const called = await fetch(`${url}/action/add`, {
        method: "POST",
        body: JSON.stringify({ args: [1, 2] }),
      });
      assertEquals(await called.json(), { output: 3 });
      const health = await fetch(`${url}/health`);
      assertEquals([health.status, await health.text()], [200, "ok"]);
    }
    const missing = outer.thing.get("missing");
    await assertRejects(() => missing.getGatewayUrl(), ActorError);
  } finally {
    await outer.dispose();
    await server.shutdown();
  }
});

test("a server of one's own may pass its requests on to an actor, whole", async () => {
  const registry = setup({
    use: definitions,
    store: "memory",
    noWelcome: true,
    logging: { level: "silent" },
  });
  const client = createClient<typeof registry>();
  const server = registry.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: (request) => client.thing.getOrCreate("a").fetch(request),
  });
  try {
    const response = await fetch(`${server.url}/mine?x=1`, {
      headers: { "x-own": "1" },
    });
    const seen: Seen = await response.json();
    assertEquals([seen.path, seen.headers["x-own"]], ["/mine?x=1", "1"]);
    const body = "x".repeat(1_000_000);
    const echoed = await fetch(`${server.url}/echo`, { method: "POST", body });
    assertEquals(await echoed.text(), body);
    const cookies = await fetch(`${server.url}/cookies`);
    assertEquals(cookies.headers.getSetCookie(), ["a=1; Path=/", "b=2"]);
    await cookies.body?.cancel();
  } finally {
    await server.shutdown();
  }
});
