// Actors that are named by a query, as RivetKit's clients from 2.3 on do it.

import { assertEquals, assertMatch } from "@std/assert";
import { actor } from "../../src/definition/actor.ts";
import { queue } from "../../src/definition/schema.ts";
import { encodeCbor } from "../../src/protocol/cbor.ts";
import { test } from "../harness.ts";
import { Site } from "./site.ts";

// deno-lint-ignore no-explicit-any -- JSON of whatever shape
type Json = any;

// The inputs that actors were created with.
const given: unknown[] = [];

const things = {
  thing: actor({
    createState(_c, input: unknown) {
      given.push(input);
      return { n: 0 };
    },
    connState: {},
    onRequest: (c, request) =>
      Response.json({
        key: c.key,
        url: request.url,
        same: c.request === request,
        headers: Object.fromEntries(request.headers),
      }),
    onWebSocket: (c, socket) => socket.send(c.request!.url),
    onBeforeConnect(c, params) {
      if (params === "url") throw new Error(c.request?.url);
    },
    queues: { jobs: queue<string>() },
    actions: {
      add: (c) => ++c.state.n,
      key: (c) => c.key,
      seen: (c) => [c.request?.method, c.request?.url, c.request?.body],
      header: (c, name: string) => c.request?.headers.get(name),
      end: (c) => c.destroy(),
    },
  }),
  "my actor/x": actor({ actions: { "a/b": (c) => c.name } }),
};

const get = "rvt-namespace=default&rvt-method=get";
const create =
  "rvt-namespace=default&rvt-method=getOrCreate&rvt-runner=default&rvt-crash-policy=sleep";

const written = (value: unknown) =>
  encodeCbor(value).toBase64({ alphabet: "base64url", omitPadding: true });

const host = "http://actors.test";
const call = async (
  site: Site<typeof things>,
  target: string,
  ...args: unknown[]
): Promise<[number, Json]> => {
  const [status, body] = await site.json(`POST ${target}`, { body: { args } });
  const { output, group, code } = body as Json;
  return [status, status === 200 ? output : `${group}/${code}`];
};

for (const base of ["", "/api/rivet"]) {
  test(`getOrCreate creates an actor once, and get finds it, at "${base}/gateway"`, async () => {
    await using site = await Site.open(things);
    const path = `${base}/gateway/thing/action/add`;
    assertEquals(await call(site, `${path}?${get}&rvt-key=a`), [
      404,
      "actor/not_found",
    ]);
    assertEquals(await site.world.store.isEmpty(), true);
    const [created, ...others] = await Promise.all(
      Array.from(
        { length: 5 },
        () => call(site, `${path}?${create}&rvt-key=a`),
      ),
    );
    assertEquals(created, [200, 1]);
    assertEquals(others.map(([, n]) => n), [2, 3, 4, 5]);
    assertEquals(await call(site, `${path}?${get}&rvt-key=a`), [200, 6]);
    assertEquals(await call(site, `${path}?${create}&rvt-key=b`), [200, 1]);
    const [, { actors }] = await site.json("/actors?name=thing") as [
      number,
      Json,
    ];
    assertEquals(actors.map(({ key }: Json) => key).toSorted(), ["a", "b"]);
  });
}

test("the key of the query is that of the actor, and the same as in /actors", async () => {
  await using site = await Site.open(things);
  const keys: [pair: string, key: string[], text: string][] = [
    ["", [], "/"],
    ["&rvt-key=", [], "/"],
    ["&rvt-key=a,b", ["a", "b"], "a/b"],
    ["&rvt-key=a%2C%2Cb", ["a", "", "b"], "a/\\0/b"],
    ["&rvt-key=k%2C", ["k", ""], "k/\\0"],
    ["&rvt-key=a%2Fb", ["a/b"], "a\\/b"],
    ["&rvt-key=%E2%98%BA+%5C", ["☺ \\"], "☺ \\\\"],
  ];
  for (const [pair, key, text] of keys) {
    const path = `/gateway/thing/action/key?${create}${pair}`;
    assertEquals(await call(site, path), [200, key], pair);
    const [, { actors }] = await site.json(
      `/actors?name=thing&key=${encodeURIComponent(text)}`,
    ) as [number, Json];
    assertEquals(actors.map(({ key }: Json) => key), [text]);
  }
});

const inputs: [pair: string, input: unknown][] = [
  ["", undefined],
  ["&rvt-input=AA", 0],
  ["&rvt-input=9A", false],
  ["&rvt-input=9g", null],
  ["&rvt-input=YA", ""],
  ["&rvt-input=uQACZWhlbGxvZXdvcmxkYW4B", { hello: "world", n: 1 }],
  // What these clients write as an array of a tag and a value.
  [`&rvt-input=${written(["$BigInt", "7"])}`, 7n],
  [`&rvt-input=${written(["$Undefined", 0])}`, undefined],
  [`&rvt-input=${written(["$$foo", 1])}`, ["$foo", 1]],
  // What RivetKit's clients before it would write.
  ["&rvt-input=GwAAAAAAAAAH", 7n],
];

