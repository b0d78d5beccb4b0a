// `POST …/queue/{name}`: what a caller without a client of ours sees.

import { assertEquals } from "@std/assert";
import { actor } from "../../src/definition/actor.ts";
import { queue } from "../../src/definition/schema.ts";
import { UserError } from "../../src/errors.ts";
import { test } from "../harness.ts";
import { maxIncomingBytes, Site } from "./site.ts";

const workers = {
  worker: actor({
    state: { said: [] as unknown[] },
    onBeforeConnect(_c, params: { secret?: string } | undefined) {
      if (params?.secret === "wrong") throw new UserError("no");
    },
    queues: {
      said: queue<unknown>(),
      asked: queue<number, unknown>(),
      "a/b ?#é": queue<unknown>(),
      guarded: { message: queue<unknown>(), canPublish: () => false },
    },
    async run(c) {
      for await (
        const message of c.queue.iter({ names: ["asked"], completable: true })
      ) {
        const { body } = message;
        await message.complete(
          body === 0 ? undefined : { twice: body * 2, big: 5n },
        );
      }
    },
    actions: {
      take: async (c) => (await c.queue.tryNext({ names: ["said"] }))?.body,
      takeOdd: async (c) =>
        (await c.queue.tryNext({ names: ["a/b ?#é"] }))?.body,
    },
    options: { maxQueueMessageSize: 100 },
  }),
  none: actor({ actions: { send: () => {} } }),
};

async function withWorker(
  run: (site: Site<typeof workers>, path: string) => Promise<void>,
): Promise<void> {
  await using site = await Site.open(workers);
  const id = await site.world.client.worker.getOrCreate("a").resolve();
  await run(site, `/gateway/${id}/queue`);
}

test("a message is sent by POST, and the answer says that it is saved", () =>
  withWorker(async (site, path) => {
    const body = { name: "said", body: { n: ["$BigInt", "7"] }, wait: false };
    assertEquals(await site.json(`POST ${path}/said`, { body }), [
      200,
      { status: "completed" },
    ]);
    assertEquals(await site.world.client.worker.get("a").take(), { n: 7n });
  }));

test("a message by POST needs no more than its body, and the name of a queue may be any text", () =>
  withWorker(async (site, path) => {
    const name = encodeURIComponent("a/b ?#é");
    const [status] = await site.json(`POST ${path}/${name}`, {
      body: { body: "x" },
    });
    assertEquals(status, 200);
    assertEquals(await site.world.client.worker.get("a").takeOdd(), "x");
  }));

test("who waits is answered with the reply, or that it is late", () =>
  withWorker(async (site, path) => {
    const ask = (name: string, body: object) =>
      site.json(`POST ${path}/${name}`, { body: { wait: true, ...body } });
    assertEquals(await ask("asked", { body: 4 }), [200, {
      status: "completed",
      response: { twice: 8, big: ["$BigInt", "5"] },
    }]);
    assertEquals(await ask("asked", { body: 0 }), [
      200,
      { status: "completed" },
    ]);
    const late = ask("said", { body: 1, timeout: 300 });
    await site.world.clock.pass(300);
    assertEquals(await late, [200, { status: "timedOut" }]);
  }));

test("what is wrong with a message is told by name", () =>
  withWorker(async (site, path) => {
    const none = await site.world.client.none.getOrCreate("a").resolve();
    const cases: [string, unknown, number, string][] = [
      [`POST ${path}/nothing`, { body: 1 }, 404, "queue/not_found"],
      [`POST /gateway/${none}/queue/a`, { body: 1 }, 404, "queue/not_found"],
      [`POST ${path}/guarded`, { body: 1 }, 403, "auth/forbidden"],
      [
        `POST ${path}/said`,
        { body: "x".repeat(100) },
        400,
        "queue/message_too_large",
      ],
      [
        `POST ${path}/said`,
        { body: "x".repeat(maxIncomingBytes) },
        400,
        "message/incoming_too_long",
      ],
      [`POST ${path}/said`, "no JSON", 400, "message/malformed"],
      [`POST ${path}/said`, { wait: "yes" }, 400, "message/malformed"],
      [`POST ${path}/said/more`, { body: 1 }, 404, "route/not_found"],
      [`PUT ${path}/said`, { body: 1 }, 405, "route/method_not_allowed"],
      [`POST /gateway/nobody/queue/said`, { body: 1 }, 404, "actor/not_found"],
    ];
    for (const [target, body, status, kind] of cases) {
      const [actual, error] = await site.json(target, { body });
      const { group, code } = error as { group: string; code: string };
      assertEquals([target, actual, `${group}/${code}`], [
        target,
        status,
        kind,
      ]);
    }
  }));

test("the hooks of a connection see the sender of a message, and may refuse it", () =>
  withWorker(async (site, path) => {
    const headers = { "x-rivet-conn-params": `{"secret":"wrong"}` };
    const [status, error] = await site.json(`POST ${path}/said`, {
      headers,
      body: { body: 1 },
    });
    assertEquals([status, (error as { group: string }).group], [400, "user"]);
  }));

test("a caller that goes away waits no more, and does not keep the actor awake", () =>
  withWorker(async (site, path) => {
    const abort = new AbortController();
    const asking = site.ask(`POST ${path}/said`, {
      body: { body: 1, wait: true },
      signal: abort.signal,
    });
    const { clock, store, client } = site.world;
    await clock.pass(100_000);
    assertEquals(store.loads, 0);
    abort.abort();
    const response = await asking;
    assertEquals(response.status, 503);
    await response.body?.cancel();
    await clock.pass(100_000);
    assertEquals(await client.worker.get("a").take(), 1);
    assertEquals(store.loads, 1);
  }));
