// What is checked here is checked by the compiler; the tests only say that it was.

import { assertEquals, assertThrows } from "@std/assert";
import * as v from "valibot";
import {
  type ActionContextOf,
  actor,
  type ActorContextOf,
  type BeforeActionResponseContextOf,
  type BeforeConnectContextOf,
  type Client,
  type ConnContextOf,
  type ConnectContextOf,
  type ConnInitContextOf,
  type CreateConnStateContextOf,
  type CreateContextOf,
  type CreateVarsContextOf,
  type DestroyContextOf,
  type DisconnectContextOf,
  event,
  queue,
  type RequestContextOf,
  type RunContextOf,
  setup,
  type SleepContextOf,
  type StateChangeContextOf,
  type StateOf,
  type WakeContextOf,
  type WebSocketContextOf,
} from "../../mod.ts";
import { test } from "../harness.ts";

function isA<T>(_value: T): void {}
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends
  (<T>() => T extends B ? 1 : 2) ? true : false;
function same<A, B>(_is: Same<A, B>): void {}

// Two actors that call each other, with no annotation but `typeof registry`.
const ping = actor({
  state: { hits: 0 },
  actions: {
    serve: async (c, ball: string) => {
      c.state.hits++;
      const answer = await c.client<typeof registry>().pong.getOrCreate("a")
        .answer(ball);
      return { answer, hits: c.state.hits };
    },
    count: (c) => c.state.hits,
  },
});
const pong = actor({
  state: { hits: 0 },
  actions: {
    answer: async (c, ball: string) => {
      const hits = await c.client<typeof registry>().ping.getOrCreate("a")
        .count();
      return `${ball} ${hits}`;
    },
  },
});

const Moved = v.object({ x: v.number(), y: v.number() });
const everything = actor({
  createState: (c, input: { size: number }) => ({ name: c.name, ...input }),
  createVars: (c) => ({ started: c.state.size }),
  createConnState: (c, params: { token: string }) => ({
    user: params.token + c.vars.started,
  }),
  events: {
    joined: event<string>(),
    moved: event<[x: number, y: number]>(),
    left: event<void>(),
    listed: event<string[]>(),
    checked: Moved,
    secret: {
      schema: event<{ code: number }>(),
      canSubscribe: (c) => c.conn.state.user === "admin" && c.state.size > 0,
    },
  },
  queues: {
    jobs: queue<{ id: number }, { done: boolean }>(),
    logs: queue<string>(),
    checked: v.pipe(v.string(), v.transform(Number)),
    guarded: {
      message: v.string(),
      complete: v.number(),
      canPublish: (c) => c.conn.state.user === "admin",
    },
  },
  onCreate: (c, input) => {
    isA<number>(c.state.size);
    isA<number>(input.size);
  },
  onWake: (c) => c.schedule.after(1000, "rename", "b"),
  onSleep: (c) => c.log.info(c.state.name),
  onStateChange: (c, state) => {
    isA<number>(state.size);
    c.vars.started++;
  },
  onBeforeConnect: (c, params) => {
    isA<string>(params.token);
    isA<Request | undefined>(c.request);
  },
  onConnect: (c, conn) => {
    isA<string>(conn.state.user);
    conn.send("joined", conn.state.user);
    c.broadcast("moved", 1, 2);
  },
  onDisconnect: (_c, conn) => isA<string>(conn.params.token),
  onRequest: (c, request) => Response.json([request.url, c.conn.state.user]),
  onWebSocket: (c, socket) => {
    socket.addEventListener("message", ({ data }) => {
      if (typeof data === "string") c.state.name = data;
    });
    socket.send(c.state.name);
  },
  run: async (c) => {
    for await (const message of c.queue.iter({ completable: true })) {
      if (message.name === "jobs") {
        isA<number>(message.body.id);
        await message.complete({ done: true });
      } else if (message.name === "logs") isA<string>(message.body);
      else if (message.name === "checked") isA<number>(message.body);
    }
  },
  actions: {
    rename: (c, name: string) => c.state.name = name,
    users: {
      add: (c, name: string) => ({ name, size: c.state.size }),
      admins: { list: (c) => [c.state.name] },
    },
    send: (c) => {
      c.broadcast("joined", "ada");
      c.broadcast("moved", 1, 2);
      c.broadcast("left");
      c.broadcast("listed", ["a"]);
      c.broadcast("checked", { x: 1, y: 2 });
      // @ts-expect-error: there is no such event
      c.broadcast("jioned", "ada");
      // @ts-expect-error: the payload is of another type
      c.broadcast("joined", 1);
      // @ts-expect-error: one argument is missing
      c.broadcast("moved", 1);
      // @ts-expect-error: the payload has no y
      c.broadcast("checked", { x: 1 });
      // @ts-expect-error: there is no such queue
      c.queue.next({ names: ["job"] });
    },
  },
});

