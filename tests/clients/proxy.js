// A place between a client and the server: it may be closed and opened again.

import { connect, createServer } from "node:net";

/** Opens a port of its own whose connections go to `endpoint`. */
export async function proxyTo(endpoint) {
  const { hostname, port: target } = new URL(endpoint);
  const sockets = new Set();
  let server;
  let port = 0;

  const open = () =>
    new Promise((resolve, reject) => {
      server = createServer((socket) => {
        const onward = connect(Number(target), hostname);
        for (const [from, to] of [[socket, onward], [onward, socket]]) {
          sockets.add(from);
          from.pipe(to);
          // Whatever ends one end, ends the other.
          from.on("error", () => to.destroy());
          from.on("close", () => {
            sockets.delete(from);
            to.destroy();
          });
        }
      });
      server.on("error", reject);
      server.listen(port, "127.0.0.1", () => {
        port = server.address().port;
        resolve();
      });
    });

  await open();
  return {
    url: `http://127.0.0.1:${port}`,
    /** Listens again, at the same port. */
    open,
    /** Refuses new connections, and ends those that are there. */
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
