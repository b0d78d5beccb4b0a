// The page that browser_test.ts drives through `stage`: components that use actors through RivetKit's
// own hooks, each with what it sees as JSON, and RivetKit's own clients without React.
//
// The packages are those of this folder; imported like this, Deno's type check passes over them.
const { createRivetKit } = await import("@rivetkit/react");
const { createElement, StrictMode, useState } = await import("react");
const { createRoot } = await import("react-dom/client");
const clients = {
  "2.0.33": await import("rivetkit-2.0.33/client"),
  "2.3.11": await import("rivetkit-2.3.11/client"),
  "2.3.19": await import("rivetkit-2.3.19/client"),
};

// What each component uses, by its id.
const rooms = new Map();

// What each component has seen so far, by its id.
const seen = new Map();

// The hooks of each endpoint and encoding.
const kits = new Map();

function kitOf({ endpoint, encoding }) {
  const key = `${endpoint} ${encoding}`;
  if (!kits.has(key)) {
    kits.set(key, createRivetKit({ endpoint, encoding, devtools: false }));
  }
  return kits.get(key);
}

function Guest({ guest }) {
  const { id, room: key, params, topic } = guest;
  const room = kitOf(guest).useActor({
    name: "room",
    key: [key],
    params,
    createWithInput: topic === undefined ? undefined : { topic },
  });
  const [heard, setHeard] = useState([]);
  room.useEvent("said", (...args) => setHeard((all) => [...all, ...args]));
  rooms.set(id, room);
  const { connStatus: status, error } = room;
  const view = {
    status,
    error: error && `${error.group}.${error.code}: ${error.message}`,
    heard,
  };
  seen.set(id, [...seen.get(id) ?? [], view]);
  return createElement("output", { id }, JSON.stringify(view));
}

const container = document.createElement("main");
document.body.append(container);
const root = createRoot(container);

// What the test calls.
globalThis.stage = {
  /** Shows these components, and takes all others away. */
  show(guests) {
    const views = guests.map((guest) =>
      createElement(Guest, { key: guest.id, guest })
    );
    root.render(createElement(StrictMode, null, views));
  },

  view(id) {
    const text = document.getElementById(id)?.textContent;
    return text ? JSON.parse(text) : undefined;
  },

  /** The errors that a component has shown so far. */
  errors(id) {
    return seen.get(id).map(({ error }) => error).filter(Boolean);
  },

  /** Calls an action over the connection of a component. */
  call(id, name, ...args) {
    return rooms.get(id).connection[name](...args);
  },

  /** Calls an action over HTTP, with the handle of a component. */
  ask(id, name, ...args) {
    return rooms.get(id).handle[name](...args);
  },

  /** Calls an action over HTTP, with a client of this version. */
  async act({ version, endpoint, encoding }, name, ...args) {
    const client = clients[version].createClient({
      endpoint,
      encoding,
      devtools: false,
    });
    try {
      return await client.room.getOrCreate("acted").action({ name, args });
    } catch (error) {
      return `${error.group}.${error.code}: ${error.message}`;
    }
  },

  /** What a raw request is answered with: its status, one of its headers, and its text. */
  async fetch({ version, endpoint }, path) {
    const client = clients[version].createClient({ endpoint, devtools: false });
    const response = await client.room.getOrCreate("raw").fetch(path);
    const own = response.headers.get("x-own");
    return [response.status, own, await response.text()];
  },

  /** What comes back over a raw socket, and how it was closed. */
  async echo({ version, endpoint }, text) {
    const client = clients[version].createClient({ endpoint, devtools: false });
    const handle = client.room.getOrCreate("raw");
    const socket = version === "2.0.33"
      ? await handle.websocket()
      : await handle.webSocket();
    const heard = [];
    return new Promise((resolve) => {
      socket.addEventListener("message", ({ data }) => heard.push(data));
      socket.addEventListener(
        "close",
        ({ code, reason }) => resolve([...heard, code, reason]),
      );
      if (socket.readyState === 1) socket.send(text);
      else socket.addEventListener("open", () => socket.send(text));
    });
  },
};
