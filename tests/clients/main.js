// Runs the cases with one version of RivetKit's client on the runtime that runs this, and writes for
// each case and encoding one line: `report {"case","encoding","ms","error"?}`.
//
//   node main.js VERSION RUNTIME PLACES [NUMBER...]
//
// clients_test.ts starts it. By hand it takes the numbers of the cases to run, and PLACES is the JSON
// that a server (`deno run -A server.ts`) has written.

import process from "node:process";
import { loadCases, nameOf } from "./cases.js";
import { Scene, watchFetch } from "./scene.js";

const [version, runtime, places, ...numbers] = process.argv.slice(2);
// How long one case may take: many of them share the machine.
const patienceMs = 60_000;
// How many are under way at once: as many processes as there are clients do the same, and a server
// that is asked for everything in one moment refuses some of it.
const maxRunning = 24;

// A client may leave a promise behind that nobody awaits: that is its own matter, and ends no case.
process.on("unhandledRejection", (error) => {
  console.error("unhandled:", error);
});

watchFetch();
const { createClient } = await import(`rivetkit-${version}/client`);
const cases = (await loadCases()).filter((one) =>
  one.versions.includes(version) && one.runtimes.includes(runtime) &&
  (numbers.length === 0 || numbers.includes(`${one.number}`))
);
const waiting = cases.flatMap((one) =>
  one.encodings.map((encoding) => () => report(one, encoding))
);
await Promise.all(Array.from({ length: maxRunning }, async () => {
  for (let run; (run = waiting.shift()) !== undefined;) await run();
}));
console.log("end of reports");
process.exit(0);

async function report(one, encoding) {
  const start = performance.now();
  const scene = new Scene({
    number: one.number,
    version,
    runtime,
    places: JSON.parse(places),
    encoding,
    createClient,
  });
  let error;
  try {
    await within(patienceMs, scene.play(one.run));
  } catch (thrown) {
    error = [thrown?.stack ?? String(thrown), ...linesOf(scene.requests)]
      .join("\n");
  }
  const ms = Math.round(performance.now() - start);
  const line = JSON.stringify({ case: nameOf(one), encoding, ms, error });
  console.log(`report ${line}`);
}

function within(ms, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`It did not end within ${ms} ms`)),
      ms,
    );
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

// What has been fetched, a line each; what was fetched again and again in the same way has one line.
function linesOf(requests) {
  const counts = new Map();
  for (const { method, url, status, error } of requests) {
    const failure = error && `${error} ${error.cause ?? ""}`;
    const line = `  ${method} ${url}: ${status ?? failure ?? "no answer yet"}`;
    counts.set(line, (counts.get(line) ?? 0) + 1);
  }
  return [...counts].map(([line, count]) =>
    count === 1 ? line : `${line} (${count} times)`
  );
}
