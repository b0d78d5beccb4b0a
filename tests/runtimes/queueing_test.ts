// Messages of a process that is killed again and again while it takes them.

import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { type Client, createClient } from "../../src/client/mod.ts";
import { test } from "../harness.ts";
import { runtime } from "../stores/processes.ts";
import { Folder } from "./folder.ts";
import { Program } from "./process.ts";
import type { Job, registry } from "./queueing.ts";

const file = new URL("queueing.ts", import.meta.url).pathname;
const flags = runtime === "deno" ? ["run", "-A", "--unstable-kv"] : ["run"];

const stores = runtime === "deno" ? ["sqlite", "deno-kv"] : ["sqlite"];
const senders = 6;
const wanted = 500;
const perLife = 50;

type Sent = Job & {
  /** The place that the reply told; `undefined` where nobody waited for one. */
  place: number | undefined;
};

for (const store of stores) {
  test(`${store}: a message that was acknowledged takes effect once, though the server is killed again and again`, async () => {
    using folder = new Folder();
    const path = join(folder.path, "actors");
    const acknowledged: Sent[] = [];
    const numbers = Array.from({ length: senders }, () => 0);
    while (acknowledged.length < wanted) {
      await oneLife(store, path, { acknowledged, numbers });
    }
    await using program = start(store, path);
    const client = createClient<typeof registry>(await urlOf(program));
    const done = await settled(client);
    await client.dispose();
    const places = new Map(
      done.map((job, place) => [idOf(job), place]),
    );
    assertEquals(places.size, done.length, "some message took effect twice");
    for (const sent of acknowledged) {
      const place = places.get(idOf(sent));
      assert(place !== undefined, `message ${idOf(sent)} is lost`);
      if (sent.place !== undefined) assertEquals(sent.place, place);
    }
    for (let sender = 0; sender < senders; sender++) {
      const own = done.filter((job) => job.sender === sender);
      const order = own.map(({ number }) => number);
      assertEquals(order, order.toSorted((a, b) => a - b));
    }
  });
}

for (const store of stores) {
  test(`${store}: a message that waits is taken when the next process starts, though nobody calls the actor`, async () => {
    using folder = new Folder();
    const path = join(folder.path, "actors");
    {
      await using program = start(store, path, { HOLD: "1" });
      const client = createClient<typeof registry>(await urlOf(program));
      await client.worker.getOrCreate().send("said", "hello");
      program.signal("SIGKILL");
      await program.ended();
      await client.dispose();
    }
    await using program = start(store, path);
    await program.line(/^heard hello$/m);
  });
}

test("memory: messages of several senders are taken in order, and each sender that waits has its reply", async () => {
  await using program = start("memory", "");
  const url = await urlOf(program);
  const acknowledged: Sent[] = [];
  const numbers = Array.from({ length: senders }, () => 0);
  const client = createClient<typeof registry>(url);
  await send(client, { acknowledged, numbers }, 100);
  const done = await settled(client);
  await client.dispose();
  assertEquals(done.length, acknowledged.length);
  for (const sent of acknowledged) {
    if (sent.place === undefined) continue;
    assertEquals(idOf(done[sent.place]!), idOf(sent));
  }
});

/** What all lives of the server share. */
interface Load {
  acknowledged: Sent[];
  /** The number that each sender uses next. */
  numbers: number[];
}

// Starts the server, sends until so many more messages are acknowledged, and kills it in the middle.
async function oneLife(store: string, path: string, load: Load): Promise<void> {
  await using program = start(store, path);
  const client = createClient<typeof registry>(await urlOf(program));
  await send(
    client,
    load,
    perLife,
    () => program.signal("SIGKILL"),
  );
  await client.dispose();
  assertEquals((await program.ended()).signal, "SIGKILL");
}

async function send(
  client: Client<typeof registry>,
  { acknowledged, numbers }: Load,
  count: number,
  onEnough: () => void = () => {},
): Promise<void> {
  const enough = acknowledged.length + count;
  let isOver = false;
  const sendAll = async (sender: number) => {
    const handle = client.worker.getOrCreate();
    while (!isOver) {
      // Also a message that was not acknowledged may have been saved, so its number is used up.
      const job = { sender, number: numbers[sender]!++ };
      try {
        if (sender % 2 === 0) {
          await handle.send("plain", job);
          acknowledged.push({ ...job, place: undefined });
        } else {
          const sent = await handle.send("asked", job, { wait: true });
          assert(sent.status === "completed");
          acknowledged.push({ ...job, place: sent.response });
        }
      } catch (error) {
        if (!isOver) throw error;
      }
      if (isOver || acknowledged.length < enough) continue;
      isOver = true;
      onEnough();
    }
  };
  await Promise.all(numbers.map((_, sender) => sendAll(sender)));
}

// What is done, when nothing more happens.
async function settled(client: Client<typeof registry>): Promise<Job[]> {
  const handle = client.worker.get();
  let before = -1;
  for (;;) {
    const done = await handle.done();
    if (done.length === before) return done;
    before = done.length;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
}

function start(
  store: string,
  path: string,
  env: Record<string, string> = {},
): Program {
  return Program.start(runtime, [...flags, file, store, path], { env });
}

async function urlOf(program: Program): Promise<string> {
  return (await program.line(/ at (http:\S+)/))[1]!;
}

function idOf({ sender, number }: Job): string {
  return `${sender}/${number}`;
}
