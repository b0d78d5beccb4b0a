// Programs written for RivetKit run when the import alone is changed. Those in drop_in/ import
// "rivetkit" and "rivetkit/client", which deno.json (Deno) and tsconfig.json (Bun) send to us; that, or
// a changed specifier, is all that a user has to do. They are type-checked with everything else.

import { assertEquals, assertMatch } from "@std/assert";
import { fileURLToPath } from "node:url";
import { test } from "../harness.ts";
import { Folder } from "../runtimes/folder.ts";
import { answerOf, freePort } from "../runtimes/ports.ts";
import { Program } from "../runtimes/process.ts";

const folder = fileURLToPath(new URL("./drop_in", import.meta.url));
const isBun = "Bun" in globalThis;
const run = isBun ? ["bun"] : ["deno", "run", "-A"];
const serve = isBun ? ["bun"] : ["deno", "serve", "-A", "--port=PORT"];

test("a program written for RivetKit runs with its import changed", async () => {
  using data = new Folder();
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
      { cwd: folder, env },
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
