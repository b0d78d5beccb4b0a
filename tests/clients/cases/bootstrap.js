// How a client finds its server, and what happens where there is none.

import { ok, rejects, strictEqual } from "node:assert";
import { proxyTo } from "../proxy.js";

export default [
  {
    number: 1,
    title:
      "a client calls actors at the server's root and below its base path, and stays there",
    async run({ endpoint, createClient, key, requests }) {
      for (const [place, count] of [["", 1], ["/api/rivet", 2]]) {
        const own = endpoint + place;
        const client = createClient({ endpoint: own });
        requests.length = 0;
        strictEqual(await client.counter.getOrCreate(key).increment(), count);
        for (const { url } of requests) {
          const path = url.slice(own.length);
          ok(
            url.startsWith(own) && /^\/(metadata|actors|gateway)\b/.test(path),
            url,
          );
        }
      }
    },
  },
  {
    number: 2,
    title:
      "a client that is sent elsewhere goes there, with the namespace and token it is given",
    async run({ places, createClient, key, asked, line }) {
      const client = createClient({
        endpoint: places.elsewhere,
        namespace: "mine",
        token: "own",
      });
      strictEqual(await client.counter.getOrCreate(key).increment(), 1);
      const handle = await client.counter.create(`${key}-created`);
      strictEqual(await handle.increment(), 1);
      ok(asked().length >= 3);
      for (const { url, headers } of asked()) {
        ok(url.startsWith(places.endpoint), url);
        // The older line takes the endpoint alone.
        if (line === "2.0") continue;
        const { searchParams, pathname } = new URL(url);
        const namespace = searchParams.get("rvt-namespace") ??
          searchParams.get("namespace");
        if (!/^\/gateway\/[^/]*@/.test(pathname)) {
          strictEqual(namespace, "default");
        }
        const token = searchParams.get("rvt-token") ??
          headers.get("x-rivet-token") ??
          headers.get("authorization")?.replace("Bearer ", "");
        strictEqual(token, "pub/lic", url);
      }
    },
  },
  {
    number: 3,
    title: "a call waits for a server that comes two seconds after the client",
    encodings: ["json"],
    async run({ endpoint, createClient, defer, key, requests }) {
      const proxy = await proxyTo(endpoint);
      defer(() => proxy.close());
      proxy.close();
      const client = createClient({ endpoint: proxy.url });
      const call = client.counter.getOrCreate(key).increment();
      setTimeout(() => proxy.open(), 2_000);
      strictEqual(await call, 1);
      ok(requests.some(({ error }) => error !== undefined));
    },
  },
  {
    number: 5,
    title:
      "an actor of an unknown kind is refused by name, and the server lives",
    async run({ client, key }) {
      const unknown = { group: "actor", code: "not_registered" };
      await rejects(client.nobody.getOrCreate(key).increment(), unknown);
      await rejects(client.nobody.create(key), unknown);
      strictEqual(await client.counter.getOrCreate(key).increment(), 1);
    },
  },
];
