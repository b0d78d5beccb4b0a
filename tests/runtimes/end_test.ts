// When a program that has a registry ends by itself, as real processes of both runtimes.

import { assertEquals } from "@std/assert";
import { createServer } from "node:net";
import { test } from "../harness.ts";
import { Folder } from "./folder.ts";
import { listen } from "./ports.ts";
import { Program } from "./process.ts";

const entry = new URL("../../mod.ts", import.meta.url).href;
const definition = `
  import { actor, createClient, setup } from "${entry}";
  const bell = actor({
    state: { rings: 0 },
    actions: {
      later: (c, ms) => c.schedule.after(ms, "ring").then(() => "set"),
      ring: (c) => {
        c.state.rings++;
        console.log("rings", c.state.rings);
      },
    },
  });
  const registry = setup({ use: { bell }, store: "sqlite", noWelcome: true });
`;
const call = (ms: number) =>
  `console.log(await createClient().bell.getOrCreate("a").later(${ms}));`;

const runtimes: [runtime: string, args: string[]][] = [
  ["deno", ["run", "-A"]],
  ["bun", []],
];

for (const [runtime, args] of runtimes) {
  const start = (folder: Folder, source: string, env = {}) => {
    const file = folder.write("program.ts", definition + source);
    return Program.start(runtime, [...args, file], {
      env: { TROUPE_DATA: `${folder.path}/data`, PORT: "0", ...env },
    });
  };

  test(`${runtime}: setup() alone opens no port and ends`, async () => {
    using folder = new Folder();
    // The port that serve() would listen on is taken: nobody minds.
    const taken = createServer();
    const port = await listen(taken);
    await using program = start(
      folder,
      `console.log("made", typeof registry.handler);`,
      { PORT: `${port}` },
    );
    assertEquals(await program.ended(), { code: 0, signal: null });
    assertEquals(program.output, "made function\n");
    await new Promise((resolve) => taken.close(resolve));
  });

  test(`${runtime}: a program that only uses the client of its own process ends by itself, also with calls to come`, async () => {
    using folder = new Folder();
    await using program = start(folder, call(3_600_000));
    assertEquals(await program.ended(), { code: 0, signal: null });
    assertEquals(program.output, "set\n");
  });

  test(`${runtime}: a call that was to come when a program ended is made by the next that serves, which stays`, async () => {
    using folder = new Folder();
    await using first = start(folder, call(3_600_000));
    await first.ended();
    await using second = start(
      folder,
      `
        const now = Date.now;
        Date.now = () => now() + 7_200_000;
        registry.serve();
      `,
    );
    await second.line(/rings 1/);
    second.signal("SIGTERM");
    assertEquals(await second.ended(), { code: 0, signal: null });
  });
}
