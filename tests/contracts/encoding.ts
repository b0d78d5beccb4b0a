// What every encoding promises, run for each of them.

import { assertEquals, assertThrows } from "@std/assert";
import { ActorError } from "../../src/errors.ts";
import type {
  Encoding,
  Frame,
  ToClient,
  ToServer,
} from "../../src/protocol/messages.ts";
import { test } from "../harness.ts";

/** Registers the tests of an encoding. */
export function encodingContract(
  encoding: Encoding,
  options: {
    /** What the titles of the tests begin with; the name of the encoding if there is none. */
    title?: string;
    /** Values that come out as they went in. */
    values: unknown[];
    /** Frames that are not messages of this encoding. */
    garbage: Frame[];
  },
): void {
  const name = options.title ?? encoding.name;

  test(`${name}: a call comes out as it went in, with every value`, () => {
    const args = options.values;
    assertEquals(encoding.decodeCall(encoding.encodeCall(args)), args);
  });

  test(`${name}: a result comes out as it went in, with every value`, () => {
    for (const value of options.values) {
      assertEquals(encoding.decodeResult(encoding.encodeResult(value)), value);
    }
  });

  test(`${name}: a message to a queue comes out as it went in, with every body`, () => {
    for (const body of options.values) {
      for (
        const more of [
          { wait: false, timeout: undefined },
          { wait: true, timeout: 500 },
          { wait: true, timeout: undefined },
        ]
      ) {
        const send = { name: "jobs", body, ...more };
        assertEquals(encoding.decodeSend(encoding.encodeSend(send)), send);
      }
    }
  });

  test(`${name}: what became of a message comes out as it went in, with every reply`, () => {
    for (const response of options.values) {
      const sent = { status: "completed", response } as const;
      assertEquals(encoding.decodeSent(encoding.encodeSent(sent)), sent);
    }
    const late = encoding.decodeSent(
      encoding.encodeSent({ status: "timedOut" }),
    );
    assertEquals(late.status, "timedOut");
    assertEquals(late.response, undefined);
  });

  test(`${name}: an error comes out as it went in, with and without metadata`, () => {
    const plain = { group: "user", code: "full", message: "The room is full" };
    for (const error of [plain, { ...plain, metadata: { limit: 8 } }]) {
      assertEquals(encoding.decodeError(encoding.encodeError(error)), error);
    }
  });

  test(`${name}: every message to the server comes out as it went in`, () => {
    const messages: ToServer[] = [
      { tag: "ActionRequest", val: { id: 0, name: "add", args: [1, "a"] } },
      {
        tag: "ActionRequest",
        val: { id: Number.MAX_SAFE_INTEGER, name: "", args: [] },
      },
      {
        tag: "SubscriptionRequest",
        val: { eventName: "changed", subscribe: true },
      },
      {
        tag: "SubscriptionRequest",
        val: { eventName: "ünï", subscribe: false },
      },
    ];
    for (const message of messages) {
      assertEquals(
        encoding.decodeToServer(encoding.encodeToServer(message)),
        message,
      );
    }
  });

  test(`${name}: every message to the client comes out as it went in`, () => {
    const error = { group: "user", code: "full", message: "Full" };
    const messages: ToClient[] = [
      { tag: "Init", val: { actorId: "a1", connectionId: "c1" } },
      { tag: "Error", val: { ...error, actionId: null } },
      { tag: "Error", val: { ...error, metadata: [1], actionId: 0 } },
      { tag: "ActionResponse", val: { id: 7, output: { ok: true } } },
      {
        tag: "ActionResponse",
        val: { id: Number.MAX_SAFE_INTEGER, output: null },
      },
      { tag: "Event", val: { name: "changed", args: options.values } },
    ];
    for (const message of messages) {
      assertEquals(
        encoding.decodeToClient(encoding.encodeToClient(message)),
        message,
      );
    }
  });

  test(`${name}: what is no message of it is malformed, and nothing else happens`, () => {
    const decoders = [
      encoding.decodeToServer,
      encoding.decodeToClient,
    ];
    for (const frame of options.garbage) {
      for (const decode of decoders) {
        const error = assertThrows(() => decode(frame), ActorError);
        assertEquals(`${error.group}/${error.code}`, "message/malformed");
      }
    }
  });
}