for (const [pair, input] of inputs) {
  test(`"${pair}" is the input that an actor is created with, and of no meaning later`, async () => {
    await using site = await Site.open(things);
    given.length = 0;
    const path = `/gateway/thing/action/add?${create}${pair}`;
    assertEquals(await call(site, path), [200, 1]);
    assertEquals(await call(site, path.replace("=AA", "=AQ")), [200, 2]);
    assertEquals(given, [input]);
  });
}

test("names of actors and actions are percent-decoded", async () => {
  await using site = await Site.open(things);
  assertEquals(
    await call(site, `/gateway/my%20actor%2Fx/action/a%2Fb?${create}`),
    [200, "my actor/x"],
  );
});

test("region, namespace and pool may be any, and the pool has two names", async () => {
  await using site = await Site.open(things);
  const query =
    "rvt-namespace=other&rvt-method=getOrCreate&rvt-pool=mine&rvt-region=far&rvt-skip-ready-wait=true";
  for (const expected of [1, 2]) {
    assertEquals(await call(site, `/gateway/thing/action/add?${query}`), [
      200,
      expected,
    ]);
  }
});

test("the actor sees its own query byte for byte, and nothing of what named it", async () => {
  await using site = await Site.open(things);
  const query =
    `a=%20+&rvt-namespace=default&a=&x&rvt-method=getOrCreate&rvt-runner=default&rvt-token=secret&q=rvt-key&y=%2f`;
  const own = "?a=%20+&a=&x&q=rvt-key&y=%2f";
  assertEquals(await call(site, `/gateway/thing/action/seen?${query}`), [
    200,
    ["POST", `${host}/gateway/thing/action/seen${own}`, null],
  ]);
  const headers = { "x-own": "mine", "x-rivet-skip-ready-wait": "1" };
  const [, seen] = await site.json(`/gateway/thing/request/x/y?${query}`, {
    headers,
  }) as [number, Json];
  assertEquals([seen.url, seen.same], [`${host}/x/y${own}`, true]);
  assertEquals(seen.headers, { "x-own": "mine" });
  const [, plain] = await site.json(
    `/gateway/thing/request/x?${create}`,
  ) as [number, Json];
  assertEquals(plain.url, `${host}/x`);
  const raw = (await site.dial(`/gateway/thing/websocket/chat?${query}`))
    .open();
  await site.world.clock.settle();
  assertEquals(raw.sent, [`${host}/websocket/chat${own}`]);
  raw.hangUp();
});

test("the headers of a query-routed call are those of the caller", async () => {
  await using site = await Site.open(things);
  assertEquals(
    await site.json(`POST /gateway/thing/action/header?${create}`, {
      body: { args: ["x-own"] },
      headers: { "x-own": "mine" },
    }),
    [200, { output: "mine" }],
  );
});

test("connections, queues and the small routes are reached by a query too", async () => {
  await using site = await Site.open(things, { exposesErrors: true });
  const query = `${create}&rvt-key=c`;
  const wire = (await site.dial(`/gateway/thing/connect?x=1&${query}`)).open();
  await site.world.clock.settle();
  wire.call(0, "add").call(1, "key");
  await site.world.clock.settle();
  assertEquals(
    wire.messages.map(({ tag, val }) => [tag, val.output]),
    [["Init", undefined], ["ActionResponse", 1], ["ActionResponse", ["c"]]],
  );
  wire.hangUp();
  const refused = (await site.dial(
    `/gateway/thing/connect?x=1&${query}`,
    `rivet, rivet_conn_params.%22url%22`,
  )).open();
  await site.world.clock.settle();
  assertEquals(
    refused.messages[0].val.message,
    `${host}/gateway/thing/connect?x=1`,
  );
  assertEquals(
    await site.json(`POST /gateway/thing/queue/jobs?${query}`, {
      body: { name: "jobs", body: "work" },
    }),
    [200, { status: "completed" }],
  );
  const health = await site.ask(`/gateway/thing/health?${query}`);
  assertEquals(await health.text(), "ok");
  const [, metadata] = await site.json(`/gateway/thing/metadata?${query}`);
  assertEquals((metadata as Json).runtime, "rivetkit");
  const root = await site.ask(`/gateway/thing?${query}`);
  assertMatch(await root.text(), /actor/);
});

