// The socket of a connection, frame by frame.

import { assert, assertEquals } from "@std/assert";
import { actor } from "../../src/definition/actor.ts";
import { UserError } from "../../src/errors.ts";
import { bareFor } from "../../src/protocol/bare.ts";
import { encodingOf } from "../../src/protocol/encoding.ts";
import type { Frame } from "../../src/protocol/messages.ts";
import { test } from "../harness.ts";
import { maxIncomingBytes, Site } from "./site.ts";

const gates: (() => void)[] = [];
const things = {
  thing: actor({
    state: { n: 0 },
    async onBeforeConnect(_c, params: { secret?: string } | undefined) {
      switch (params?.secret) {
        case "wrong":
          throw new UserError("no", {
            code: "forbidden",
            metadata: { why: "secret" },
          });
        case "odd":
          throw new UserError("no", {
            code: "odd",
            metadata: { f() {}, big: 1n },
          });
        case "tags":
          throw new UserError("no", { metadata: ["$foo", 1] });
        case "bug":
          throw new Error("the secret text of a bug");
        case "slow":
          await new Promise<void>((resolve) => gates.push(resolve));
      }
    },
    actions: {
      add: (c, by: number) => c.state.n += by,
      tell: (c, text: string) => c.broadcast("told", text),
      size: (c) => c.conns.size,
      bug: () => {
        throw new Error("the secret text of a bug");
      },
      kick: (c, reason: string) => void c.conn.disconnect(reason),
      end: (c) => c.destroy(),
    },
  }),
};

async function withThing(
  run: (site: Site<typeof things>, id: string) => Promise<void>,
): Promise<void> {
  await using site = await Site.open(things);
  const id = await site.world.client.thing.getOrCreate("a").resolve();
  await run(site, id);
}

const params = (value: unknown) =>
  `rivet, rivet_conn_params.${encodeURIComponent(JSON.stringify(value))}`;

for (const base of ["", "/api/rivet"]) {
  test(`a connection is opened with Init, at "${base}"`, () =>
    withThing(async (site, id) => {
      const wire = await site.dial(
        `${base}/gateway/${id}/connect?x=1`,
        "rivet,rivet_encoding.json",
      );
      assertEquals(wire.protocol, "rivet");
      wire.open();
      await site.world.clock.settle();
      const [init] = wire.messages;
      assertEquals(init.tag, "Init");
      assertEquals(init.val.actorId, id);
      assertEquals(typeof init.val.connectionId, "string");
      wire.call(0, "add", 2).call(1, "add", 3);
      await site.world.clock.settle();
      assertEquals(wire.messages.slice(1), [
        { tag: "ActionResponse", val: { id: ["$BigInt", "0"], output: 2 } },
        { tag: "ActionResponse", val: { id: ["$BigInt", "1"], output: 5 } },
      ]);
      wire.hangUp();
      await site.world.clock.settle();
      assertEquals(await site.world.client.thing.getForId(id).size(), 1);
    }));
}

test("frames that come before Init are taken in their order", () =>
  withThing(async (site, id) => {
    const wire = await site.dial(
      `/gateway/${id}/connect`,
      params({ secret: "slow" }),
    );
    wire.open();
    wire.say({
      tag: "SubscriptionRequest",
      val: { eventName: "told", subscribe: true },
    });
    for (let i = 0; i < 20; i++) wire.call(i, "add", 1);
    wire.call(20, "tell", "now");
    await site.world.clock.settle();
    assertEquals(wire.sent, []);
    gates.shift()!();
    await site.world.clock.settle();
    assertEquals(wire.messages[0].tag, "Init");
    const outputs = wire.messages.filter(({ tag }) => tag === "ActionResponse")
      .map(({ val }) => val.output);
    assertEquals(
      outputs.slice(0, 20),
      Array.from({ length: 20 }, (_, i) => i + 1),
    );
    assert(wire.messages.some(({ tag }) => tag === "Event"));
  }));

for (
  const [name, query, version] of [
    ["2 where nothing tells its line", "", 2],
    [
      "4 when its query tells that it is of the line 2.3",
      "?rvt-namespace=default&rvt-method=getOrCreate&rvt-runner=default&rvt-key=a",
      4,
    ],
  ] as const
) {
  test(`in bare, a client has what comes before its first frame in version ${name}`, () =>
    withThing(async (site, id) => {
      const target = query === "" ? id : "thing";
      const path = `/gateway/${target}/connect${query}`;
      const wire = await site.dial(path, "rivet,rivet_encoding.bare");
      wire.open();
      const refused = await site.dial(
        path,
        `${params({ secret: "tags" })}, rivet_encoding.bare`,
      );
      refused.open();
      await site.world.clock.settle();
      const frames = [...wire.sent, ...refused.sent].map((text) =>
        Uint8Array.from(text.split(","), Number)
      );
      assertEquals(frames.map(([version]) => version), [version, version]);
      const [init, error] = frames.map((frame) =>
        bareFor(4).decodeToClient(frame)
      );
      assert(init?.tag === "Init" && error?.tag === "Error");
      assertEquals(init.val.actorId, id);
      // Clients of the line 2.3 look for tags in every version.
      assertEquals(error.val.metadata, ["$foo", 1]);
    }));
}

