// What keeps a client that is refused from asking again without a pause.

import { ok, strictEqual } from "node:assert";

const title = "a client that is refused asks less than 5 times a second";
// At once, and after 250, 500, 1,000 and 2,000 ms.
const attempts = 5;
const leastMs = 3_750;

export default [
  {
    number: 42,
    title: `${title}, also when it connects anew as React's does`,
    versions: ["2.3.11", "2.3.19"],
    encodings: ["bare"],
    async run({ client, key }) {
      const handle = client.guarded.getOrCreate(key, {
        params: { token: "wrong" },
      });
      const starts = [performance.now()];
      while (starts.length <= attempts) {
        const connection = handle.connect();
        const error = await new Promise((resolve) =>
          connection.onError(resolve)
        );
        strictEqual(error.metadata?.why, "token");
        await connection.dispose();
        starts.push(performance.now());
      }
      for (const start of starts) {
        const count = starts.filter((other) =>
          other >= start && other < start + 1000
        )
          .length;
        ok(count < 5, `${count} attempts within a second`);
      }
      ok(starts.at(-1) - starts[0] >= leastMs);
      strictEqual(await asked(client, key), attempts);
    },
  },
  {
    number: 42,
    title: `${title}, and tries again by itself`,
    versions: ["2.0.33"],
    encodings: ["bare"],
    async run({ client, key }) {
      const connection = client.guarded.getOrCreate(key, {
        params: { token: "wrong" },
      }).connect();
      const start = performance.now();
      let errors = 0;
      await new Promise((resolve) =>
        connection.onError(({ metadata }) => {
          strictEqual(metadata?.why, "token");
          if (++errors === attempts) resolve();
        })
      );
      const ms = performance.now() - start;
      ok(ms >= leastMs);
      // On a busy machine the close comes after the error, and this client takes it for the next
      // socket's: then it asks more often than it tells.
      const count = await asked(client, key);
      ok(count < 5 * ms / 1000, `${count} attempts in ${ms} ms`);
    },
  },
  {
    number: 43,
    title: "a client that an actor refuses for now tries again, and gets in",
    async run({ client, key }) {
      const connection = client.guarded.getOrCreate(key, {
        params: { token: "open", isLate: true },
      }).connect();
      // A call that waits meanwhile would be rejected.
      await new Promise((resolve) => connection.onOpen(resolve));
      await connection.dispose();
      // More on a busy machine, as above.
      ok(await asked(client, key) >= 3);
    },
  },
];

/** How often somebody has asked to be let in before. */
async function asked(client, key) {
  const handle = client.guarded.getOrCreate(key, { params: { token: "open" } });
  return (await handle.hooks()).beforeConnect - 1;
}
