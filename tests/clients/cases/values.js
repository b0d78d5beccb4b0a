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
    async run({ client, encoding, key, line }) {
      const handle = client.echo.getOrCreate(key);
      await Promise.all(
        Object.entries(values).map(async ([name, value]) => {
          // An argument that is undefined at the top of an array is null in JSON.
          const [expected] = carried([value], encoding);
          deepStrictEqual(
            await handle.describe(value),
            [describe(expected)],
            name,
          );
          const [back] = await handle.echo(value);
          strictEqual(describe(back), describe(expected), name);
        }),
      );
      const all = Object.values(values);
      deepStrictEqual(
        await handle.describe(...all),
        carried(all, encoding).map(describe),
        line,
      );
      strictEqual(
        describe(await handle.echo(...all)),
        describe(carried(all, encoding)),
      );
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
        deepStrictEqual(
          await handle.describe(...args),
          carried(args, encoding).map(describe),
        );
        strictEqual(
          describe(await handle.echo(...args)),
          describe(carried(args, encoding)),
        );
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