const plain = actor({
  state: { count: 0 },
  connState: { joinedAt: 0 },
  vars: { timer: 1 },
  actions: {
    add: (c, by: number) => {
      c.broadcast("changed", c.state.count += by);
      return c.state.count;
    },
    late: async (c) => await Promise.resolve(c.conn.state.joinedAt),
  },
});

const registry = setup({
  use: { ping, pong, everything, plain },
  store: "memory",
  noWelcome: true,
});

async function calls(client: Client<typeof registry>): Promise<void> {
  const all = client.everything.getOrCreate("a", {
    createWithInput: { size: 1 },
    getParams: () => Promise.resolve({ token: "t" }),
  });
  same<
    Awaited<ReturnType<typeof all.users.add>>,
    { name: string; size: number }
  >(true);
  isA<string[]>(await all.users.admins.list());
  isA<string>(await all.rename("b"));
  // @ts-expect-error: the argument is of another type
  all.users.add(1);
  // @ts-expect-error: there is no such action
  all.users.remove("a");

  await all.send("jobs", { id: 1 });
  const result = await all.send("jobs", { id: 1 }, { wait: true, timeout: 9 });
  if (result.status === "completed") isA<boolean>(result.response.done);
  await all.send("checked", "12");
  await all.send("guarded", "a");
  // @ts-expect-error: there is no such queue
  all.send("job", { id: 1 });
  // @ts-expect-error: the message is of another type
  all.send("jobs", { id: "1" });
  // @ts-expect-error: a schema takes its input, not its output
  all.send("checked", 12);

  const connection = all.connect();
  connection.on("joined", (name) => isA<string>(name));
  connection.on("moved", (x, y) => isA<number>(x + y));
  connection.once("left", () => {});
  connection.on("checked", ({ x }) => isA<number>(x));
  connection.on("secret", ({ code }) => isA<number>(code));
  connection.on("error", ({ message }) => isA<string>(message));
  isA<void>(await connection.ready);
  // @ts-expect-error: there is no such event
  connection.on("jioned", () => {});
  // @ts-expect-error: the payload is of another type
  connection.on("joined", (name: number) => name);

  const loose = client.plain.get("a").connect();
  loose.on("anything", (count: number) => count);
  isA<number>(await loose.late());
  isA<Response>(await client.plain.get("a").fetch("/x", { method: "PUT" }));

  const game = await client.ping.getOrCreate("a").serve("ball");
  isA<string>(game.answer);
  isA<number>(game.hits);
}

// Nothing but what makes a type stands before its use.
const made = actor({
  createVars: (c) => c.key.length,
  createConnState: (_c, params: { name: string }) => ({ user: params.name }),
  actions: {
    who: (c) => c.conn.state.user,
    users: { count: (c, by: number) => c.vars + by },
  },
});

test("actions know what the hooks before them make", () => {
  same<
    typeof made.config.actions extends
      { who: (...args: never[]) => infer R } | undefined ? R : never,
    string
  >(
    true,
  );
  assertEquals(Object.keys(made.config.actions ?? {}), ["who", "users"]);
});

test("a registry types its clients: nested actions, events, queues", () => {
  assertEquals(typeof calls, "function");
});

type Everything = typeof everything;

