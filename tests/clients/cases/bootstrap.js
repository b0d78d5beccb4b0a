// How a client finds its server.

import { equal } from "node:assert/strict";

export default [
  {
    number: 1,
    title: "a client calls actors at the server's root and below its base path",
    versions: ["2.0.33", "2.3.11"],
    encodings: ["json"],
    async run({ endpoint, createClient, key }) {
      for (const [place, count] of [["", 1], ["/api/rivet", 2]]) {
        const client = createClient({ endpoint: endpoint + place });
        equal(await client.counter.getOrCreate(key).increment(), count);
      }
    },
  },
];
