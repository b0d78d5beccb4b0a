// What a clock that is put back by an hour changes: nothing that waits for a time to pass.

import { assertEquals, assertRejects } from "@std/assert";
import { Deadlines, Reminder } from "../../src/deadlines.ts";
import { actor } from "../../src/definition/actor.ts";
import { ActorError } from "../../src/errors.ts";
import { VirtualClock } from "../../src/test/clock.ts";
import { test } from "../harness.ts";
import { World } from "./world.ts";

const hourMs = 3_600_000;

/** A clock that can be put back, which its timers do not notice. */
class SetClock extends VirtualClock {
  backMs = 0;
  readonly #startMs: number;

  constructor(nowMs: number) {
    super(nowMs);
    this.#startMs = nowMs;
  }

  /** How much time has passed in truth. */
  get passedMs(): number {
    return super.now() - this.#startMs;
  }

  override now(): number {
    return super.now() - this.backMs;
  }
}

test("each member of Deadlines waits as long as it should while the clock is put back", async () => {
  const clock = new SetClock(10 * hourMs);
  const told: string[] = [];
  const deadlines = new Deadlines(clock, 30_000);
  const add = (name: string) =>
    deadlines.add(new Reminder(() => told.push(`${name} ${clock.passedMs}`)));
  for (const name of ["a", "b"]) {
    add(name);
    await clock.pass(10_000);
  }
  clock.backMs = hourMs;
  add("c");
  await clock.pass(60_000);
  assertEquals(told, ["a 30000", "b 40000", "c 50000"]);
});

const saver = actor({
  state: { count: 0 },
  actions: {
    add: (c) => ++c.state.count,
    hang: () => new Promise<void>(() => {}),
  },
  options: {
    durability: "interval",
    stateSaveInterval: 10_000,
    actionTimeout: 20_000,
    sleepTimeout: 40_000,
  },
});

test("what is to be saved within an interval is, when the clock is put back meanwhile", async () => {
  const clock = new SetClock(10 * hourMs);
  await using world = await World.open({ saver }, { clock });
  const [first, second] = ["a", "b"].map((key) =>
    world.client.saver.getOrCreate(key)
  );
  await first!.add();
  clock.backMs = hourMs;
  // It waits less long than the one before it, by what the clock says.
  await second!.add();
  world.store.commits.length = 0;
  await clock.pass(10_000);
  assertEquals(world.store.steps.length, 2);
});

test("an action times out, and an actor sleeps, in time when the clock is put back", async () => {
  const clock = new SetClock(10 * hourMs);
  await using world = await World.open({ saver }, { clock });
  const handle = world.client.saver.getOrCreate("a");
  const hanging = assertRejects(() => handle.hang(), ActorError);
  await clock.settle();
  clock.backMs = hourMs;
  await clock.pass(20_000);
  await hanging;
  await handle.add();
  clock.backMs = 2 * hourMs;
  await clock.pass(40_000);
  const { loads } = world.store;
  await handle.add();
  assertEquals(world.store.loads, loads + 1);
});

const planner = actor({
  state: { count: 0 },
  actions: {
    add: (c) => ++c.state.count,
    count: (c) => c.state.count,
    plan: (c, ms: number) => c.schedule.after(ms, "add"),
  },
});

test("an actor whose alarm failed gets others in time when the clock is put back", async () => {
  const clock = new SetClock(10 * hourMs);
  await using world = await World.open({ planner }, { clock });
  const { client, store } = world;
  const handle = client.planner.getOrCreate("a");
  await handle.plan(100);
  store.fate = "fails";
  await clock.pass(100);
  store.fate = "works";
  clock.backMs = hourMs;
  await handle.plan(0);
  await clock.pass(5_000);
  // The other one is due in an hour again.
  assertEquals(await handle.count(), 1);
});
