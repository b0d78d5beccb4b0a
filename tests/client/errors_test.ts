// The classes of a client's errors, as a program without a registry of its own meets them.

import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import {
  ActorClientError,
  ActorConnDisposed,
  ActorError,
  ActorSchedulingError,
  createClient,
  HttpRequestError,
  InternalError,
  isActorNotFound,
  MalformedResponseMessage,
  ManagerError,
  type RegistryTypes,
} from "../../src/client/mod.ts";
import type { ActorDefinition } from "../../src/definition/definition.ts";
import type { ActorTypes } from "../../src/definition/types.ts";
import { test } from "../harness.ts";
import { FakeServer } from "./server.ts";

interface Registry extends RegistryTypes {
  "~actors"?: {
    room: ActorDefinition<ActorTypes, { join(c: unknown): string }>;
  };
}

// deno-lint-ignore no-explicit-any -- any class of errors
type ErrorClass = new (...args: any[]) => ActorError;

async function failsWith(
  promise: Promise<unknown>,
  { classes, is, not = [] }: {
    classes: ErrorClass[];
    is: string;
    not?: ErrorClass[];
  },
): Promise<void> {
  const error = await promise.then(() => undefined, (error) => error);
  assertInstanceOf(error, ActorError);
  for (const each of classes) assertInstanceOf(error, each);
  for (const each of not) assert(!(error instanceof each), each.name);
  assertEquals(`${error.group}/${error.code}`, is);
  assertEquals(error.name, classes[0]!.name);
}

test("a server that cannot be reached is a ManagerError while finding, else an HttpRequestError", async () => {
  const server = await FakeServer.start();
  const handle = await createdAt(server);
  const client = createClient<Registry>(`http://127.0.0.1:${server.port}`);
  await server[Symbol.asyncDispose]();
  const is = "client/connection_failed";
  await failsWith(client.room.get("a").join(), {
    classes: [ManagerError, HttpRequestError, ActorClientError],
    is,
  });
  await failsWith(handle.join(), {
    classes: [HttpRequestError, ActorClientError],
    not: [ManagerError],
    is,
  });
});

// A handle that knows its actor.
async function createdAt(server: FakeServer) {
  server.answer = () => ({
    body: JSON.stringify({ actor: { actor_id: "id-1", name: "room" } }),
  });
  const client = createClient<Registry>(`http://127.0.0.1:${server.port}`);
  return await client.room.create("a");
}

test("what the server sends decides the class", async () => {
  await using server = await FakeServer.start();
  const handle = await createdAt(server);
  const refusal = (group: string, code: string) => () => ({
    status: 500,
    body: JSON.stringify({ group, code, message: "no" }),
  });
  server.answer = () => ({ body: "no JSON" });
  await failsWith(handle.join(), {
    classes: [MalformedResponseMessage, ActorClientError],
    is: "client/malformed_response",
  });
  server.answer = refusal("internal", "internal_error");
  await failsWith(handle.join(), {
    classes: [InternalError],
    not: [ActorClientError],
    is: "internal/internal_error",
  });
  for (const code of ["actor_ready_timeout", "actor_runner_failed"]) {
    server.answer = refusal("guard", code);
    await failsWith(handle.join(), {
      classes: [ActorSchedulingError],
      not: [ActorClientError, InternalError],
      is: `guard/${code}`,
    });
  }
  server.answer = refusal("guard", "rate_limit");
  await failsWith(handle.join(), {
    classes: [ActorError],
    not: [ActorSchedulingError],
    is: "guard/rate_limit",
  });
});

test("what is disposed rejects with ActorConnDisposed", async () => {
  await using server = await FakeServer.start();
  const handle = await createdAt(server);
  const connection = handle.connect();
  connection.onError(() => {});
  const pending = connection.join();
  await connection.dispose();
  const disposed = {
    classes: [ActorConnDisposed, ActorClientError],
    is: "client/disposed",
  };
  await failsWith(pending, disposed);
  await failsWith(connection.join(), disposed);
});

test("isActorNotFound() knows both spellings, whoever's class the error has", () => {
  const of = (group: string, code: string) => new ActorError(group, code, "no");
  assert(isActorNotFound(of("actor", "not_found")));
  assert(isActorNotFound(of("actor", "actor_not_found")));
  assert(isActorNotFound(of("engine", "actor_not_found")));
  assert(isActorNotFound({ group: "actor", code: "not_found" }));
  for (
    const other of [
      of("action", "not_found"),
      of("actor", "stopping"),
      new Error("actor_not_found"),
      "actor_not_found",
      null,
      undefined,
    ]
  ) assertEquals(isActorNotFound(other), false);
});
