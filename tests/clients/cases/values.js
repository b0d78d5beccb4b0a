// What an encoding carries: every type there and back, and what it could take for its own signs.

import { deepStrictEqual, strictEqual } from "node:assert";
import { describe } from "../describe.js";
import { carried, values } from "../values.js";

const tagged = Object.keys(values).filter((name) => name.includes("$"));
const tags = ["an array like a tag", ...tagged];

export default [
  {
    number: 23,
    title: "values of every type come to an action and back as they were",
    async run({ client, encoding, key }) {
      const handle = client.echo.getOrCreate(key);
      const all = Object.values(values);
      // Alone, and among all.
      for (const args of [...all.map((value) => [value]), all]) {
        const expected = carried(args, encoding);
        const [came, back] = await handle.echo(...args);
        deepStrictEqual(came, expected.map(describe));
        deepStrictEqual(back.map(describe), expected.map(describe));
      }
    },
  },
  {
    number: 24,
    title: "arrays that look like tags come back unchanged, in every depth",
    async run({ client, encoding, key }) {
      const handle = client.echo.getOrCreate(key);
      for (const name of tags) {
        const value = values[name];
        const args = [value, [value], { value }, ["$", value], [[value]]];
        const expected = carried(args, encoding).map(describe);
        const [came, back] = await handle.echo(...args);
        deepStrictEqual(came, expected);
        deepStrictEqual(back.map(describe), expected);
      }
    },
  },
  {
    number: 25,
    title: "an action without a result resolves",
    async run({ client, encoding, key, line }) {
      const result = await client.counter.getOrCreate(key).nothing();
      // JSON has no undefined for the older line.
      const isNull = encoding === "json" && line === "2.0";
      strictEqual(result, isNull ? null : undefined);
    },
  },
];
