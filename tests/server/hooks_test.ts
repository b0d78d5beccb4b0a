// What the hooks of a connection see of the request that asks for it, and what its caller is told.

import { assert, assertEquals } from "@std/assert";
import { actor } from "../../src/definition/actor.ts";
import { UserError } from "../../src/errors.ts";
import { test } from "../harness.ts";
import { Site } from "./site.ts";

const params = encodeURIComponent(JSON.stringify({ token: "t" }));

test("the hooks of a call and of a connection have the request, its headers and its URL, without the params", async () => {
  const seen: unknown[] = [];
  const look = (hook: string, request: Request | undefined) => {
    if (request === undefined) return seen.push([hook]);
    const { method, headers, url } = request;
    assert(!url.includes("token"), url);
    seen.push([hook, method, headers.get("x-mine"), new URL(url).pathname]);
  };
  const curious = actor({
    onBeforeConnect: (c, _params: { token: string } | undefined) =>
      void look("onBeforeConnect", c.request),
    createConnState: (c) => look("createConnState", c.request),
    onConnect: (c) => void look("onConnect", c.request),
    actions: { look: (c) => look(`action ${c.conn.params?.token}`, c.request) },
  });
  await using site = await Site.open({ curious });
  const { client, clock } = site.world;
  const id = await client.curious.getOrCreate("a").resolve();
  const headers = { "x-mine": "1" };
  const callPath = `/gateway/${id}/action/look`;
  await site.json(`POST ${callPath}`, {
    headers: {
      ...headers,
      "x-rivet-conn-params": decodeURIComponent(params),
    },
    body: { args: [] },
  });
  const socketPath = `/gateway/${id}/connect`;
  const protocols = `rivet, rivet_conn_params.${params}`;
  const wire = (await site.dial(socketPath, protocols, headers)).open();
  await clock.settle();
  wire.call(0, "look");
  await clock.settle();
  const hooks = ["onBeforeConnect", "createConnState", "onConnect"];
  assertEquals(seen.splice(0), [
    ...hooks.map((hook) => [hook, "POST", "1", callPath]),
    ["action t", "POST", "1", callPath],
    ...hooks.map((hook) => [hook, "GET", "1", socketPath]),
    ["action t"],
  ]);
  // A caller of the same process comes with no request.
  await client.curious.getForId(id).look();
  assertEquals(seen, [...hooks.map((hook) => [hook]), ["action undefined"]]);
});

test("an actor may refuse an origin, over HTTP and as a socket", async () => {
  const guarded = actor({
    onBeforeConnect: (c) => {
      const origin = c.request?.headers.get("origin");
      if (origin !== "https://good.test") {
        throw new UserError("Not from there", { code: "origin_not_allowed" });
      }
    },
    actions: { read: () => "secret" },
  });
  await using site = await Site.open({ guarded });
  const id = await site.world.client.guarded.getOrCreate("a").resolve();
  const call = (origin: string) =>
    site.json(`POST /gateway/${id}/action/read`, {
      headers: { origin },
      body: { args: [] },
    });
  assertEquals(await call("https://good.test"), [200, { output: "secret" }]);
  assertEquals(await call("https://bad.test"), [400, {
    group: "user",
    code: "origin_not_allowed",
    message: "Not from there",
  }]);
  const dial = async (origin: string) => {
    const path = `/gateway/${id}/connect`;
    const wire = (await site.dial(path, "rivet", { origin })).open();
    await site.world.clock.settle();
    return [wire.messages[0].tag, wire.closedWith];
  };
  assertEquals(await dial("https://good.test"), ["Init", undefined]);
  assertEquals(await dial("https://bad.test"), [
    "Error",
    "1011 user.origin_not_allowed",
  ]);
});

test("messages of a connection are not taken before onConnect has succeeded, and never when it fails", async () => {
  const gates: PromiseWithResolvers<void>[] = [];
  const told: string[] = [];
  const slow = actor({
    onConnect: async (_c, conn: { send(event: string): void }) => {
      conn.send("greeted");
      const gate = Promise.withResolvers<void>();
      gates.push(gate);
      await gate.promise;
    },
    actions: { act: () => void told.push("act") },
  });
  await using site = await Site.open({ slow });
  const { client, clock } = site.world;
  const id = await client.slow.getOrCreate("a").resolve();
  const [good, bad] = [
    (await site.dial(`/gateway/${id}/connect`)).open().call(0, "act"),
    (await site.dial(`/gateway/${id}/connect`)).open().call(0, "act"),
  ];
  await clock.settle();
  assertEquals([good.sent, bad.sent, told], [[], [], []]);
  gates[1]!.reject(new Error("the text of a bug"));
  await clock.settle();
  assertEquals(bad.closedWith, "1011 internal.internal_error");
  gates[0]!.resolve();
  await clock.settle();
  assertEquals(good.messages.map(({ tag }) => tag), [
    "Init",
    "Event",
    "ActionResponse",
  ]);
  assertEquals(told, ["act"]);
});

for (const hook of ["onBeforeConnect", "createConnState", "onConnect"]) {
  test(`an error in ${hook} is masked for calls and connections, and shown where errors are exposed`, async () => {
    for (const exposesErrors of [false, true]) {
      const broken = actor({
        [hook]: () => {
          throw new Error("the text of a bug");
        },
        actions: { read: () => {} },
      });
      await using site = await Site.open({ broken }, { exposesErrors });
      const id = await site.world.client.broken.getOrCreate("a").resolve();
      const expected = {
        group: "internal",
        code: "internal_error",
        message: exposesErrors
          ? "the text of a bug"
          : "Internal error. Read the server logs for more details.",
      };
      assertEquals(
        await site.json(`POST /gateway/${id}/action/read`, { body: {} }),
        [500, expected],
      );
      const wire = (await site.dial(`/gateway/${id}/connect`)).open();
      await site.world.clock.settle();
      const { tag, val } = wire.messages[0];
      assertEquals([tag, val], ["Error", { ...expected, actionId: null }]);
      assertEquals(wire.closedWith, "1011 internal.internal_error");
      assert(site.world.log.join().includes("the text of a bug"));
    }
  });
}

test("onBeforeActionResponse replaces what is answered over HTTP and to a connection", async () => {
  const polite = actor({
    onBeforeActionResponse: (_c, name, args, output) => ({
      name,
      args,
      output,
    }),
    actions: { double: (_c, n: number) => n * 2 },
  });
  await using site = await Site.open({ polite });
  const id = await site.world.client.polite.getOrCreate("a").resolve();
  const expected = { name: "double", args: [4], output: 8 };
  const call = { body: { args: [4] } };
  assertEquals(
    await site.json(`POST /gateway/${id}/action/double`, call),
    [200, { output: expected }],
  );
  const wire = (await site.dial(`/gateway/${id}/connect`)).open();
  await site.world.clock.settle();
  wire.call(0, "double", 4);
  await site.world.clock.settle();
  assertEquals(wire.messages.at(-1).val.output, expected);
});
