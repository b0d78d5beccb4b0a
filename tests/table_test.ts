// Holds tests/README.md to its word: every id of the API has a row, and every test that a row names is
// there.

import { assertEquals } from "@std/assert";
import { existsSync, readFileSync } from "node:fs";
import { test } from "./harness.ts";

const here = new URL("./", import.meta.url);
const table = readFileSync(new URL("README.md", here), "utf8");

// What RivetKit's API consists of, part by part, and what our rulings decide.
const counts: Record<string, number> = {
  T: 21, // where its documents and its code disagree
  R: 11, // registry, servers, modes
  A: 13, // definition
  L: 17, // life cycle
  O: 12, // options, by name
  C: 11, // context
  X: 11, // actions and errors
  E: 7, // connections, events, auth
  K: 3, // keys and types
  J: 4, // schedules, destroy
  KV: 1,
  M: 5, // metadata and environment
  W: 5, // the wire
  H: 2, // low-level HTTP and WebSocket
  N: 8, // clients
  V: 8, // versions, tests, logging, shutdown
  P: 9, // what came later: cron, queues, schemas and so on
  "": 60, // what RivetKit's own clients are to find
};

interface Row {
  id: string;
  /** The tests: a file, and words that stand in it. */
  tests: { file: string; title: string }[];
  /** What the row says besides. */
  note: string;
}

function rowsOf(text: string): Row[] {
  return text.split("\n").flatMap((line) => {
    const match = line.match(/^\| ([A-Z]+\d*|\d+) +\|(.*)\|(.*)\|$/);
    if (match === null) return [];
    const [, id, , proof] = match as unknown as [
      string,
      string,
      string,
      string,
    ];
    const tests = [...proof.matchAll(/`([^`\s]+\.[jt]s)`: “([^”]+)”/g)]
      .map(([, file, title]) => ({ file: file!, title: title! }));
    return [{ id, tests, note: proof }];
  });
}

const rows = rowsOf(table);

test("the table has one row for each id, in order", () => {
  const expected = Object.entries(counts).flatMap(([part, count]) =>
    count === 1
      ? [part]
      : Array.from({ length: count }, (_, i) => `${part}${i + 1}`)
  );
  assertEquals(rows.map(({ id }) => id), expected);
});

test("every test that the table names is where it says", () => {
  const missing = rows.flatMap(({ id, tests }) =>
    tests.filter(({ file, title }) => {
      const path = new URL(file, here);
      return !existsSync(path) || !readFileSync(path, "utf8").includes(title);
    }).map(({ file, title }) => `${id}: ${file}: ${title}`)
  );
  assertEquals(missing, []);
});

test("every row names a test, or says why there is none", () => {
  const bare = rows.filter(({ tests, note }) =>
    tests.length === 0 && !/\bNot here: \S+ \S+/.test(note)
  );
  assertEquals(bare.map(({ id }) => id), []);
});