const refusals: [path: string, status: number, code: string][] = [
  [`/gateway/thing/action/add?${get}&rvt-key=none`, 404, "actor/not_found"],
  [`/gateway/nobody/action/add?${get}`, 400, "actor/not_registered"],
  [`/gateway/nobody/action/add?${create}`, 400, "actor/not_registered"],
  [`/gateway/__proto__/action/add?${create}`, 400, "actor/not_registered"],
  [
    `/gateway/thing/action/add?${create}&rvt-key=${"k".repeat(1_025)}`,
    400,
    "key/invalid",
  ],
  [
    `/gateway/thing/action/add?${get}&rvt-runner=default`,
    400,
    "guard/query_get_disallowed_params",
  ],
  [
    `/gateway/thing/action/add?${create}&rvt-key=a&rvt-key=b`,
    400,
    "guard/query_duplicate_param",
  ],
  [
    `/gateway/thing/action/add?${create}&rvt-input=!`,
    400,
    "guard/query_invalid_base64_input",
  ],
  [
    `/gateway/thing@token/action/add?${create}`,
    400,
    "guard/query_path_token_syntax",
  ],
  [
    `/gateway//action/add?${create}`,
    400,
    "guard/query_empty_actor_name",
  ],
  [`/gateway/thing/nothing?${create}`, 404, "route/not_found"],
  [`/gateway/thing/action/?${create}`, 404, "route/not_found"],
  [`/gateway/thing//request/x?${create}`, 404, "route/not_found"],
];

for (const [path, status, code] of refusals) {
  test(`${path.slice(0, 120)} is answered with ${status} ${code}, and a socket closed with it`, async () => {
    await using site = await Site.open(things);
    assertEquals(await call(site, path), [status, code]);
    const wire = (await site.dial(path.replace("action/add", "connect")))
      .open();
    assertEquals(wire.protocol, "rivet");
    assertEquals(wire.closedWith, `1011 ${code.replace("/", ".")}`);
    assertEquals(await site.world.store.isEmpty(), true);
  });
}

test("an input that is no CBOR is refused, also where there is an actor", async () => {
  await using site = await Site.open(things);
  const path = `/gateway/thing/action/add?${create}`;
  const bad = ["", "_w", "AAA", "GA", "n_____", written(["$Nope", "1"])];
  for (const actors of [0, 1]) {
    for (const input of bad) {
      const [status, error] = await site.json(
        `POST ${path}&rvt-input=${input}`,
        { body: {} },
      ) as [number, Json];
      assertEquals([status, `${error.group}/${error.code}`], [
        400,
        "guard/query_invalid_cbor_input",
      ], input);
      assertEquals(typeof error.metadata.detail, "string");
    }
    assertEquals(await site.world.store.isEmpty(), actors === 0);
    assertEquals((await call(site, path))[0], 200);
  }
});

test("a socket to what takes none is closed with 1011 route.not_found", async () => {
  await using site = await Site.open(things);
  const id = await site.world.client.thing.getOrCreate("a").resolve();
  for (const [target, query] of [[id, ""], ["thing", `?${create}`]]) {
    for (const path of ["", "/health", "/request/x", "/action/add", "/no"]) {
      const at = `/gateway/${target}${path}${query}`;
      const wire = (await site.dial(at)).open();
      assertEquals([at, wire.closedWith], [at, "1011 route.not_found"]);
    }
  }
});

test("a request that the route refuses creates nothing", async () => {
  await using site = await Site.open(things);
  for (
    const [target, status] of [
      [`GET /gateway/thing/action/add?${create}`, 405],
      [`GET /gateway/thing/connect?${create}`, 426],
      [`GET /gateway/thing/websocket?${create}`, 426],
      [`POST /gateway/thing/nothing?${create}`, 404],
    ] as const
  ) {
    const response = await site.ask(target);
    await response.body?.cancel();
    assertEquals(response.status, status, target);
  }
  assertEquals(await site.world.store.isEmpty(), true);
});

test("an actor that was destroyed is not found by its key, and is another when it is created again", async () => {
  await using site = await Site.open(things);
  const at = (action: string, query: string) =>
    call(site, `/gateway/thing/action/${action}?${query}&rvt-key=a`);
  const id = async () => {
    const [, { actors }] = await site.json("/actors?name=thing&key=a") as [
      number,
      Json,
    ];
    return actors[0]?.actor_id;
  };
  assertEquals(await at("add", create), [200, 1]);
  assertEquals(await at("add", get), [200, 2]);
  const before = await id();
  await at("end", get);
  await site.world.clock.settle();
  assertEquals(await at("add", get), [404, "actor/not_found"]);
  assertEquals(await id(), undefined);
  assertEquals(await at("add", create), [200, 1]);
  assertEquals(await at("add", get), [200, 2]);
  const after = await id();
  assertEquals(typeof after, "string");
  assertEquals(after === before, false);
});
