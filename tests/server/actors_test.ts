// The management routes, as RivetKit's clients of both lines use them.

import { assert, assertEquals } from "@std/assert";
import { actor } from "../../src/definition/actor.ts";
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
    actions: {
      key: (c) => c.key,
      add: (c) => ++c.state.n,
      end: (c) => c.destroy(),
    },
  }),
  other: actor({ actions: {} }),
};

async function ask(
  site: Site<typeof things>,
  target: string,
  body?: unknown,
): Promise<[number, Json]> {
  return await site.json(target, body === undefined ? {} : { body });
}

const chrome = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 " +
  "(KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36";

// By what a client says of itself: what it writes, and what that means.
const inputs: [agent: string | undefined, input: unknown, given: unknown][] = [
  ["RivetKit/2.0.33", ["$BigInt", "7"], ["$BigInt", "7"]],
  ["RivetKit/2.0.33", { a: 7n, b: undefined }, { a: 7n, b: undefined }],
  ["RivetKit/2.3.11 Node.js/22", ["$BigInt", "7"], 7n],
  ["RivetKit/2.3.19", { a: ["$Undefined", 0] }, { a: undefined }],
  ["RivetKit/2.3.19", ["$$foo", 1], ["$foo", 1]],
  ["Deno/2.9.6", ["$BigInt", "7"], ["$BigInt", "7"]],
  [undefined, ["$$foo", 1], ["$$foo", 1]],
  [chrome, { a: ["$Undefined", 0] }, { a: undefined }],
  [chrome, { a: 7n }, { a: 7n }],
  [chrome, ["$foo", 1], ["$foo", 1]],
  [`RivetKit/2.0.33 ${chrome}`, ["$BigInt", "7"], ["$BigInt", "7"]],
];

for (const [agent, input, expected] of inputs) {
  test(`${agent} writes ${String(encodeCbor(input).toHex())}, and the actor gets what it means`, async () => {
    await using site = await Site.open(things);
    given.length = 0;
    for (const method of ["PUT", "POST"]) {
      const body = {
        ...put("thing", method),
        input: encodeCbor(input).toBase64(),
      };
      const headers: Record<string, string> = agent === undefined
        ? {}
        : { "user-agent": agent };
      const [status] = await site.json(`${method} /actors`, { body, headers });
      assertEquals(status, 200);
    }
    assertEquals(given, [expected, expected]);
  });
}

test("an input that cannot be saved is the mistake of whoever gives it, and creates nothing", async () => {
  await using site = await Site.open(things);
  for (const method of ["PUT", "POST"]) {
    const body = {
      ...put("thing", "nan"),
      input: encodeCbor({ size: NaN }).toBase64(),
    };
    const [status, error] = await ask(site, `${method} /actors`, body);
    assertEquals([status, `${error.group}/${error.code}`], [
      400,
      "request/invalid",
    ]);
    assert(error.message.includes("the input.size"), error.message);
  }
  const [, { actors }] = await ask(site, "GET /actors?name=thing");
  assertEquals(actors, []);
});

const put = (name: string, key: string) => ({
  name,
  key,
  runner_name_selector: "default",
  crash_policy: "sleep",
});

test("PUT /actors creates an actor once, also when many ask at the same time", async () => {
  await using site = await Site.open(things);
  const answers = await Promise.all(
    Array.from(
      { length: 20 },
      () => ask(site, "PUT /actors?namespace=default", put("thing", "a")),
    ),
  );
  assertEquals(new Set(answers.map(([status]) => status)), new Set([200]));
  const bodies = answers.map(([, body]) => body);
  assertEquals(new Set(bodies.map(({ actor }) => actor.actor_id)).size, 1);
  assertEquals(bodies.filter(({ created }) => created).length, 1);
  const [, again] = await ask(site, "PUT /actors", put("thing", "a"));
  assertEquals(again, { actor: bodies[0].actor, created: false });
});

test("POST /actors creates an actor whose key is free, and tells who has it", async () => {
  await using site = await Site.open(things);
  const answers = await Promise.all(
    Array.from(
      { length: 5 },
      () => ask(site, "POST /actors", put("thing", "a/b")),
    ),
  );
  const [made, ...others] = answers.toSorted(([a], [b]) => a - b);
  assertEquals(made![0], 200);
  for (const [status, error] of others) {
    assertEquals([status, error.group, error.code], [
      400,
      "actor",
      "duplicate_key",
    ]);
    assertEquals(error.metadata, {
      existing_actor_id: made![1].actor.actor_id,
      key: "a/b",
    });
  }
});

