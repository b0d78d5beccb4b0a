// Programs written for RivetKit run when their imports lead to us. Those in drop_in/ import "rivetkit"
// and "rivetkit/client"; they run in a folder of their own with the configuration that the README
// tells. They are type-checked with everything else.

import { assertEquals, assertMatch } from "@std/assert";
import { cpSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "../harness.ts";
import { Folder } from "../runtimes/folder.ts";
import { answerOf, freePort } from "../runtimes/ports.ts";
import { Program } from "../runtimes/process.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const isBun = "Bun" in globalThis;
const run = isBun ? ["bun"] : ["deno", "run", "-A"];
const serve = isBun ? ["bun"] : ["deno", "serve", "-A", "--port=PORT"];

const read = (file: string) => readFileSync(join(root, file), "utf8");

// The JSON in the README that has this in it.
function configOf(member: string): Record<string, unknown> {
  const [, chapter = ""] = read("README.md").split("## Coming from RivetKit");
  const blocks = Array.from(
    chapter.matchAll(/^```json\n(.*?)^```/gms),
    ([, text]) => JSON.parse(text!),
  );
  const config = blocks.find((block) => member in block);
  if (config === undefined) throw new Error(`The README has no ${member}`);
  return config;
}

// The package of this checkout, in a folder with the configuration that its registry would give it.
function layPackage(folder: Folder, path: string, config: string): void {
  const { name, version, exports } = JSON.parse(read("deno.json"));
  mkdirSync(join(folder.path, path), { recursive: true });
  folder.write(
    `${path}/${config}`,
    JSON.stringify({ name, version, exports, type: "module" }),
  );
  for (const each of ["mod.ts", "src"]) {
    symlinkSync(join(root, each), join(folder.path, path, each));
  }
}

function configureDeno(folder: Folder): void {
  layPackage(folder, "package", "deno.json");
  const config = { ...configOf("imports"), links: ["./package"], lock: false };
  folder.write("deno.json", JSON.stringify(config));
}

// What the package manager would have put there under the name of the alias.
function configureBun(folder: Folder): void {
  layPackage(folder, "node_modules/rivetkit", "package.json");
  const config = configOf("dependencies");
  folder.write("package.json", JSON.stringify({ ...config, type: "module" }));
  assertEquals(config.dependencies, {
    rivetkit: "npm:@jsr/troupe__actors@^0.1",
  });
}

test("a program written for RivetKit runs when its imports lead here, as the README says", async () => {
  using data = new Folder();
  using folder = new Folder();
  cpSync(join(root, "tests/api/drop_in"), folder.path, { recursive: true });
  if (isBun) configureBun(folder);
  else configureDeno(folder);
  const port = await freePort();
  const env = {
    PORT: `${port}`,
    TROUPE_DATA: data.path,
    ENDPOINT: `http://127.0.0.1:${port}`,
    RIVET_EXPOSE_ERRORS: undefined,
    NODE_ENV: undefined,
  };
  const start = ([name, ...args]: string[], file: string) =>
    Program.start(
      name!,
      [...args.map((arg) => arg.replace("PORT", `${port}`)), file],
      { cwd: folder.path, env },
    );
  await using server = start(serve, "server.ts");
  await answerOf(`${env.ENDPOINT}/api/rivet/health`, server);
  await using client = start(run, "client.ts");
  const end = await client.ended();
  assertEquals(
    client.output,
    `topic: Everything
sent: 2 ada Hi Bob
heard: bob: Hello, ada: Hi Bob
whisper: ada whispers psst
typing: ada
typing: ada,bob
kept: Hi Bob, Later, Last
report: {"key":["org-1","general"],"total":3,"hasChanged":true}
too long: user/message_too_long
  Message is too long {"maxLength":20}
broken: internal/internal_error
not admin: user/forbidden
  Only an admin may undefined
unknown token: user/unauthorized
  Unknown token undefined
unknown room: actor/not_found
existing room: actor/duplicate_key
closed room: actor/not_found
topic: Something else
`,
  );
  assertEquals(end, { code: 0, signal: null });
  // What the client was not told stands in the log.
  assertMatch(server.output, /secret detail/);
  server.signal("SIGTERM");
  assertEquals(await server.ended(), { code: 0, signal: null });
});
