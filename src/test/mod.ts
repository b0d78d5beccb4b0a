/**
 * Tests of actors, without a server, a file or a wait: the actors of a registry live in memory, and
 * their time is in the hands of the test.
 *
 * It needs no particular test runner: Deno.test, bun:test, node:test and vitest will do.
 *
 * @example
 * ```ts
 * import { actor, setup } from "@troupe/actors";
 * import { setupTest } from "@troupe/actors/test";
 * import { assertEquals } from "@std/assert";
 *
 * const reminder = actor({
 *   state: { isDue: false },
 *   actions: {
 *     set: (c) => c.schedule.after(60_000, "ring"),
 *     ring: (c) => c.state.isDue = true,
 *     isDue: (c) => c.state.isDue,
 *   },
 * });
 * const registry = setup({ use: { reminder } });
 *
 * Deno.test("a reminder is due after a minute", async (t) => {
 *   const { client, advance } = await setupTest(t, registry);
 *   const handle = client.reminder.get("tea");
 *   await handle.set();
 *   await advance(60_000);
 *   assertEquals(await handle.isDue(), true);
 * });
 * ```
 *
 * @module
 */

import { Host } from "../actor/host.ts";
import { clientOver } from "../client/client.ts";
import type { Definitions } from "../definition/definition.ts";
import type { Client, RegistryTypes } from "../definition/handle.ts";
import { Logger } from "../log.ts";
import type { Transport } from "../protocol/transport.ts";
import { localTransport } from "../server/local.ts";
import { memoryStore } from "../stores/memory.ts";
import { VirtualClock } from "./clock.ts";

/** What is needed of a test runner's context: a way to tell when the test has ended. */
export interface TestContext {
  /** vitest's. */
  onTestFinished?: (end: () => Promise<void>) => unknown;
  /** node:test's. */
  after?: (end: () => Promise<void>) => unknown;
}

/** What is needed of a registry. */
export interface TestedRegistry extends RegistryTypes {
  /** What it was set up with. */
  readonly config: {
    /** The definitions by name. */
    readonly use: Definitions;
  };
}

/** The actors of a registry, in the hands of a test. */
export interface TestSetup<R extends RegistryTypes> extends AsyncDisposable {
  /** Calls the actors. Unlike elsewhere, `get()` creates an actor that is not there. */
  readonly client: Client<R>;
  /**
   * Lets `ms` milliseconds pass for the actors and their client: schedules, sleep, timeouts. Resolves
   * when what was due has been done. Nothing of it happens without this, however long a test takes.
   *
   * Where the test had installed fake timers of vitest before its actors, it lets theirs pass. Other fake timers, Bun's
   * for one, are advanced by what installed them; `advance(0)` then waits for what they have begun.
   *
   * @throws {TypeError} when it would have to advance such timers.
   */
  readonly advance: (ms: number) => Promise<void>;
  /** The time of the actors, in milliseconds since the epoch. It begins with that of the machine. */
  readonly now: () => number;
  /** Puts all actors to sleep and forgets them. A runner that tells when a test ends does it then. */
  readonly dispose: () => Promise<void>;
}

// The longest that actors may take to stop, in their own time.
const maxStopSeconds = 120;

/**
 * Gives a test actors of its own: those of `registry`, in memory, with a time of their own. What other
 * tests have done is not there. `t` is what the runner gives to a test, if it gives anything.
 */
export async function setupTest<R extends TestedRegistry>(
  t: TestContext | object | undefined | null,
  registry: R,
): Promise<TestSetup<R>> {
  const clock = new VirtualClock(Date.now());
  const store = memoryStore();
  const transport = localTransport({
    host: () => Promise.resolve(host),
    exposesErrors: false,
  });
  const { timing } = clock;
  const host: Host = new Host({
    definitions: registry.config.use,
    store,
    clock,
    log: new Logger({ level: "warn" }),
    fence: await store.claim(),
    region: "local",
    storeTimeoutMs: 10_000,
    maxOutgoingBytes: 1_048_576,
    exposesErrors: false,
    transport,
    clientOver: (transport) => clientOver(transport, timing),
  });
  host.start();
  const client = clientOver<R>(creating(transport), timing);
  let ending: Promise<void> | undefined;
  const dispose = () => ending ??= end(client, host, clock);
  const { onTestFinished, after } = (t ?? {}) as TestContext;
  if (onTestFinished !== undefined) onTestFinished.call(t, dispose);
  else if (after !== undefined) after.call(t, dispose);
  return {
    client,
    advance: (ms) => clock.pass(ms),
    now: () => clock.now(),
    dispose,
    [Symbol.asyncDispose]: dispose,
  };
}

// RivetKit's documents call get() on actors that nobody has created, and expect it to work.
function creating(transport: Transport): Transport {
  return {
    ...transport,
    resolve: (query, signal) =>
      transport.resolve(
        query.by === "key" && !("create" in query)
          ? { ...query, create: { input: undefined, region: undefined } }
          : query,
        signal,
      ),
  };
}

async function end(
  client: { dispose(): Promise<void> },
  host: Host,
  clock: VirtualClock,
): Promise<void> {
  await client.dispose();
  let isClosed = false;
  const closing = host.close().finally(() => isClosed = true);
  await clock.settle();
  for (let second = 0; !isClosed && second < maxStopSeconds; second++) {
    await clock.pass(1000);
  }
  await closing;
}
