// Raw requests and raw sockets: the actor's own HTTP and WebSocket, past RivetKit's protocol.

import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";

// In another encoding nothing is different on the wire.
const encodings = ["bare"];

export default [
  {
    number: 52,
    title:
      "a raw request comes with its method, path, query, headers and body, and its response is as the actor made it",
    encodings,
    async run({ client, key }) {
      const handle = client.mirror.getOrCreate([key]);
      const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
      for (const method of ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]) {
        const body = ["GET", "HEAD"].includes(method) ? undefined : bytes;
        const response = await handle.fetch("mirror?b=1&a=%20x&b=2", {
          method,
          body,
          headers: { "x-sent": method, "content-type": "application/x-mine" },
        });
        strictEqual(response.status, 200, method);
        const { headers } = response;
        deepStrictEqual(
          ["x-method", "x-seen", "x-search", "content-type"]
            .map((name) => headers.get(name)),
          [method, method, "?b=1&a=%20x&b=2", "application/x-mine"],
        );
        const expected = body === undefined ? [] : [...bytes];
        deepStrictEqual([...await bytesOf(response)], expected);
      }
      for (const path of ["teapot", "/teapot"]) {
        const teapot = await handle.fetch(path);
        strictEqual(teapot.status, 418);
        strictEqual(await teapot.text(), "short and stout");
      }
      const empty = await handle.fetch("empty", { method: "POST", body: "x" });
      strictEqual(empty.status, 204);
      strictEqual(await empty.text(), "");
    },
  },

  {
    number: 52,
    title: "the body of a response arrives as the actor makes it",
    encodings,
    async run({ client, key }) {
      const handle = client.mirror.getOrCreate([key]);
      const { body } = await handle.fetch("slowly");
      const reader = body.pipeThrough(new TextDecoderStream()).getReader();
      strictEqual((await reader.read()).value, "one ");
      // Nothing more comes before somebody asks for it.
      await handle.goOn();
      let rest = "";
      for (let part; !(part = await reader.read()).done;) rest += part.value;
      strictEqual(rest, "two");
    },
  },

  {
    number: 52,
    title:
      "without onRequest, or a response of it, a raw request is answered with 404, once",
    encodings,
    async run({ client, key, requests }) {
      const before = requests.length;
      const unheard = await client.deaf.getOrCreate([key]).fetch("x");
      strictEqual(unheard.status, 404);
      strictEqual((await unheard.json()).code, "request_not_defined");
      const unknown = await client.mirror.getOrCreate([key]).fetch("unknown");
      strictEqual(unknown.status, 404);
      const asked = requests.slice(before)
        .filter(({ url }) => /\/request\//.test(url));
      strictEqual(asked.length, 2);
    },
  },

  {
    number: 53,
    title: "a 404 of the actor's own is returned, and not asked for again",
    async run({ client, key }) {
      const handle = client.mirror.getOrCreate([key]);
      const response = await handle.fetch("gone");
      strictEqual(response.status, 404);
      strictEqual((await response.json()).code, "gone");
      strictEqual(await handle.count(), 1);
    },
  },

  {
    number: 54,
    title:
      "a raw socket passes texts and bytes, its path and query, and how it was closed",
    encodings,
    async run({ client, key, version }) {
      const handle = client.mirror.getOrCreate([key]);
      const socket = await open(handle, version, "chat/room?x=1&y=%20z");
      await socket.opened;
      strictEqual(socket.protocol, "rivet");
      socket.send("text");
      strictEqual(await socket.next(), "text");
      socket.send(new Uint8Array([0, 255, 7]));
      deepStrictEqual([...await socket.next()], [0, 255, 7]);
      socket.send("");
      strictEqual(await socket.next(), "");
      socket.send("where");
      deepStrictEqual(JSON.parse(await socket.next()), {
        pathname: "/websocket/chat/room",
        search: "?x=1&y=%20z",
        params: null,
      });
      socket.close(4002, "tschüß");
      strictEqual(await handle.closing(), "closed with 4002 tschüß");

      const params = { name: "Zoë" };
      const other = client.mirror.getOrCreate([key], { params });
      const second = await open(other, version);
      await second.opened;
      second.send("where");
      deepStrictEqual(JSON.parse(await second.next()), {
        pathname: "/websocket/",
        search: "",
        params,
      });
      second.send("close");
      deepStrictEqual(await second.closed, { code: 4001, reason: "bye" });
    },
  },

  {
    number: 54,
    title:
      "a raw socket that is refused, or that nobody takes, is closed with the reason",
    encodings,
    async run({ client, key, version }) {
      const params = { refused: "unauthorized" };
      for (
        const [handle, reason] of [
          [client.mirror.getOrCreate([key], { params }), "user.unauthorized"],
          [client.deaf.getOrCreate([key]), "handler.websocket_not_defined"],
        ]
      ) {
        const { closed } = await open(handle, version);
        deepStrictEqual(await closed, { code: 1011, reason });
      }
      const call = client.mirror.getOrCreate([key], { params }).count();
      await rejects(call, { group: "user", code: "unauthorized" });
    },
  },
];

async function bytesOf(response) {
  return new Uint8Array(await response.arrayBuffer());
}

// Opens a raw socket, with what has come over it in order.
async function open(handle, version, path) {
  const socket = version === "2.0.33"
    ? await handle.websocket(path)
    : await handle.webSocket(path);
  socket.binaryType = "arraybuffer";
  const come = [];
  const waiting = [];
  socket.addEventListener("message", ({ data }) => {
    const frame = typeof data === "string" ? data : new Uint8Array(data);
    const take = waiting.shift();
    if (take === undefined) come.push(frame);
    else take(frame);
  });
  return {
    get protocol() {
      return socket.protocol;
    },
    opened: socket.readyState === 1 ? Promise.resolve() : new Promise(
      (resolve) => socket.addEventListener("open", () => resolve()),
    ),
    closed: new Promise((resolve) =>
      socket.addEventListener(
        "close",
        ({ code, reason }) => resolve({ code, reason }),
      )
    ),
    next: () =>
      come.length > 0
        ? Promise.resolve(come.shift())
        : new Promise((resolve) => waiting.push(resolve)),
    send: (frame) => socket.send(frame),
    close: (code, reason) => socket.close(code, reason),
  };
}
