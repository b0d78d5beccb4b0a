// Messages to the queues of an actor: only the newer line knows them.

import { deepStrictEqual, rejects, strictEqual } from "node:assert";
import { describe } from "../describe.js";
import { carried, values } from "../values.js";

const versions = ["2.3.11", "2.3.19"];

export default [
  {
    number: 34,
    title: "a message is sent, and is there for the actor with all its types",
    versions,
    async run({ client, encoding, key }) {
      const handle = client.worker.getOrCreate(key);
      const message = { ...values };
      strictEqual(await handle.send("said", message), undefined);
      strictEqual(await handle.take(), describe(carried(message, encoding)));
      strictEqual(await handle.take(), undefined);
    },
  },
  {
    number: 34,
    title: "who waits for a message gets the answer, with all its types",
    versions,
    async run({ client, encoding, key }) {
      const handle = client.worker.getOrCreate(key);
      for (const message of [1, "two", { ...values }]) {
        const result = await handle.send("asked", message, {
          wait: true,
          timeout: 60_000,
        });
        const expected = carried(message, encoding);
        strictEqual(result.status, "completed");
        strictEqual(result.response[0], describe(expected));
        strictEqual(describe(result.response[1]), describe(expected));
      }
    },
  },
  {
    number: 34,
    title: "who waits for what nobody takes is told timedOut in time",
    versions,
    async run({ client, key }) {
      const handle = client.worker.getOrCreate(key);
      deepStrictEqual(
        await handle.send("said", 1, { wait: true, timeout: 50 }),
        {
          status: "timedOut",
        },
      );
      strictEqual(await handle.take(), "1");
    },
  },
  {
    number: 34,
    title: "a message to a queue that is not there is refused by name",
    versions,
    async run({ client, key }) {
      await rejects(client.worker.getOrCreate(key).send("nowhere", 1), {
        group: "queue",
        code: "not_found",
      });
    },
  },
];
