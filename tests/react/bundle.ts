// The page as one script, made by this runtime's own bundler with any version of React.

import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

const page = fileURLToPath(new URL("page.ts", import.meta.url));
const entry = fileURLToPath(
  new URL("../../src/react/mod.ts", import.meta.url),
);
const timeLimitMs = 60_000;

/** The text of the script, as React wants it in development. */
export function bundle(reactVersion: string): string {
  const folder = mkdtempSync(join(tmpdir(), "troupe-react-"));
  const output = join(folder, "page.js");
  try {
    if ("Deno" in globalThis) withDeno(reactVersion, { folder, output });
    else withBun(reactVersion, { folder, output });
    return readFileSync(output, "utf8");
  } finally {
    rmSync(folder, { recursive: true });
  }
}

interface Paths {
  folder: string;
  output: string;
}

function withDeno(version: string, { folder, output }: Paths): void {
  const map = join(folder, "map.json");
  write(map, {
    imports: {
      "react": `npm:react@${version}`,
      "react-dom/": `npm:/react-dom@${version}/`,
      "@troupe/actors/react": `file://${entry}`,
    },
  });
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

function withBun(version: string, { folder, output }: Paths): void {
  write(join(folder, "package.json"), {
    dependencies: { "react": version, "react-dom": version },
  });
  run(folder, ["install", "--silent"]);
  const tsconfig = join(folder, "tsconfig.json");
  const modules = join(folder, "node_modules");
  write(tsconfig, {
    compilerOptions: {
      paths: {
        "react": [join(modules, "react")],
        "react-dom": [join(modules, "react-dom")],
        "react-dom/client": [join(modules, "react-dom/client")],
        "react-dom/server": [join(modules, "react-dom/server.browser")],
        "@troupe/actors/react": [entry],
      },
    },
  });
  run(folder, [
    "build",
    `--tsconfig-override=${tsconfig}`,
    "--target=browser",
    '--define=process.env.NODE_ENV="development"',
    `--outfile=${output}`,
    page,
  ]);
}

function write(file: string, content: unknown): void {
  writeFileSync(file, JSON.stringify(content));
}

function run(folder: string, args: string[]): void {
  const { status, stdout, stderr, error } = spawnSync(process.execPath, args, {
    cwd: folder,
    encoding: "utf8",
    timeout: timeLimitMs,
    env: { ...process.env, DENO_NO_PACKAGE_JSON: "1" },
  });
  if (status === 0) return;
  throw new Error(`Cannot bundle the page:\n${stdout}${stderr}`, {
    cause: error,
  });
}