// Helpers that a program takes out of its handlers.
const helpers = {
  any: (c: ActorContextOf<Everything>) => c.state.size + c.vars.started,
  action: (c: ActionContextOf<Everything>) => c.conn.state.user,
  response: (c: BeforeActionResponseContextOf<Everything>) => c.conn.id,
  before: (c: BeforeConnectContextOf<Everything>) => c.request?.url,
  conn: (c: ConnContextOf<Everything>) => c.conn.params.token,
  init: (c: ConnInitContextOf<Everything>) => c.request,
  connect: (c: ConnectContextOf<Everything>) => c.broadcast("joined", "a"),
  connState: (c: CreateConnStateContextOf<Everything>) => c.vars.started,
  create: (c: CreateContextOf<Everything>) => c.state.name,
  vars: (c: CreateVarsContextOf<Everything>) => c.state.size,
  destroy: (c: DestroyContextOf<Everything>) => c.key,
  disconnect: (c: DisconnectContextOf<Everything>) => c.conns.size,
  request: (c: RequestContextOf<Everything>) => c.conn,
  run: (c: RunContextOf<Everything>) => c.queue.next({ names: ["jobs"] }),
  sleep: (c: SleepContextOf<Everything>) => c.state,
  change: (c: StateChangeContextOf<Everything>) => c.vars,
  wake: (c: WakeContextOf<Everything>) => c.schedule,
  socket: (c: WebSocketContextOf<Everything>) => c.request?.url,
};

test("every hook's context can be named by its definition", () => {
  same<StateOf<Everything>, { size: number; name: string }>(true);
  same<ReturnType<typeof helpers.any>, number>(true);
  same<ReturnType<typeof helpers.action>, string>(true);
  same<ReturnType<typeof helpers.conn>, string>(true);
  same<ReturnType<typeof helpers.create>, string>(true);
  same<ReturnType<typeof helpers.vars>, number>(true);
  // @ts-expect-error: there is no connection yet
  ((c: BeforeConnectContextOf<Everything>) => c.conn);
  // @ts-expect-error: a hook of the actor has no connection
  ((c: WakeContextOf<Everything>) => c.conn);
  // @ts-expect-error: the state has no such member
  ((c: ActorContextOf<Everything>) => c.state.length);
  assertEquals(Object.keys(helpers).length, 18);
});

test("an actor may be written in the middle of setup()", () => {
  const inline = setup({
    use: {
      counter: actor({
        state: { count: 0 },
        actions: { increment: (c, by: number) => c.state.count += by },
      }),
    },
    store: "memory",
  });
  const call = (client: Client<typeof inline>) =>
    client.counter.get().increment(1);
  same<ReturnType<typeof call>, Promise<number>>(true);
  // @ts-expect-error: what is no definition is no actor
  assertThrows(() => setup({ use: { counter: {} } }), TypeError);
});

test("a helper takes the context of its own definition", () => {
  const counter = actor({
    state: { count: 0 },
    actions: { increment: (c, by: number) => grow(c, by) },
  });
  function grow(c: { state: { count: number } }, by: number): number {
    return c.state.count += by;
  }
  same<Awaited<ReturnType<typeof count>>, number>(true);
  function count(client: Client<{ "~actors"?: { counter: typeof counter } }>) {
    return client.counter.get().increment(1);
  }
  assertEquals(typeof count, "function");
});

test("an action knows the state that a createState just before it makes of the input", () => {
  const stock = actor({
    createState: (_c, left: number) => ({ left, buyers: [] as string[] }),
    actions: {
      take: (c, amount: number) => c.state.left -= amount,
      // Two actors may call each other, and a helper may take what the definition makes.
      ask: async (c) =>
        await c.client<typeof registry>().shop.get().buy(first(c)),
    },
  });
  const shop = actor({
    actions: {
      buy: async (c, buyer: string): Promise<number> =>
        await c.client<typeof registry>().stock.get(buyer).take(1),
    },
  });
  const empty = actor({ state: 1 });
  const registry = setup({ use: { stock, shop, empty }, store: "memory" });
  function first(c: ActionContextOf<typeof stock>): string {
    return c.state.buyers[0] ?? "nobody";
  }
  async function check(client: Client<typeof registry>): Promise<void> {
    const left = await client.stock.getOrCreate("a").take(1);
    same<typeof left, number>(true);
    const asked = await client.stock.get("a").ask();
    same<typeof asked, number>(true);
    // @ts-expect-error: the action takes a number
    await client.stock.get("a").take("1");
    // @ts-expect-error: an actor without actions has none
    await client.empty.get().anything();
  }
  assertEquals(typeof check, "function");
});