for (
  const [name, frame, count] of [["many frames", "{}", 1_001], [
    "many bytes",
    `"${"x".repeat(900)}"`,
    1_200,
  ]] as const
) {
  test(`too ${name} before Init close the socket`, () =>
    withThing(async (site, id) => {
      const wire = await site.dial(
        `/gateway/${id}/connect`,
        params({ secret: "slow" }),
      );
      wire.open();
      for (let i = 0; i < count; i++) wire.say(frame);
      assertEquals(wire.closedWith, "1011 message.incoming_too_long");
      await site.world.clock.settle();
      gates.shift()?.();
      await site.world.clock.settle();
      assertEquals(
        await site.world.client.thing.getForId(id).size(),
        1,
        "it is not in c.conns",
      );
    }));
}

test("a caller that hangs up before Init is not in c.conns", () =>
  withThing(async (site, id) => {
    const wire = await site.dial(
      `/gateway/${id}/connect`,
      params({ secret: "slow" }),
    );
    wire.open();
    await site.world.clock.settle();
    wire.hangUp();
    await site.world.clock.settle();
    gates.shift()!();
    await site.world.clock.settle();
    assertEquals(await site.world.client.thing.getForId(id).size(), 1);
    const early = await site.dial(`/gateway/${id}/connect`);
    early.hangUp(); // The handshake fails: it is never open.
    await site.world.clock.settle();
    assertEquals(await site.world.client.thing.getForId(id).size(), 1);
  }));

const refusals: [name: string, protocols: string, code: string][] = [
  ["an error of the user", params({ secret: "wrong" }), "user.forbidden"],
  [
    "an error with metadata that cannot be sent",
    params({ secret: "odd" }),
    "user.odd",
  ],
  ["a bug", params({ secret: "bug" }), "internal.internal_error"],
  ["an unknown encoding", "rivet, rivet_encoding.xml", "encoding.invalid"],
  ["params that are no JSON", "rivet, rivet_conn_params.%7B", "params.invalid"],
  [
    "params that are too deep",
    `rivet, rivet_conn_params.${"[".repeat(300)}${"]".repeat(300)}`,
    "params.invalid",
  ],
  [
    "params that cannot be decoded",
    "rivet, rivet_conn_params.%",
    "params.invalid",
  ],
];

for (const [name, protocols, code] of refusals) {
  test(`a connection refused for ${name} is closed with 1011 and ${code}, after a message`, () =>
    withThing(async (site, id) => {
      const wire = (await site.dial(`/gateway/${id}/connect`, protocols))
        .open();
      await site.world.clock.settle();
      assertEquals(wire.closedWith, `1011 ${code}`);
      const [message] = wire.messages;
      assertEquals([message.tag, `${message.val.group}.${message.val.code}`], [
        "Error",
        code,
      ]);
      assert(!wire.sent.join().includes("secret text"));
      assertEquals(await site.world.client.thing.getForId(id).size(), 1);
    }));
}

test("a socket to nowhere is opened, and closed with the reason", async () => {
  await using site = await Site.open(things);
  for (
    const [path, reason] of [
      ["/gateway/missing/connect", "actor.not_found"],
      ["/gateway/no-actor/websocket/x", "actor.not_found"],
      ["/gateway/missing/nothing", "route.not_found"],
      ["/nothing", "route.not_found"],
    ] as const
  ) {
    const wire = (await site.dial(path)).open();
    await site.world.clock.settle();
    assertEquals([path, wire.closedWith], [path, `1011 ${reason}`]);
  }
});

