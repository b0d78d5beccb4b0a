// What a server answers, route by route.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { actor } from "../../src/definition/actor.ts";
import { UserError } from "../../src/errors.ts";
import { encodeCbor } from "../../src/protocol/cbor.ts";
import { test } from "../harness.ts";
import { maxIncomingBytes, Site } from "./site.ts";

// deno-lint-ignore no-explicit-any -- JSON of whatever shape
type Json = any;

const things = {
  thing: actor({
    createState: (_c, input: unknown) => ({ input: input ?? null }),
    onBeforeConnect(_c, params: { secret?: string } | undefined) {
      if (params?.secret === "wrong") {
        throw new UserError("no", { code: "forbidden" });
      }
      if (params?.secret === "bug") throw new Error("the secret text of a bug");
    },
    actions: {
      echo: (_c, ...args: unknown[]) => args,
      input: (c) => c.state.input,
      nothing: () => {},
      params: (c) => c.conn.params,
      origin: (c) => c.request?.headers.get("origin"),
      user: () => {
        throw new UserError("the user's text", {
          code: "mine",
          metadata: { n: 1n },
        });
      },
      bug: () => {
        throw new Error("the secret text of a bug");
      },
      thrown: () => {
        // deno-lint-ignore no-throw-literal -- what a user's code may do
        throw "a text";
      },
      cycle: () => {
        const cycle: Json = {};
        return cycle.cycle = cycle;
      },
      "a/b ?#é": () => "odd name",
      end: (c) => c.destroy(),
    },
  }),
  other: actor({ actions: {} }),
};

async function withThing(
  run: (site: Site<typeof things>, id: string) => Promise<void>,
  options: { exposesErrors?: boolean } = {},
): Promise<void> {
  await using site = await Site.open(things, options);
  const id = await site.world.client.thing.getOrCreate("a").resolve();
  await run(site, id);
}

for (const base of ["", "/api/rivet"]) {
  test(`health, metadata and root are served at "${base}"`, async () => {
    await using site = await Site.open(things);
    assertEquals(await site.json(`${base}/health`), [200, {
      status: "ok",
      runtime: "rivetkit",
      version: "1.2.3",
    }]);
    const [status, metadata] = await site.json(
      `${base}/metadata?namespace=default`,
    ) as [number, Json];
    assertEquals(status, 200);
    assertEquals(metadata.runtime, "rivetkit");
    assertEquals(metadata.actorNames, {
      thing: { metadata: {} },
      other: { metadata: {} },
    });
    assert(!("clientEndpoint" in metadata));
    const root = await site.ask(`${base}/`);
    assertEquals(root.status, 200);
    assertMatch(await root.text(), /server/);
    for (
      const path of [
        "/nothing",
        "/gateway",
        "/gateway/",
        "/gateway//action/x",
        "/actorsx",
        "/metadata/x",
        "/gateway/%ff/action/x",
      ]
    ) {
      const [status, error] = await site.json(base + path) as [number, Json];
      assertEquals([path, status, `${error.group}/${error.code}`], [
        path,
        404,
        "route/not_found",
      ]);
    }
  });

  test(`actors are created, found and listed at "${base}/actors"`, async () => {
    await using site = await Site.open(things);
    const put = {
      name: "thing",
      key: "a/b",
      runner_name_selector: "default",
      crash_policy: "sleep",
      datacenter: "eu-west-1",
      something: { that: ["nobody", "knows"] },
      input: encodeCbor([1]).toBase64(),
    };
    const [status, { actor, created }] = await site.json(
      `PUT ${base}/actors?namespace=default`,
      { body: put },
    ) as [number, Json];
    assertEquals([status, created], [200, true]);
    assertEquals(actor.name, "thing");
    assertEquals(actor.key, "a/b");
    assertEquals(actor.create_ts, site.world.clock.now());
    const [, again] = await site.json(`PUT ${base}/actors`, {
      body: { ...put, input: encodeCbor([2]).toBase64() },
    }) as [number, Json];
    assertEquals(again, { actor, created: false });
    assertEquals(
      await site.json(`POST ${base}/gateway/${actor.actor_id}/action/input`, {
        body: {},
      }),
      [200, { output: [1] }],
    );
    const [duplicate, error] = await site.json(`POST ${base}/actors`, {
      body: put,
    }) as [number, Json];
    assertEquals([duplicate, `${error.group}/${error.code}`], [
      400,
      "actor/duplicate_key",
    ]);
    const [, { actor: empty }] = await site.json(`POST ${base}/actors`, {
      body: { name: "thing", key: "/" },
    }) as [number, Json];
    assertEquals(empty.key, "/");
    assertEquals(
      await site.json(
        `${base}/actors?actor_ids=${actor.actor_id},${empty.actor_id},missing`,
      ),
      [200, { actors: [actor, empty] }],
    );
    assertEquals(
      await site.json(
        `${base}/actors?name=thing&key=${encodeURIComponent("a/b")}`,
      ),
      [200, { actors: [actor] }],
    );
    assertEquals(await site.json(`${base}/actors?name=thing&key=missing`), [
      200,
      { actors: [] },
    ]);
    const [, { actors }] = await site.json(`${base}/actors?name=thing`) as [
      number,
      Json,
    ];
    assertEquals(actors.length, 2);
    assertEquals(await site.json(`${base}/actors/names`), [200, {
      names: { thing: { metadata: {} }, other: { metadata: {} } },
    }]);
  });
}

