// Whatever is asked, a server answers, and then the next one. The requests are the same in every run; a
// failure tells its seed.

import { assert, assertEquals } from "@std/assert";
import { createClient, setup } from "../../mod.ts";
import { startProgram, waitForLine } from "../bench/program.ts";
import { mutated } from "../protocol/garbage.ts";
import { Random } from "../protocol/random.ts";
import { test } from "../harness.ts";
import {
  encodingNames,
  oddFrame,
  oddPath,
  oddProtocols,
  oddRequest,
} from "./odd_requests.ts";
import { Site, type Wire } from "./site.ts";
import { things } from "./things.ts";
import {
  bytesOf,
  Caller,
  closing,
  framed,
  handshakeOf,
  statusOf,
} from "./wire.ts";

async function withThing(
  run: (site: Site<typeof things>, id: string) => Promise<void>,
): Promise<void> {
  await using site = await Site.open(things);
  const id = await site.world.client.thing.getOrCreate("a").resolve();
  await run(site, id);
}

test("100,000 odd requests are answered, none of them as an error of the server", () =>
  withThing(async (site, id) => {
    const ask = async (seed: number) => {
      const { method, path, headers, body } = oddRequest(new Random(seed), id);
      const url = `http://actors.test${path}`;
      const response = await site.ask(
        new Request(url, { method, headers, body: body ?? null }),
      );
      const text = new TextDecoder().decode(await response.bytes());
      const { status } = response;
      assert(
        status < 500,
        `seed ${seed}, ${method} ${path}: ${status} ${text}`,
      );
    };
    const together = 500;
    for (let first = 0; first < 100_000; first += together) {
      const seeds = Array.from({ length: together }, (_, i) => first + i);
      let isAnswered = false;
      const answers = Promise.all(seeds.map(ask))
        .finally(() => isAnswered = true);
      // Some wait for a while.
      await site.world.clock.settle();
      while (!isAnswered) await site.world.clock.pass(60_000);
      await answers;
      await check(site, id, first);
    }
  }));

test("10,000 odd sockets are opened, and closed with a reason or served", () =>
  withThing(async (site, id) => {
    const wires: Wire[] = [];
    for (let seed = 0; seed < 10_000; seed++) {
      const random = new Random(seed);
      const encoding = random.of(encodingNames);
      const path = random.once(5)
        ? oddPath(random, id)
        : `/gateway/${id}/connect`;
      const wire = await site.dial(path, oddProtocols(random, encoding));
      if (wire.events === undefined) {
        // What tells of the server needs no socket.
        assert(!path.includes("/gateway/"), `seed ${seed}: ${path}`);
        continue;
      }
      wire.remoteAddress = `192.0.2.${seed}`;
      wires.push(wire.open());
      const say = () => wire.say(oddFrame(random, encoding));
      if (random.once(2)) say();
      await Promise.resolve();
      for (let left = random.below(4); left > 0; left--) say();
      if (seed % 100 < 99) continue;
      await site.world.clock.settle();
      for (const { closedWith } of wires) {
        assert(
          closedWith === undefined || /^1011 \w+\.\w+$/.test(closedWith),
          `seed ${seed}: ${closedWith}`,
        );
      }
      for (const wire of wires.splice(0)) wire.hangUp();
      await check(site, id, seed);
    }
  }));

test("no memory is kept for odd requests", async () => {
  await using program = startProgram("../server/fuzz_child.ts", []);
  const [, begin, end] = await waitForLine(program, /^heap (\d+) to (\d+)$/m);
  assert(Number(end) - Number(begin) < 4_000_000, `from ${begin} to ${end}`);
});

// A normal call works, nothing has been logged, and nobody stays awake.
async function check(
  site: Site<typeof things>,
  id: string,
  seed: number,
): Promise<void> {
  const [status, body] = await site.json(`POST /gateway/${id}/action/count`, {
    body: {},
  });
  assertEquals([seed, status], [seed, 200]);
  assert((body as { output: number }).output > 0);
  await site.world.clock.pass(60_000);
  assertEquals([seed, site.world.log], [seed, []]);
  site.world.store.commits.length = 0;
  assertEquals(Object.keys(Object.prototype), []);
}

interface Served {
  port: number;
  id: string;
  /** A normal call works, and nothing has been logged. */
  check(what: string): Promise<void>;
}

