// Runs one part of the bench: its tables are printed, and written as JSON for other programs.

import { mkdir, writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { Folder } from "../runtimes/folder.ts";
import { type BenchOptions, dataOf, type Table, textOf } from "./figures.ts";
import { runtime } from "./program.ts";

/** Options of {@linkcode runPart}, as the command line has them. */
export interface PartOptions {
  /** Whether it is only to be seen that all of it works. */
  quick?: boolean | undefined;
  /** The folder of the files; dist/bench if absent. */
  out?: string | undefined;
}

/** Runs the part `name`; its tables are in the file `name-RUNTIME.json` afterwards. */
export async function runPart(
  name: string,
  bench: (options: BenchOptions) => Promise<void> | void,
  { quick, out }: PartOptions,
): Promise<void> {
  const folder = out ??
    fileURLToPath(new URL("../../dist/bench", import.meta.url));
  await mkdir(folder, { recursive: true });
  const tables: Table[] = [];
  const report = (table: Table) => {
    console.log(textOf(table));
    tables.push(table);
  };
  using scratch = new Folder();
  await bench({
    isQuick: quick === true,
    folder,
    scratch: scratch.path,
    report,
  });
  const data = {
    part: name,
    runtime: `${runtime} ${process.versions[runtime]}`,
    at: new Date().toISOString(),
    cpus: cpus().map(({ model }) => model),
    tables: tables.map(dataOf),
  };
  const path = join(folder, `${name}-${runtime}.json`);
  await writeFile(path, JSON.stringify(data, null, 2) + "\n");
  console.log(`\nWritten to ${path}`);
}