test("the actors of a kind are listed newest first, a hundred at most", async () => {
  await using site = await Site.open(things);
  for (let n = 0; n < 102; n++) {
    await site.world.client.thing.create(`${n}`);
    await site.world.clock.pass(1);
  }
  const [, { actors }] = await site.json("/actors?name=thing") as [
    number,
    Json,
  ];
  assertEquals(
    actors.map(({ key }: Json) => key),
    Array.from({ length: 100 }, (_, n) => `${101 - n}`),
  );
  const [, { actors: others }] = await site.json("/actors?name=other") as [
    number,
    Json,
  ];
  assertEquals(others, []);
});

const badActors: [
  target: string,
  body: unknown,
  status: number,
  code: string,
  text: RegExp,
][] = [
  ["GET /actors", undefined, 400, "request/invalid", /Name is required/],
  ["GET /actors?key=a", undefined, 400, "request/invalid", /Name is required/],
  [
    "GET /actors?actor_ids=a&name=thing",
    undefined,
    400,
    "request/invalid",
    /both/,
  ],
  [
    `GET /actors?actor_ids=${Array(33).fill("a")}`,
    undefined,
    400,
    "request/invalid",
    /32, got 33/,
  ],
  ["PATCH /actors", undefined, 405, "route/method_not_allowed", /PATCH/],
  ["DELETE /actors/abc", undefined, 404, "route/not_found", /./],
  ["PUT /actors", "{", 400, "message/malformed", /JSON/],
  ["PUT /actors", "", 400, "message/malformed", /JSON/],
  ["PUT /actors", "[]", 400, "request/invalid", /./],
  ["PUT /actors", "null", 400, "request/invalid", /./],
  ["PUT /actors", {}, 400, "request/invalid", /name/],
  ["PUT /actors", { name: 5, key: "a" }, 400, "request/invalid", /name/],
  ["PUT /actors", { name: "thing", key: 5 }, 400, "request/invalid", /key/],
  [
    "PUT /actors",
    { name: "x".repeat(65), key: "a" },
    400,
    "request/invalid",
    /name/,
  ],
  [
    "PUT /actors",
    { name: "missing", key: "a" },
    400,
    "actor/not_registered",
    /missing/,
  ],
  [
    "PUT /actors",
    { name: "__proto__", key: "a" },
    400,
    "actor/not_registered",
    /__proto__/,
  ],
  [
    "PUT /actors",
    { name: "constructor", key: "a" },
    400,
    "actor/not_registered",
    /constructor/,
  ],
  [
    "POST /actors",
    { name: "thing", key: "k".repeat(1_025) },
    400,
    "key/invalid",
    /1024/,
  ],
];

