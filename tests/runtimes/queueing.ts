// A program that is killed while it takes messages: `queueing.ts STORE PATH`. What it has done with a
// message is in its state, and nowhere else; but it prints what comes through the queue `said`, unless
// HOLD is set: then it leaves those messages where they are.

import process from "node:process";
import {
  actor,
  denoKvStore,
  memoryStore,
  queue,
  setup,
  sqliteStore,
} from "../../mod.ts";

/** What a sender sends: its own name, and a number that it uses once. */
export interface Job {
  sender: number;
  number: number;
}

const worker = actor({
  state: { done: [] as Job[] },
  queues: {
    plain: queue<Job>(),
    asked: queue<Job, number>(),
    said: queue<string>(),
  },
  async run(c) {
    const plain = async () => {
      for await (const { body } of c.queue.iter({ names: ["plain"] })) {
        // Some of the work takes time, so that a kill may hit it.
        if (body.number % 3 === 0) await later();
        c.state.done.push(body);
      }
    };
    const asked = async () => {
      const options = { names: ["asked"], completable: true } as const;
      for await (const message of c.queue.iter(options)) {
        if (message.body.number % 3 === 0) await later();
        const place = c.state.done.push(message.body) - 1;
        await message.complete(place);
      }
    };
    const said = async () => {
      if (process.env.HOLD !== undefined) return;
      for await (const { body } of c.queue.iter({ names: ["said"] })) {
        console.log(`heard ${body}`);
      }
    };
    await Promise.all([plain(), asked(), said()]);
  },
  actions: { done: (c) => c.state.done },
  options: { sleepTimeout: 200 },
});

const [, , name, path] = process.argv;

/** The registry of the program. */
export const registry = setup({
  use: { worker },
  store: name === "memory"
    ? memoryStore()
    : name === "deno-kv"
    ? denoKvStore({ path: path! })
    : sqliteStore({ path: path! }),
});

registry.serve({ port: 0, hostname: "127.0.0.1" });

function later(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
