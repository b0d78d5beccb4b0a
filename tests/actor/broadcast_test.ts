// How often an event is written, and what becomes of one that cannot be in every encoding of its
// receivers.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { actor } from "../../src/definition/actor.ts";
import { ActorError } from "../../src/errors.ts";
import { bareFor } from "../../src/protocol/bare.ts";
import { encodingOf } from "../../src/protocol/encoding.ts";
import type { Encoding } from "../../src/protocol/messages.ts";
import { test } from "../harness.ts";
import { type Peer, World } from "./world.ts";

const room = actor({
  state: { left: 0 },
  onDisconnect: (c) => void c.state.left++,
  actions: {
    // As text, bytes need a third more.
    bytes: (c, length: number) => c.broadcast("told", new Uint8Array(length)),
    odd: (c) => c.broadcast("told", { f() {} } as unknown as object),
    whisper: (c, length: number) => c.conn.send("told", new Uint8Array(length)),
    left: (c) => c.state.left,
  },
});

type RoomWorld = World<{ room: typeof room }>;

async function withRoom(
  run: (world: RoomWorld, peers: Record<string, Peer>) => Promise<void>,
): Promise<void> {
  await using world = await World.open({ room }, { maxOutgoingBytes: 1000 });
  const id = await world.client.room.getOrCreate("a").resolve();
  const encodings = {
    json: encodingOf("json"),
    cbor: encodingOf("cbor"),
    bare2: bareFor(2),
    bare4: bareFor(4),
  };
  const peers: Record<string, Peer> = {};
  for (const [name, encoding] of Object.entries(encodings)) {
    const peer = peers[name] = await world.connect(id, { encoding });
    peer.subscribe("told");
  }
  await world.clock.settle();
  await run(world, peers);
}

const closings = (peers: Record<string, Peer>) =>
  Object.entries(peers).map(([name, { closedWith }]) => [name, closedWith]);
const counts = (peers: Record<string, Peer>) =>
  Object.values(peers).map(({ messages }) =>
    messages.filter(({ tag }) => tag === "Event").length
  );

test("an event is written once for each encoding and version, however many have that one", () =>
  withRoom(async (world) => {
    const id = await world.client.room.getOrCreate("a").resolve();
    const written: string[] = [];
    const encodings = {
      "json of 2.0": encodingOf("json", "2.0"),
      "json of 2.3": encodingOf("json", "2.3"),
      "cbor of 2.0": encodingOf("cbor", "2.0"),
      "cbor of 2.3": encodingOf("cbor", "2.3"),
      "bare 2": bareFor(2),
      "bare 3": bareFor(3),
      "bare 4": bareFor(4),
    };
    const groups: Peer[][] = [];
    for (const [name, encoding] of Object.entries(encodings)) {
      const counted: Encoding = {
        ...encoding,
        encodeToClient(message) {
          if (message.tag === "Event") written.push(name);
          return encoding.encodeToClient(message);
        },
      };
      const group: Peer[] = [];
      for (let index = 0; index < 5; index++) {
        const peer = await world.connect(id, { encoding: counted });
        peer.subscribe("told");
        group.push(peer);
      }
      groups.push(group);
    }
    await world.clock.settle();
    await world.client.room.getOrCreate("a").bytes(2);
    assertEquals(written.toSorted(), Object.keys(encodings).toSorted());
    for (const [first, ...others] of groups) {
      const frame = first!.frames.at(-1);
      for (const { frames } of others) assert(frames.at(-1) === frame);
    }
  }));

test("an event that is too long in one encoding reaches the others, and closes whoever has that one", () =>
  withRoom(async (world, peers) => {
    const handle = world.client.room.getOrCreate("a");
    await handle.bytes(600);
    assertEquals(counts(peers), [1, 1, 1, 1]);
    await handle.bytes(900);
    await world.clock.settle();
    assertEquals(closings(peers), [
      ["json", "1011 message.outgoing_too_long"],
      ["cbor", undefined],
      ["bare2", undefined],
      ["bare4", undefined],
    ]);
    assertEquals(counts(peers), [1, 2, 2, 2]);
    assertEquals(world.log.length, 1);
    // The peer, and the two calls before.
    assertEquals(await handle.left(), 1 + 2);
    await handle.bytes(900);
    assertEquals(counts(peers), [1, 3, 3, 3]);
  }));

test("an event that is too long in every encoding is the sender's error, and closes nobody", () =>
  withRoom(async (world, peers) => {
    const handle = world.client.room.getOrCreate("a");
    const error = await assertRejects(() => handle.bytes(1000), ActorError);
    assertEquals(`${error.group}/${error.code}`, "message/outgoing_too_long");
    peers.json!.call(0, "whisper", 900);
    await world.clock.settle();
    assertEquals(peers.json!.heard.slice(1), ["0!message/outgoing_too_long"]);
    assertEquals(counts(peers), [0, 0, 0, 0]);
    assertEquals(new Set(closings(peers).map(([, why]) => why)).size, 1);
  }));

test("an event that one encoding cannot write closes whoever has that one", () =>
  withRoom(async (world, peers) => {
    await world.client.room.getOrCreate("a").odd();
    await world.clock.settle();
    assertEquals(closings(peers), [
      ["json", undefined],
      ["cbor", "1011 actor.send_failed"],
      ["bare2", "1011 actor.send_failed"],
      ["bare4", "1011 actor.send_failed"],
    ]);
    assertEquals(counts(peers), [1, 0, 0, 0]);
  }));