for (const [target, body, status, code, text] of badActors) {
  const shown = typeof body === "string" ? body : JSON.stringify(body) ?? "";
  test(`${target.slice(0, 60)} ${shown.slice(0, 60)} is answered with ${status} ${code}`, async () => {
    await using site = await Site.open(things);
    const init = body === undefined ? {} : { body };
    const [actual, error] = await site.json(target, init) as [number, Json];
    assertEquals([actual, `${error.group}/${error.code}`], [status, code]);
    assertMatch(error.message, text);
    assertEquals(await site.world.store.isEmpty(), true);
  });
}

test("an action is called with POST, and its result comes back with all its types", () =>
  withThing(async (site, id) => {
    const echo = async (body: unknown) =>
      await site.json(`POST /gateway/${id}/action/echo`, { body });
    assertEquals(await echo({ args: [1, "a", null, [], {}] }), [200, {
      output: [1, "a", null, [], {}],
    }]);
    const tagged = [["$BigInt", "5"], ["$Uint8Array", "AQI="], ["$$x", 1], [
      "$ArrayBuffer",
      "",
    ]];
    assertEquals(await echo({ args: tagged }), [200, { output: tagged }]);
    assertEquals(await echo({}), [200, { output: [] }]);
    assertEquals(await echo({ args: null }), [200, { output: [] }]);
    assertEquals(await echo({ args: 5 }), [200, { output: [5] }]);
    assertEquals(
      await site.json(`POST /gateway/${id}/action/nothing`, { body: {} }),
      [200, { output: null }],
    );
    const odd = encodeURIComponent("a/b ?#é");
    assertEquals(
      await site.json(`POST /gateway/${id}/action/${odd}`, { body: {} }),
      [200, { output: "odd name" }],
    );
    assertEquals(
      await site.json(`POST /gateway/${id}@token/action/nothing`, { body: {} }),
      [200, { output: null }],
    );
    const response = await site.ask(`POST /gateway/${id}/action/nothing`, {
      body: {},
    });
    assertEquals(response.headers.get("content-type"), "application/json");
    assertEquals(
      await site.ask(`/gateway/${id}/health`).then((r) => r.text()),
      "ok",
    );
    assertEquals((await site.json(`/gateway/${id}/metadata`))[1], {
      runtime: "rivetkit",
      version: "1.2.3",
    });
  }));

const deep = "[".repeat(5_000) + "]".repeat(5_000);
const badCalls: [
  name: string,
  path: string,
  init: Parameters<Site<typeof things>["json"]>[1],
  status: number,
  code: string,
][] = [
  ["half JSON", "echo", { body: `{"args":[1` }, 400, "message/malformed"],
  ["no body", "echo", {}, 400, "message/malformed"],
  [
    "bytes that are no text",
    "echo",
    { body: new Uint8Array([0xff, 0xfe]) },
    400,
    "message/malformed",
  ],
  ["an array", "echo", { body: "[]" }, 400, "message/malformed"],
  ["a text", "echo", { body: `"x"` }, 400, "message/malformed"],
  [
    "nesting too deep",
    "echo",
    { body: `{"args":${deep.slice(4_600, 5_400)}}` },
    400,
    "message/malformed",
  ],
  [
    "an unknown tag",
    "echo",
    { body: { args: [["$Nope", "1"]] } },
    400,
    "message/malformed",
  ],
  [
    "a bigint that is none",
    "echo",
    { body: { args: [["$BigInt", "1x"]] } },
    400,
    "message/malformed",
  ],
  [
    "bytes that are not base64",
    "echo",
    { body: { args: [["$Uint8Array", "!"]] } },
    400,
    "message/malformed",
  ],
  ["an unknown action", "missing", { body: {} }, 400, "action/not_found"],
  ["an inherited name", "constructor", { body: {} }, 400, "action/not_found"],
  ["__proto__ for a name", "__proto__", { body: {} }, 400, "action/not_found"],
  [
    "an unknown encoding",
    "echo",
    { body: {}, headers: { "x-rivet-encoding": "xml" } },
    400,
    "encoding/invalid",
  ],
  [
    "params that are no JSON",
    "echo",
    { body: {}, headers: { "x-rivet-conn-params": "{" } },
    400,
    "params/invalid",
  ],
  [
    "a refusal of the actor",
    "echo",
    { body: {}, headers: { "x-rivet-conn-params": `{"secret":"wrong"}` } },
    400,
    "user/forbidden",
  ],
  ["an error of the user", "user", { body: {} }, 400, "user/mine"],
  ["a bug", "bug", { body: {} }, 500, "internal/internal_error"],
  ["a thrown text", "thrown", { body: {} }, 500, "internal/internal_error"],
  [
    "a result that cannot be sent",
    "cycle",
    { body: {} },
    500,
    "internal/internal_error",
  ],
  [
    "a bug in a hook",
    "echo",
    { body: {}, headers: { "x-rivet-conn-params": `{"secret":"bug"}` } },
    500,
    "internal/internal_error",
  ],
];

