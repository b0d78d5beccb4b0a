// Schemas and canSubscribe as they are seen on the wire.

import { assertEquals } from "@std/assert";
import * as v from "valibot";
import { actor } from "../../src/definition/actor.ts";
import { event } from "../../src/definition/schema.ts";
import { test } from "../harness.ts";
import { Site } from "./site.ts";

const things = {
  thing: actor({
    connParamsSchema: v.optional(v.object({ name: v.string() })),
    events: {
      open: event<string>(),
      secret: {
        schema: event<string>(),
        canSubscribe: (c) => c.conn.params?.name === "ann",
      },
    },
    actionInputSchemas: {
      users: { add: v.tuple([v.object({ age: v.number() })]) },
    },
    actions: {
      users: { add: (_c, { age }: { age: number }) => age },
      tell: (c, text: string) => {
        c.broadcast("secret", text);
        c.broadcast("open", text);
      },
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

const issues = [{
  message: `Invalid type: Expected number but received "old"`,
  path: [0, "age"],
}];
const message = `Action 'users.add' does not take these arguments: 0.age: ${
  issues[0]!.message
}`;

test("an action of a group is called by its dotted name, over HTTP", () =>
  withThing(async (site, id) => {
    assertEquals(
      await site.json(`POST /gateway/${id}/action/users.add`, {
        body: { args: [{ age: 7 }] },
      }),
      [200, { output: 7 }],
    );
    const [status] = await site.json(`POST /gateway/${id}/action/users`, {
      body: { args: [] },
    });
    assertEquals(status, 400);
  }));

test("arguments that a schema refuses are answered by 400 and the issues", () =>
  withThing(async (site, id) => {
    assertEquals(
      await site.json(`POST /gateway/${id}/action/users.add`, {
        body: { args: [{ age: "old" }] },
      }),
      [400, {
        group: "actor",
        code: "validation_error",
        message,
        metadata: { issues },
      }],
    );
  }));

test("params that a schema refuses are answered by 400 and the issues", () =>
  withThing(async (site, id) => {
    const [status, body] = await site.json(
      `POST /gateway/${id}/action/users.add`,
      {
        body: { args: [{ age: 7 }] },
        headers: { "x-rivet-conn-params": `{"name":7}` },
      },
    );
    assertEquals(status, 400);
    assertEquals(body, {
      group: "params",
      code: "invalid",
      message:
        "The connection params are not accepted: name: Invalid type: Expected string but received 7",
      metadata: {
        issues: [{
          message: "Invalid type: Expected string but received 7",
          path: ["name"],
        }],
      },
    });
  }));

const params = (value: unknown) =>
  `rivet, rivet_conn_params.${encodeURIComponent(JSON.stringify(value))}`;

test("a socket is closed for params that a schema refuses, after an error with the issues", () =>
  withThing(async (site, id) => {
    const wire = await site.dial(`/gateway/${id}/connect`, params({ name: 7 }));
    wire.open();
    await site.world.clock.settle();
    assertEquals(wire.closedWith, "1011 params.invalid");
    const { tag, val } = wire.messages[0];
    assertEquals(
      [tag, val.group, val.code, val.actionId, val.metadata.issues.length],
      ["Error", "params", "invalid", null, 1],
    );
  }));

test("a socket stays open when a call or a subscription of it is refused", () =>
  withThing(async (site, id) => {
    const wire = await site.dial(
      `/gateway/${id}/connect`,
      params({ name: "bob" }),
    );
    wire.open();
    for (const eventName of ["secret", "open"]) {
      wire.say({
        tag: "SubscriptionRequest",
        val: { eventName, subscribe: true },
      });
    }
    wire.call(0, "users.add", { age: "old" });
    await site.world.clock.settle();
    wire.call(1, "tell", "hello");
    await site.world.clock.settle();
    assertEquals(wire.messages.slice(1), [
      {
        tag: "Error",
        val: {
          group: "auth",
          code: "forbidden",
          message: `Not allowed to get "secret"`,
          metadata: { event: "secret" },
          actionId: null,
        },
      },
      {
        tag: "Error",
        val: {
          group: "actor",
          code: "validation_error",
          message,
          metadata: { issues },
          actionId: ["$BigInt", "0"],
        },
      },
      { tag: "Event", val: { name: "open", args: ["hello"] } },
      {
        tag: "ActionResponse",
        val: { id: ["$BigInt", "1"], output: null },
      },
    ]);
    assertEquals(wire.closedWith, undefined);
  }));
