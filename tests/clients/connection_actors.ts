// The actors of the cases about connections, raw requests and raw sockets.

import { actor, UserError } from "../../mod.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import type { Store } from "../../src/stores/store.ts";

/** The options of actors that do not mind how long a client on a busy machine takes. */
export const patient = {
  onBeforeConnectTimeout: 60_000,
  connectionLivenessTimeout: 60_000,
};

/** How a connection wants to be taken. */
interface Params {
  /** The name that others see. */
  name?: string;
  /** Is let in when somebody calls `release`. */
  waits?: boolean;
  /** Is refused with a code of group "user", and metadata. */
  refused?: string;
}

// What has happened to the connections of an actor, by its id. It outlasts them, and the instance.
const logs = new Map<string, string[]>();

function logOf(actorId: string): string[] {
  const log = logs.get(actorId) ?? [];
  logs.set(actorId, log);
  return log;
}

// Those of an actor who wait to be let in, and those who wait for somebody who waits.
interface Gate {
  waiting: (() => void)[];
  watching: (() => void)[];
}

const gates = new Map<string, Gate>();

function gateOf(name: string): Gate {
  const gate = gates.get(name) ?? { waiting: [], watching: [] };
  gates.set(name, gate);
  return gate;
}

// Waits until somebody opens the gate.
function pass(name: string): Promise<void> {
  const gate = gateOf(name);
  return new Promise((resolve) => {
    gate.waiting.push(resolve);
    for (const watcher of gate.watching.splice(0)) watcher();
  });
}

// Waits until somebody waits at the gate.
function watch(name: string): Promise<void> {
  const gate = gateOf(name);
  return new Promise((resolve) => {
    if (gate.waiting.length > 0) resolve();
    else gate.watching.push(resolve);
  });
}

function open(name: string): void {
  for (const wake of gateOf(name).waiting.splice(0)) wake();
}

// The actors whose next commit fails, as if another process had taken them over.
const doomed = new Set<string>();

// The actors that fail to wake the next time.
const sickly = new Set<string>();

/** A store in memory that refuses the next commit of an actor that has called `crash`. */
export function crashableStore(): Store {
  const store = memoryStore();
  const commit = store.commit.bind(store);
  store.commit = async (steps) => {
    const good = steps.filter(({ actorId }) => !doomed.has(actorId));
    const outcomes = await commit(good);
    return steps.map((step) =>
      doomed.delete(step.actorId)
        ? { ok: false as const, reason: "revision" as const }
        : outcomes[good.indexOf(step)]!
    );
  };
  return store;
}

