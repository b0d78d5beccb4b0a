// What becomes of connections when their actor sleeps, fails, or has callers of every kind.

import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { closedError } from "../connection.js";
import { describe } from "../describe.js";
import { carried, values } from "../values.js";

export default [
  {
    number: 55,
    title:
      "a connection stays open, with its id and what it hears, while its actor sleeps, and a call wakes that",
    async run({ client, key }) {
      const handle = client.room.getOrCreate([key]);
      const watcher = client.room.getOrCreate([key, "watcher"]);
      const params = { name: "patient" };
      const conn = client.room.getOrCreate([key], { params }).connect();
      const heard = [];
      conn.on("said", (text) => heard.push(text));
      strictEqual(await conn.add(1), 1);
      let closes = 0;
      conn.onClose(() => closes++);
      const { connId } = conn;
      const actorId = await handle.resolve();
      await conn.sleep();
      // It is on its way to sleep.
      strictEqual(await conn.add(2), 3);
      await conn.sleep();
      await watcher.untilSlept(actorId, 2);
      // By now it sleeps.
      strictEqual(await conn.add(3), 6);
      await handle.sleep();
      await handle.tell("said", "awake");
      strictEqual((await conn.me()).id, connId);
      deepStrictEqual(heard, ["awake"]);
      strictEqual(closes, 0);
      deepStrictEqual(await handle.log(), [
        "patient came",
        "added 1",
        "slept",
        "added 2",
        "slept",
        "added 3",
        "slept",
      ]);
      await conn.dispose();
    },
  },

  {
    number: 56,
    title:
      "a connection of an actor that fails is closed with the reason, and goes on with what was saved",
    async run({ client, key, line }) {
      const handle = client.room.getOrCreate([key]);
      const conn = handle.connect();
      const heard = [];
      conn.on("said", (text) => heard.push(text));
      strictEqual(await conn.add(1), 1);
      const hanging = conn.hang("a");
      await handle.untilHangs("a");
      const closed = closedError(line, 1011, "store.fenced");
      await Promise.all([
        rejects(conn.crash(), closed),
        rejects(hanging, closed),
      ]);
      strictEqual(await conn.add(1), 2);
      await handle.tell("said", "again");
      strictEqual(await conn.total(), 2);
      deepStrictEqual(heard, ["again"]);
      await conn.dispose();
    },
  },

  {
    number: 56,
    title:
      "a connection of an actor that fails to wake is closed with the reason, and comes back when it wakes",
    async run({ client, key, line }) {
      const handle = client.room.getOrCreate([key]);
      const watcher = client.room.getOrCreate([key, "watcher"]);
      const conn = handle.connect();
      strictEqual(await conn.add(1), 1);
      await conn.sleepBadly();
      await watcher.untilSlept(await handle.resolve(), 1);
      await rejects(conn.add(1), closedError(line, 1011, "actor.start_failed"));
      strictEqual(await conn.add(1), 2);
      await conn.dispose();
    },
  },

  {
    number: 58,
    title:
      "clients of both lines and in every encoding hear the same of one actor",
    versions: ["2.3.19"],
    encodings: ["bare"],
    async run({ client, createClient, endpoint, key, defer }) {
      const { createClient: createEarlier } = await import(
        "rivetkit-2.0.33/client"
      );
      const guests = ["bare", "cbor", "json"].flatMap((encoding) => {
        const earlier = createEarlier({ endpoint, encoding });
        defer(() => earlier.dispose());
        return [
          { line: "2.0", encoding, client: earlier },
          { line: "2.3", encoding, client: createClient({ encoding }) },
        ];
      });
      for (const guest of guests) {
        guest.conn = guest.client.room.getOrCreate([key]).connect();
        guest.heard = [];
        guest.conn.on("said", (...args) => guest.heard.push(args));
        // Once it is answered, it has subscribed.
        await guest.conn.total();
      }
      const handle = client.room.getOrCreate([key]);
      const all = Object.values(values);
      await handle.tell("said", ...all);
      for (const { conn, line, encoding, heard } of guests) {
        await conn.total();
        const expected = heardIn(all, line, encoding).map(describe);
        deepStrictEqual(
          heard.map((args) => args.map(describe)),
          [expected],
          `${line} in ${encoding}`,
        );
        await conn.dispose();
      }
    },
  },
];

// What comes of values when an event has brought them from an actor to a client.
function heardIn(args, line, encoding) {
  if (encoding !== "json" || line === "2.0") return carried(args, encoding);
  return args.map((value) =>
    value instanceof Date || value instanceof Map
      ? carried(value, encoding)
      : value
  );
}
