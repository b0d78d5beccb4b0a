// The server of the cases, as a process: its welcome tells where it is.

import { registry } from "./actors.ts";

registry.serve({ port: 0, hostname: "127.0.0.1" });
