// Writes the package as single files, for whoever has no package registry at hand, or a page.
//
//   deno task bundle                 into dist/
//   deno task bundle path/to/folder
//
//   troupe.js        all of mod.ts, for Deno and Bun; it imports their own modules alone
//   troupe.min.js    the same, minified
//   client.js        all of src/client/mod.ts, for a browser too; it imports nothing
//   client.min.js    the same, minified
//   troupe.d.ts      their types, where Deno and TypeScript look for them by themselves; what these
//   client.d.ts      say is in types/
//
// A program may take both: a client of client.js finds the registry of troupe.js in its process, but
// what it then throws is of the classes of troupe.js, so tell errors by `group` and `code`.

import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

interface Bundle {
  entry: string;
  file: string;
  args: string[];
}

const root = fileURLToPath(new URL("../..", import.meta.url));
const folder = resolve(Deno.args[0] ?? join(root, "dist"));
const types = join(folder, "types");
const tsc = join(root, "node_modules/typescript/bin/tsc");

const entries = { troupe: "mod.ts", client: "src/client/mod.ts" };
const client = { entry: entries.client, args: ["--platform=browser"] };
const bundles: Bundle[] = [
  { entry: entries.troupe, file: "troupe.js", args: [] },
  { entry: entries.troupe, file: "troupe.min.js", args: ["--minify"] },
  { ...client, file: "client.js" },
  { ...client, file: "client.min.js", args: [...client.args, "--minify"] },
];

await mkdir(folder, { recursive: true });
for (const bundle of bundles) await writeBundle(bundle);
await writeTypes();

async function writeBundle({ entry, file, args }: Bundle): Promise<void> {
  const path = join(folder, file);
  await run(Deno.execPath(), "bundle", ...args, `--output=${path}`, entry);
  const code = await readFile(path, "utf8");
  const text = `// @ts-self-types="./${file.split(".")[0]}.d.ts"\n${code}`;
  await writeFile(path, text);
  console.log(`${path}: ${new TextEncoder().encode(text).length} bytes`);
}

// `deno bundle --declaration` leaves imports of files that are not there, so TypeScript writes the
// types, one file for each of ours.
async function writeTypes(): Promise<void> {
  await rm(types, { recursive: true, force: true });
  const project = join(root, "tests/bundle/tsconfig.types.json");
  await run("node", tsc, "--project", project, "--outDir", types);
  for (const file of await readdir(types, { recursive: true })) {
    if (file.endsWith(".d.ts")) await nameTypes(join(types, file));
  }
  for (const [name, entry] of Object.entries(entries)) {
    const path = `./types/${entry.replace(".ts", ".d.ts")}`;
    await writeFile(join(folder, `${name}.d.ts`), `export * from "${path}";\n`);
  }
}

// Deno looks for the very file that an import names. What a comment's example imports is the reader's.
async function nameTypes(path: string): Promise<void> {
  const lines = (await readFile(path, "utf8")).split("\n").map((line) =>
    /^\s*\*/.test(line)
      ? line
      : line.replaceAll(/((?:from |import\()"\.[^"]*)\.ts"/g, '$1.d.ts"')
  );
  await writeFile(path, lines.join("\n"));
}

async function run(program: string, ...args: string[]): Promise<void> {
  const { success, stdout, stderr } = await new Deno.Command(program, {
    args,
    cwd: root,
  }).output();
  if (success) return;
  for (const output of [stdout, stderr]) await Deno.stderr.write(output);
  throw new Error(`Cannot bundle: ${program} ${args.join(" ")} failed`);
}
