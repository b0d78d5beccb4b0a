import { assertEquals, assertThrows } from "@std/assert";
import { actor, setup } from "../../mod.ts";
import { test } from "../harness.ts";

// What a program without types may hand in.
// deno-lint-ignore no-explicit-any
const define = (config: any) => actor(config);

test("actor() refuses what it does not know, and names the key", () => {
  assertThrows(() => define({ stat: {} }), TypeError, `"stat"`);
  assertThrows(
    () => define({ options: { sleepTimout: 1 } }),
    TypeError,
    `"options.sleepTimout"`,
  );
  assertThrows(() => define(null), TypeError, "not an object");
  assertThrows(() => define({ onWake: 7 }), TypeError, "onWake");
  assertThrows(() => define({ actions: [] as unknown }), TypeError, "actions");
  assertThrows(() => define({ actions: { add: 7 } }), TypeError, "actions.add");
});

test("actor() refuses times that are none, and types that are wrong", () => {
  for (const value of [0, -1, NaN, Infinity]) {
    assertThrows(
      () => define({ options: { actionTimeout: value } }),
      RangeError,
      "options.actionTimeout",
    );
  }
  assertThrows(
    () => define({ options: { noSleep: 1 } }),
    TypeError,
    "options.noSleep",
  );
  assertThrows(
    () => define({ options: { durability: "later" } }),
    TypeError,
    "options.durability",
  );
});

test("actor() fills in every default, and freezes what was declared", () => {
  const { options, config } = actor({
    state: {},
    options: { sleepTimeout: 5, actionTimeout: undefined },
  });
  assertEquals(options.sleepTimeout, 5);
  assertEquals(options.actionTimeout, 60_000);
  assertEquals(options.durability, "commit");
  assertEquals(Object.isFrozen(options) && Object.isFrozen(config), true);
});

// RivetKit's defaults of January 2026, and of its later options.
const defaults = {
  actionTimeout: 60_000,
  createVarsTimeout: 5_000,
  createConnStateTimeout: 5_000,
  onBeforeConnectTimeout: 5_000,
  onConnectTimeout: 5_000,
  onSleepTimeout: 5_000,
  onDestroyTimeout: 5_000,
  waitUntilTimeout: 15_000,
  stateSaveInterval: 10_000,
  sleepTimeout: 30_000,
  connectionLivenessTimeout: 2_500,
  connectionLivenessInterval: 5_000,
  maxSchedules: 1_000,
  maxQueueSize: 1_000,
  maxQueueMessageSize: 65_536,
};

test("every option has RivetKit's default, and every number among them must be positive", () => {
  assertEquals(actor({}).options, {
    ...defaults,
    durability: "commit",
    noSleep: false,
    canHibernateWebSocket: false,
  });
  for (const option of Object.keys(defaults)) {
    for (const value of [0, -1, NaN, Infinity]) {
      assertThrows(
        () => define({ options: { [option]: value } }),
        RangeError,
        `options.${option}`,
      );
    }
    assertThrows(
      () => define({ options: { [option]: "5" } }),
      TypeError,
      `options.${option}`,
    );
  }
});

test("actor() refuses every hook that is no function, and needs nothing at all", () => {
  const hooks = [
    "createState",
    "createVars",
    "createConnState",
    "onCreate",
    "onWake",
    "onSleep",
    "onDestroy",
    "onStateChange",
    "onBeforeConnect",
    "onConnect",
    "onDisconnect",
    "onBeforeActionResponse",
    "onRequest",
    "onWebSocket",
  ];
  for (const hook of hooks) {
    assertThrows(() => define({ [hook]: {} }), TypeError, hook);
    define({ [hook]: () => {} });
  }
  assertEquals(actor({}).config, {});
  assertEquals(define({ types: { any: "thing" } }).config.types, {
    any: "thing",
  });
});

test("actor() refuses an option that is out of its range, and says in which unit", () => {
  assertThrows(
    () => actor({ options: { sleepTimeout: -1 } }),
    RangeError,
    "options.sleepTimeout is -1, not a positive number of milliseconds",
  );
  for (const maxSchedules of [0, 1.5, Infinity]) {
    assertThrows(
      () => actor({ options: { maxSchedules } }),
      RangeError,
      `options.maxSchedules is ${maxSchedules}, not a positive whole number`,
    );
  }
});

test("actor() takes a constant and its function together", () => {
  const { config } = actor({ state: { n: 0 }, createState: () => ({ n: 1 }) });
  assertEquals(typeof config.createState, "function");
});

test("setup() refuses what it does not know, and names the key", () => {
  // deno-lint-ignore no-explicit-any -- what a program without types may hand in
  const join = (config: any) => setup(config);
  assertThrows(() => join({ use: {}, ports: 1 }), TypeError, `"ports"`);
  assertThrows(() => join({ use: { a: {} } }), TypeError, "use.a");
  assertThrows(
    () => join({ use: { ["a".repeat(65)]: actor({}) } }),
    TypeError,
    "longer than 64",
  );
  assertThrows(
    () => join({ use: {}, maxIncomingMessageSize: -1 }),
    TypeError,
    "maxIncomingMessageSize",
  );
  assertThrows(() => join({}), TypeError, "use");
});
