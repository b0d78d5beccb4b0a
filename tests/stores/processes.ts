// `child.ts` as a process: started with either runtime, listened to line by line, killed.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import process from "node:process";
import { createInterface } from "node:readline";
import { fromFileUrl } from "@std/path";

/** The runtimes, by the name of their program. */
export type Runtime = "deno" | "bun";

/** The one that runs this test. */
export const runtime: Runtime = "Deno" in globalThis ? "deno" : "bun";
/** The other one. */
export const otherRuntime: Runtime = runtime === "deno" ? "bun" : "deno";
/** Whether the other one can be started. */
export const hasOther = spawnSync(otherRuntime, ["--version"]).status === 0;

/** A running `child.ts`. */
export class Child {
  #process: ChildProcess;
  #closed: Promise<unknown>;
  #errors = "";

  /** Starts it with these arguments. */
  constructor(args: string[], options: { runtime?: Runtime } = {}) {
    const { runtime: by = runtime } = options;
    const file = fromFileUrl(new URL("child.ts", import.meta.url));
    const flags = by === "deno" ? ["run", "-A", "--unstable-kv"] : ["run"];
    this.#process = spawn(
      by === runtime ? process.execPath : by,
      [...flags, file, ...args],
    );
    this.#closed = once(this.#process, "close");
    this.#process.stderr!.on("data", (chunk) => this.#errors += chunk);
  }

  /** Its output as it comes. */
  lines(): AsyncIterable<string> {
    return createInterface({ input: this.#process.stdout! });
  }

  /** Writes a line to its input. */
  send(line: string): void {
    this.#process.stdin!.write(`${line}\n`);
  }

  /** Kills it, with no chance to finish anything. */
  kill(): void {
    this.#process.kill("SIGKILL");
  }

  /** Waits until it is gone; rejects when it failed by itself. */
  async closed(): Promise<void> {
    await this.#closed;
    const { exitCode, signalCode } = this.#process;
    if (exitCode === 0 || signalCode === "SIGKILL") return;
    throw new Error(`Exited with ${exitCode ?? signalCode}: ${this.#errors}`);
  }
}
