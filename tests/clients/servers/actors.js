// The actors that every server of this folder serves, made of what RivetKit and Troupe have alike. What
// is asked of them is in ../servers_test.ts, and their types are in types.ts.

/** The actors, made of one server's own `actor` and `UserError`; `queue` where it has queues. */
export function actorsOf({ actor, UserError, queue }) {
  const counter = actor({
    createState: (_c, input) => ({ count: input?.count ?? 0 }),
    actions: {
      increment(c, by = 1) {
        c.state.count += by;
        c.broadcast("changed", c.state.count, by);
        return c.state.count;
      },
      value: (c) => c.state.count,
      /** A hundred of one event, and their number as the result. */
      count(c) {
        for (let number = 1; number <= 100; number++) {
          c.broadcast("number", number);
        }
        return 100;
      },
      later: async (_c, delayMs, result) => {
        await new Promise((resolve) => setTimeout(resolve, delayMs));
        return result;
      },
      whisper: (c, ...args) => c.conn.send("whisper", ...args),
      leave: (c, reason) => void c.conn.disconnect(reason),
      end: (c) => c.destroy(),
      key: (c) => c.key,
      params: (c) => c.conn.params,
    },
  });

  const values = actor({
    createState: (_c, input) => ({ input }),
    actions: {
      input: (c) => c.state.input,
      echo: (_c, ...args) => args,
      nothing: () => {},
      tell: (c, ...args) => void c.broadcast("told", ...args),
      fill: (_c, length) => "x".repeat(length),
    },
  });

  const failing = actor({
    state: {},
    actions: {
      refuse() {
        throw new UserError("The room is full", {
          code: "room_full",
          metadata: { limit: 8, why: ["a", null] },
        });
      },
      plain() {
        throw new UserError("No");
      },
      crash() {
        throw new Error("secret");
      },
    },
  });

  const guarded = actor({
    state: {},
    onBeforeConnect(_c, params) {
      if (params?.token === "let me in") return;
      throw new UserError("Who are you?", {
        code: "unauthorized",
        metadata: { why: "token" },
      });
    },
    actions: { hello: () => "welcome" },
  });

  const raw = actor({
    state: {},
    async onRequest(_c, request) {
      const { method, headers } = request;
      const url = new URL(request.url);
      if (url.pathname.endsWith("/teapot")) {
        return new Response("short and stout", { status: 418 });
      }
      const body = new Uint8Array(await request.arrayBuffer());
      return new Response(body, {
        status: 201,
        headers: {
          "content-type": headers.get("content-type") ?? "text/plain",
          "x-seen": `${method} ${url.pathname}${url.search} ${
            headers.get("x-mine")
          }`,
        },
      });
    },
    onWebSocket(_c, socket) {
      socket.addEventListener("message", ({ data }) => {
        if (data === "bye") socket.close(4001, "bye");
        else socket.send(data);
      });
    },
    actions: {},
  });

  const actors = { counter, values, failing, guarded, raw };
  if (queue === undefined) return actors;

  const jobs = actor({
    state: { done: [] },
    queues: { work: queue(), silent: queue() },
    async run(c) {
      for await (
        const message of c.queue.iter({ names: ["work"], completable: true })
      ) {
        c.state.done.push(message.body);
        await message.complete({ heard: message.body });
      }
    },
    actions: { done: (c) => c.state.done },
  });
  return { ...actors, jobs };
}
