// Cursors that everybody sees, over plain WebSockets: any client will do, without a library.
//
//   deno run -A examples/raw_websocket.ts
//   bun examples/raw_websocket.ts
//
// Then open two consoles of a browser, with the URL that it prints:
//
//   ws = new WebSocket("ws://…?name=ann"); ws.onmessage = (e) => console.log(e.data)
//   ws.send(JSON.stringify({ x: 1, y: 2 }))

import {
  actor,
  createClient,
  setup,
  type UniversalWebSocket,
} from "@troupe/actors";

interface Place {
  x: number;
  y: number;
}

const cursors = actor({
  state: { places: {} as Record<string, Place> },
  createVars: () => ({ sockets: new Set<UniversalWebSocket>() }),
  onWebSocket(c, socket) {
    const { sockets } = c.vars;
    const name = new URL(c.request!.url).searchParams.get("name") ?? "nobody";
    const tell = (message: unknown) => {
      for (const other of sockets) other.send(JSON.stringify(message));
    };
    // Called again for each socket when the actor wakes; `open` is told once.
    sockets.add(socket);
    socket.addEventListener("open", () => {
      socket.send(JSON.stringify({ places: c.state.places }));
    });
    socket.addEventListener("message", ({ data }) => {
      const { x, y } = JSON.parse(String(data)) as Place;
      c.state.places[name] = { x, y };
      tell({ name, x, y });
    });
    socket.addEventListener("close", () => {
      sockets.delete(socket);
      delete c.state.places[name];
      tell({ name, left: true });
    });
  },
  actions: {},
  // The sockets stay open while nobody moves and the actor sleeps.
  options: { canHibernateWebSocket: true },
});

export const registry = setup({ use: { cursors } });
registry.serve();

const client = createClient<typeof registry>();
const url = await client.cursors.getOrCreate("canvas").getGatewayUrl();
console.log(`The canvas is at ${url.replace(/^http/, "ws")}/websocket/`);
