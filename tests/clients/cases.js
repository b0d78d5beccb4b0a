// The cases that RivetKit's own clients go through, out of the files of cases/. Each of these has an
// array of cases as its default export:
//
//   export default [{
//     number: 25,                       // of the conformance checklist; several cases may share one
//     title: "an action without a result resolves",
//     versions: ["2.3.11", "2.3.19"],   // of the client; all if absent
//     encodings: ["json"],              // all if absent; one where the encoding changes nothing
//     runtimes: ["node"],               // of the client; all if absent
//     async run({ client, key }) {      // throws when it is not so
//       strictEqual(await client.counter.getOrCreate(key).nothing(), undefined);
//     },
//   }];
//
// What `run` is given is in scene.js. It runs once for each version, runtime and encoding, at the same
// time as many others, against one server whose actors are in actors.ts: it keeps to actors with
// `key` in their key. These files are JavaScript, as Node runs them too, and import no client: it is
// given to them. What they assert with is `strictEqual` and its like: in Deno, `equal` of
// `node:assert/strict` is not strict.

import { readdirSync } from "node:fs";

export const versions = ["2.0.33", "2.3.11", "2.3.19"];
export const runtimes = ["node", "node-22", "deno", "bun"];
export const encodings = ["bare", "cbor", "json"];

/** All cases, in the order of their numbers, with every default filled in. */
export async function loadCases() {
  const folder = new URL("./cases/", import.meta.url);
  const files = readdirSync(folder).filter((file) => file.endsWith(".js"));
  const modules = await Promise.all(
    files.toSorted().map((file) => import(new URL(file, folder).href)),
  );
  return modules.flatMap((module) => module.default)
    .map((one) => ({ versions, runtimes, encodings, ...one }))
    .toSorted((a, b) => a.number - b.number);
}

/** What a case is called in reports. */
export function nameOf({ number, title }) {
  return `${number}. ${title}`;
}
