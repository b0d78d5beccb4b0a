// What stands between a client and the server, and closes sockets as a server or something on the way
// to it might: with any code and reason, at any time. It passes everything else on as it is.

import { Buffer } from "node:buffer";
import { connect, createServer } from "node:net";

/** A proxy for one server. */
export class Cutter {
  /** Where a client finds it. */
  endpoint = "";
  /** How many sockets were opened, those included that were closed right away. */
  handshakes = 0;
  /** How many times a client has looked for an actor. */
  lookups = 0;
  #wakers = new Set();
  #server;
  #port;
  #sockets = new Set();
  #tunnels = new Set();
  #refusals = [];

  /** Opens a proxy for the server at `endpoint`. */
  static async open(endpoint) {
    const cutter = new Cutter();
    cutter.#port = Number(new URL(endpoint).port);
    cutter.#server = createServer((near) => cutter.#pass(near));
    await new Promise((resolve) =>
      cutter.#server.listen(0, "127.0.0.1", resolve)
    );
    cutter.endpoint = `http://127.0.0.1:${cutter.#server.address().port}`;
    return cutter;
  }

  /** Closes the next sockets right after the handshake, one for each of these `[code, reason]`. */
  refuse(...closes) {
    this.#refusals.push(...closes);
  }

  /** Closes every open socket. */
  cut(code, reason = "") {
    for (const tunnel of this.#tunnels) tunnel.cut(code, reason);
  }

  /** Waits until `check` holds, which may look at the counts. */
  until(check) {
    return new Promise((resolve) => {
      const look = () => {
        if (!check()) return;
        this.#wakers.delete(look);
        resolve();
      };
      this.#wakers.add(look);
      look();
    });
  }

  close() {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }

  #pass(near) {
    const far = connect(this.#port, "127.0.0.1");
    for (const socket of [near, far]) {
      this.#sockets.add(socket);
      // Whatever goes wrong with one side ends the other.
      socket.on("error", () => {});
      socket.on("close", () => {
        this.#sockets.delete(socket);
        this.#tunnels.delete(tunnel);
        near.destroy();
        far.destroy();
      });
    }
    const tunnel = {
      isCut: false,
      cut: (code, reason) => {
        tunnel.isCut = true;
        this.#tunnels.delete(tunnel);
        near.write(closeFrame(code, reason));
        // The client answers with its own close frame.
        near.once("data", () => near.end());
      },
    };
    near.on("data", (data) => {
      if (/^(GET|PUT) \S*\/actors/.test(data.toString("latin1"))) {
        this.#count("lookups");
      }
      if (!tunnel.isCut) far.write(data);
    });
    far.on("data", (data) => {
      if (tunnel.isCut) return;
      // Node opens a socket where it has fetched something before.
      const isUpgrade = data.toString("latin1").startsWith("HTTP/1.1 101 ");
      if (!isUpgrade) return near.write(data);
      const end = data.indexOf("\r\n\r\n") + 4;
      near.write(data.subarray(0, end));
      this.#tunnels.add(tunnel);
      this.#count("handshakes");
      const refusal = this.#refusals.shift();
      if (refusal !== undefined) tunnel.cut(...refusal);
      else if (end < data.length) near.write(data.subarray(end));
    });
  }

  #count(what) {
    this[what]++;
    for (const wake of this.#wakers) wake();
  }
}

/** The bytes with which a server begins to close a socket. */
function closeFrame(code, reason) {
  const payload = code === undefined ? Buffer.alloc(0) : Buffer.concat([
    Buffer.from([code >> 8, code & 255]),
    Buffer.from(reason),
  ]);
  return Buffer.concat([Buffer.from([0x88, payload.length]), payload]);
}