for (const [name, action, init, status, code] of badCalls) {
  test(`a call with ${name} is answered with ${status} ${code}, and the next one works`, () =>
    withThing(async (site, id) => {
      const [actual, error] = await site.json(
        `POST /gateway/${id}/action/${action}`,
        init,
      ) as [number, Json];
      assertEquals([actual, `${error.group}/${error.code}`], [status, code]);
      assert(!JSON.stringify(error).includes("secret text"));
      assert(!JSON.stringify(error).includes("file:"), "it shows a stack");
      assertEquals(
        (await site.json(`POST /gateway/${id}/action/echo`, {
          body: { args: [1] },
        }))[0],
        200,
      );
    }));
}

test("a call of an actor that is not there, or with another method, is refused", () =>
  withThing(async (site, id) => {
    for (
      const missing of [
        "missing",
        "x".repeat(5_000),
        "%00",
        "..%2f..",
        `${id}x`,
      ]
    ) {
      const [status, error] = await site.json(
        `POST /gateway/${missing}/action/echo`,
        { body: {} },
      ) as [number, Json];
      assertEquals([status, `${error.group}/${error.code}`], [
        404,
        "actor/not_found",
      ]);
    }
    for (const method of ["GET", "PUT", "DELETE"]) {
      const [status, error] = await site.json(
        `${method} /gateway/${id}/action/echo`,
      ) as [number, Json];
      assertEquals([status, `${error.group}/${error.code}`], [
        405,
        "route/method_not_allowed",
      ]);
    }
    for (
      const [path, expected, code] of [
        ["request/x", 404, "handler/request_not_defined"],
        ["websocket/x", 426, "websocket/upgrade_required"],
        ["nope", 404, "route/not_found"],
      ]
    ) {
      const [status, error] = await site.json(`/gateway/${id}/${path}`) as [
        number,
        Json,
      ];
      assertEquals([status, `${error.group}/${error.code}`], [expected, code]);
    }
  }));

test("a request may name its actor by headers instead of by its path", () =>
  withThing(async (site, id) => {
    const headers = {
      "x-rivet-target": "actor",
      "x-rivet-actor": id,
      "x-rivet-skip-ready-wait": "1",
    };
    for (const base of ["", "/api/rivet"]) {
      assertEquals(
        await site.json(`POST ${base}/action/echo`, {
          body: { args: [1] },
          headers,
        }),
        [200, { output: [1] }],
      );
      const health = await site.ask(`${base}/health`, { headers });
      assertEquals(await health.text(), "ok");
    }
    assertEquals(
      await site.json(`POST /gateway/${id}/action/nothing`, {
        body: {},
        headers: { ...headers, "x-rivet-actor": "missing" },
      }),
      [200, { output: ["$Undefined", 0] }],
      "the path goes before",
    );
    const refusals = [
      [{ "x-rivet-target": "actor" }, 400, "request/missing_actor_header"],
      [{ ...headers, "x-rivet-actor": "missing" }, 404, "actor/not_found"],
      [{ "x-rivet-actor": id }, 404, "route/not_found"],
    ] as const;
    for (const [headers, expected, code] of refusals) {
      const [status, error] = await site.json(`POST /action/echo`, {
        body: {},
        headers,
      }) as [number, Json];
      assertEquals([status, `${error.group}/${error.code}`], [expected, code]);
    }
  }));

