// The test kit under every test runner, as real processes.

import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { test } from "../harness.ts";
import { Program } from "../runtimes/process.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const isDeno = "Deno" in globalThis;
// What fetches packages, or checks types, may take its time on a busy machine.
const slowMs = 180_000;

const reminder = `
import { actor, setup } from ${JSON.stringify(join(root, "mod.ts"))};
import { setupTest } from ${JSON.stringify(join(root, "src/test/mod.ts"))};

const reminder = actor({
  state: { isDue: false },
  actions: {
    setAfter: (c, ms: number) => c.schedule.after(ms, "ring"),
    setAt: (c, time: number) => c.schedule.at(time, "ring"),
    ring: (c) => { c.state.isDue = true; },
    isDue: (c) => c.state.isDue,
  },
});
const registry = setup({ use: { reminder }, noWelcome: true });

async function check(t: object | undefined): Promise<void> {
  const { client, advance } = await setupTest(t, registry);
  const handle = client.reminder.get(["tea"]);
  await handle.setAfter(60_000);
  await advance(59_000);
  if (await handle.isDue()) throw new Error("It is due too early");
  await advance(1_000);
  if (!await handle.isDue()) throw new Error("It is not due");
}
`;

// Runs a file of tests, and tells how that ended.
async function run(
  file: string,
  source: string,
  command: (path: string) => string[],
  folder?: string,
): Promise<{ code: number | null; output: string }> {
  const home = folder ?? await mkdtemp(join(tmpdir(), "troupe-runner-"));
  try {
    const path = join(home, file);
    await writeFile(path, reminder + source);
    const [name, ...args] = command(path);
    await using program = Program.start(name!, args, { cwd: home });
    const { code } = await program.ended(slowMs);
    return { code, output: program.output };
  } finally {
    await rm(home, { recursive: true });
  }
}

test("setupTest() works in a test of the runtime's own runner", async () => {
  const { code, output } = isDeno
    ? await run(
      "own_test.ts",
      `Deno.test("a reminder", async (t) => await check(t));`,
      (path) => ["deno", "test", "-A", path],
    )
    : await run(
      "own.test.ts",
      `import { test } from "bun:test";
      test("a reminder", async () => await check(undefined));`,
      (path) => ["bun", "test", path],
    );
  assertEquals(code, 0, output);
});

test("setupTest() works in a test of node:test", async () => {
  const { code, output } = await run(
    "node.test.ts",
    `import { test } from "node:test";
    test("a reminder", async (t) => await check(t));`,
    (path) => isDeno ? ["deno", "test", "-A", path] : ["bun", "test", path],
  );
  assertEquals(code, 0, output);
});

test("bun's fake timers are the time of the actors", async () => {
  const { code, output } = await run(
    "fake.test.ts",
    `import { jest, test } from "bun:test";
    test("a reminder", async () => {
      jest.useFakeTimers();
      const { client, advance } = await setupTest(undefined, registry);
      const handle = client.reminder.get("tea");
      await handle.setAt(Date.now() + 60_000);
      jest.advanceTimersByTime(59_999);
      await advance(0);
      if (await handle.isDue()) throw new Error("It is due too early");
      jest.advanceTimersByTime(1);
      await advance(0);
      if (!await handle.isDue()) throw new Error("It is not due");
      jest.useRealTimers();
    });`,
    (path) => ["bun", "test", path],
  );
  assertEquals(code, 0, output);
}, { skip: isDeno ? "Deno has no fake timers of its own" : undefined });

test("setupTest() works in a test of vitest, and honours its fake timers", async () => {
  const folder = await mkdtemp(join(tmpdir(), "troupe-vitest-"));
  await writeFile(join(folder, "package.json"), "{}");
  await using install = Program.start("npm", [
    "install",
    "--no-audit",
    "--no-fund",
    "--silent",
    "vitest@3.2.4",
  ], { cwd: folder });
  assertEquals((await install.ended(slowMs)).code, 0, install.output);
  const vitest = join(folder, "node_modules/vitest/vitest.mjs");
  const { code, output } = await run(
    "kit.test.ts",
    `import { expect, test, vi } from "vitest";
    test("a reminder", async (t) => await check(t));
    test("a reminder with fake timers", async (t) => {
      vi.useFakeTimers();
      await check(t);
      const { client } = await setupTest(t, registry);
      const handle = client.reminder.get("tea");
      await handle.setAt(Date.now() + 60_000);
      await vi.advanceTimersByTimeAsync(59_999);
      expect(await handle.isDue()).toBe(false);
      await vi.advanceTimersByTimeAsync(1);
      expect(await handle.isDue()).toBe(true);
    });`,
    () =>
      isDeno
        ? ["deno", "run", "-A", vitest, "run"]
        : ["bun", "--bun", vitest, "run"],
    folder,
  );
  assertEquals(code, 0, output);
});
