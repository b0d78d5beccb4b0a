// Programs as real processes: started by name, read line by line, stopped with a signal.

import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";

/** How long a line or the end of a process may take. */
const patienceMs = 20_000;

/** Options of {@linkcode Program.start}. */
export interface StartOptions {
  /** Added to our own environment; `undefined` takes a variable away. */
  env?: Record<string, string | undefined>;
  /** The working directory; ours if absent. */
  cwd?: string;
}

/** How a process ended: with a code, or by a signal. */
export interface End {
  code: number | null;
  signal: string | null;
}

/** A running program. Disposing of it kills it. */
export class Program implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly #ended: Promise<End>;
  readonly #wakers = new Set<() => void>();
  #output = "";
  #hasEnded = false;

  private constructor(child: ChildProcess, name: string) {
    this.#process = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding("utf8");
      stream?.on("data", (text: string) => {
        this.#output += text;
        this.#wake();
      });
    }
    this.#ended = new Promise((resolve) => {
      child.on("error", (error) => {
        this.#output += `${name}: ${error.message}\n`;
      });
      child.on("close", (code, signal) => {
        this.#hasEnded = true;
        resolve({ code, signal });
        this.#wake();
      });
    });
  }

  /** Starts the program of this name, which is looked for on PATH. */
  static start(
    name: string,
    args: string[],
    { env, cwd }: StartOptions = {},
  ): Program {
    const merged = { ...process.env, NO_COLOR: "1", ...env };
    const child = spawn(name, args, {
      cwd,
      env: merged,
      stdio: ["ignore", "pipe", "pipe"],
    });
    return new Program(child, name);
  }

  /** What it has written so far, on both outputs. */
  get output(): string {
    return this.#output;
  }

  /**
   * Waits until what it has written matches, from the first byte on. Rejects, with its output, when
   * it ends before that or takes more than 20 seconds, unless told otherwise.
   */
  async line(
    pattern: RegExp,
    withinMs = patienceMs,
  ): Promise<RegExpMatchArray> {
    const deadline = Date.now() + withinMs;
    for (;;) {
      const match = this.#output.match(pattern);
      if (match !== null) return match;
      if (this.#hasEnded || Date.now() >= deadline) {
        const what = this.#hasEnded ? "ended" : "went on";
        throw new Error(`It ${what} without ${pattern}:\n${this.#output}`);
      }
      await this.#change(deadline - Date.now());
    }
  }

  /** Sends a signal, unless it has ended. */
  signal(signal: "SIGINT" | "SIGTERM" | "SIGKILL"): void {
    const { pid } = this.#process;
    if (pid === undefined || this.#hasEnded) return;
    try {
      // Not `this.#process.kill()`: after that Deno reports the signal as the way it ended.
      process.kill(pid, signal);
    } catch (error) {
      // It has ended a moment ago, and its outputs are still to be read.
      if ((error as { code?: string }).code !== "ESRCH") throw error;
    }
  }

  /** Waits for its end, for 20 seconds unless told otherwise: then it is killed. */
  async ended(withinMs = patienceMs): Promise<End> {
    const timer = setTimeout(() => this.signal("SIGKILL"), withinMs);
    const end = await this.#ended;
    clearTimeout(timer);
    return end;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.signal("SIGKILL");
    await this.#ended;
  }

  #wake(): void {
    for (const waker of this.#wakers) waker();
  }

  /** Waits until it writes something or ends, or the time is over. */
  #change(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#wakers.delete(done);
        resolve();
      };
      const timer = setTimeout(done, timeoutMs);
      this.#wakers.add(done);
    });
  }
}
