// Starts a program of this folder in a process of its own, on the runtime that runs us.

import process from "node:process";
import { fileURLToPath } from "node:url";
import { Program } from "../runtimes/process.ts";

/** The runtime that runs us. */
export const runtime: "deno" | "bun" = "Deno" in globalThis ? "deno" : "bun";

/** Starts `file`, which may ask for the garbage to be collected. */
export function startProgram(file: string, args: string[]): Program {
  const path = fileURLToPath(new URL(file, import.meta.url));
  const flags = runtime === "deno"
    ? ["run", "-A", "--unstable-kv", "--v8-flags=--expose-gc"]
    : ["--expose-gc"];
  return Program.start(process.execPath, [...flags, path, ...args]);
}
