// The page as one script, made by this runtime's own bundler with any version of React.

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { Folder } from "../runtimes/folder.ts";

const page = fileURLToPath(new URL("page.ts", import.meta.url));
const entry = fileURLToPath(
  new URL("../../src/react/mod.ts", import.meta.url),
);
const timeLimitMs = 60_000;

/** The text of the script, as React wants it in development. */
export function bundle(reactVersion: string): string {
  using folder = new Folder();
  const output = join(folder.path, "page.js");
  if ("Deno" in globalThis) withDeno(reactVersion, folder, output);
  else withBun(reactVersion, folder, output);
  return readFileSync(output, "utf8");
}

function withDeno(version: string, folder: Folder, output: string): void {
  const map = folder.write(
    "map.json",
    JSON.stringify({
      imports: {
        "react": `npm:react@${version}`,
        "react-dom/": `npm:/react-dom@${version}/`,
        "@troupe/actors/react": `file://${entry}`,
      },
    }),
  );
  // Neither our deno.json nor our package.json, for they name another version.
  const args = ["--no-config", "--no-lock", `--import-map=${map}`];
  run(folder, [
    "bundle",
    ...args,
    "--platform=browser",
    `--output=${output}`,
    page,
  ]);
}

function withBun(version: string, folder: Folder, output: string): void {
  const dependencies = { "react": version, "react-dom": version };
  folder.write("package.json", JSON.stringify({ dependencies }));
  run(folder, ["install", "--silent"]);
  const modules = join(folder.path, "node_modules");
  const paths = {
    "react": [join(modules, "react")],
    "react-dom": [join(modules, "react-dom")],
    "react-dom/client": [join(modules, "react-dom/client")],
    "react-dom/server": [join(modules, "react-dom/server.browser")],
    "@troupe/actors/react": [entry],
  };
  const tsconfig = folder.write(
    "tsconfig.json",
    JSON.stringify({ compilerOptions: { paths } }),
  );
  run(folder, [
    "build",
    `--tsconfig-override=${tsconfig}`,
    "--target=browser",
    '--define=process.env.NODE_ENV="development"',
    `--outfile=${output}`,
    page,
  ]);
}

function run(folder: Folder, args: string[]): void {
  const { status, stdout, stderr, error } = spawnSync(process.execPath, args, {
    cwd: folder.path,
    encoding: "utf8",
    timeout: timeLimitMs,
    env: { ...process.env, DENO_NO_PACKAGE_JSON: "1" },
  });
  if (status === 0) return;
  throw new Error(`Cannot bundle the page:\n${stdout}${stderr}`, {
    cause: error,
  });
}