const get = "rvt-namespace=default&rvt-method=get";
for (
  const [name, path, code] of [
    [
      "an actor that is not there",
      `thing/connect?${get}&rvt-key=b`,
      "actor.not_found",
    ],
    [
      "a kind that is not there",
      `other/connect?${get}`,
      "actor.not_registered",
    ],
    [
      "a query that is none",
      "thing/connect?rvt-method=get",
      "guard.query_invalid_params",
    ],
  ] as const
) {
  test(`a connection to ${name} is told so by a message and by the close, a raw socket by the close`, async () => {
    await using site = await Site.open(things);
    for (const base of ["/gateway/", "/api/rivet/gateway/"]) {
      const wire = (await site.dial(base + path)).open();
      await site.world.clock.pass(250);
      assertEquals(wire.closedWith, `1011 ${code}`);
      const [{ tag, val }, ...rest] = wire.messages;
      assertEquals([tag, `${val.group}.${val.code}`, val.actionId, rest], [
        "Error",
        code,
        null,
        [],
      ]);
    }
    const raw = path.replace("/connect", "/websocket/connect");
    const wire = (await site.dial(`/gateway/${raw}`)).open();
    await site.world.clock.settle();
    assertEquals([wire.sent, wire.closedWith], [[], `1011 ${code}`]);
  });
}

test("what passes is told to clients from 2.3 on as an error after which they try again", () =>
  withThing(async (site, id) => {
    await site.world.host.close();
    for (
      const [path, code] of [
        [`/gateway/${id}/connect`, "server.shutting_down"],
        [
          `/gateway/thing/connect?${get}&rvt-key=a`,
          "guard.service_unavailable",
        ],
      ] as const
    ) {
      const wire = (await site.dial(path)).open();
      await site.world.clock.pass(250);
      assertEquals(wire.closedWith, `1011 ${code}`);
      const [{ val }] = wire.messages;
      assertEquals(`${val.group}.${val.code}`, code);
      assertEquals(val.message, "The server is shutting down");
    }
  }));

const deep =
  `{"body":{"tag":"ActionRequest","val":{"id":1,"name":"add","args":${
    "[".repeat(300)
  }${"]".repeat(300)}}}}`;
const garbage: [
  name: string,
  frame: string | Uint8Array<ArrayBuffer>,
  code?: string,
][] = [
  ["a text that is no JSON", "garbage"],
  ["half JSON", `{"body":{"tag":"Act`],
  ["an empty frame", ""],
  ["random bytes", new Uint8Array([0, 1, 2, 255])],
  ["null", "null"],
  ["a number", "5"],
  ["an array", "[]"],
  ["no body", "{}"],
  ["no tag", `{"body":{"val":{}}}`],
  ["an unknown tag", `{"body":{"tag":"Nope","val":{}}}`],
  ["no value", `{"body":{"tag":"ActionRequest"}}`],
  ["no id", `{"body":{"tag":"ActionRequest","val":{"name":"add","args":[]}}}`],
  [
    "a negative id",
    `{"body":{"tag":"ActionRequest","val":{"id":-1,"name":"add","args":[]}}}`,
  ],
  [
    "a text for an id",
    `{"body":{"tag":"ActionRequest","val":{"id":"1","name":"add","args":[]}}}`,
  ],
  [
    "a huge id",
    `{"body":{"tag":"ActionRequest","val":{"id":["$BigInt","${
      "9".repeat(300)
    }"],"name":"add","args":[]}}}`,
  ],
  [
    "a number for a name",
    `{"body":{"tag":"ActionRequest","val":{"id":1,"name":5,"args":[]}}}`,
  ],
  [
    "a text for subscribe",
    `{"body":{"tag":"SubscriptionRequest","val":{"eventName":"a","subscribe":"yes"}}}`,
  ],
  [
    "no event",
    `{"body":{"tag":"SubscriptionRequest","val":{"subscribe":true}}}`,
  ],
  [
    "an event with a long name",
    `{"body":{"tag":"SubscriptionRequest","val":{"eventName":"${
      "e".repeat(300)
    }","subscribe":true}}}`,
  ],
  ["deep nesting", deep],
  [
    "a frame that is too long",
    `"${"x".repeat(maxIncomingBytes)}"`,
    "message.incoming_too_long",
  ],
];

for (const [name, frame, code = "message.malformed"] of garbage) {
  test(`${name} closes its socket with ${code}, and no other`, () =>
    withThing(async (site, id) => {
      const [wire, other] = [
        (await site.dial(`/gateway/${id}/connect`)).open(),
        (await site.dial(`/gateway/${id}/connect`)).open(),
      ];
      await site.world.clock.settle();
      wire.say(frame).call(9, "add", 100);
      await site.world.clock.settle();
      assertEquals(wire.closedWith, `1011 ${code}`);
      other.call(0, "add", 1);
      await site.world.clock.settle();
      assertEquals(other.messages.at(-1).val.output, 1);
      assertEquals(await site.world.client.thing.getForId(id).size(), 2);
    }));
}

