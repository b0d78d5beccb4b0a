// Connections: how they open, what goes over them, how they close and come back.

import {
  deepStrictEqual,
  match,
  ok,
  rejects,
  strictEqual,
} from "node:assert/strict";
import { closedError, told } from "../connection.js";
import { Cutter } from "../cutter.js";
import { Plain } from "../plain.js";

export default [
  {
    number: 35,
    title: "the server answers with the sub-protocol `rivet` alone",
    versions: ["2.3.19"],
    async run({ client, key, endpoint, encoding }) {
      const actorId = await client.room.getOrCreate([key]).resolve();
      const plain = await Plain.connect(endpoint, actorId, encoding);
      strictEqual(plain.protocol, "rivet");
      plain.close();
      await plain.closed;
    },
  },

  {
    number: 36,
    title: "Init is the first message, and the client is connected",
    async run({ client, key, endpoint, encoding }) {
      const handle = client.room.getOrCreate([key]);
      const actorId = await handle.resolve();
      const plain = await Plain.connect(endpoint, actorId, encoding);
      await plain.until(1);
      const [first] = plain.frames;
      if (encoding === "json") strictEqual(plain.messages[0].tag, "Init");
      // Nothing is known of who speaks bare before he has said something: version 2 suits everybody.
      else if (encoding === "bare") {
        deepStrictEqual([...first.subarray(0, 3)], [2, 0, 0]);
      } else match(new TextDecoder().decode(first), /Init/);
      plain.close();

      const conn = handle.connect();
      await told((done) => conn.onOpen(done));
      strictEqual(conn.connStatus, "connected");
      strictEqual(conn.actorId, actorId);
      strictEqual((await conn.me()).id, conn.connId);
      await conn.dispose();
    },
  },

  {
    number: 37,
    title:
      "what a client sends before Init is taken after onBeforeConnect, in order, and subscribing twice is as good as once",
    async run({ client, key }) {
      const handle = client.room.getOrCreate([key]);
      const conn = client.room.getOrCreate([key], {
        params: { name: "early", waits: true },
      }).connect();
      const heard = [];
      conn.on("said", (text) => heard.push(text));
      const before = [1, 2, 3].map((by) => conn.add(by));
      await handle.untilSomebodyWaits();
      // The socket is open: clients of 2.0 send these at once, those before only after Init.
      conn.on("sung", (text) => heard.push(text));
      const after = [4, 5, 6].map((by) => conn.add(by));
      deepStrictEqual(await handle.log(), []);
      await handle.release();
      await Promise.all([...before, ...after]);
      const [first, ...added] = await handle.log();
      strictEqual(first, "early came");
      const order = added.map((line) => Number(line.replace("added ", "")));
      deepStrictEqual(order.filter((by) => by <= 3), [1, 2, 3]);
      deepStrictEqual(order.filter((by) => by > 3), [4, 5, 6]);
      await conn.tell("said", "hello");
      await conn.tell("sung", "la");
      deepStrictEqual(heard, ["hello", "la"]);
      await conn.dispose();
    },
  },

  {
    number: 38,
    title:
      "an event comes to those who subscribed, until they unsubscribe, and before the response of its action",
    async run({ client, key, endpoint }) {
      const handle = client.room.getOrCreate([key]);
      const conn = handle.connect();
      const heard = [];
      const stop = conn.on("said", (text) => heard.push(text));
      conn.on("mine", (text) => heard.push(text));
      await conn.tell("said", "one");
      deepStrictEqual(heard, ["one"]);
      await conn.tellMe("mine", "two");
      deepStrictEqual(heard, ["one", "two"]);

      // What does not come to those who have not subscribed can be seen on the wire alone.
      const plain = await Plain.connect(endpoint, await handle.resolve());
      await plain.until(1);
      const tags = () =>
        plain.messages.slice(1).map(({ tag, val }) => val.name ?? tag);
      await conn.tell("said", "three");
      plain.call(1, "tellMe", "mine", "unasked");
      await plain.until(3);
      deepStrictEqual(tags(), ["mine", "ActionResponse"]);
      plain.subscribe("said");
      plain.call(2, "tell", "said", "four");
      await plain.until(5);
      deepStrictEqual(tags().slice(2), ["said", "ActionResponse"]);
      plain.subscribe("said", false);
      plain.subscribe("never", false);
      plain.call(3, "tell", "said", "five");
      await plain.until(6);
      deepStrictEqual(tags().slice(4), ["ActionResponse"]);
      plain.close();
      await plain.closed;

      stop();
      await conn.tell("said", "six");
      const others = ["three", "four", "five"];
      deepStrictEqual(heard, ["one", "two", ...others]);
      await conn.dispose();
    },
  },

  {
    number: 39,
    title: "a thousand actions at once, and responses in another order",
    async run({ client, key, runtime }) {
      const conn = client.room.getOrCreate([key]).connect();
      // The other runtimes do not make a difference to the server, but would to this machine.
      const count = runtime === "node" ? 1000 : 50;
      const totals = await Promise.all(
        Array.from({ length: count }, () => conn.add(1)),
      );
      deepStrictEqual(
        totals.toSorted((a, b) => a - b),
        totals.map((_, index) => index + 1),
      );
      const ended = [];
      const hanging = ["a", "b", "c"].map((name) =>
        conn.hang(name).then((name) => ended.push(name))
      );
      for (const name of ["c", "a", "b"]) await conn.finish(name);
      await Promise.all(hanging);
      deepStrictEqual(ended, ["c", "a", "b"]);
      await conn.dispose();
    },
  },

  {
    number: 40,
    title: "an action that fails rejects alone",
    async run({ client, key, line }) {
      const conn = client.room.getOrCreate([key]).connect();
      const errors = [];
      conn.onError((error) => errors.push(error));
      if (line === "2.0") await conn.add(1); // See the next case.
      const failing = conn.fail("full");
      const hanging = conn.hang("a");
      await rejects(failing, {
        group: "user",
        code: "full",
        message: "It failed",
        metadata: { code: "full" },
      });
      await conn.finish("a");
      strictEqual(await hanging, "a");
      await rejects(conn.bug(), (error) => {
        strictEqual(`${error.group}.${error.code}`, "internal.internal_error");
        ok(!error.message.includes("secret"));
        return true;
      });
      await rejects(conn.action({ name: "missing", args: [] }), {
        code: "not_found",
      });
      deepStrictEqual(errors, []);
      await conn.dispose();
    },
  },

  {
    number: 40,
    title:
      "clients of 2.0 take the failure of their first action for the connection's",
    versions: ["2.0.33"],
    async run({ client, key }) {
      const conn = client.room.getOrCreate([key]).connect();
      const errors = [];
      conn.onError(({ group, code }) => errors.push(`${group}.${code}`));
      const failing = conn.fail("full");
      const hanging = conn.hang("a");
      await rejects(failing, { group: "user", code: "full" });
      await rejects(hanging, { group: "user", code: "full" });
      deepStrictEqual(errors, ["user.full"]);
      strictEqual(await conn.add(1), 1);
      await conn.dispose();
    },
  },

  {
    number: 41,
    title: "a client that is refused is told why, with the metadata",
    async run({ client, key, line }) {
      const params = { refused: "unauthorized" };
      const conn = client.room.getOrCreate([key], { params }).connect();
      const errors = [];
      const refused = {
        group: "user",
        code: "unauthorized",
        message: "nope",
        metadata: { why: "token" },
      };
      const told = new Promise((resolve) =>
        conn.onError((error) => {
          errors.push(error);
          // Those of 2.3 are idle then; those of 2.0 try again.
          if (line === "2.3" || errors.length === 2) resolve();
        })
      );
      await rejects(conn.add(1), refused);
      await told;
      const { group, code, message, metadata } = errors[0];
      deepStrictEqual({ group, code, message, metadata }, refused);
    },
  },

  {
    number: 43,
    title: "a client that is told to come back does so, later and later",
    async run({ client, createClient, key, endpoint, defer }) {
      await client.room.getOrCreate([key]).add(1);
      const cutter = await Cutter.open(endpoint);
      defer(() => cutter.close());
      cutter.refuse([1011, "actor.restarting"], [1011, "ws.going_away"]);
      const start = performance.now();
      const conn = createClient({ endpoint: cutter.endpoint })
        .room.getOrCreate([key]).connect();
      await told((done) => conn.onOpen(done));
      // It waits 250 ms, then 500 ms.
      ok(performance.now() - start > 700);
      strictEqual(cutter.handshakes, 3);
      strictEqual(await conn.add(1), 2);
      await conn.dispose();
    },
  },

  {
    number: 44,
    title:
      "whatever a connection was closed with, it comes back, hears again, and delivers what waits",
    async run({ client, createClient, key, endpoint, line, defer }) {
      const handle = client.room.getOrCreate([key]);
      const cutter = await Cutter.open(endpoint);
      defer(() => cutter.close());
      const conn = createClient({ endpoint: cutter.endpoint })
        .room.getOrCreate([key]).connect();
      const heard = [];
      conn.on("said", (text) => heard.push(text));
      let total = 0;
      for (
        const [code, reason] of [
          [1000, ""],
          [1000, "bye"],
          [1001, ""],
          [1001, "ws.going_away"],
          [1011, ""],
          [1011, "store.commit_failed"],
          [1012, ""],
          [1012, "service.restart"],
          [undefined, ""],
        ]
      ) {
        const name = `${code} ${reason}`;
        const hanging = conn.hang(name);
        await handle.untilHangs(name);
        const rejected = rejects(hanging, closedError(line, code, reason));
        cutter.cut(code, reason);
        await rejected;
        strictEqual(await conn.add(1), ++total, name);
        await handle.tell("said", name);
        // After the event, for it has another way than this.
        await conn.total();
        strictEqual(heard.at(-1), name);
      }
      strictEqual(heard.length, total);
      await conn.dispose();
    },
  },

  {
    number: 45,
    title:
      "conn.disconnect() tells group and code, and a reason too long for a close is cut",
    async run({ client, key, line }) {
      const handle = client.room.getOrCreate([key]);
      const conn = handle.connect();
      for (
        const [reason, seen = reason] of [
          [undefined, ""],
          ["bye"],
          ["my.reason"],
          [`room.${"é".repeat(100)}`, `room.${"é".repeat(59)}`],
        ]
      ) {
        const hanging = conn.hang(`${reason}`);
        await handle.untilHangs(`${reason}`);
        const rejected = rejects(hanging, closedError(line, 1000, seen));
        await (reason === undefined ? handle.clear() : handle.clear(reason));
        await rejected;
      }
      strictEqual(await conn.add(1), 1);
      await conn.dispose();
    },
  },

  {
    number: 46,
    title:
      "a client that disposes of its connection does not wait long, and the actor is told",
    async run({ client, key }) {
      const handle = client.room.getOrCreate([key]);
      const params = { name: "brief" };
      const conn = client.room.getOrCreate([key], { params }).connect();
      await conn.add(1);
      deepStrictEqual(await handle.names(), ["brief"]);
      const start = performance.now();
      await conn.dispose();
      ok(performance.now() - start < 20_000);
      await handle.untilGone("brief");
      deepStrictEqual(await handle.names(), []);
      deepStrictEqual(await handle.log(), [
        "brief came",
        "added 1",
        "brief went",
      ]);
    },
  },

  {
    number: 47,
    title: "a frame that is too long closes the connection, which comes back",
    async run({ client, key, line }) {
      const conn = client.room.getOrCreate([key]).connect();
      strictEqual(await conn.add(1), 1);
      await rejects(
        conn.echo("x".repeat(65_536)),
        closedError(line, 1011, "message.incoming_too_long"),
      );
      strictEqual(await conn.add(1), 2);
      await conn.dispose();
    },
  },

  {
    number: 47,
    title: "a frame that is garbage closes its connection alone",
    versions: ["2.3.19"],
    async run({ client, key, endpoint, encoding }) {
      const handle = client.room.getOrCreate([key]);
      const conn = handle.connect();
      strictEqual(await conn.add(1), 1);
      for (
        const garbage of [
          "",
          "{",
          `{"body":{"tag":"Nope","val":{}}}`,
          new Uint8Array(),
          new Uint8Array([255, 255, 255, 255, 255, 255, 255, 255, 255, 255]),
          new Uint8Array([4, 0, 0]),
        ]
      ) {
        const actorId = await handle.resolve();
        const plain = await Plain.connect(endpoint, actorId, encoding);
        await plain.until(1);
        plain.say(garbage);
        const { code, reason } = await plain.closed;
        strictEqual(code, 1011);
        match(reason, /^[a-z_]+\.[a-z_]+$/);
      }
      strictEqual(await conn.add(1), 2);
      await conn.dispose();
    },
  },

  {
    number: 48,
    title: "a connection to an actor that is not there yet opens when it is",
    async run({ client, createClient, key, endpoint, line, defer }) {
      const cutter = await Cutter.open(endpoint);
      defer(() => cutter.close());
      const conn = createClient({ endpoint: cutter.endpoint })
        .room.get([key]).connect();
      const opened = told((done) => conn.onOpen(done));
      // Those of 2.0 look for the actor first, and open no socket before it is there.
      await cutter.until(() =>
        line === "2.0" ? cutter.lookups >= 3 : cutter.handshakes >= 2
      );
      strictEqual(conn.connStatus === "connected", false);
      const actorId = await client.room.create([key]).then((handle) =>
        handle.resolve()
      );
      await opened;
      strictEqual(conn.actorId, actorId);
      await conn.dispose();
    },
  },

  {
    number: 48,
    title:
      "a socket to an actor that is not there is taken, and closed with the reason",
    versions: ["2.3.19"],
    encodings: ["json"],
    async run({ key, endpoint }) {
      const query = `rvt-namespace=default&rvt-method=get&rvt-key=${key}`;
      for (
        const path of [
          `/gateway/${key}/connect`,
          `/gateway/room/connect?${query}`,
          `/gateway/mirror/websocket/?${query}`,
        ]
      ) {
        const plain = new Plain(
          endpoint.replace("http", "ws") + path,
          ["rivet", "rivet_encoding.json"],
        );
        await plain.opened();
        const { code, reason } = await plain.closed;
        deepStrictEqual([path, code, reason], [path, 1011, "actor.not_found"]);
      }
    },
  },

  {
    number: 49,
    title: "a connection by key outlasts its actor and goes on with the next",
    async run({ client, key }) {
      const conn = client.room.getOrCreate([key]).connect();
      const before = await conn.ownId();
      strictEqual(await conn.add(1), 1);
      const back = told((done) => conn.onClose(() => conn.onOpen(done)));
      await conn.end();
      await back;
      strictEqual(await conn.add(1), 1);
      const after = await conn.ownId();
      ok(after !== before);
      strictEqual(conn.actorId, after);
      await conn.dispose();
    },
  },

  {
    number: 49,
    title: "a connection by id ends with its actor",
    async run({ client, createClient, key, endpoint, line, defer }) {
      const cutter = await Cutter.open(endpoint);
      defer(() => cutter.close());
      const handle = client.room.getOrCreate([key]);
      const conn = createClient({ endpoint: cutter.endpoint })
        .room.getForId(await handle.resolve()).connect();
      await conn.add(1);
      const failed = told((done) => conn.onError(done));
      await handle.end();
      if (line === "2.0") {
        // It looks for the actor for ever, each time later.
        const { lookups } = cutter;
        await cutter.until(() => cutter.lookups >= lookups + 2);
        strictEqual(cutter.handshakes, 1);
      } else {
        const [{ group, code }] = await failed;
        strictEqual(`${group}.${code}`, "actor.not_found");
        strictEqual(cutter.handshakes, 2);
      }
      strictEqual(conn.isConnected, false);
      await conn.dispose();
    },
  },

  {
    number: 50,
    title:
      "every socket below the gateway is taken, and those that lead nowhere are closed with the reason",
    versions: ["2.3.19"],
    encodings: ["json"],
    async run({ client, key, endpoint }) {
      const actorId = await client.room.getOrCreate([key]).resolve();
      const query = "rvt-namespace=default&rvt-method=getOrCreate";
      const paths = [
        [`/gateway/${actorId}`, "route.not_found"],
        [`/gateway/${actorId}/nothing`, "route.not_found"],
        [`/gateway/${actorId}/health`, "route.not_found"],
        [`/gateway/${actorId}/request/a`, "route.not_found"],
        [`/gateway/${actorId}/action/add`, "route.not_found"],
        [`/gateway/${actorId}/websocket/`, "handler.websocket_not_defined"],
        [`/gateway/${key}/connect`, "actor.not_found"],
        [`/gateway/room/connect?${query}`, "guard.query_missing_pool"],
        [
          `/gateway/${key}/connect?${query}&rvt-runner=a`,
          "actor.not_registered",
        ],
        [
          `/gateway/room/connect?${query}&rvt-nothing=1`,
          "guard.query_invalid_params",
        ],
        ["/gateway", "route.not_found"],
        [`/nothing/${key}`, "route.not_found"],
      ];
      // At the same time: who is refused again and again is told later and later.
      const sockets = paths.flatMap(([path, reason]) =>
        [["rivet"], []].map((protocols) => ({ path, reason, protocols }))
      );
      await Promise.all(sockets.map(async ({ path, reason, protocols }) => {
        const url = endpoint.replace("http", "ws") + path;
        const plain = new Plain(url, protocols);
        await plain.opened();
        const closed = await plain.closed;
        deepStrictEqual([path, closed.code, closed.reason], [
          path,
          1011,
          reason,
        ]);
      }));
    },
  },

  {
    number: 51,
    title:
      "params come as they were given, but for those that clients leave out",
    async run({ client, key }) {
      for (
        const [params, seen = params] of [
          [undefined, null],
          [{ name: "Zoë 🦊", deep: { list: [1, null, "a,b; c=d%20"] } }],
          ["a text"],
          [[1, "two"]],
          [7],
          [true],
          // Clients send none of these.
          [0, null],
          ["", null],
          [false, null],
          [null, null],
        ]
      ) {
        const conn = client.room.getOrCreate([key], { params }).connect();
        deepStrictEqual((await conn.me()).params, seen);
        await conn.dispose();
      }
    },
  },
];
