// RivetKit's own packages, and the Node that the newer ones ask for, which are fetched only when a test
// needs them: they are large, and no part of Troupe.

import { spawn } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL("./", import.meta.url));
const lock = "package-lock.json";
// A copy of the lock that the modules were installed by. It comes with them, or not at all.
const installedLock = join("node_modules", `.installed-${lock}`);

// The first line of Node that RivetKit's newer packages are made for; it has a WebSocket of its own.
const nodeVersion = "22.23.3";

const installing = new Map<string, Promise<void>>();
let fetchingNode: Promise<string> | undefined;

/**
 * Installs what `package-lock.json` of this folder says, or of one below it, unless it is there. Any
 * number of processes may ask for it at once: each installs into a folder of its own, and the first
 * that has everything puts it where it is looked for.
 */
export function install(below = ""): Promise<void> {
  const folder = join(here, below);
  let installation = installing.get(folder);
  if (installation === undefined) {
    installation = isInstalled(folder)
      ? Promise.resolve()
      : installAnew(folder);
    installing.set(folder, installation);
  }
  return installation;
}

/** The path of a Node of the line 22, whichever else there is. */
export function node22(): Promise<string> {
  return fetchingNode ??= fetchNode();
}

async function fetchNode(): Promise<string> {
  const output = await run("npx", [
    "--yes",
    "--loglevel=error",
    `node@${nodeVersion}`,
    "--print",
    "process.execPath",
  ]);
  return output.trim();
}

function isInstalled(folder: string): boolean {
  const installed = join(folder, installedLock);
  return existsSync(installed) &&
    readFileSync(installed, "utf8") ===
      readFileSync(join(folder, lock), "utf8");
}

async function installAnew(folder: string): Promise<void> {
  const modules = join(folder, "node_modules");
  const own = mkdtempSync(join(folder, ".install-"));
  try {
    for (const file of ["package.json", lock]) {
      copyFileSync(join(folder, file), join(own, file));
    }
    // Not `npm ci`: it wants to see the engine's programs for every platform in the lock.
    await run("npm", [
      "install",
      "--no-save",
      "--omit=optional",
      "--ignore-scripts",
      "--no-audit",
      "--no-fund",
      "--loglevel=error",
      `--prefix=${own}`,
    ]);
    copyFileSync(join(own, lock), join(own, installedLock));
    const made = join(own, "node_modules");
    if (isInstalled(folder)) return;
    if (existsSync(modules)) renameSync(modules, join(own, "earlier"));
    try {
      renameSync(made, modules);
    } catch (error) {
      // Another process was faster.
      if (!isInstalled(folder)) throw error;
    }
  } finally {
    rmSync(own, { recursive: true, force: true });
  }
}

/** Runs a program to its end, and returns what it has written. */
function run(name: string, args: string[]): Promise<string> {
  const child = spawn(name, args, {
    cwd: here,
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  child.stdout.setEncoding("utf8");
  child.stdout.on("data", (text: string) => output += text);
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => {
      if (code === 0) resolve(output);
      else reject(new Error(`${name} ended with code ${code}:\n${output}`));
    });
  });
}
