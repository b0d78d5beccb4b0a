// Actions over HTTP: errors, limits, params, hooks, and calls that are given up.

import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert";
import { describe } from "../describe.js";

const maxIncoming = 65_536;
const maxOutgoing = 1_048_576;

// What a body has besides one argument that is a long text.
const callOverhead = {
  // {"args":["..."]}
  json: 13,
  // A map with a length of two bytes, "args", an array of one, a text with a length of two bytes.
  cbor: 3 + 5 + 1 + 3,
  // The version, a length of three bytes, an array of one, a text with a length of two bytes.
  bare: 2 + 3 + 1 + 3,
};

export default [
  {
    number: 20,
    title: "result and error are both in the version of the client's own",
    encodings: ["bare"],
    async run({ client, key }) {
      strictEqual(await client.counter.getOrCreate(key).increment(3), 3);
      await rejects(client.failing.getOrCreate(key).user(), {
        code: "my_code",
      });
    },
  },
  {
    number: 22,
    title: "a call is read whether it comes whole or as a stream",
    async run({ client, key, version, runtime }) {
      const handle = client.echo.getOrCreate(key);
      strictEqual(await handle.length("x".repeat(50_000)), 50_000);
      // This version streams what it sends; Deno and Bun know the length nevertheless.
      const isStream = version === "2.3.19" && runtime.startsWith("node");
      strictEqual(await handle.isLengthTold(), !isStream);
    },
  },
  {
    number: 26,
    title: "an error of the user's arrives whole, and any other is masked",
    async run({ client, key }) {
      const handle = client.failing.getOrCreate(key);
      const error = await handle.user().catch((error) => error);
      const { group, code, message, metadata } = error;
      deepStrictEqual({ group, code, message, metadata }, {
        group: "user",
        code: "my_code",
        message: "bad thing",
        metadata: { a: 1, b: "x" },
      });
      await rejects(handle.plain(), {
        group: "user",
        code: "user_error",
        message: "plain user error",
        metadata: undefined,
      });
      await rejects(handle.bug(), (error) => {
        strictEqual(error.code, "internal_error");
        ok(!error.message.includes("the text of a bug"), error.message);
        return true;
      });
    },
  },
  {
    number: 27,
    title: "an action that is not there rejects after one request",
    async run({ client, key, asked }) {
      const handle = client.counter.getOrCreate(key);
      await handle.read();
      const before = asked().filter(isAction).length;
      await rejects(handle.missing(), (error) => {
        strictEqual(error.code, "not_found");
        ok(error.message.includes("missing"), error.message);
        return true;
      });
      strictEqual(asked().filter(isAction).length, before + 1);
    },
  },
  {
    number: 28,
    title:
      "a call of exactly the limit is taken, and one byte more is message/incoming_too_long",
    async run({ client, encoding, key }) {
      const handle = client.echo.getOrCreate(key);
      const length = maxIncoming - callOverhead[encoding];
      strictEqual(await handle.length("x".repeat(length)), length);
      await rejects(handle.length("x".repeat(length + 1)), {
        group: "message",
        code: "incoming_too_long",
      });
    },
  },
  {
    number: 28,
    title: "a result beyond the limit is message/outgoing_too_long",
    async run({ client, key }) {
      const handle = client.echo.getOrCreate(key);
      const text = await handle.text(maxOutgoing - 20);
      strictEqual(text.length, maxOutgoing - 20);
      await rejects(handle.text(maxOutgoing), {
        group: "message",
        code: "outgoing_too_long",
      });
    },
  },
  {
    number: 29,
    title:
      "params of a call reach the actor, also those that are falsy, and no params are undefined",
    async run({ client, createClient, key }) {
      for (
        const params of [
          undefined,
          { a: 1, b: ["x"] },
          "é",
          0,
          null,
          false,
          "",
        ]
      ) {
        const { echo } = params === undefined ? client : createClient();
        const handle = echo.getOrCreate(key, { params });
        strictEqual(await handle.params(), describe(params));
      }
    },
  },
  {
    number: 30,
    title:
      "a call refused by onBeforeConnect tells why, and each call has a connection's hooks once",
    async run({ client, key }) {
      const { guarded } = client;
      for (const params of [undefined, { token: "wrong" }]) {
        await rejects(guarded.getOrCreate(key, { params }).hooks(), {
          group: "user",
          code: "unauthorized",
          message: "nope",
          metadata: { why: "token" },
        });
      }
      const handle = guarded.getOrCreate(key, { params: { token: "open" } });
      deepStrictEqual(await handle.hooks(), {
        // What a refused call has changed is not taken back.
        beforeConnect: 3,
        connState: 1,
        connect: 1,
        disconnect: 0,
      });
      deepStrictEqual(await handle.hooks(), {
        beforeConnect: 4,
        connState: 2,
        connect: 2,
        disconnect: 1,
      });
    },
  },
  {
    number: 32,
    title:
      "an error in JSON is read by a client of bare, for nobody knows its version yet",
    encodings: ["bare"],
    async run({ client, key, asked }) {
      const handle = client.echo.getOrCreate(key);
      // Refused before it is read.
      await rejects(handle.length("x".repeat(maxIncoming)), {
        group: "message",
        code: "incoming_too_long",
      });
      strictEqual(asked().at(-1).type, "application/json");
    },
  },
  {
    number: 33,
    title: "a call that is given up ends, and its actor goes on",
    async run({ client, key }) {
      const handle = client.slow.getOrCreate(key);
      const given = new AbortController();
      const call = handle.action({
        name: "wait",
        args: [],
        signal: given.signal,
      });
      const outcome = call.then(() => "resolved", () => "rejected");
      while ((await handle.counts()).begun === 0) await pause();
      given.abort();
      strictEqual(await outcome, "rejected");
      await handle.release();
      while ((await handle.counts()).ended === 0) await pause();
      deepStrictEqual(await handle.counts(), { begun: 1, ended: 1 });
    },
  },
];

function isAction({ url }) {
  return new URL(url).pathname.includes("/action/");
}

function pause() {
  return new Promise((resolve) => setTimeout(resolve, 10));
}