for (const name of ["bare", "cbor", "json"]) {
  const encoding = encodingOf(name);
  const call = (text: string): Frame =>
    encoding.encodeToServer({
      tag: "ActionRequest",
      val: { id: 1, name: "tell", args: [text] },
    });
  const dial = async (site: Site<typeof things>, id: string) => {
    const protocols = `rivet, rivet_encoding.${name}`;
    const wire = await site.dial(`/gateway/${id}/connect`, protocols);
    wire.open();
    await site.world.clock.settle();
    return wire;
  };

  test(`in ${name}, a frame of exactly the limit is taken, and of one more byte closes`, () =>
    withThing(async (site, id) => {
      const wire = await dial(site, id);
      const overhead = call("x".repeat(800)).length - 800;
      const longest = call("x".repeat(maxIncomingBytes - overhead));
      assertEquals(longest.length, maxIncomingBytes);
      wire.say(longest);
      await site.world.clock.settle();
      assertEquals([wire.sent.length, wire.closedWith], [2, undefined]);
      wire.say(call("x".repeat(maxIncomingBytes - overhead + 1)));
      assertEquals(wire.closedWith, "1011 message.incoming_too_long");
    }));

  const isText = name === "json";
  test(`in ${name}, a frame of the other kind ${isText ? "is taken" : "closes"}`, () =>
    withThing(async (site, id) => {
      const wire = await dial(site, id);
      const frame = call("a");
      wire.say(
        typeof frame === "string"
          ? new TextEncoder().encode(frame)
          : frame.toHex(),
      );
      await site.world.clock.settle();
      assertEquals(
        [wire.sent.length, wire.closedWith],
        isText ? [2, undefined] : [1, "1011 message.malformed"],
      );
    }));
}

test("an id as large as can be comes back with its answer", () =>
  withThing(async (site, id) => {
    const wire = (await site.dial(`/gateway/${id}/connect`)).open();
    await site.world.clock.settle();
    wire.say({
      tag: "ActionRequest",
      val: {
        id: ["$BigInt", `${Number.MAX_SAFE_INTEGER}`],
        name: "size",
        args: [],
      },
    });
    await site.world.clock.settle();
    assertEquals(wire.messages.at(-1).val.id, [
      "$BigInt",
      `${Number.MAX_SAFE_INTEGER}`,
    ]);
  }));

test("an error of one call leaves the connection open, and is masked", () =>
  withThing(async (site, id) => {
    const wire = (await site.dial(`/gateway/${id}/connect`)).open();
    await site.world.clock.settle();
    wire.call(0, "bug").call(1, "missing").call(2, "toString").call(3, "size");
    await site.world.clock.settle();
    assertEquals(wire.closedWith, undefined);
    const codes = wire.messages.slice(1).map(({ tag, val }) =>
      `${tag} ${val.code ?? val.output}`
    ).toSorted();
    assertEquals(codes, [
      "ActionResponse 1",
      "Error internal_error",
      "Error not_found",
      "Error not_found",
    ]);
    assert(!wire.sent.join().includes("secret text"));
  }));

test("a connection may subscribe to so many events, to each as often as it likes", () =>
  withThing(async (site, id) => {
    const wire = (await site.dial(`/gateway/${id}/connect`)).open();
    await site.world.clock.settle();
    const subscribe = (eventName: string, subscribe = true) =>
      wire.say({ tag: "SubscriptionRequest", val: { eventName, subscribe } });
    subscribe("never", false);
    for (let i = 0; i < 1_000; i++) subscribe(`event ${i}`);
    subscribe("event 5");
    assertEquals(wire.closedWith, undefined);
    subscribe("one more");
    assertEquals(wire.closedWith, "1011 message.malformed");
  }));

test("the actor closes a connection with its own reason, cut to what fits a frame", () =>
  withThing(async (site, id) => {
    const reasons: [given: string, told: string][] = [
      ["enough", "enough"],
      ["", ""],
      ["é".repeat(100), "é".repeat(61)],
    ];
    for (const [given, told] of reasons) {
      const wire = (await site.dial(`/gateway/${id}/connect`)).open();
      await site.world.clock.settle();
      wire.call(0, "kick", given);
      await site.world.clock.settle();
      assertEquals(wire.closedWith, `1000 ${told}`);
    }
  }));

test("a destroyed actor's connections are closed with 1000", () =>
  withThing(async (site, id) => {
    const wire = (await site.dial(`/gateway/${id}/connect`)).open();
    await site.world.clock.settle();
    wire.call(0, "end");
    await site.world.clock.settle();
    assertEquals(wire.closedWith, "1000 ");
    assertEquals(wire.messages.at(-1).tag, "ActionResponse");
  }));
