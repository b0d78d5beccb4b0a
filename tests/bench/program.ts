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

/** A server of server.ts that answers. */
export interface Server {
  program: Program;
  url: string;
}

/** Starts server.ts. */
export async function startServer(args: string[]): Promise<Server> {
  const program = startProgram("server.ts", args);
  const [, url] = await program.line(/^ready at (\S+)$/m);
  return { program, url: url! };
}

/** The CPU time that a server has taken so far, in microseconds. */
export async function cpuOf({ url }: Pick<Server, "url">): Promise<number> {
  return await (await fetch(`${url}/cpu`)).json();
}

/** As `program.line()`, for as long as it takes: the machine may be busy with something else. */
export async function waitForLine(
  program: Program,
  pattern: RegExp,
): Promise<RegExpMatchArray> {
  for (;;) {
    try {
      return await program.line(pattern);
    } catch (error) {
      const isLate = error instanceof Error &&
        /^It went on/.test(error.message);
      if (!isLate) throw error;
    }
  }
}