/** Connections, in whatever way they come, stay and go. */
export const room = actor({
  createState: (_c, input: { total: number } | undefined) => ({
    total: input?.total ?? 0,
  }),
  async onBeforeConnect(c, params: Params | null | undefined) {
    if (params?.waits) await pass(c.actorId);
    if (params?.refused !== undefined) {
      const options = { code: params.refused, metadata: { why: "token" } };
      throw new UserError("nope", options);
    }
  },
  createConnState: (_c, params: Params | null | undefined) => ({
    name: params?.name ?? "",
  }),
  onWake(c) {
    if (sickly.delete(c.actorId)) throw new Error("It does not wake");
  },
  onSleep(c) {
    logOf(c.actorId).push("slept");
    open(`${c.actorId} slept`);
  },
  onConnect: (c, conn) => {
    if (conn.state.name !== "") {
      logOf(c.actorId).push(`${conn.state.name} came`);
    }
  },
  onDisconnect: (c, conn) => {
    if (conn.state.name !== "") {
      logOf(c.actorId).push(`${conn.state.name} went`);
      open(`${c.actorId} ${conn.state.name}`);
    }
  },
  actions: {
    add(c, by: number): number {
      logOf(c.actorId).push(`added ${by}`);
      return c.state.total += by;
    },
    total: (c) => c.state.total,
    log: (c) => logOf(c.actorId),
    me: (c) => ({ id: c.conn.id, params: c.conn.params ?? null }),
    ownId: (c) => c.actorId,
    echo: (_c, value: unknown) => value,
    names: (c) =>
      [...c.conns.values()].map(({ state }) => state.name).filter(Boolean)
        .sort(),
    // Waits until somebody waits to be let in.
    untilSomebodyWaits: (c) => watch(c.actorId),
    release: (c) => open(c.actorId),
    // Waits until the connection of that name has gone; it is here when this is called, or has been.
    async untilGone(c, name: string): Promise<void> {
      if (!logOf(c.actorId).includes(`${name} went`)) {
        await pass(`${c.actorId} ${name}`);
      }
    },
    // Answers when `finish` is called with the same name.
    async hang(c, name: string): Promise<string> {
      await pass(`${c.actorId} ${name}`);
      return name;
    },
    untilHangs: (c, name: string) => watch(`${c.actorId} ${name}`),
    async finish(c, name: string): Promise<void> {
      await watch(`${c.actorId} ${name}`);
      open(`${c.actorId} ${name}`);
    },
    tell: (c, event: string, ...args: unknown[]) => c.broadcast(event, ...args),
    tellMe: (c, event: string, ...args: unknown[]) =>
      c.conn.send(event, ...args),
    fail(_c, code: string): void {
      throw new UserError("It failed", { code, metadata: { code } });
    },
    bug(): void {
      throw new Error("the secret text of a bug");
    },
    // Closes every connection but the caller's.
    async clear(c, reason?: string): Promise<void> {
      for (const conn of c.conns.values()) {
        if (conn.id !== c.conn.id) await conn.disconnect(reason);
      }
    },
    sleep: (c) => c.sleep(),
    sleepBadly(c): void {
      sickly.add(c.actorId);
      c.sleep();
    },
    // Of another actor, for one that is asked does not sleep.
    async untilSlept(_c, actorId: string, times: number): Promise<void> {
      const slept = () => logOf(actorId).filter((line) => line === "slept");
      while (slept().length < times) await pass(`${actorId} slept`);
    },
    end: (c) => c.destroy(),
    // The change is lost, and with it the instance.
    crash(c): void {
      doomed.add(c.actorId);
      c.state.total = -1;
    },
  },
  options: patient,
});

/** Raw requests and sockets; what they do is in the path. */
export const mirror = actor({
  state: { count: 0 },
  onBeforeConnect(_c, params: Params | null | undefined) {
    if (params?.refused !== undefined) {
      throw new UserError("nope", { code: params.refused });
    }
  },
  async onRequest(c, request) {
    const { pathname, search } = new URL(request.url);
    switch (pathname) {
      case "/mirror":
        return new Response(await request.bytes(), {
          headers: {
            "content-type": request.headers.get("content-type") ?? "",
            "x-method": request.method,
            "x-search": search,
            "x-seen": request.headers.get("x-sent") ?? "",
          },
        });
      case "/teapot":
        return new Response("short and stout", { status: 418 });
      case "/empty":
        return new Response(null, { status: 204 });
      case "/count":
        return new Response(`${++c.state.count}`);
      case "/gone":
        c.state.count++;
        return Response.json({ group: "user", code: "gone", message: "Gone" }, {
          status: 404,
        });
      case "/slowly":
        return new Response(inTwoParts(pass(`${c.actorId} stream`)));
    }
  },
  onWebSocket(c, socket) {
    const { pathname, search } = new URL(c.request!.url);
    socket.addEventListener("message", ({ data }) => {
      if (data === "where") {
        socket.send(
          JSON.stringify({ pathname, search, params: c.conn.params ?? null }),
        );
      } else if (data === "close") socket.close(4001, "bye");
      else socket.send(data);
    });
    socket.addEventListener("close", ({ code, reason }) => {
      logOf(c.actorId).push(`closed with ${code} ${reason}`);
      open(`${c.actorId} closed`);
    });
  },
  actions: {
    // How the next raw socket closes.
    async closing(c): Promise<string> {
      if (logOf(c.actorId).length === 0) await pass(`${c.actorId} closed`);
      return logOf(c.actorId).shift()!;
    },
    count: (c) => c.state.count,
    goOn: (c) => open(`${c.actorId} stream`),
  },
  options: patient,
});

/** It has neither `onRequest` nor `onWebSocket`. */
export const deaf = actor({ actions: { ping: () => "pong" } });

function inTwoParts(first: Promise<void>): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream({
    async start(controller) {
      controller.enqueue(encoder.encode("one "));
      await first;
      controller.enqueue(encoder.encode("two"));
      controller.close();
    },
  });
}
