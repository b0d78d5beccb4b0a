// What a Rivet Engine turns away before an actor knows of it is asked again, and nothing else is.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { clientOver } from "../../src/client/client.ts";
import { HttpTransport } from "../../src/client/http.ts";
import type { ActorDefinition } from "../../src/definition/definition.ts";
import type { QueueType } from "../../src/definition/schema.ts";
import type { ActorTypes, Bag } from "../../src/definition/types.ts";
import { ActorError } from "../../src/errors.ts";
import { json } from "../../src/protocol/json.ts";
import { test } from "../harness.ts";
import { FakeTiming } from "./fake.ts";
import { type Answer, FakeServer, type Received } from "./server.ts";

interface Registry {
  "~actors"?: {
    room: ActorDefinition<
      & ActorTypes
      & Bag<unknown, unknown, unknown, unknown, unknown, unknown, unknown, {
        jobs: QueueType<unknown, unknown>;
      }>,
      { join(c: unknown): unknown }
    >;
  };
}

const engine = { runtime: "engine", version: "2.3.19" };
const place = { actorId: "id", generation: 1 };

/** What answers a request; the numbers are those of the actors that the key has had. */
type Ask = (request: Received, found: number) => Answer;

/** A server, and a client of it, whose pauses pass at once. */
class Site implements AsyncDisposable {
  readonly server: FakeServer;
  readonly timing: FakeTiming;
  /** How many actors have been found. */
  found = 0;
  /** How long was waited before each question but the first. */
  readonly pausesMs: number[] = [];
  readonly #transport: HttpTransport;

  private constructor(server: FakeServer) {
    this.server = server;
    this.timing = new FakeTiming();
    const delay = this.timing.delay.bind(this.timing);
    this.timing.delay = (callback, delayMs) => {
      this.pausesMs.push(delayMs);
      queueMicrotask(() => this.timing.pass(delayMs));
      return delay(callback, delayMs);
    };
    const url = `http://127.0.0.1:${server.port}`;
    const endpoint = { url, namespace: crypto.randomUUID(), token: undefined };
    this.#transport = new HttpTransport(endpoint, { encoding: json });
  }

  static async open(ask: Ask, metadata: object = engine): Promise<Site> {
    const server = await FakeServer.start();
    const site = new Site(server);
    server.metadata = () => ({ body: JSON.stringify(metadata) });
    server.answer = (request) => {
      if (!request.line.includes("/actors?")) return ask(request, site.found);
      const id = `id-${++site.found}`;
      const actor = { actor_id: id, name: "room", key: "/" };
      return { body: JSON.stringify({ actor, actors: [actor] }) };
    };
    return site;
  }

