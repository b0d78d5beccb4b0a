import { assertEquals } from "@std/assert";
import {
  ActorError,
  fromWireError,
  statusOf,
  toWireError,
  UserError,
} from "../src/errors.ts";
import { test } from "./harness.ts";

// As RivetKit documents them; ours differ where the note beside says so.
const publicStatus: Record<string, number> = {
  "action/timed_out": 400,
  "action/not_found": 400,
  "action/invalid_request": 400,
  "encoding/invalid": 400,
  "message/incoming_too_long": 400,
  "message/outgoing_too_long": 400,
  "message/malformed": 400,
  "request/invalid": 400,
  "request/invalid_query_json": 400,
  "request/missing_actor_header": 400,
  "params/invalid": 400,
  "actor/not_found": 404, // 400 there until 2.0
  "actor/duplicate_key": 400,
  "actor/stopping": 503, // 400 there; a proxy should try again
  "handler/request_not_defined": 404,
  "handler/websocket_not_defined": 404,
  "handler/invalid_request_handler_response": 500,
  "feature/not_implemented": 501,
  "feature/restricted": 403,
  "auth/forbidden": 403,
  "route/not_found": 404,
  "proxy/error": 400,
  "driver/websockets_not_enabled": 400,
  "config/endpoint_mismatch": 400,
  "config/namespace_mismatch": 400,
};

const masked = [
  "feature/unsupported",
  "state/invalid_type",
  "actor/state_not_enabled",
  "actor/conn_state_not_enabled",
  "actor/vars_not_enabled",
  "database/not_enabled",
];

function errorOf(kind: string): ActorError {
  const [group, code] = kind.split("/") as [string, string];
  return new ActorError(group, code, "what happened", { metadata: { n: 1 } });
}

for (const [kind, status] of Object.entries(publicStatus)) {
  test(`${kind} is shown to the caller, with status ${status}`, () => {
    const wire = toWireError(errorOf(kind));
    assertEquals(`${wire.group}/${wire.code}`, kind);
    assertEquals(wire.message, "what happened");
    assertEquals(statusOf(wire), status);
  });
}

for (const kind of masked) {
  test(`${kind} is masked, with status 500`, () => {
    const wire = toWireError(errorOf(kind));
    assertEquals(wire, {
      group: "internal",
      code: "internal_error",
      message: "Internal error. Read the server logs for more details.",
    });
    assertEquals(statusOf(wire), 500);
    const shown = toWireError(errorOf(kind), { exposesErrors: true });
    assertEquals(shown.message, "what happened");
  });
}

test("a UserError crosses the wire with its message, code and metadata, and without its cause", () => {
  const error = new UserError("The room is full", {
    code: "room_full",
    metadata: { limit: 8 },
    cause: new Error("secret"),
  });
  const wire = toWireError(error);
  assertEquals(wire, {
    group: "user",
    code: "room_full",
    message: "The room is full",
    metadata: { limit: 8 },
  });
  assertEquals(statusOf(wire), 400);
  const received = fromWireError(wire);
  assertEquals(received instanceof ActorError, true);
  assertEquals(received.message, "The room is full");
  assertEquals(received.metadata, { limit: 8 });
  assertEquals("cause" in received, false);
});

test("a UserError has the code user_error and no metadata unless it is given some", () => {
  const wire = toWireError(new UserError("no"));
  assertEquals(wire, { group: "user", code: "user_error", message: "no" });
  assertEquals(fromWireError(wire).metadata, undefined);
});

test("whatever else is thrown is masked, also what cannot be looked at", () => {
  const revoked = Proxy.revocable({}, {});
  revoked.revoke();
  for (const thrown of [new Error("secret"), "secret", null, revoked.proxy]) {
    const wire = toWireError(thrown);
    assertEquals([wire.group, wire.code], ["internal", "internal_error"]);
    assertEquals(JSON.stringify(wire).includes("secret"), false);
  }
});

test("an error whose parts are no texts reaches the caller as texts", () => {
  // As a program without types may write it.
  const parts = { code: 7, message: { of: "an object" } };
  const error = Object.assign(new UserError("no"), parts);
  const wire = toWireError(error);
  assertEquals(wire, { group: "user", code: "7", message: "[object Object]" });
  const bug = Object.assign(new Error("no"), { message: 7 });
  assertEquals(toWireError(bug, { exposesErrors: true }).message, "7");
});
