// What has begun is not told to end with what makes RivetKit's clients begin it again.

import { assertEquals } from "@std/assert";
import { actor } from "../../src/definition/actor.ts";
import { queue } from "../../src/definition/schema.ts";
import { ActorError } from "../../src/errors.ts";
import { bareFor } from "../../src/protocol/bare.ts";
import { test } from "../harness.ts";
import { type Init, Site } from "./site.ts";

const refused = new ActorError("actor", "stopping", "I am stopping");
let begun = 0;
let end = () => {};

const definition = {
  options: { waitUntilTimeout: 1_000, sleepTimeout: 60_000 },
  queues: { jobs: queue<number>() },
  actions: {
    ask: (_c: unknown, kind: string) => {
      begun++;
      const [group, code] = kind.split("/");
      throw new ActorError(group!, code!, "It is so", { metadata: [1] });
    },
    last: () => new Promise<void>((resolve) => end = resolve),
    rest: (c: { sleep(): void }) => c.sleep(),
  },
  onRequest: () => {
    throw refused;
  },
};

const things = {
  plain: actor(definition),
  hooked: actor({ ...definition, onConnect: () => {} }),
  shut: actor({
    ...definition,
    onBeforeConnect: () => {
      throw refused;
    },
  }),
};

const query = "rvt-namespace=default&rvt-method=getOrCreate&rvt-runner=default";

async function kindOf(response: Response): Promise<string> {
  const { group, code } = await response.json();
  return `${group}/${code}`;
}

for (const name of ["plain", "hooked"] as const) {
  test(`a ${name} call that has begun tells clients of the line 2.3 no error for which they call again`, async () => {
    await using site = await Site.open(things);
    const ask = async (kind: string, path: string, init: Init = {}) =>
      await kindOf(
        await site.ask(`POST ${path}/action/ask?${query}`, {
          body: { args: [kind] },
          ...init,
        }),
      );
    for (
      const [kind, told] of [
        ["actor/not_found", "actor/actor_not_found"],
        ["actor/destroyed_while_waiting_for_ready", undefined],
        ["guard/service_unavailable", "guard/guard_service_unavailable"],
        ["actor/duplicate_key", "actor/duplicate_key"],
        ["user/not_found", "user/not_found"],
      ] as const
    ) {
      const [group, code] = kind.split("/");
      assertEquals(
        await ask(kind, `/gateway/${name}`),
        told ?? `${group}/${group}_${code}`,
      );
    }
  });
}

test("a call in version 4 of bare is told so too, and other clients what it is", async () => {
  await using site = await Site.open(things);
  const id = await site.world.client.plain.getOrCreate("a").resolve();
  for (
    const [version, code] of [[2, "not_found"], [4, "actor_not_found"]] as const
  ) {
    const encoding = bareFor(version);
    const response = await site.ask(`POST /gateway/${id}/action/ask`, {
      body: encoding.encodeCall(["actor/not_found"]),
      headers: { "x-rivet-encoding": "bare" },
    });
    assertEquals(encoding.decodeError(await response.bytes()), {
      group: "actor",
      code,
      message: "It is so",
      metadata: [1],
    });
  }
});

test("what has not begun is told so that clients ask again", async () => {
  await using site = await Site.open(things);
  const before = begun;
  assertEquals(
    await kindOf(
      await site.ask(`POST /gateway/shut/action/ask?${query}`, {
        body: { args: ["actor/not_found"] },
      }),
    ),
    "actor/stopping",
  );
  assertEquals(
    await kindOf(await site.ask(`GET /gateway/shut/request/x?${query}`)),
    "actor/stopping",
  );
  assertEquals(begun, before);
});

test("a call, a message and a raw request that outlast an actor are not asked for again", async () => {
  await using site = await Site.open(things);
  const { client, clock } = site.world;
  const handle = client.plain.getOrCreate([]);
  await handle.resolve();
  const call = site.ask(`POST /gateway/plain/action/last?${query}`, {
    body: {},
  });
  const message = site.ask(`POST /gateway/plain/queue/jobs?${query}`, {
    body: { body: 1, wait: true },
  });
  await clock.settle();
  await handle.rest();
  await clock.pass(1_000);
  end();
  assertEquals(await kindOf(await call), "actor/actor_stopping");
  assertEquals(await kindOf(await message), "actor/actor_stopping");
  assertEquals(
    await kindOf(await site.ask(`GET /gateway/plain/request/x?${query}`)),
    "actor/actor_stopping",
  );
});
