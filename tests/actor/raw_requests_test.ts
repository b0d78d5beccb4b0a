// `onRequest`: what leaves an actor as a response, and when.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { actor } from "../../src/definition/actor.ts";
import { UserError } from "../../src/errors.ts";
import { test } from "../harness.ts";
import { state, World } from "./world.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A body whose parts a test hands out. */
class Source {
  readonly stream: ReadableStream<Uint8Array<ArrayBuffer>>;
  isCancelled = false;
  #controller!: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>;

  constructor() {
    this.stream = new ReadableStream({
      start: (controller) => void (this.#controller = controller),
      cancel: () => void (this.isCancelled = true),
    }, { highWaterMark: 0 });
  }

  say(text: string): void {
    this.#controller.enqueue(encoder.encode(text));
  }

  end(): void {
    this.#controller.close();
  }

  fail(error: Error): void {
    this.#controller.error(error);
  }
}

function things() {
  const log: string[] = [];
  const sources: Source[] = [];
  const signals: AbortSignal[] = [];
  const add = { c: undefined as undefined | (() => void) };
  const thing = actor({
    state: { n: 0 },
    onBeforeConnect(_c, params: { name?: string } | undefined) {
      log.push(`before ${params?.name ?? "nobody"}`);
      if (params?.name === "mallory") {
        throw new UserError("no", { code: "forbidden" });
      }
    },
    connState: { seen: 0 },
    onConnect: (c) => void log.push(`connect ${c.conns.size}`),
    onDisconnect: (c) => void log.push(`disconnect ${c.conns.size}`),
    async onRequest(c, request) {
      const { pathname } = new URL(request.url);
      c.conn.state.seen++;
      switch (pathname) {
        case "/add":
          c.state.n++;
          return Response.json(c.state.n);
        case "/stream": {
          signals.push(request.signal);
          add.c = () => void c.state.n++;
          const source = new Source();
          sources.push(source);
          return new Response(source.stream);
        }
        case "/slow":
          signals.push(request.signal);
          await new Promise(() => {});
          return new Response();
        case "/send":
          c.conn.send("news", 1);
          c.broadcast("news", 1);
          return new Response("sent");
        case "/kick":
          await c.conn.disconnect();
          return new Response("kicked");
        case "/end":
          c.destroy();
          return new Response("ended");
        case "/user":
          c.state.n++;
          throw new UserError("no", { code: "odd" });
        case "/bug":
          throw new Error("a secret");
        case "/five":
          return 5 as never;
        case "/used": {
          const response = new Response("x");
          await response.text();
          return response;
        }
      }
    },
    actions: {
      get: (c) => c.state.n,
      conns: (c) => c.conns.size,
      rest: (c) => c.sleep(),
      kickAll: async (c) => {
        for (const conn of c.conns.values()) {
          if (conn.id !== c.conn.id) await conn.disconnect();
        }
      },
    },
    options: { sleepTimeout: 1_000, waitUntilTimeout: 5_000 },
  });
  return { log, sources, signals, add, definitions: { thing } };
}

type Things = ReturnType<typeof things>;

async function withWorld(
  run: (
    world: World<Things["definitions"]>,
    handle: ReturnType<
      World<Things["definitions"]>["client"]["thing"]["getOrCreate"]
    >,
    parts: Things,
  ) => Promise<void>,
): Promise<void> {
  const parts = things();
  await using world = await World.open(parts.definitions);
  const handle = world.client.thing.getOrCreate("a");
  await handle.resolve();
  await run(world, handle, parts);
}

test("a response leaves when the changes before it are durable", () =>
  withWorld(async ({ clock, store }, handle) => {
    store.fate = "hangs";
    const response = handle.fetch("add");
    assertEquals(await state(response, clock), "pending");
    store.fate = "works";
    await store.land();
    assertEquals(await (await response).json(), 1);
  }));

test("a response of an actor with nothing to save does not wait", () =>
  withWorld(async ({ store }, handle) => {
    store.fate = "hangs";
    assertEquals((await handle.fetch("nothing")).status, 404);
    store.fate = "works";
    await store.land();
  }));

test("a response whose changes are not saved is none", () =>
  withWorld(async ({ store }, handle) => {
    store.fate = "fails";
    const response = await handle.fetch("add");
    assertEquals(response.status, 503);
    assertEquals((await response.json()).code, "commit_failed");
    store.fate = "works";
    assertEquals(await handle.get(), 0);
  }));

test("an error leaves when the changes before it are durable", () =>
  withWorld(async ({ clock, store }, handle) => {
    store.fate = "hangs";
    const response = handle.fetch("user");
    assertEquals(await state(response, clock), "pending");
    store.fate = "works";
    await store.land();
    assertEquals((await response).status, 400);
    assertEquals(await handle.get(), 1);
  }));

test("each part of a body leaves when the changes before it are durable", () =>
  withWorld(async ({ clock, store }, handle, { sources, add }) => {
    const response = await handle.fetch("stream");
    const reader = response.body!.getReader();
    sources[0]!.say("one");
    assertEquals(decoder.decode((await reader.read()).value), "one");
    store.fate = "hangs";
    add.c!();
    sources[0]!.say("two");
    const second = reader.read();
    assertEquals(await state(second, clock), "pending");
    store.fate = "works";
    await store.land();
    assertEquals(decoder.decode((await second).value), "two");
    store.fate = "hangs";
    add.c!();
    sources[0]!.end();
    const end = reader.read();
    assertEquals(
      await state(end, clock),
      "pending",
      "the end is told late too",
    );
    store.fate = "works";
    await store.land();
    assertEquals((await end).done, true);
    assertEquals(await handle.get(), 2);
  }));

test("a body breaks off when a change before its next part is not saved", () =>
  withWorld(async ({ clock, store }, handle, { sources, signals, add }) => {
    const response = await handle.fetch("stream");
    const reader = response.body!.getReader();
    sources[0]!.say("one");
    assertEquals(decoder.decode((await reader.read()).value), "one");
    store.fate = "fails";
    add.c!();
    sources[0]!.say("two");
    const error = await assertRejects(() => reader.read());
    assertEquals((error as { code?: string }).code, "commit_failed");
    await clock.settle();
    assert(sources[0]!.isCancelled);
    assert(signals[0]!.aborted);
    store.fate = "works";
    assertEquals(await handle.get(), 0, "it wakes from what is durable");
    assertEquals(await handle.conns(), 1);
  }));

test("a body that is silent breaks off when another change is not saved", () =>
  withWorld(async ({ store }, handle, { sources }) => {
    const response = await handle.fetch("stream");
    const read = response.body!.getReader().read();
    store.fate = "fails";
    assertEquals((await handle.fetch("add")).status, 503);
    await assertRejects(() => read);
    assert(sources[0]!.isCancelled);
    store.fate = "works";
  }));

test("a raw request runs the hooks of a connection once, and is done with them at its end", () =>
  withWorld(async (_world, handle, { log }) => {
    await handle.fetch("add");
    assertEquals(log, ["before nobody", "connect 1", "disconnect 0"]);
  }));

test("a raw request is in c.conns until its body has ended", () =>
  withWorld(async (_world, handle, { log, sources }) => {
    const response = await handle.fetch("stream");
    assertEquals(await handle.conns(), 2);
    sources[0]!.say("all");
    sources[0]!.end();
    assertEquals(await response.text(), "all");
    assertEquals(await handle.conns(), 1);
    assertEquals(
      log.filter((line) => line.startsWith("disconnect")).length,
      3,
      "once for each call",
    );
  }));

test("a reader who goes cancels the body, aborts the request's signal and disconnects", () =>
  withWorld(async ({ clock }, handle, { sources, signals }) => {
    const response = await handle.fetch("stream");
    assertEquals(signals[0]!.aborted, false);
    await response.body!.cancel();
    await clock.settle();
    assert(sources[0]!.isCancelled);
    assert(signals[0]!.aborted);
    assertEquals(await handle.conns(), 1);
  }));

test("a caller who gives up before the response aborts the request's signal", () =>
  withWorld(async ({ clock }, handle, { signals }) => {
    const abort = new AbortController();
    const response = handle.fetch("slow", { signal: abort.signal });
    await clock.settle();
    abort.abort(new Error("enough"));
    await assertRejects(() => response, Error, "enough");
    await clock.settle();
    assert(signals[0]!.aborted);
  }));

test("a body is read no faster than its reader reads", async () => {
  let pulls = 0;
  const chunk = new Uint8Array(65_536);
  const endless = actor({
    onRequest: () =>
      new Response(
        new ReadableStream({
          pull(controller) {
            pulls++;
            controller.enqueue(chunk);
          },
        }, { highWaterMark: 0 }),
      ),
    actions: {},
  });
  await using world = await World.open({ endless });
  const { body } = await world.client.endless.getOrCreate("a").fetch("");
  await world.clock.settle();
  const ahead = pulls;
  assert(ahead <= 17, `${ahead} parts of 64 KiB have been read ahead`);
  const reader = body!.getReader();
  for (let read = 0; read < 200; read++) {
    await reader.read();
    assert(pulls <= Math.max(ahead, read + 1));
  }
  await reader.cancel();
});

test("an actor does not sleep while a body goes on", () =>
  withWorld(async ({ clock, store }, handle, { sources }) => {
    const response = await handle.fetch("stream");
    await clock.pass(60_000);
    const { loads } = store;
    sources[0]!.say("late");
    sources[0]!.end();
    assertEquals(await response.text(), "late");
    assertEquals(store.loads, loads);
    await clock.pass(2_000);
    await handle.get();
    assertEquals(store.loads, loads + 1, "it sleeps after the end");
  }));

test("a stop waits for a body for a time, and then breaks it off", () =>
  withWorld(async ({ clock }, handle, { sources, signals, log }) => {
    const response = await handle.fetch("stream");
    const reader = response.body!.getReader();
    await handle.rest();
    await clock.pass(4_000);
    sources[0]!.say("in time");
    assertEquals(decoder.decode((await reader.read()).value), "in time");
    log.length = 0;
    const next = reader.read();
    next.catch(() => {});
    await clock.pass(2_000);
    const error = await assertRejects(() => next);
    assertEquals((error as { code?: string }).code, "stopping");
    assert(sources[0]!.isCancelled);
    assert(signals[0]!.aborted);
    assertEquals(log, ["disconnect 0"]);
  }));

test("a stop answers the requests whose handler goes on for too long", () =>
  withWorld(async ({ clock }, handle) => {
    const response = handle.fetch("slow");
    await handle.rest();
    await clock.pass(4_000);
    assertEquals(await state(response, clock), "pending");
    await clock.pass(2_000);
    const { status } = await response;
    assertEquals(status, 503);
  }));

test("a connection that the actor closes breaks its body off", () =>
  withWorld(async (_world, handle, { sources }) => {
    const response = await handle.fetch("stream");
    await handle.kickAll();
    await assertRejects(() => response.text());
    assert(sources[0]!.isCancelled);
  }));

test("a body that fails breaks off, is logged, and shows nothing of the error", () =>
  withWorld(async ({ log }, handle, { sources }) => {
    const response = await handle.fetch("stream");
    sources[0]!.say("part");
    const reader = response.body!.getReader();
    await reader.read();
    sources[0]!.fail(new Error("a secret"));
    const error = await assertRejects(() => reader.read());
    assert(!String(error).includes("secret"));
    assert(log.some((line) => line.includes("a secret")));
    assertEquals(await handle.conns(), 1);
  }));

test("a response after c.destroy() leaves when the actor is gone", () =>
  withWorld(async ({ clock, store }, handle) => {
    const response = handle.fetch("end");
    await clock.settle();
    assertEquals(await (await response).text(), "ended");
    assert(store.steps.some(({ destroy }) => destroy));
    assertEquals(await handle.get(), 0, "it was created anew");
  }));

test("a raw request hears no events, and the log says so", () =>
  withWorld(async ({ log }, handle) => {
    assertEquals(await (await handle.fetch("send")).text(), "sent");
    assertEquals(
      log.filter((line) => line.includes("hears no events")).length,
      1,
    );
  }));

test("a raw request with params that a hook refuses gets its error", () =>
  withWorld(async ({ client }, _handle, { log }) => {
    log.length = 0;
    const response = await client.thing.get("a", {
      params: { name: "mallory" },
    }).fetch("add");
    assertEquals(response.status, 400);
    assertEquals(await response.json(), {
      group: "user",
      code: "forbidden",
      message: "no",
    });
    assertEquals(log, ["before mallory"]);
  }));

const answers: [path: string, status: number, code: string][] = [
  ["nothing", 404, "route/not_found"],
  ["five", 500, "handler/invalid_request_handler_response"],
  ["user", 400, "user/odd"],
  ["bug", 500, "internal/internal_error"],
  ["used", 500, "internal/internal_error"],
  ["kick", 503, "actor/stopping"],
];

for (const [path, status, code] of answers) {
  test(`a raw request to /${path} is answered with ${status} ${code}`, () =>
    withWorld(async (_world, handle, { log }) => {
      const response = await handle.fetch(path);
      assertEquals(response.status, status);
      const body = await response.json();
      assertEquals(`${body.group}/${body.code}`, code);
      assert(!JSON.stringify(body).includes("a secret"));
      assertEquals(log, ["before nobody", "connect 1", "disconnect 0"]);
    }));
}

test("an actor without onRequest answers 404, and no hook runs", async () => {
  let connects = 0;
  const silent = actor({
    onBeforeConnect: () => void connects++,
    actions: {},
  });
  await using world = await World.open({ silent });
  const response = await world.client.silent.getOrCreate("a").fetch("x");
  assertEquals(response.status, 404);
  assertEquals((await response.json()).code, "request_not_defined");
  assertEquals(connects, 0);
});

test("a body that is there at once is sent as a whole", () =>
  withWorld(async ({ host, clock }, handle, { sources }) => {
    const actorId = await handle.resolve();
    const request = (path: string) =>
      host.request(actorId, {
        url: `http://actor/${path}`,
        method: "GET",
        headers: new Headers(),
        body: null,
        params: undefined,
        onGone: undefined,
      });
    const whole = await request("add");
    assertEquals(await handle.conns(), 1, "it is over before it is read");
    assertEquals(await whole.json(), 1);
    const open = await request("stream");
    assertEquals(await handle.conns(), 2);
    sources[0]!.end();
    assertEquals(await open.text(), "");
    await clock.settle();
  }));

test("a request of an actor to another leaves when its own changes are durable, part by part", async () => {
  const heard: string[] = [];
  const listener = actor({
    async onRequest(_c, request) {
      heard.push("request");
      for await (const chunk of request.body!) {
        heard.push(decoder.decode(chunk));
      }
      return new Response("thanks");
    },
    actions: {},
  });
  const speaker = actor({
    state: { n: 0 },
    actions: {
      speak: async (c) => {
        c.state.n++;
        let part = 0;
        const body = new ReadableStream({
          pull(controller) {
            if (++part > 2) return controller.close();
            c.state.n++;
            controller.enqueue(encoder.encode(`part ${part}`));
          },
        }, { highWaterMark: 0 });
        const client = c.client<{ "~actors"?: typeof definitions }>();
        const handle = client.listener.getOrCreate("b");
        const response = await handle.fetch("x", { method: "POST", body });
        return await response.text();
      },
    },
  });
  const definitions = { listener, speaker };
  await using world = await World.open(definitions);
  const { clock, store, client } = world;
  await client.listener.getOrCreate("b").resolve();
  const handle = client.speaker.getOrCreate("a");
  await handle.resolve();
  store.fate = "hangs";
  const spoken = handle.speak();
  await clock.settle();
  assertEquals(heard, []);
  await store.land();
  await clock.settle();
  assertEquals(heard, ["request"]);
  await store.land();
  await clock.settle();
  assertEquals(heard, ["request", "part 1"]);
  store.fate = "works";
  await store.land();
  assertEquals(await spoken, "thanks");
  assertEquals(heard, ["request", "part 1", "part 2"]);
});

test("the URL of an actor that is not served is refused", () =>
  withWorld(async (_world, handle) => {
    const error = await assertRejects(() => handle.getGatewayUrl());
    assert(String(error).includes("is not served"));
  }));
