// The actors that RivetKit's clients call in the cases.

import { actor, ActorError, queue, UserError } from "../../mod.ts";
import { deaf, mirror, patient, room } from "./connection_actors.ts";

// Node runs that file too, so it has no types of its own.
const { describe } = await import(
  new URL("./describe.js", import.meta.url).href
) as { describe: (value: unknown) => string };

const counter = actor({
  state: { count: 0 },
  actions: {
    increment(c, by = 1) {
      c.state.count += by;
      c.broadcast("newCount", c.state.count);
      return c.state.count;
    },
    read: (c) => c.state.count,
    nothing() {},
  },
  options: patient,
});

/** Tells its own key and id. */
const named = actor({
  actions: {
    key: (c) => JSON.stringify(c.key),
    id: (c) => c.actorId,
    "a/b ?#é": () => "an odd action",
  },
});

/** Tells what it was created with. */
const born = actor({
  createState: (_c, input: unknown) => ({
    stateInput: describe(input),
    createInput: "",
  }),
  onCreate(c, input: unknown) {
    c.state.createInput = describe(input);
  },
  actions: { input: (c) => [c.state.stateInput, c.state.createInput] },
});

/** Tells what came, and gives it back. */
const echo = actor({
  actions: {
    echo: (_c, ...args: unknown[]) => [args.map(describe), args],
    params: (c) => describe(c.conn.params),
    length: (_c, text: string) => text.length,
    isLengthTold: (c) => c.request?.headers.has("content-length"),
    text: (_c, length: number) => "x".repeat(length),
  },
});

const failing = actor({
  actions: {
    user() {
      throw new UserError("bad thing", {
        code: "my_code",
        metadata: { a: 1, b: "x" },
      });
    },
    plain() {
      throw new UserError("plain user error");
    },
    bug() {
      throw new Error("the text of a bug");
    },
  },
});

/** Lets in who says so, at the third attempt if he asks for that, and counts how often its hooks run. */
const guarded = actor({
  state: { beforeConnect: 0, connState: 0, connect: 0, disconnect: 0 },
  onBeforeConnect(
    c,
    params: { token?: string; isLate?: boolean } | undefined,
  ) {
    c.state.beforeConnect++;
    if (params?.isLate && c.state.beforeConnect < 3) {
      throw new ActorError("actor", "restarting", "not yet");
    }
    if (params?.token !== "open") {
      throw new UserError("nope", {
        code: "unauthorized",
        metadata: { why: "token" },
      });
    }
  },
  createConnState(c) {
    c.state.connState++;
    return {};
  },
  onConnect(c) {
    c.state.connect++;
  },
  onDisconnect(c) {
    c.state.disconnect++;
  },
  actions: { hooks: (c) => ({ ...c.state }) },
  options: patient,
});

/** Waits to be let go. */
const slow = actor({
  state: { begun: 0, ended: 0 },
  createVars: () => ({ release: Promise.withResolvers<void>() }),
  actions: {
    async wait(c) {
      c.state.begun++;
      await c.vars.release.promise;
      c.state.ended++;
      return "released";
    },
    release: (c) => c.vars.release.resolve(),
    counts: (c) => ({ ...c.state }),
  },
});

/** Answers what is asked in one queue, and leaves what is said in another. */
const worker = actor({
  queues: { asked: queue<unknown, unknown>(), said: queue<unknown>() },
  async run(c) {
    for await (
      const message of c.queue.iter({ names: ["asked"], completable: true })
    ) {
      await message.complete([describe(message.body), message.body]);
    }
  },
  actions: {
    async take(c) {
      const message = await c.queue.tryNext({ names: ["said"] });
      return message && describe(message.body);
    },
  },
});

/** Tells what a raw request was. */
const raw = actor({
  onRequest: async (_c, request) => {
    const { method, url, headers } = request;
    const { pathname, search } = new URL(url);
    return Response.json({
      method,
      pathname,
      search,
      greeting: headers.get("x-greeting"),
      body: await request.text(),
    });
  },
});

/** Every actor by its name. */
export const actors = {
  counter,
  named,
  born,
  echo,
  failing,
  guarded,
  slow,
  worker,
  raw,
  room,
  mirror,
  deaf,
  "my actor/x": named,
};
