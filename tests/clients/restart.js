// Connections of every version and encoding to one actor, and what becomes of them: a line for each
// change, `VERSION ENCODING …`. restart_test.ts kills their server and brings it back.
//
//   node restart.js ENDPOINT

import process from "node:process";
import { encodings, versions } from "./cases.js";
import { told } from "./connection.js";

const [endpoint] = process.argv.slice(2);

process.on("unhandledRejection", (error) => {
  console.error("unhandled:", error);
});

// Node's own has no other way to say that nobody has answered.
const { WebSocket } = globalThis;
if (WebSocket !== undefined) {
  globalThis.WebSocket = class extends WebSocket {
    constructor(url, protocols) {
      super(url, protocols);
      this.addEventListener("error", () => console.log("refused"));
    }
  };
}

const guests = [];
for (const version of versions) {
  const { createClient } = await import(`rivetkit-${version}/client`);
  for (const encoding of encodings) {
    const handle = createClient({ endpoint, encoding })
      .room.getOrCreate(["lobby"]);
    const conn = handle.connect();
    const say = (what) => console.log(`${version} ${encoding} ${what}`);
    conn.onStatusChange(say);
    conn.onError(({ group, code }) => say(`error ${group}.${code}`));
    conn.onOpen(async () => say(`total ${await conn.total()}`));
    conn.on("said", (text) => say(`heard ${text}`));
    conn.hang("for ever").catch(() => say("rejected"));
    guests.push({ handle, conn, say });
  }
}

// Those of 2.0 come back by themselves, and hear it.
await told((done) => guests[0].conn.on("back", done));
for (const { handle, conn, say } of guests) {
  say(`then ${conn.connStatus}`);
  const next = handle.connect();
  await told((done) => next.onOpen(done));
  say("next connected");
}
console.log("the end");
process.exit(0);
