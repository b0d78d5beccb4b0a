// The page as one script, made by this runtime's own bundler of RivetKit's packages as they are.

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { Folder } from "../runtimes/folder.ts";

const page = fileURLToPath(new URL("browser_page.js", import.meta.url));
const timeLimitMs = 60_000;

/** The text of the script, as React wants it in development. */
export function bundle(): string {
  using folder = new Folder();
  const output = join(folder.path, "page.js");
  // Ours has `rivetkit` mean Troupe.
  const tsconfig = folder.write("tsconfig.json", "{}");
  const args = "Deno" in globalThis
    ? [
      "bundle",
      "--no-config",
      "--no-lock",
      "--node-modules-dir=manual",
      "--platform=browser",
      `--output=${output}`,
      page,
    ]
    : [
      "build",
      `--tsconfig-override=${tsconfig}`,
      "--target=browser",
      '--define=process.env.NODE_ENV="development"',
      `--outfile=${output}`,
      page,
    ];
  const { status, stdout, stderr, error } = spawnSync(process.execPath, args, {
    cwd: fileURLToPath(new URL(".", import.meta.url)),
    encoding: "utf8",
    timeout: timeLimitMs,
  });
  if (status !== 0) {
    throw new Error(`Cannot bundle the page:\n${stdout}${stderr}`, {
      cause: error,
    });
  }
  return readFileSync(output, "utf8");
}
