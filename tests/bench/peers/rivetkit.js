// RivetKit's own server with the actor of ../counter.ts, kept in files: `rivetkit.js PORT FOLDER`. It runs
// as a copy, beside RivetKit's packages; where it is now, Deno takes "rivetkit" for Troupe.

import process from "node:process";
import { actor, createFileSystemDriver, setup } from "rivetkit";

const [port, folder] = process.argv.slice(2);

const counter = actor({
  state: { count: 0, text: "x".repeat(80) },
  actions: {
    read: (c) => c.state.count,
    write: (c, by) => c.state.count += by,
  },
});

setup({ use: { counter } }).start({
  driver: createFileSystemDriver({ path: folder }),
  defaultServerPort: Number(port),
  inspector: { enabled: false },
  noWelcome: true,
});
