import { assertEquals, assertRejects } from "@std/assert";
import { actor, ActorError, setup } from "../../mod.ts";
import { setupTest } from "../../src/test/mod.ts";
import { test } from "../harness.ts";

const clock = actor({
  state: { rings: 0, sleeps: 0 },
  onSleep: (c) => c.state.sleeps++,
  actions: {
    after: (c, delayMs: number) => c.schedule.after(delayMs, "ring"),
    ring: (c) => {
      c.state.rings++;
      c.broadcast("rang", c.state.rings);
    },
    rings: (c) => c.state.rings,
    sleeps: (c) => c.state.sleeps,
    hang: () => new Promise<void>(() => {}),
    ask: async (c, key: string): Promise<number> =>
      await c.client<typeof registry>().clock.get(key).rings(),
  },
});
const registry = setup({ use: { clock }, noWelcome: true });

test("a test's own time drives schedules, and stands still without advance()", async () => {
  await using kit = await setupTest(undefined, registry);
  const { client, advance, now } = kit;
  const handle = client.clock.getOrCreate("a");
  const start = now();
  await handle.after(60_000);
  await advance(59_999);
  assertEquals(await handle.rings(), 0);
  await advance(1);
  assertEquals(await handle.rings(), 1);
  assertEquals(now() - start, 60_000);
});

test("a test's own time drives sleep and wake", async () => {
  await using kit = await setupTest(undefined, registry);
  const handle = kit.client.clock.getOrCreate("a");
  await handle.rings();
  await kit.advance(29_999);
  assertEquals(await handle.sleeps(), 0);
  await kit.advance(30_000);
  assertEquals(await handle.sleeps(), 1);
});

test("a test's own time drives the timeout of an action", async () => {
  await using kit = await setupTest(undefined, registry);
  const call = kit.client.clock.getOrCreate("a").hang();
  const refused = assertRejects(() => call, ActorError, "timed out");
  await kit.advance(60_000);
  await refused;
});

/** Fake timers that are known by nothing but their place, as those of Deno's standard library. */
class PlainFakeTimers implements Disposable {
  readonly #real = {
    setTimeout: globalThis.setTimeout,
    clearTimeout: globalThis.clearTimeout,
    Date: globalThis.Date,
  };
  readonly #timers = new Map<number, { dueMs: number; callback(): void }>();
  #nowMs = 1_000_000;
  #ids = 0;

  constructor() {
    const now = () => this.#nowMs;
    const fakes = {
      setTimeout: (callback: () => void, delayMs = 0) => {
        this.#timers.set(++this.#ids, {
          dueMs: this.#nowMs + delayMs,
          callback,
        });
        return this.#ids;
      },
      clearTimeout: (id: number) => void this.#timers.delete(id),
      Date: class extends this.#real.Date {
        static override now = now;
      },
    };
    Object.assign(globalThis, fakes);
  }

  tick(ms: number): void {
    this.#nowMs += ms;
    for (const [id, { dueMs, callback }] of this.#timers) {
      if (dueMs > this.#nowMs) continue;
      this.#timers.delete(id);
      callback();
    }
  }

  [Symbol.dispose](): void {
    Object.assign(globalThis, this.#real);
  }
}

test("timers that a test has put in the place of the runtime's are the time of the actors", async () => {
  using timers = new PlainFakeTimers();
  const { client, advance, now, dispose } = await setupTest(
    undefined,
    registry,
  );
  const handle = client.clock.get("a");
  await handle.after(60_000);
  assertEquals(now(), 1_000_000);
  timers.tick(59_999);
  await advance(0);
  assertEquals(await handle.rings(), 0);
  timers.tick(1);
  await advance(0);
  assertEquals(await handle.rings(), 1);
  await assertRejects(() => advance(1), TypeError, "fake timers");
  await dispose();
});

test("events reach the connections of a test", async () => {
  await using kit = await setupTest(undefined, registry);
  const heard: number[] = [];
  const connection = kit.client.clock.get("a").connect();
  connection.on("rang", (count: number) => heard.push(count));
  await connection.ring();
  await connection.after(1000);
  await kit.advance(1000);
  assertEquals(heard, [1, 2]);
});

test("raw requests and raw sockets reach the actors of a test, in its own time", async () => {
  const page = actor({
    state: { wakes: 0 },
    onWake: (c) => c.state.wakes++,
    onRequest: (c, request) =>
      new Response(`${request.method} ${c.key} ${new URL(request.url).search}`),
    onWebSocket: (c, socket) => {
      socket.onmessage = ({ data }) => socket.send(`${c.state.wakes} ${data}`);
    },
    actions: {},
    options: { canHibernateWebSocket: true },
  });
  const own = setup({ use: { page }, noWelcome: true });
  await using kit = await setupTest(undefined, own);
  const handle = kit.client.page.get("a");
  const response = await handle.fetch("x?y=1", { method: "PUT" });
  assertEquals([response.status, await response.text()], [200, "PUT a ?y=1"]);
  const socket = await handle.webSocket();
  const heard: unknown[] = [];
  let closed = "";
  socket.onmessage = ({ data }) => heard.push(data);
  socket.onclose = ({ code }) => closed = `${code}`;
  await kit.advance(0);
  socket.send("one");
  await kit.advance(60_000);
  socket.send("two");
  await kit.advance(0);
  assertEquals(heard, ["1 one", "2 two"]);
  await kit.dispose();
  assertEquals(closed, "1001");
});

test("get() creates an actor in a test, and only for the test's own client", async () => {
  await using kit = await setupTest(undefined, registry);
  assertEquals(await kit.client.clock.get("a").rings(), 0);
  const error = await assertRejects(
    () => kit.client.clock.get("a").ask("nobody"),
    ActorError,
  );
  assertEquals([error.group, error.code], ["actor", "not_found"]);
});

test("each test has actors of its own", async () => {
  await using one = await setupTest(undefined, registry);
  await using two = await setupTest(undefined, registry);
  await one.client.clock.get("a").ring();
  assertEquals(await one.client.clock.get("a").rings(), 1);
  assertEquals(await two.client.clock.get("a").rings(), 0);
});

for (const name of ["onTestFinished", "after"] as const) {
  test(`a runner with ${name}() ends the actors with the test`, async () => {
    const ends: (() => Promise<void>)[] = [];
    let sleeps = 0;
    const sleeper = actor({
      onSleep: () => sleeps++,
      actions: { ping: () => "pong" },
    });
    const t = { [name]: (end: () => Promise<void>) => ends.push(end) };
    const own = setup({ use: { sleeper }, noWelcome: true });
    const { client } = await setupTest(t, own);
    assertEquals(await client.sleeper.get().ping(), "pong");
    for (const end of ends) await end();
    assertEquals([ends.length, sleeps], [1, 1]);
    const error = await assertRejects(
      () => client.sleeper.get().ping(),
      ActorError,
    );
    assertEquals(error.code, "shutting_down");
  });
}