test("an actor that is not there is an empty list, by key and by id", async () => {
  await using site = await Site.open(things);
  const [, { actor }] = await ask(site, "PUT /actors", put("thing", "a"));
  const { actor_id: id } = actor;
  const [, { actor: second }] = await ask(
    site,
    "PUT /actors",
    put("other", ""),
  );
  const lists: [query: string, found: Json[]][] = [
    ["name=thing&key=missing", []],
    ["name=other&key=a", []],
    ["name=nobody&key=a", []],
    ["name=nobody", []],
    [`name=${"n".repeat(5_000)}`, []],
    [`name=thing&key=${"k".repeat(5_000)}`, []],
    ["actor_ids=missing", []],
    [`actor_ids=${"i".repeat(5_000)}`, []],
    ["actor_ids=a%40b", []],
    ["actor_ids=", []],
    [`actor_ids=${id}`, [actor]],
    [`actor_ids=${id},${second.actor_id}`, [actor, second]],
    [`actor_ids=${second.actor_id}%2C${id}`, [second, actor]],
    [`actor_ids=${id},missing`, [actor]],
    [`actor_ids=${Array(31).fill("x")},${id}`, [actor]],
    ["name=thing&key=a", [actor]],
    ["name=other&key=/", [second]],
    ["name=thing", [actor]],
  ];
  for (const [query, actors] of lists) {
    assertEquals(
      [query, await ask(site, `GET /actors?${query}`)],
      [query, [200, { actors }]],
    );
  }
  await ask(site, `POST /gateway/${id}/action/end`, {});
  await site.world.clock.settle();
  assertEquals(await ask(site, `GET /actors?actor_ids=${id}`), [200, {
    actors: [],
  }]);
});

test("the namespace may be any, or missing, and fields that are unknown are ignored", async () => {
  await using site = await Site.open(things);
  const [, { actor }] = await ask(site, "PUT /actors?namespace=other", {
    ...put("thing", "a"),
    datacenter: "far-away",
    crash_policy: "explode",
    runner_name_selector: 7,
    whatever: { deep: [1] },
    input: undefined,
  });
  for (const namespace of ["", "&namespace=", "&namespace=default"]) {
    assertEquals(
      await ask(site, `GET /actors?name=thing&key=a${namespace}&x=1`),
      [200, { actors: [actor] }],
    );
  }
  assertEquals(actor, {
    actor_id: actor.actor_id,
    name: "thing",
    key: "a",
    namespace_id: "default",
    runner_name_selector: "default",
    create_ts: site.world.clock.now(),
    connectable_ts: site.world.clock.now(),
    start_ts: site.world.clock.now(),
    sleep_ts: null,
    destroy_ts: null,
  });
});

test("a key that is missing, or null, is the empty one", async () => {
  await using site = await Site.open(things);
  const [, { actor }] = await ask(site, "PUT /actors", { name: "thing" });
  assertEquals(actor.key, "/");
  for (const key of [null, "", "/"]) {
    const body = { name: "thing", key };
    const [, found] = await ask(site, "PUT /actors", body);
    assertEquals(found, { actor, created: false });
  }
});

const keys: [text: string, key: string[]][] = [
  ["/", []],
  ["\\0", [""]],
  ["a/b", ["a", "b"]],
  ["a\\/b", ["a/b"]],
  ["a\\\\b", ["a\\b"]],
  ["\\/", ["/"]],
  ["a/\\0", ["a", ""]],
  ["\\0/x", ["", "x"]],
  ["\\\\0", ["\\0"]],
  ["k/a\\/b/\\0/c\\\\d", ["k", "a/b", "", "c\\d"]],
  ["é☺/👍 +%", ["é☺", "👍 +%"]],
  ["a,b", ["a,b"]],
];

test("every key has an actor of its own, which sees the key as it was given, and so does who asks", async () => {
  await using site = await Site.open(things);
  const ids = new Set<string>();
  for (const [text, key] of keys) {
    const [, { actor, created }] = await ask(
      site,
      "PUT /actors",
      put("thing", text),
    );
    assertEquals([text, created, actor.key], [text, true, text]);
    ids.add(actor.actor_id);
    assertEquals(
      await ask(site, `POST /gateway/${actor.actor_id}/action/key`, {}),
      [200, { output: key }],
    );
    const search = new URLSearchParams({ name: "thing", key: text });
    assertEquals(await ask(site, `GET /actors?${search}`), [200, {
      actors: [actor],
    }]);
  }
  assertEquals(ids.size, keys.length);
});

test("an actor whose kind is not in the registry any more is refused with an error, and the server goes on", async () => {
  await using site = await Site.open(things);
  const [, { actor }] = await ask(site, "PUT /actors", put("other", "a"));
  await using later = await Site.open({ thing: things.thing }, {
    store: site.world.store,
  });
  const path = `/gateway/${actor.actor_id}`;
  const [status, error] = await later.json(`POST ${path}/action/x`, {
    body: {},
  }) as [number, Json];
  assertEquals([status, error.group, error.code], [
    400,
    "actor",
    "not_registered",
  ]);
  const wire = (await later.dial(`${path}/connect`)).open();
  await later.world.clock.settle();
  assertEquals(wire.closedWith, "1011 actor.not_registered");
  const [, { created }] = await later.json("PUT /actors", {
    body: put("thing", "a"),
  }) as [number, Json];
  assert(created);
});
