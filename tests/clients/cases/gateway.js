// The ways to one actor: by id, by query, by headers, with a token, and by hand.

import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert";

// The versions that can say the whole key in the path of the gateway.
const newer = ["2.3.11", "2.3.19"];

export default [
  {
    number: 13,
    title:
      "an id leads to its actor, with a token or without, whatever is in the token",
    async run({ client, createClient, key, asked, line }) {
      const id = await client.named.getOrCreate(key).resolve();
      for (const token of ["plain", "t/k@1 é"]) {
        const { named } = createClient({ token });
        strictEqual(await named.getForId(id).id(), id);
        const { url } = asked().at(-1);
        if (line === "2.3") ok(url.includes(`@${encodeURIComponent(token)}/`));
      }
    },
  },
  {
    number: 13,
    title:
      "path and query of a raw request come to the actor byte for byte, by id",
    encodings: ["bare"],
    async run({ client, key }) {
      const id = await client.raw.getOrCreate(key).resolve();
      const handle = client.raw.getForId(id);
      for (
        const [path, seen] of [
          ["a/b/?b=2&a=1&a=%20+%2B&&c", ["/a/b/", "?b=2&a=1&a=%20+%2B&&c"]],
          ["a%2Fb/%20x", ["/a%2Fb/%20x", ""]],
          ["?x", ["/", "?x"]],
        ]
      ) {
        const { pathname, search } = await (await handle.fetch(path)).json();
        deepStrictEqual([pathname.replace(/^\/request/, ""), search], seen);
      }
    },
  },
  {
    number: 14,
    title:
      "a raw request by query has the user's own parameters, in their order, and no other",
    versions: newer,
    encodings: ["bare"],
    async run({ client, key }) {
      await client.raw.getOrCreate(key).resolve();
      for (const handle of [client.raw.getOrCreate(key), client.raw.get(key)]) {
        const response = await handle.fetch("a?b=2&a=1&a=%20+%2B&&c", {
          method: "POST",
          headers: { "x-greeting": "hello" },
          body: "the body",
        });
        const { pathname, search, ...rest } = await response.json();
        strictEqual(pathname.replace(/^\/request/, ""), "/a");
        strictEqual(search, "?b=2&a=1&a=%20+%2B&&c");
        deepStrictEqual(rest, {
          method: "POST",
          greeting: "hello",
          body: "the body",
        });
      }
    },
  },
  {
    number: 15,
    title: "the key of a query arrives part by part, also with empty parts",
    versions: ["2.3.19"],
    async run({ client, key }) {
      for (
        const parts of [
          [key],
          [key, "b"],
          [key, "", "b"],
          [key, ""],
          ["", key],
          [key, "a b+c%20&d=e", "é/\\"],
        ]
      ) {
        const { named } = client;
        deepStrictEqual(
          JSON.parse(await named.getOrCreate(parts).key()),
          parts,
        );
        deepStrictEqual(JSON.parse(await named.get(parts).key()), parts);
      }
    },
  },
  {
    number: 17,
    title: "get() of an actor that is not there gives up with actor/not_found",
    versions: newer,
    encodings: ["bare", "json"],
    async run({ client, key, asked, version }) {
      await rejects(client.counter.get([key]).read(), {
        group: "actor",
        code: "not_found",
      });
      // The older of them looks the actor up first.
      const [first, ...others] = asked().map(({ method, status }) =>
        `${method} ${status}`
      );
      strictEqual(first, version === "2.3.19" ? "POST 404" : "GET 200");
      deepStrictEqual(others, Array(23).fill("POST 404"));
    },
  },
  {
    number: 18,
    title: "a raw request may name its actor by headers",
    versions: newer,
    encodings: ["bare"],
    async run({ client, createClient, key, asked }) {
      const id = await client.raw.getOrCreate(key).resolve();
      const eager = createClient({ gateway: { skipReadyWait: true } });
      const response = await eager.raw.getForId(id).fetch("a?b=1", {
        method: "PUT",
        body: "the body",
      });
      const { method, search, body } = await response.json();
      deepStrictEqual([method, search, body], ["PUT", "?b=1", "the body"]);
      const { url, headers } = asked().at(-1);
      strictEqual(new URL(url).pathname, "/request/a");
      strictEqual(headers.get("x-rivet-actor"), id);
    },
  },
  {
    number: 18,
    title:
      "a connection may name its actor by sub-protocols, and so does a call",
    versions: newer,
    async run({ createClient, key }) {
      const eager = createClient({ gateway: { skipReadyWait: true } });
      const id = await eager.counter.getOrCreate(key).resolve();
      const handle = eager.counter.getForId(id);
      strictEqual(await handle.increment(), 1);
      const connection = handle.connect();
      strictEqual(await connection.increment(), 2);
      await connection.dispose();
    },
  },
  {
    number: 19,
    title: "the names of actors and actions may have any characters",
    async run({ client, key }) {
      const handle = client["my actor/x"].getOrCreate(key);
      const name = "a/b ?#é";
      strictEqual(await handle.action({ name, args: [] }), "an odd action");
      const byId = client["my actor/x"].getForId(await handle.resolve());
      strictEqual(await byId.action({ name, args: [] }), "an odd action");
    },
  },
  {
    number: 59,
    title: "where a client says that an actor is, plain fetch finds it",
    versions: newer,
    async run({ client, endpoint, key, version }) {
      const handle = client.counter.getOrCreate(key);
      await handle.increment();
      const id = await handle.resolve();
      const url = new URL(await handle.getGatewayUrl());
      ok(url.href.startsWith(`${endpoint}/gateway/`), url.href);
      for (
        const [place, count] of [
          [url, 2],
          [new URL(`${endpoint}/gateway/${id}`), 3],
        ]
      ) {
        place.pathname += "/action/increment";
        const response = await fetch(place, {
          method: "POST",
          body: `{"args":[1]}`,
        });
        deepStrictEqual([response.status, await response.json()], [
          200,
          { output: count },
        ], version);
      }
    },
  },
  {
    number: 59,
    title:
      "the id that resolve() tells is one for plain fetch, by gateway and REST",
    versions: ["2.0.33"],
    async run({ client, endpoint, key }) {
      const id = await client.counter.getOrCreate(key).resolve();
      const place = `${endpoint}/gateway/${id}/action/increment`;
      const response = await fetch(place, { method: "POST", body: "{}" });
      deepStrictEqual(await response.json(), { output: 1 });
      const listed = await fetch(`${endpoint}/actors?actor_ids=${id}`);
      const { actors: [actor] } = await listed.json();
      deepStrictEqual([actor.actor_id, actor.name, actor.key], [
        id,
        "counter",
        key,
      ]);
    },
  },
];
