// What it costs to have Troupe at all: the time that a program takes longer to start for its import, and
// how large it is in one file.

import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { type BenchOptions, median, type Row, show } from "./figures.ts";
import { runtime } from "./program.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const run = promisify(execFile);

/** Measures and prints. */
export async function benchStart(
  { isQuick, scratch: folder, report }: BenchOptions,
): Promise<void> {
  const turns = isQuick ? 2 : 15;
  await run("deno", ["run", "-A", "tests/bundle/bundle.ts", folder], {
    cwd: root,
  });
  const programs: Record<string, string> = {
    "an empty program": "",
    "one that imports mod.ts": `import "${join(root, "mod.ts")}";`,
    "one that imports the bundle": `import "${join(folder, "troupe.min.js")}";`,
  };
  const paths = new Map<string, string>();
  for (const [i, [name, code]] of Object.entries(programs).entries()) {
    paths.set(name, join(folder, `program${i}.ts`));
    await writeFile(paths.get(name)!, `${code}\nexport {};\n`);
  }
  report({
    title: `The start of a program, in milliseconds; medians of ${turns} each`,
    names: ["program", "time", "over empty"],
    rows: await starts(paths, turns),
  });
  const sizes: Row[] = [];
  for (const file of ["troupe.min.js", "client.min.js"]) {
    const bytes = await readFile(join(folder, file));
    sizes.push([
      file,
      show(bytes.length / 1024, 1),
      show(gzipSync(bytes, { level: 9 }).length / 1024, 1),
    ]);
  }
  report({
    title: "Size in one file, in KB",
    names: ["file", "as it is", "gzip"],
    rows: sizes,
  });
}

async function starts(
  paths: ReadonlyMap<string, string>,
  turns: number,
): Promise<Row[]> {
  const times = new Map<string, number[]>();
  for (const name of paths.keys()) times.set(name, []);
  const args = runtime === "deno" ? ["run", "-A", "--no-check"] : [];
  // The first turn of each fills the runtime's cache.
  for (let i = -1; i < turns; i++) {
    for (const [name, path] of paths) {
      const start = performance.now();
      await run(process.execPath, [...args, path]);
      if (i >= 0) times.get(name)!.push(performance.now() - start);
    }
  }
  const [empty] = [...times.values()].map(median);
  return Array.from(times, ([name, all]): Row => [
    name,
    show(median(all), 1),
    show(median(all) - empty!, 1),
  ]);
}
