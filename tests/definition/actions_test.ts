// Nested actions, schemas and events, as a definition says them.

import { assertThrows } from "@std/assert";
import * as v from "valibot";
import { actor, event } from "../../mod.ts";
import { test } from "../harness.ts";

// What a program without types may hand in.
// deno-lint-ignore no-explicit-any
const define = (config: any) => actor(config);

function refuses(config: unknown, ...words: string[]): void {
  for (const word of words) {
    assertThrows(() => define(config), TypeError, word);
  }
}

const action = () => {};

test("actor() takes groups of actions, also such as share an object or have no prototype", () => {
  const shared = { read: action };
  const bare = Object.assign(Object.create(null), { read: action });
  define({ actions: { a: shared, b: shared, c: bare, d: {} } });
});

test("actor() refuses actions that are neither functions nor plain objects", () => {
  for (const value of [7, null, [], "add", new Map(), new Date()]) {
    refuses(
      { actions: { users: { add: value } } },
      "actions.users.add is neither",
    );
  }
});

test("actor() refuses an action without a name, and two of one whole name", () => {
  refuses({ actions: { "": action } }, "an empty name");
  refuses({ actions: { users: { "": action } } }, "an empty name");
  define({ actions: { "users.add": action, users: { list: action } } });
  refuses(
    { actions: { "users.add": action, users: { add: action } } },
    "actions.users.add is there twice",
  );
});

test("actor() takes actions eight names deep, and refuses deeper ones and cycles", () => {
  const nested = (depth: number): object =>
    depth === 1 ? { a: action } : { a: nested(depth - 1) };
  define({ actions: nested(8) });
  refuses({ actions: nested(9) }, "more than 8 names deep");
  const cycle: Record<string, unknown> = {};
  cycle.inner = { again: cycle };
  refuses({ actions: cycle }, "actions.inner.again is a group within itself");
});

test("actor() takes schemas of actions in groups or under whole names, of any library", () => {
  const read = v.tuple([]);
  const bare = Object.assign(() => {}, {
    "~standard": {
      version: 1,
      vendor: "by hand",
      validate: (value: unknown) => ({ value }),
    },
  });
  const actions = { read: action, users: { add: action, remove: action } };
  define({
    actions,
    actionInputSchemas: {
      read,
      users: { add: bare },
      "users.remove": read,
    },
  });
});

test("actor() refuses schemas that belong to no action, are there twice, or are none", () => {
  const actions = { users: { add: action } };
  const schema = v.tuple([]);
  const of = (actionInputSchemas: unknown) => ({ actions, actionInputSchemas });
  refuses(of({ read: schema }), "actionInputSchemas.read", "no action");
  refuses(of({ users: schema }), "actionInputSchemas.users", "no action");
  refuses(of({ toString: schema }), "no action");
  refuses(of({ users: { add: schema }, "users.add": schema }), "twice");
  refuses(of({ users: { add: 7 } }), "actionInputSchemas.users.add is not");
  refuses(of({ users: { add: { "~standard": { version: 2 } } } }), "not a");
  refuses(of(schema), "is a schema");
  refuses(of(7), "actionInputSchemas is not");
  const cycle: Record<string, unknown> = {};
  cycle.a = cycle;
  refuses(of(cycle), "is not a Standard Schema");
});

test("actor() refuses a connParamsSchema that is no schema", () => {
  define({ connParamsSchema: v.object({}) });
  for (const value of [7, null, {}, "object"]) {
    refuses({ connParamsSchema: value }, "connParamsSchema");
  }
});

test("actor() takes events in every form, and refuses anything else by name", () => {
  const canSubscribe = () => true;
  define({
    events: {
      a: event<string>(),
      b: event<string>({ canSubscribe }),
      c: v.string(),
      d: { schema: v.string(), canSubscribe },
      e: { schema: event<string>() },
    },
  });
  refuses({ events: [] }, "events is not an object");
  refuses({ events: 7 }, "events is not an object");
  for (const value of [7, null, {}, { schema: 7 }, { canSubscribe }, "text"]) {
    refuses({ events: { moved: value } }, "events.moved is neither");
  }
  refuses(
    { events: { moved: { schema: v.string(), canSubscribe: true } } },
    "events.moved.canSubscribe",
  );
});
