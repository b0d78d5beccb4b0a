// RivetKit's own packages, which are fetched only when a test needs them: they are large, and no part
// of Troupe.

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

const folder = fileURLToPath(new URL("./", import.meta.url));
const modules = join(folder, "node_modules");
const lock = "package-lock.json";
// A copy of the lock that the modules were installed by. It comes with them, or not at all.
const installedLock = join(modules, `.installed-${lock}`);

let installing: Promise<void> | undefined;

/**
 * Installs what `package-lock.json` of this folder says, unless it is there. Any number of processes
 * may ask for it at once: each installs into a folder of its own, and the first that has everything
 * puts it where it is looked for.
 */
export function install(): Promise<void> {
  return installing ??= isInstalled() ? Promise.resolve() : installAnew();
}

function isInstalled(): boolean {
  return existsSync(installedLock) &&
    readFileSync(installedLock, "utf8") ===
      readFileSync(join(folder, lock), "utf8");
}

async function installAnew(): Promise<void> {
  const own = mkdtempSync(join(folder, ".install-"));
  try {
    for (const file of ["package.json", lock]) {
      copyFileSync(join(folder, file), join(own, file));
    }
    // Not `npm ci`: it wants to see the engine's programs for every platform in the lock.
    await npm([
      "install",
      "--no-save",
      "--omit=optional",
      "--ignore-scripts",
      "--no-audit",
      "--no-fund",
      "--loglevel=error",
      `--prefix=${own}`,
    ]);
    const made = join(own, "node_modules");
    copyFileSync(join(own, lock), join(made, `.installed-${lock}`));
    if (isInstalled()) return;
    if (existsSync(modules)) renameSync(modules, join(own, "earlier"));
    try {
      renameSync(made, modules);
    } catch (error) {
      // Another process was faster.
      if (!isInstalled()) throw error;
    }
  } finally {
    rmSync(own, { recursive: true, force: true });
  }
}

function npm(args: string[]): Promise<void> {
  const child = spawn("npm", args, {
    cwd: folder,
    stdio: ["ignore", "inherit", "inherit"],
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => {
      if (code === 0) resolve();
      else reject(new Error(`npm ${args[0]} ended with code ${code}`));
    });
  });
}
