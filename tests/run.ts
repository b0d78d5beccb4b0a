// Runs the tests on Deno and on Bun, and ends with one line: `N passed, N failed`.
//
//   deno task test                     every test on both, and the examples in docstrings
//   deno task test stores layout       the test files whose path contains one of these words
//   deno task test --filter "wakes"    the tests whose name contains this
//   deno task test --only bun          one runtime alone
//   deno run -A tests/run.ts --script tests/bench/main.ts    a script instead of the tests
//
// Deno runs this file. Bun is looked for on PATH, then fetched by npx. What runs here finds both as
// `deno` and `bun` on its PATH.
//
// The counts come from the runners' JUnit reports. A runner that fails without a failed test in its
// report, or that finds nothing to run, counts as one failure.

import { readdirSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

type Runtime = "deno" | "bun";

interface Options {
  words: string[];
  filter: string | undefined;
  only: Runtime | undefined;
  script: string | undefined;
}

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

const root = fileURLToPath(new URL("..", import.meta.url));
const timeLimitMs = 45 * 60_000;
const bunVersion = "1.4";

const options = parseArgs(Deno.args);
const folder = await Deno.makeTempDir({ prefix: "troupe-tests-" });
try {
  const env = { PATH: await linkRuntimes(folder) };
  Deno.exitCode = options.script === undefined
    ? await runTests(options, folder, env)
    : await runScript(options.script, options, env);
} finally {
  await Deno.remove(folder, { recursive: true });
}

async function runTests(
  options: Options,
  folder: string,
  env: Record<string, string>,
): Promise<number> {
  const isNarrowed = options.filter !== undefined;
  const total: Counts = { passed: 0, failed: 0, skipped: 0 };
  for (const { name, command } of suites(options)) {
    const report = join(folder, `${name}.xml`);
    const start = performance.now();
    const code = await run(command(report), env);
    const { counts, complaint } = await judge(report, code, isNarrowed);
    if (complaint !== undefined) console.log(`\n${name}: ${complaint}`);
    // With a filter the runners report every other test as skipped.
    if (isNarrowed) counts.skipped = 0;
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    console.log(`\n${name}: ${show(counts)} (${seconds} s)\n`);
    total.passed += counts.passed;
    total.failed += counts.failed;
    total.skipped += counts.skipped;
  }
  if (total.passed + total.failed === 0) {
    console.log("No test was run");
    total.failed++;
  }
  console.log(show(total));
  return total.failed === 0 ? 0 : 1;
}

async function runScript(
  script: string,
  { only, words }: Options,
  env: Record<string, string>,
): Promise<number> {
  const commands: Record<Runtime, string[]> = {
    deno: ["deno", "run", "-A", "--unstable-kv", script, ...words],
    bun: ["bun", script, ...words],
  };
  let failed = 0;
  for (const runtime of ["deno", "bun"] as const) {
    if (only !== undefined && only !== runtime) continue;
    console.log(`\n${runtime}: ${script}`);
    if (await run(commands[runtime], env) !== 0) failed = 1;
  }
  return failed;
}

interface Suite {
  name: string;
  command: (report: string) => string[];
}

function suites({ words, filter, only }: Options): Suite[] {
  const files = testFiles(words);
  // Without a file's name the runners would run every test.
  if (files.length === 0) return [];
  const named = (flag: string, text = filter) =>
    text === undefined ? [] : [flag, text];
  const all: Suite[] = [];
  if (only !== "bun") {
    const deno = ["deno", "test", "-A", "--unstable-kv", ...named("--filter")];
    all.push({
      name: "deno",
      command: (report) => [...deno, `--junit-path=${report}`, ...files],
    });
    if (words.length === 0 && filter === undefined) {
      all.push({
        name: "deno_docs",
        command: (
          report,
        ) => [...deno, `--junit-path=${report}`, "--doc", "mod.ts", "src"],
      });
    }
  }
  if (only !== "deno") {
    all.push({
      name: "bun",
      command: (report) => [
        "bun",
        "test",
        "--timeout=180000",
        "--reporter=junit",
        `--reporter-outfile=${report}`,
        ...named("--test-name-pattern", filter && RegExp.escape(filter)),
        ...files,
      ],
    });
  }
  return all;
}

function testFiles(words: string[]): string[] {
  return readdirSync(join(root, "tests"), {
    recursive: true,
    encoding: "utf8",
  })
    .filter((path) =>
      path.endsWith("_test.ts") && !path.includes("node_modules")
    )
    .map((path) => `./tests/${path.replaceAll("\\", "/")}`)
    .filter((path) =>
      words.length === 0 || words.some((word) => path.includes(word))
    )
    .toSorted();
}

async function run(
  [name, ...args]: string[],
  env: Record<string, string>,
): Promise<number> {
  // Deno.Command looks its program up on this process's own PATH, so name it in full.
  const program = join(env.PATH!.split(delimiter)[0]!, name!);
  const { code } = await new Deno.Command(program, {
    args,
    env,
    cwd: root,
    stdin: "null",
    stdout: "inherit",
    stderr: "inherit",
    signal: AbortSignal.timeout(timeLimitMs),
  }).output();
  return code;
}

// The counts of one runner, and what its report does not say about the failure that they include.
async function judge(
  report: string,
  code: number,
  isNarrowed: boolean,
): Promise<{ counts: Counts; complaint?: string }> {
  const counts: Counts = { passed: 0, failed: 0, skipped: 0 };
  let text: string;
  try {
    text = await Deno.readTextFile(report);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    counts.failed++;
    return { counts, complaint: `no report, exit code ${code}` };
  }
  for (const testCase of text.split("<testcase ").slice(1)) {
    if (/<(failure|error)\b/.test(testCase)) counts.failed++;
    else if (/<skipped\b/.test(testCase)) counts.skipped++;
    else counts.passed++;
  }
  if (counts.failed > 0) return { counts };
  if (counts.passed === 0) {
    if (isNarrowed) return { counts };
    counts.failed++;
    return { counts, complaint: `no test was run, exit code ${code}` };
  }
  if (code === 0) return { counts };
  counts.failed++;
  return { counts, complaint: `no test failed, but exit code ${code}` };
}

function show({ passed, failed, skipped }: Counts): string {
  const line = `${passed} passed, ${failed} failed`;
  return skipped === 0 ? line : `${line}, ${skipped} skipped`;
}

// Links both runtimes into `folder` under their plain names and returns a PATH that starts with it:
// npm's packages name their programs otherwise.
async function linkRuntimes(folder: string): Promise<string> {
  const bin = join(folder, "bin");
  await Deno.mkdir(bin);
  await Deno.symlink(Deno.execPath(), join(bin, "deno"));
  await Deno.symlink(await findBun(), join(bin, "bun"));
  return [bin, Deno.env.get("PATH") ?? ""].join(delimiter);
}

async function findBun(): Promise<string> {
  const commands = [["bun"], ["npx", "-y", `bun@${bunVersion}`]];
  const code = "console.log(Bun.version + ' ' + process.execPath)";
  for (const [name, ...args] of commands) {
    try {
      const { stdout } = await new Deno.Command(name!, {
        args: [...args, "-e", code],
        stderr: "inherit",
      }).output();
      const line = new TextDecoder().decode(stdout).trim();
      if (line.startsWith(`${bunVersion}.`)) {
        return line.slice(line.indexOf(" ") + 1);
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  throw new Error(`Cannot find Bun ${bunVersion} on PATH or through npx`);
}

function parseArgs(args: string[]): Options {
  const options: Options = {
    words: [],
    filter: undefined,
    only: undefined,
    script: undefined,
  };
  for (let index = 0; index < args.length; index++) {
    const arg = args[index]!;
    if (!arg.startsWith("--")) {
      options.words.push(arg);
      continue;
    }
    const value = args[++index];
    if (value === undefined) throw new TypeError(`${arg} needs a value`);
    if (arg === "--filter") options.filter = value;
    else if (arg === "--script") options.script = value;
    else if (arg === "--only" && (value === "deno" || value === "bun")) {
      options.only = value;
    } else throw new TypeError(`Unknown option: ${arg} ${value}`);
  }
  return options;
}
