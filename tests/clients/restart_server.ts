// A server whose actors outlast it: `bun restart_server.ts FOLDER`, with its port in PORT.

import process from "node:process";
import { createFileSystemDriver, setup } from "../../mod.ts";
import { room } from "./connection_actors.ts";

const driver = createFileSystemDriver({ path: process.argv[2]! });
setup({ use: { room }, driver }).serve({ hostname: "127.0.0.1" });
