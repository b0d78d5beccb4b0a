// A server of RivetKit's own: `node rivetkit.js VERSION PORT FOLDER` serves everything itself and keeps
// it in the folder; `node rivetkit.js VERSION URL` has it served by the engine there.

import process from "node:process";
import { actorsOf } from "./actors.js";

const [, , version, where, folder] = process.argv;
const rivetkit = await import(`rivetkit-${version}`);
const { createFileSystemDriver, setup } = rivetkit;
const use = actorsOf(rivetkit);
const quiet = { noWelcome: true, logging: { level: "silent" } };

if (folder === undefined) {
  setup({ use, endpoint: where, ...quiet }).start();
} else {
  setup({ use }).start({
    driver: createFileSystemDriver({ path: folder }),
    defaultServerPort: Number(where),
    inspector: { enabled: false },
    ...quiet,
  });
}
