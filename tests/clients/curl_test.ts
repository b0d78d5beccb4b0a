// What a person does by hand, without any client: curl against a real server.

import { assertEquals } from "@std/assert";
import { spawnSync } from "node:child_process";
import { test } from "../harness.ts";
import { Program } from "../runtimes/process.ts";
import { placesOf, startServer } from "./reports.ts";

const noCurl = spawnSync("curl", ["--version"]).error === undefined
  ? undefined
  : "there is no curl";

/** The JSON that curl gets. */
// deno-lint-ignore no-explicit-any -- JSON of whatever shape
async function curl(url: string, ...args: string[]): Promise<any> {
  await using program = Program.start("curl", ["--silent", ...args, url]);
  assertEquals(await program.ended(), { code: 0, signal: null }, url);
  return JSON.parse(program.output);
}

test(
  "31, 59. an actor is created, called and found with curl alone",
  async () => {
    await using server = await startServer();
    const { endpoint } = JSON.parse(await placesOf(server));
    const put = ["-X", "PUT", "-d", `{"name":"counter","key":"by/hand"}`];
    const { actor, created } = await curl(`${endpoint}/actors`, ...put);
    assertEquals(created, true);
    const increment = ["-d", `{"args":[2]}`];
    const byId = `${endpoint}/gateway/${actor.actor_id}`;
    const byKey = `${endpoint}/gateway/counter`;
    const query = "?rvt-namespace=default&rvt-method=get&rvt-key=by%2Chand";
    for (
      const [url, output] of [
        [`${byId}/action/increment`, 2],
        [`${byKey}/action/increment${query}`, 4],
      ] as const
    ) {
      assertEquals(await curl(url, ...increment), { output });
    }
    // Nothing sent is no arguments only where there is a body that says so.
    assertEquals(await curl(`${byId}/action/read`, "-d", "{}"), { output: 4 });
    const error = await curl(`${byId}/action/read`, "-X", "POST");
    assertEquals([error.group, error.code], ["message", "malformed"]);
    const { actors } = await curl(
      `${endpoint}/actors?name=counter&key=by/hand`,
    );
    assertEquals(
      actors.map((found: { actor_id: string }) => found.actor_id),
      [actor.actor_id],
    );
  },
  { skip: noCurl },
);
