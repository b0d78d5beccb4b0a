// Runs every ```ts or ```tsx example of README.md on this runtime, each in a process of its own and in a folder
// of its own, with @troupe/actors standing for this repository.
//
// What follows `ts` on the fence says more:
//
//   ts                   is type-checked (on Deno) and run; must end by itself, with exit code 0
//   ts serve             must print a line with its http:// address and answer a request there; it is
//                        then stopped. PORT is 0. With an `export default` it runs by `deno serve`
//   ts test              is a test, which must pass under the runtime's own runner
//   ts no_run            is only type-checked, so does nothing on Bun
//   ts ignore            is not looked at
//   ts file=server.ts    lies under this name beside every other example, for these to import
//   ts with=server.ts    runs while the example of that name serves; `localhost:` and a port in its
//                        text become that server's

import { assert, assertEquals } from "@std/assert";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { test } from "./harness.ts";

interface Example {
  line: number;
  file: string;
  code: string;
  mode: "run" | "serve" | "test" | "no_run";
  /** The file of the example that serves meanwhile. */
  server: string | undefined;
}

const timeLimitMs = 40_000;
const isDeno = "Deno" in globalThis;
const root = fileURLToPath(new URL("..", import.meta.url));
const readme = join(root, "README.md");

const runCommand = isDeno ? ["run", "-A", "--unstable-kv", "--check"] : [];
const testCommand = isDeno ? ["test", "-A"] : ["test"];
const serveCommand = ["serve", "-A", "--unstable-kv", "--check", "--port=0"];

const promise: Record<Example["mode"], string> = {
  run: "the example runs",
  serve: "the example serves",
  test: "the example passes as a test",
  no_run: "the example type-checks",
};

for (const { title, body } of existsSync(readme) ? testsOf(readme) : []) {
  test(title, body);
}

function testsOf(
  path: string,
): { title: string; body: () => Promise<void> }[] {
  const examples = parse(readFileSync(path, "utf8"));
  return examples
    .filter(({ mode }) => isDeno || mode !== "no_run")
    .map((example) => ({
      title: `README.md, line ${example.line}: ${promise[example.mode]}`,
      body: () => inFolder(examples, (folder) => check(example, folder)),
    }));
}

function parse(markdown: string): Example[] {
  const fences = markdown.matchAll(/^```(tsx?)(?: (.*))?\n([^]*?)^```$/gm);
  return [...fences].flatMap(({ index, 1: kind, 2: words = "", 3: code }) => {
    const line = markdown.slice(0, index).split("\n").length;
    const example: Example = {
      line,
      file: `line_${line}.${kind}`,
      code: code!,
      mode: "run",
      server: undefined,
    };
    for (const word of words.split(" ").filter(Boolean)) {
      if (word === "ignore") return [];
      if (word === "serve" || word === "test" || word === "no_run") {
        example.mode = word;
      } else if (word.startsWith("file=")) example.file = word.slice(5);
      else if (word.startsWith("with=")) example.server = word.slice(5);
      else throw new TypeError(`README.md, line ${line}: unknown word ${word}`);
    }
    return [example];
  });
}

async function inFolder(
  examples: Example[],
  body: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "troupe-readme-"));
  try {
    for (const { file, code } of examples) {
      writeFileSync(join(folder, file), code);
    }
    mapPackage(folder);
    await body(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

// Lets code in `folder` import this repository by the names of its exports, and what the repository
// itself imports by name.
function mapPackage(folder: string): void {
  const config = JSON.parse(readFileSync(join(root, "deno.json"), "utf8"));
  const paths = Object.fromEntries(
    Object.entries<string>(config.exports).map(([entry, file]) =>
      [config.name + entry.slice(1), join(root, file)] as const
    ),
  );
  if (!isDeno) {
    // Bun takes the other packages from the repository's node_modules.
    symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
    const lists = Object.entries(paths).map(([name, path]) => [name, [path]]);
    writeJson(join(folder, "tsconfig.json"), {
      compilerOptions: { paths: Object.fromEntries(lists) },
    });
    return;
  }
  writeJson(join(folder, "deno.json"), {
    imports: { ...config.imports, ...paths },
    compilerOptions: config.compilerOptions,
    nodeModulesDir: "none",
    lock: false,
  });
}

function writeJson(path: string, value: unknown): void {
  writeFileSync(path, JSON.stringify(value));
}

async function check(example: Example, folder: string): Promise<void> {
  const { file, code, mode, server } = example;
  if (mode === "no_run") return await succeed(["check", file], folder);
  if (mode === "serve") return await serve(example, folder, isAnswered);
  const command = mode === "test"
    ? [...testCommand, `./${file}`]
    : [...runCommand, file];
  if (server === undefined) return await succeed(command, folder);
  const serving = {
    file: server,
    code: readFileSync(join(folder, server), "utf8"),
  };
  await serve(serving, folder, async (address) => {
    const text = code.replaceAll(/\blocalhost:\d+/g, address.host);
    writeFileSync(join(folder, file), text);
    await succeed(command, folder);
  });
}

async function isAnswered(address: URL): Promise<void> {
  const response = await fetch(address);
  await response.body?.cancel();
  assert(response.status < 500, `${address} answers ${response.status}`);
}

async function succeed(args: string[], folder: string): Promise<void> {
  const child = new Child(args, folder);
  const code = await child.end();
  assertEquals(code, 0, `${args.join(" ")}\n${child.output}`);
}

async function serve(
  { file, code }: Pick<Example, "file" | "code">,
  folder: string,
  body: (address: URL) => Promise<void>,
): Promise<void> {
  const isDefault = /^export default\b/m.test(code);
  const command = isDeno && isDefault ? serveCommand : runCommand;
  const child = new Child([...command, file], folder);
  try {
    await body(await child.address());
  } finally {
    child.stop();
    await child.end();
  }
}

// A process of this runtime.
class Child {
  output = "";
  #process: ChildProcess;
  #end: Promise<unknown[]>;
  #timer: ReturnType<typeof setTimeout>;

  constructor(args: string[], folder: string) {
    this.#process = spawn(process.execPath, args, {
      cwd: folder,
      // Whatever is kept between runs is kept in the folder.
      env: { ...process.env, ...stateIn(folder), PORT: "0", NO_COLOR: "1" },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#end = once(this.#process, "close");
    for (const stream of [this.#process.stdout!, this.#process.stderr!]) {
      stream.setEncoding("utf8");
      stream.on("data", (text: string) => {
        this.output += text;
        this.#process.emit("output");
      });
    }
    this.#timer = setTimeout(() => {
      this.output += `\nStopped: did not end within ${timeLimitMs / 1000} s`;
      this.#process.kill("SIGKILL");
    }, timeLimitMs);
  }

  // The exit code; null when a signal ended the process.
  async end(): Promise<unknown> {
    const [code] = await this.#end;
    clearTimeout(this.#timer);
    return code;
  }

  stop(): void {
    this.#process.kill("SIGTERM");
  }

  // The first http:// address that the process prints.
  async address(): Promise<URL> {
    let hasEnded = false;
    this.#end.then(() => hasEnded = true);
    while (true) {
      const found = /http:\/\/[^\s:]+:\d+/.exec(this.output)?.[0];
      if (found !== undefined) {
        return new URL(found.replace("0.0.0.0", "localhost"));
      }
      assert(!hasEnded, `No address in the output:\n${this.output}`);
      await Promise.race([this.#end, once(this.#process, "output")]);
    }
  }
}

function stateIn(folder: string): Record<string, string> {
  return { XDG_DATA_HOME: folder, XDG_STATE_HOME: folder, TMPDIR: folder };
}