  get room() {
    return clientOver<Registry>(this.#transport, this.timing).room;
  }

  /** What the server was asked, but for finding actors. */
  get asked(): string[] {
    return this.server.received.map(({ line }) => line)
      .filter((line) => !line.includes("/actors?"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
  }
}

function refusal(kind: string, more: object = {}): Answer {
  const [group, code] = kind.split("/");
  const error = { group, code, message: "told", ...more };
  return { status: 500, body: JSON.stringify(error) };
}

const done: Answer = { body: '{"output":"done","status":"completed"}' };

/** Refuses `times` times, then does what it is asked. */
function after(times: number, refused: Answer): Ask {
  let left = times;
  return () => left-- > 0 ? refused : done;
}

async function kindOf(promise: Promise<unknown>): Promise<string> {
  const { group, code } = await assertRejects(() => promise, ActorError);
  return `${group}/${code}`;
}

const kinds = [
  "actor/destroyed_during_creation",
  "actor/destroyed_while_waiting_for_ready",
  "actor/destroying",
  "actor/not_configured",
  "actor/restarting",
  "actor/starting",
  "actor/stopped",
  "actor/stopping",
  "envoy/actor_not_found",
  "guard/actor_stopped_while_waiting",
  "guard/actor_wake_retries_exceeded",
  "guard/service_unavailable",
];

for (const kind of kinds) {
  test(`what an engine turns away with ${kind} is asked again, of the actor that the key then has`, async () => {
    await using site = await Site.open(after(2, refusal(kind)));
    assertEquals(await site.room.getOrCreate().join(), "done");
    assertEquals(
      site.asked,
      [1, 2, 3].map((id) => `POST /gateway/id-${id}/action/join`),
    );
    assertEquals(site.pausesMs, [25, 50]);
  });
}

test("a message to a queue is sent again as well", async () => {
  await using site = await Site.open(after(1, refusal("actor/stopping")));
  await site.room.get().send("jobs", 1);
  assertEquals(site.asked.length, 2);
});

test("after nine attempts within 6.4 seconds the last answer stands", async () => {
  await using site = await Site.open(() => refusal("actor/starting"));
  assertEquals(await kindOf(site.room.getOrCreate().join()), "actor/starting");
  assertEquals(site.asked.length, 9);
  assertEquals(site.pausesMs, [25, 50, 100, 200, 400, 800, 1600, 3200]);
});

test("an error that comes from the actor stands, for its action has run", async () => {
  for (const kind of kinds) {
    const answer = refusal(kind, { actor: place });
    await using site = await Site.open(() => answer);
    assertEquals(await kindOf(site.room.getOrCreate().join()), kind);
    assertEquals(site.asked.length, 1);
  }
});

test("an error stands after which an action may have run, or that no time mends", async () => {
  const others = [
    "actor/dropped_reply",
    "actor/overloaded",
    "guard/actor_ready_timeout",
    "guard/gateway_response_start_timeout",
    "guard/request_timeout",
    "guard/tunnel_message_timeout",
    "guard/tunnel_request_aborted",
    "guard/tunnel_response_closed",
    "user/stopping",
  ];
  for (const kind of others) {
    await using site = await Site.open(() => refusal(kind));
    assertEquals(await kindOf(site.room.getOrCreate().join()), kind);
    assertEquals(site.asked.length, 1);
  }
});

test("a server that is no engine is asked once, for it waits itself", async () => {
  for (const metadata of [{}, { runtime: "rivetkit", version: "2.0.33" }]) {
    await using site = await Site.open(
      () => refusal("actor/stopping"),
      metadata,
    );
    assertEquals(
      await kindOf(site.room.getOrCreate().join()),
      "actor/stopping",
    );
    const response = await site.room.getOrCreate().fetch("a");
    assertEquals((await response.json()).code, "stopping");
    assertEquals(site.asked.length, 2);
  }
});

test("a handle of an id waits for its actor to start, and not for one that has come to its end", async () => {
  for (
    const [kind, attempts] of [["actor/starting", 2], [
      "actor/destroying",
      1,
    ]] as const
  ) {
    await using site = await Site.open(after(1, refusal(kind)));
    const call = site.room.getForId("id-1").join().catch(({ code }) => code);
    assertEquals(await call, attempts === 2 ? "done" : "destroying");
    assertEquals(
      site.asked,
      Array(attempts).fill("POST /gateway/id-1/action/join"),
    );
  }
});

test("who gives up no longer waits", async () => {
  const controller = new AbortController();
  await using site = await Site.open(() => {
    controller.abort("enough");
    return refusal("actor/starting");
  });
  const call = site.room.getOrCreate()
    .action({ name: "join", signal: controller.signal });
  assertEquals(await call.catch((why) => why), "enough");
  assertEquals(site.asked.length, 1);
});

test("an actor whose creation was turned away is created by the next attempt", async () => {
  for (const create of [true, false]) {
    await using site = await Site.open(() => done);
    const { answer } = site.server;
    let left = 2;
    site.server.answer = (request) =>
      left-- > 0 ? refusal("actor/destroyed_during_creation") : answer(request);
    const handle = create ? await site.room.create() : site.room.getOrCreate();
    assertEquals(await handle.join(), "done");
    assertEquals([site.found, site.pausesMs], [1, [25, 50]]);
  }
});

test("attempts to find an actor and to call it do not multiply", async () => {
  await using site = await Site.open(() => done);
  site.server.answer = () => refusal("actor/destroyed_during_creation");
  await assertRejects(() => site.room.getOrCreate().join(), ActorError);
  assertEquals(site.server.received.length, 9);
});

test("a raw request is sent again unless its body is a stream, or the actor has answered", async () => {
  const cases: [string, RequestInit, Answer, number][] = [
    ["turned away", {}, refusal("envoy/actor_not_found"), 2],
    [
      "with a body",
      { method: "POST", body: "text" },
      refusal("actor/destroying"),
      2,
    ],
    [
      "with a stream",
      { method: "POST", body: new Blob(["text"]).stream() },
      refusal("actor/destroying"),
      1,
    ],
    ["answered", {}, {
      ...refusal("actor/destroying"),
      headers: { "x-rivet-actor": "id" },
    }, 1],
    [
      "answered by an error of the actor",
      {},
      refusal("actor/destroying", { actor: place }),
      1,
    ],
    [
      "answered by a page",
      {},
      { status: 503, type: "text/html", body: "<p>" },
      1,
    ],
    ["answered by what is no error", {}, { status: 500, body: "[]" }, 1],
  ];
  for (const [name, init, answer, attempts] of cases) {
    await using site = await Site.open(after(1, answer));
    const response = await site.room.getOrCreate().fetch("a?b=1", init);
    assertEquals(site.asked.length, attempts, name);
    const text = await response.text();
    assertEquals(text, attempts === 2 ? done.body : answer.body, name);
  }
});

test("the last response stands when all attempts were turned away, and can be read", async () => {
  await using site = await Site.open(() =>
    refusal("guard/service_unavailable")
  );
  const response = await site.room.get().fetch("a");
  assertEquals(site.asked.length, 9);
  assertEquals((await response.json()).code, "service_unavailable");
});

test("calls wait while an engine turns their connection away, and the actor is found anew", async () => {
  for (
    const reason of [
      "actor.destroyed_while_waiting_for_ready#ray1",
      "actor.destroying",
      "guard.service_unavailable#ray2",
    ]
  ) {
    await using site = await Site.open(() => done);
    let left = 2;
    site.server.accept = (socket) => {
      if (left-- > 0) return socket.close(1011, reason);
      const tell = (tag: string, val: object) =>
        socket.send(JSON.stringify({ body: { tag, val } }));
      tell("Init", { actorId: "id", connectionId: "c1" });
      socket.onMessage = () =>
        tell("ActionResponse", { id: ["$BigInt", "0"], output: "done" });
    };
    const connection = site.room.getOrCreate().connect();
    const told: Error[] = [];
    connection.onError((error) => told.push(error));
    assertEquals(await connection.join(), "done");
    assertEquals(site.found, 3);
    // That one actor has gone before another is there is nothing to be told of.
    assertEquals(told.length, reason.startsWith("actor") ? 0 : 2);
    await connection.dispose();
  }
});

test("RivetKit's own servers up to 2.2 are asked for the actor of a handle each time", async () => {
  const metadata = { runtime: "rivetkit", version: "2.0.33" };
  await using site = await Site.open(() => done, metadata);
  for (
    const handle of [
      site.room.getOrCreate(),
      site.room.get(),
      site.room.getForId("id-1"),
    ]
  ) {
    site.found = 0;
    await handle.join();
    await (await handle.fetch("a")).text();
    assertEquals(site.found, 2);
  }
  assert(site.asked.some((line) => line.includes("id-2")));
});