test("metadata of a user's error comes along, and params reach the actor", () =>
  withThing(async (site, id) => {
    const [, error] = await site.json(`POST /gateway/${id}/action/user`, {
      body: {},
    }) as [number, Json];
    assertEquals(error, {
      group: "user",
      code: "mine",
      message: "the user's text",
      metadata: { n: ["$BigInt", "1"] },
    });
    for (const params of [0, null, "é", { a: [1] }]) {
      const headers = { "x-rivet-conn-params": JSON.stringify(params) };
      assertEquals(
        await site.json(`POST /gateway/${id}/action/params`, {
          body: {},
          headers,
        }),
        [200, { output: params }],
      );
    }
  }));

test("params are plain JSON, in which nothing is a tag and a value", () =>
  withThing(async (site, id) => {
    for (
      const [params, output] of [
        [`["$foo",1]`, ["$$foo", 1]],
        [`{"n":["$BigInt","1"]}`, { n: ["$$BigInt", "1"] }],
      ] as const
    ) {
      assertEquals(
        await site.json(`POST /gateway/${id}/action/params`, {
          body: {},
          headers: { "x-rivet-conn-params": params },
        }),
        [200, { output }],
      );
    }
  }));

test("errors show their text only where they are exposed", async () => {
  for (const exposesErrors of [false, true]) {
    await withThing(async (site, id) => {
      const [status, error] = await site.json(
        `POST /gateway/${id}/action/bug`,
        { body: {} },
      ) as [number, Json];
      assertEquals([status, error.code], [500, "internal_error"]);
      assertEquals(error.message.includes("the secret text"), exposesErrors);
      assert(
        site.world.log.some((line) => line.includes("the secret text")),
        "it is logged",
      );
    }, { exposesErrors });
  }
});

test("keys named __proto__ pollute nothing", () =>
  withThing(async (site, id) => {
    const body =
      `{"args":[{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}],"__proto__":{"args":[2]}}`;
    const response = await site.ask(`POST /gateway/${id}/action/echo`, {
      body,
    });
    assertMatch(await response.text(), /"__proto__":\{"polluted":1\}/);
    const created = await site.ask("PUT /actors", {
      body: `{"name":"thing","key":"p","input":"${
        encodeCbor(JSON.parse(`{"__proto__":{"polluted":1}}`)).toBase64()
      }","__proto__":{"name":"x"}}`,
    });
    assertEquals(created.status, 200);
    assertEquals(({} as Json).polluted, undefined);
  }));

function stream(
  length: number,
): { body: ReadableStream<Uint8Array>; state: { read: number } } {
  const state = { read: 0 };
  const text = new TextEncoder().encode(
    JSON.stringify({ args: ["x".repeat(length - 13)] }).padEnd(length),
  );
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      const chunk = text.slice(state.read, state.read + 100);
      if (chunk.length === 0) return controller.close();
      state.read += chunk.length;
      controller.enqueue(chunk);
    },
  });
  return { body, state };
}

test("a body of exactly the limit is taken, one more byte is not, however it is sent", () =>
  withThing(async (site, id) => {
    const target = `POST /gateway/${id}/action/echo`;
    for (const extra of [0, 1]) {
      const text = JSON.stringify({
        args: ["x".repeat(maxIncomingBytes - 13 + extra)],
      });
      assertEquals(text.length, maxIncomingBytes + extra);
      const ways = [
        { body: text },
        { body: text, headers: { "content-length": `${text.length}` } },
        // Somebody in between has unpacked it.
        { body: text, headers: { "content-length": "5" } },
        { body: stream(maxIncomingBytes + extra).body },
      ];
      for (const init of ways) {
        const [status, body] = await site.json(target, init) as [number, Json];
        assertEquals(
          [status, body.code],
          extra === 0 ? [200, undefined] : [400, "incoming_too_long"],
        );
      }
    }
  }));

test("of a body that is too long no more is read than needed", () =>
  withThing(async (site, id) => {
    const { body, state } = stream(10_000_000);
    const [status] = await site.json(`POST /gateway/${id}/action/echo`, {
      body,
    });
    assertEquals(status, 400);
    assert(state.read <= maxIncomingBytes + 300, `${state.read}`);
    const headers = { "content-length": "100000000000" };
    const announced = stream(10_000);
    const [refused] = await site.json(`POST /gateway/${id}/action/echo`, {
      body: announced.body,
      headers,
    });
    assertEquals(refused, 400);
    assert(announced.state.read <= 100);
  }));

