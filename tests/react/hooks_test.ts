// The hooks as a server renders them, and what components share, without a browser.

import { assertEquals, assertMatch, assertThrows } from "@std/assert";
// @ts-types="@types/react"
import { createElement, type ReactNode } from "react";
// @ts-types="@types/react-dom/server"
import { renderToString } from "react-dom/server";
import { clientOver } from "../../src/client/client.ts";
import type {
  ActorHandle,
  Client,
  Declared,
  RegistryTypes,
} from "../../src/client/mod.ts";
import {
  createRivetKit,
  createRivetKitWithClient,
  type UseActorOptions,
} from "../../src/react/mod.ts";
import { nothing, SharedConnections } from "../../src/react/shared.ts";
import { FakeTiming, FakeTransport, settle } from "../client/fake.ts";
import { test } from "../harness.ts";

interface Registry extends RegistryTypes {
  "~actors"?: { room: Declared };
}

/** Renders a component that uses an actor, as a server does, and returns the text of what it sees. */
function render(
  client: Client<Registry>,
  options: Omit<UseActorOptions<"room", Declared>, "name">,
): string {
  const { useActor } = createRivetKitWithClient(client);
  function View(): ReactNode {
    const { useEvent, ...seen } = useActor({ name: "room", ...options });
    useEvent("said", () => {});
    return JSON.stringify(seen);
  }
  return renderToString(createElement(View)).replaceAll("&quot;", '"');
}

test("rendered on a server, an actor is idle, and nothing is opened", async () => {
  const transport = new FakeTransport();
  const client = clientOver<Registry>(transport, new FakeTiming());
  assertEquals(JSON.parse(render(client, { key: "a", params: { b: 1 } })), {
    connection: null,
    handle: null,
    connStatus: "idle",
    error: null,
    isConnected: false,
    isConnecting: false,
    isError: false,
  });
  await settle();
  assertEquals(transport.queries, []);
  assertEquals(transport.links, []);
});

test("params that are not JSON are a mistake of the component", () => {
  const client = clientOver<Registry>(new FakeTransport(), new FakeTiming());
  const params: { self?: unknown } = {};
  params.self = params;
  for (const bad of [params, { count: 1n }]) {
    const error = assertThrows(
      () => render(client, { key: "a", params: bad }),
      TypeError,
    );
    assertEquals(
      error.message,
      'Cannot connect to "room": its params are not JSON',
    );
  }
});

test("createRivetKit() refuses an endpoint that createClient() refuses", () => {
  assertMatch(
    assertThrows(() => createRivetKit("not a URL"), TypeError).message,
    /endpoint/,
  );
});

class Sharing {
  readonly transport = new FakeTransport();
  readonly timing = new FakeTiming();
  readonly client = clientOver<Registry>(this.transport, this.timing);
  readonly connections = new SharedConnections();
  opened = 0;
  /** What was to be seen at each change. */
  readonly changes: string[] = [];

  use(id = "a"): () => void {
    return this.connections.use(id, () => this.handleOf(id), () => {
      const { connStatus, error } = this.connections.shown(id);
      this.changes.push(error === null ? connStatus : `${connStatus}, failed`);
    });
  }

  handleOf(key: string): ActorHandle<Declared> {
    this.opened++;
    return this.client.room.getOrCreate(key);
  }
}

/** Lets the next turn of the event loop pass, with what was put off until then. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

test("a connection is opened for its first user, and outlives all but the last", async () => {
  const sharing = new Sharing();
  const endFirst = sharing.use();
  const endSecond = sharing.use();
  await settle();
  const { lastLink, links } = sharing.transport;
  assertEquals([sharing.opened, links.length], [1, 1]);
  endFirst();
  endFirst();
  await nextTurn();
  assertEquals(lastLink.closedWith, undefined);
  endSecond();
  assertEquals(lastLink.closedWith, undefined);
  await nextTurn();
  assertEquals(lastLink.closedWith, "1000 Disposed");
  lastLink.end();
  assertEquals(sharing.connections.shown("a"), nothing);
});

test("a connection whose last user comes back within one turn stays", async () => {
  const sharing = new Sharing();
  for (let round = 0; round < 3; round++) sharing.use()();
  const end = sharing.use();
  await nextTurn();
  assertEquals([sharing.opened, sharing.transport.links.length], [1, 1]);
  end();
  await nextTurn();
  sharing.transport.lastLink.end();
  // Later it is another one.
  const endAgain = sharing.use();
  await settle();
  assertEquals([sharing.opened, sharing.transport.links.length], [2, 2]);
  endAgain();
  await nextTurn();
  sharing.transport.lastLink.end();
});

test("users are told of each status, and an error lasts until the connection opens", async () => {
  const sharing = new Sharing();
  const end = sharing.use();
  await settle();
  assertEquals(sharing.connections.shown("a").connStatus, "connecting");
  const { transport, timing, changes } = sharing;
  transport.lastLink.open();
  transport.lastLink.fail(null, "user/told");
  transport.lastLink.end(1011, "user.told");
  await timing.pass(250);
  transport.lastLink.open();
  assertEquals(changes, [
    "connected",
    "connected, failed",
    "disconnected, failed",
    "connecting, failed",
    "connected",
  ]);
  end();
  await nextTurn();
  transport.lastLink.end();
  // Nobody is told of what they have left.
  assertEquals(changes.length, 5);
});

test("what is shown stays the same object until it changes", async () => {
  const sharing = new Sharing();
  const { connections } = sharing;
  const end = sharing.use();
  await settle();
  const shown = connections.shown("a");
  assertEquals(connections.shown("a") === shown, true);
  sharing.transport.lastLink.open();
  assertEquals(connections.shown("a") === shown, false);
  assertEquals(connections.shown("a").connection === shown.connection, true);
  end();
  await nextTurn();
  sharing.transport.lastLink.end();
});

test("a handle that cannot be made is an error that is shown, until somebody tries again", async () => {
  const sharing = new Sharing();
  const end = sharing.use("x".repeat(2000));
  const { error, ...shown } = sharing.connections.shown("x".repeat(2000));
  assertMatch(error!.message, /^The key is longer than/);
  assertEquals(shown, {
    connection: null,
    handle: null,
    connStatus: "disconnected",
  });
  end();
  await nextTurn();
  assertEquals(sharing.connections.shown("x".repeat(2000)), nothing);
});
