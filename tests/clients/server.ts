// The servers of the cases, as one process, which tells where they are in a line `serving {...}`.

import { setup } from "../../mod.ts";
import { actors } from "./actors.ts";
import { crashableStore } from "./connection_actors.ts";

const place = { port: 0, hostname: "127.0.0.1" };
const { url: endpoint } = setup({ use: actors, store: crashableStore() })
  .serve(place);

// It has no actors of its own, and sends clients to the other.
const { host } = new URL(endpoint);
const { url: elsewhere } = setup({
  use: {},
  store: "memory",
  noWelcome: true,
  serverless: { publicEndpoint: `http://default:pub%2Flic@${host}` },
}).serve(place);

// Here a client needs a token, of characters that a path has other uses for.
const { url: locked } = setup({
  use: actors,
  store: "memory",
  noWelcome: true,
  acceptTokens: "s3cret+%2F#&1",
}).serve(place);

console.log(`serving ${JSON.stringify({ endpoint, elsewhere, locked })}`);