// Over the network, by the adapter of this runtime.
async function withServer(run: (served: Served) => Promise<void>) {
  const logged: unknown[] = [];
  const keep = (entry: Record<string, unknown>) => void logged.push(entry);
  const registry = setup({
    use: things,
    store: "memory",
    noWelcome: true,
    logging: {
      level: "warn",
      baseLogger: { error: keep, warn: keep, info: keep, debug: keep },
    },
  });
  const server = registry.serve({ port: 0, hostname: "127.0.0.1" });
  // What the adapters cannot answer they write there.
  const { error } = console;
  console.error = (...texts) => void logged.push(texts);
  const client = createClient<typeof registry>(server.url);
  try {
    const handle = client.thing.getOrCreate("a");
    const id = await handle.resolve();
    await run({
      port: server.port,
      id,
      async check(what) {
        assert(await handle.count() > 0);
        assertEquals([what, logged], [what, []]);
      },
    });
  } finally {
    console.error = error;
    await client.dispose();
    await server.shutdown();
  }
}

const seedsFrom = (first: number, count: number) =>
  Array.from({ length: count }, (_, i) => first + i);

test("2,000 odd requests over the network are answered, none of them as an error of the server", () =>
  withServer(async ({ port, id, check }) => {
    let answered = 0;
    for (let first = 0; first < 2_000; first += 50) {
      await Promise.all(
        seedsFrom(first, 50).map(async (seed) => {
          const request = oddRequest(new Random(seed), id);
          const caller = new Caller(port);
          caller.send(bytesOf(request));
          const received = await caller.all();
          const status = statusOf(received);
          // A runtime closes without a word what is no HTTP for it.
          if (status === undefined) return;
          answered++;
          const { method, path } = request;
          assert(status < 500, `seed ${seed}, ${method} ${path}: ${received}`);
        }),
      );
      await check(`seed ${first} to ${first + 50}`);
    }
    assert(answered > 1_900, `${answered}`);
  }));

test("1,000 broken requests over the network harm nobody else", () =>
  withServer(async ({ port, id, check }) => {
    for (let first = 0; first < 1_000; first += 50) {
      const callers = seedsFrom(first, 50).map((seed) => {
        const random = new Random(seed);
        const bytes = bytesOf(oddRequest(random, id));
        const caller = new Caller(port);
        caller.send(mutated(random, [bytes]));
        return caller;
      });
      await check(`seed ${first} to ${first + 50}`);
      for (const caller of callers) {
        const status = statusOf(await caller.hangUp());
        assert((status ?? 400) < 500 || status === 505, `${status}`);
      }
    }
  }));

for (
  const [what, head] of [
    ["a host that is none", "GET /health HTTP/1.1\r\nHost: [::1"],
    ["a port that is none", "GET /health HTTP/1.1\r\nHost: a:99999999"],
    ["no host, as in HTTP/1.0", "GET /health HTTP/1.0"],
  ] as const
) {
  test(`a request with ${what} is answered, and logged by nobody`, () =>
    withServer(async ({ port, check }) => {
      const caller = new Caller(port);
      caller.send(
        new TextEncoder().encode(`${head}\r\nConnection: close\r\n\r\n`),
      );
      const status = statusOf(await caller.all());
      assert(status === 200 || status === 400, `${status}`);
      await check(what);
    }));
}

test("500 odd sockets over the network come to their end, and harm nobody else", () =>
  withServer(async ({ port, id, check }) => {
    for (let first = 0; first < 500; first += 50) {
      await Promise.all(
        seedsFrom(first, 50).map(async (seed) => {
          const random = new Random(seed);
          const encoding = random.of(encodingNames);
          const caller = new Caller(port);
          const kind = random.once(3) ? "websocket" : "connect";
          const path = `/gateway/${id}/${kind}`;
          caller.send(handshakeOf(path, oddProtocols(random, encoding)));
          assertEquals([seed, statusOf(await caller.head())], [seed, 101]);
          let isBroken = false;
          for (let left = random.below(4); left > 0; left--) {
            const frame = framed(oddFrame(random, encoding));
            isBroken ||= random.once(5);
            caller.send(isBroken ? mutated(random, [frame]) : frame);
          }
          caller.send(closing);
          // After half a frame it is still waited for the rest.
          if (isBroken) await caller.hangUp();
          else await caller.all();
        }),
      );
      await check(`seed ${first} to ${first + 50}`);
    }
  }));