test("a caller who goes away in the middle of the body is refused, and nothing is logged", () =>
  withThing(async (site, id) => {
    for (const announced of [[], [["content-length", "500"]]]) {
      const body = new ReadableStream<Uint8Array>({
        start: (controller) => controller.enqueue(new Uint8Array([0x7b])),
        pull: (controller) => controller.error(new Error("gone")),
      });
      const [status, answer] = await site.json(
        `POST /gateway/${id}/action/echo`,
        { body, headers: Object.fromEntries(announced) },
      ) as [number, Json];
      assertEquals([status, answer.group, answer.code], [
        400,
        "request",
        "invalid",
      ]);
    }
    assertEquals(site.world.log, []);
  }));

test("a program that has read the body itself learns so in its log", () =>
  withThing(async (site, id) => {
    const url = `http://actors.test/gateway/${id}/action/echo`;
    const request = new Request(url, { method: "POST", body: "{}" });
    await request.text();
    assertEquals((await site.ask(request)).status, 500);
    assertEquals(site.world.log.length, 1);
  }));

test("what makes an actor has few objects, and its arrays of a tag and a value are just arrays", () =>
  withThing(async (site) => {
    const actor = (key: string, more: unknown) =>
      site.json("PUT /actors", { body: { name: "thing", key, more } });
    const [made] = await actor("plain", ["$Nothing", 1]);
    assertEquals(made, 200);
    const objects = (count: number) =>
      Array.from({ length: count }, () => ({}));
    const [few] = await actor("few", objects(999));
    assertEquals(few, 200);
    const [many, body] = await actor("many", objects(1_000));
    assertEquals([many, (body as Json).code], [400, "invalid"]);
  }));

test("any origin may call, with credentials", () =>
  withThing(async (site, id) => {
    const origin = "https://app.test";
    const preflight = await site.ask(`OPTIONS /gateway/${id}/action/echo`, {
      headers: {
        origin,
        "access-control-request-method": "POST",
        "access-control-request-headers": "x-a, x-b",
      },
    });
    assertEquals(preflight.status, 204);
    const { headers } = preflight;
    assertEquals(headers.get("access-control-allow-origin"), origin);
    assertEquals(headers.get("access-control-allow-credentials"), "true");
    assertEquals(headers.get("access-control-allow-headers"), "x-a, x-b");
    assertEquals(headers.get("access-control-max-age"), "86400");
    assertEquals(headers.get("vary"), "Origin");
    for (const method of ["GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"]) {
      assert(headers.get("access-control-allow-methods")!.includes(method));
    }
    for (
      const target of [
        "GET /health",
        "GET /nothing",
        `POST /gateway/${id}/action/echo`,
        `POST /gateway/${id}/action/bug`,
      ]
    ) {
      const init = {
        headers: { origin },
        ...(target.startsWith("POST") ? { body: {} } : {}),
      };
      const response = await site.ask(target, init);
      await response.body?.cancel();
      assertEquals(
        response.headers.get("access-control-allow-origin"),
        origin,
        target,
      );
      assertEquals(
        response.headers.get("access-control-allow-credentials"),
        "true",
      );
      assertMatch(response.headers.get("vary") ?? "", /Origin/);
    }
    assertEquals(
      await site.json(`POST /gateway/${id}/action/origin`, {
        body: {},
        headers: { origin },
      }),
      [200, { output: origin }],
    );
  }));

test("where no socket can be made, the caller learns how", () =>
  withThing(async (site, id) => {
    const headers = { upgrade: "websocket", connection: "upgrade" };
    const [status, error] = await site.json(`/gateway/${id}/connect`, {
      headers,
    }) as [number, Json];
    assertEquals([status, error.code], [426, "upgrade_required"]);
    assertMatch(error.message, /Here is how\./);
    const [plain, other] = await site.json(`/gateway/${id}/connect`) as [
      number,
      Json,
    ];
    assertEquals([plain, other.code], [426, "upgrade_required"]);
  }));
