// A server that lets in whoever has a token.

import { deepStrictEqual, rejects, strictEqual } from "node:assert";

const token = "s3cret+%2F#&1";
const forbidden = { group: "auth", code: "forbidden" };

export default [
  {
    number: 60,
    title: "a client with the token calls actors, in every way to name one",
    async run({ places, createClient, key, line }) {
      const { counter, raw } = createClient({ endpoint: places.locked, token });
      strictEqual(await counter.getOrCreate(key).increment(), 1);
      strictEqual(await counter.get(key).increment(), 2);
      const id = await counter.getOrCreate(key).resolve();
      strictEqual(await counter.getForId(id).increment(), 3);
      const created = await counter.create([key, "created"]);
      strictEqual(await created.increment(), 1);
      const response = await raw.getOrCreate(key).fetch("hello");
      strictEqual((await response.json()).method, "GET");
      if (line === "2.0") return;
      const eager = createClient({
        endpoint: places.locked,
        token,
        gateway: { skipReadyWait: true },
      });
      strictEqual(await eager.counter.getForId(id).increment(), 4);
    },
  },
  {
    number: 60,
    title: "a client with the token connects, in every way to name an actor",
    versions: ["2.3.11", "2.3.19"],
    async run({ places, createClient, key }) {
      const { counter } = createClient({ endpoint: places.locked, token });
      const eager = createClient({
        endpoint: places.locked,
        token,
        gateway: { skipReadyWait: true },
      });
      const id = await counter.getOrCreate(key).resolve();
      const handles = [
        counter.getOrCreate(key),
        counter.get(key),
        counter.getForId(id),
        eager.counter.getForId(id),
      ];
      for (const [at, handle] of handles.entries()) {
        const connection = handle.connect();
        strictEqual(await connection.increment(), at + 1);
        await connection.dispose();
      }
    },
  },
  {
    number: 60,
    title:
      "a client without the token, or with another, is told auth/forbidden",
    async run({ places, createClient, key, asked }) {
      for (const other of [undefined, "other"]) {
        const { counter } = createClient({
          endpoint: places.locked,
          ...(other === undefined ? {} : { token: other }),
        });
        await rejects(counter.getOrCreate(key).increment(), forbidden);
        await rejects(counter.create(key), forbidden);
        const id = "00000000-0000-4000-8000-000000000000";
        await rejects(counter.getForId(id).increment(), forbidden);
      }
      // Each at the first attempt.
      deepStrictEqual(asked().map(({ status }) => status), Array(6).fill(403));
    },
  },
  {
    number: 60,
    title: "a connection without the token is told auth/forbidden",
    versions: ["2.3.11", "2.3.19"],
    async run({ places, createClient, key }) {
      for (const other of [undefined, "other"]) {
        const { counter } = createClient({
          endpoint: places.locked,
          ...(other === undefined ? {} : { token: other }),
        });
        const connection = counter.getOrCreate(key).connect();
        const told = new Promise((resolve) => connection.onError(resolve));
        await rejects(connection.increment(), forbidden);
        const { group, code } = await told;
        deepStrictEqual({ group, code }, forbidden);
      }
    },
  },
];
