// A registry as a user's program has it: its configuration, its log, and RivetKit's other names.

import {
  assert,
  assertEquals,
  assertFalse,
  assertMatch,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import {
  actor,
  ActorError,
  type BaseLogger,
  createClient,
  createFileSystemDriver,
  createMemoryDriver,
  setup,
} from "../../mod.ts";
import { test } from "../harness.ts";

const counter = actor({
  state: { count: 0 },
  onBeforeConnect(_c, _params: { token: string } | undefined) {},
  actions: {
    add: (c, by: number) => c.state.count += by,
    say: (c, text: string) => c.log.info({ msg: text, n: 7 }),
    fail: () => {
      throw new Error("a bug");
    },
  },
});
const use = { counter };
const quiet = { logging: { level: "silent" } } as const;

/** Runs `body` with these variables set, and no others of RivetKit's. */
async function withEnv(
  values: Record<string, string>,
  body: () => Promise<void>,
): Promise<void> {
  const saved = { ...process.env };
  for (const name of Object.keys(process.env)) {
    if (name.startsWith("RIVET_")) delete process.env[name];
  }
  Object.assign(process.env, values);
  try {
    await body();
  } finally {
    for (const name of Object.keys(values)) delete process.env[name];
    Object.assign(process.env, saved);
  }
}

/** A logger that keeps what it is given. */
function keeper(entries: Record<string, unknown>[]): BaseLogger {
  const keep = (entry: Record<string, unknown>) => void entries.push(entry);
  return { error: keep, warn: keep, info: keep, debug: keep, trace: keep };
}

test("what is changed in registry.config counts until the registry is used, and parseConfig() tells all", async () => {
  const given = { use, store: "sqlite" as const, ...quiet };
  const registry = setup(given);
  registry.config.store = "memory";
  registry.config.serverless = { basePath: "/actors/" };
  registry.config.maxOutgoingMessageSize = 7;
  const parsed = registry.parseConfig();
  assertEquals(parsed.serverless.basePath, "/actors/");
  assertEquals(parsed.runner.totalSlots, 100_000);
  assertEquals(given.store, "sqlite");
  const handle = createClient<typeof registry>().counter.getOrCreate();
  assertEquals(await handle.add(1), 1);
  const answer = await registry.handler(
    new Request("http://h/actors/metadata"),
  );
  assertEquals((await answer.json()).runner.kind, { serverless: {} });
  registry.config.maxOutgoingMessageSize = -1;
  assertEquals(await handle.add(1), 2);
  assertThrows(() => registry.parseConfig(), TypeError, "maxOutgoing");
  await registry.shutdown();
});

test("RivetKit's drivers are stores, and those in files are opened at the first use", async () => {
  const folder = mkdtempSync(join(tmpdir(), "troupe-driver-"));
  try {
    const memory = setup({ use, driver: createMemoryDriver(), ...quiet });
    const { counter } = createClient<typeof memory>();
    assertEquals(await counter.getOrCreate().add(1), 1);
    await memory.shutdown();
    for (const count of [1, 2]) {
      const driver = createFileSystemDriver({ path: join(folder, "data") });
      const registry = setup({ use, driver, ...quiet });
      const { counter } = createClient<typeof registry>();
      assertEquals(await counter.getOrCreate().add(1), count);
      await registry.shutdown();
    }
    assertEquals(createFileSystemDriver(), "sqlite");
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("start() gives a client and a fetch at once, and its promise tells of the store", async () => {
  const registry = setup({ use, store: "memory", ...quiet });
  const { client, fetch } = registry.start();
  assertEquals(await client.counter.getOrCreate().add(2), 2);
  assertEquals((await fetch(new Request("http://h/health"))).status, 200);
  await registry.startAndWait();
  await registry.shutdown();
  const broken = setup({
    use,
    store: () => Promise.reject(new Error("no disk")),
    ...quiet,
  });
  broken.start();
  const { group, code } = await assertRejects(
    () => broken.startAndWait(),
    ActorError,
  );
  assertEquals(`${group}/${code}`, "store/unavailable");
});

test("a store that could not be opened is opened anew by the next call", async () => {
  let times = 0;
  const registry = setup({
    use,
    store: () => {
      if (times++ === 0) throw new Error("no disk");
      return createMemoryDriver();
    },
    ...quiet,
  });
  const handle = createClient<typeof registry>().counter.getOrCreate();
  await assertRejects(() => handle.add(1), ActorError);
  assertEquals(await handle.add(1), 1);
  await registry.shutdown();
});

test("listen() is serve(), and an address may be called host", async () => {
  const registry = setup({ use, store: "memory", noWelcome: true, ...quiet });
  const running = registry.listen({ port: 0, host: "127.0.0.1" });
  const health = await fetch(`${running.url}/health`);
  assertEquals((await health.json()).status, "ok");
  await running.shutdown();
});

test("serve() tells once what it serves, where and out of which store, and nothing with noWelcome", async () => {
  const { log } = console;
  for (const noWelcome of [false, true]) {
    const lines: string[] = [];
    const told = new Promise<void>((resolve) => {
      console.log = (line: string) => {
        lines.push(line);
        resolve();
      };
    });
    try {
      const registry = setup({ use, store: "memory", noWelcome, ...quiet });
      const running = registry.serve({ port: 0, hostname: "127.0.0.1" });
      const client = createClient<typeof registry>(running.url);
      await client.counter.getOrCreate().add(1);
      if (!noWelcome) await told;
      await client.dispose();
      await running.shutdown();
      const line = lines.join("\n");
      if (noWelcome) assertEquals(line, "");
      else {
        assertMatch(line, /^Troupe \S+ serves counter at \S+ \(.*memory\)$/);
        assert(line.includes(`${running.url}/api/rivet`), line);
      }
    } finally {
      console.log = log;
    }
  }
});

test("what only an engine starts says that it is not there yet", async () => {
  const registry = setup({ use, store: "memory", ...quiet });
  const { group, code } = assertThrows(registry.startRunner, ActorError);
  assertEquals(`${group}/${code}`, "feature/not_implemented");
  const answer = await registry.handler(
    new Request("http://h/api/rivet/start"),
  );
  const body = await answer.json();
  assertEquals([answer.status, `${body.group}/${body.code}`], [
    501,
    "feature/not_implemented",
  ]);
});

test("the metadata tell what clients and engines ask for", async () => {
  const registry = setup({
    use,
    store: "memory",
    ...quiet,
    runner: { version: 3 },
    serverless: {
      publicEndpoint: "https://default:pk_1@app.example/api/rivet/",
    },
  });
  const read = async (path: string) => {
    const answer = await registry.handler(new Request(`http://h${path}`));
    assertEquals(answer.headers.get("cache-control"), "no-store");
    return await answer.json();
  };
  const { version, ...told } = await read("/api/rivet/metadata");
  assertMatch(version, /^\d+\.\d+\.\d+$/);
  assertEquals(told, {
    runtime: "rivetkit",
    runner: { kind: { serverless: {} }, version: 3 },
    actorNames: { counter: { metadata: {} } },
    clientEndpoint: "https://app.example/api/rivet",
    clientNamespace: "default",
    clientToken: "pk_1",
  });
  assertEquals((await read("/metadata")).runner.kind, { normal: {} });
});

test("setup() warns of what the environment says in vain, in words that name it", () =>
  withEnv({ RIVET_LOG_TARGET: "yes", RIVET_RUN_ENGINE: "1" }, async () => {
    const entries: Record<string, unknown>[] = [];
    const logging = { baseLogger: keeper(entries) };
    const registry = setup({ use, store: "memory", logging });
    assertEquals(entries.length, 2);
    assertMatch(`${entries[0]!.msg}`, /RIVET_LOG_TARGET is "yes"/);
    assertMatch(`${entries[1]!.msg}`, /RIVET_RUN_ENGINE changes nothing/);
    registry.parseConfig();
    const handle = createClient<typeof registry>().counter.getOrCreate();
    await handle.add(1);
    assertEquals(entries.length, 2);
    await registry.shutdown();
  }));

test("a registry serves whatever RIVET_ENDPOINT says, which is for clients", () =>
  withEnv({ RIVET_ENDPOINT: "http://127.0.0.1:1" }, async () => {
    const registry = setup({ use, store: "memory", ...quiet });
    assertEquals(registry.parseConfig().endpoint, "http://127.0.0.1:1");
    const { client } = registry.start();
    assertEquals(await client.counter.getOrCreate().add(1), 1);
    await registry.shutdown();
  }));

test("c.log names the actor, in a logger of the user's too", () =>
  withEnv({ RIVET_LOG_TARGET: "1" }, async () => {
    const entries: Record<string, unknown>[] = [];
    const registry = setup({
      use,
      store: "memory",
      logging: { level: "info", baseLogger: keeper(entries) },
    });
    const handle = createClient<typeof registry>().counter.getOrCreate("a");
    await handle.say("hello");
    assertEquals(entries, [{
      target: "actor",
      actor: "counter",
      key: "a",
      actorId: await handle.resolve(),
      msg: "hello",
      n: 7,
    }]);
    await registry.shutdown();
  }));

test("the log shows no token, no connection params and no credentials, however much it shows", () =>
  withEnv({
    RIVET_LOG_HEADERS: "1",
    RIVET_LOG_MESSAGE: "1",
    RIVET_ENDPOINT: "http://ns:secret@127.0.0.1:1",
    RIVET_TOKEN: "secret",
    RIVET_INSPECTOR_TOKEN: "secret",
    RIVET_PUBLIC_TOKEN: "secret",
  }, async () => {
    const entries: Record<string, unknown>[] = [];
    const registry = setup({
      use,
      store: "memory",
      noWelcome: true,
      logging: { level: "trace", baseLogger: keeper(entries) },
    });
    const running = registry.serve({ port: 0, hostname: "127.0.0.1" });
    const client = createClient<typeof registry>({
      endpoint: running.url,
      token: "secret",
      headers: { cookie: "sid=secret", "x-mine": "shown" },
      disableMetadataLookup: true,
    });
    const params = { token: "secret" };
    const handle = client.counter.getOrCreate("a", { params });
    assertEquals(await handle.add(41), 41);
    const connection = handle.connect();
    assertEquals(await connection.add(1), 42);
    await assertRejects(() => handle.fail(), ActorError);
    const actorId = await handle.resolve();
    const path = `/gateway/${actorId}@secret/action/add?rvt-token=secret`;
    await (await fetch(running.url + path, { method: "POST", body: "{" }))
      .text();
    await client.dispose();
    await running.shutdown();

    const text = JSON.stringify(
      entries,
      (_, value) => value instanceof Error ? `${value.stack}` : value,
    );
    assertFalse(text.includes("secret"), text.match(/.{80}secret/)?.[0]);
    const logged = new Set(entries.map(({ msg }) => msg));
    for (
      const msg of [
        "request",
        "call",
        "result",
        "message from a caller",
        "message to a caller",
        "an action failed",
      ]
    ) {
      assert(logged.has(msg), `${msg} is not logged`);
    }
    assert(text.includes(`"x-mine":"shown"`));
    assert(text.includes(`"authorization":"***"`));
    assert(text.includes(`/gateway/${actorId}@***/action/add`));
    // In bare on the wire, and readable here.
    const messages = entries.map(({ message }) => message);
    assert(messages.includes("[41]"));
    assert(messages.includes("41"));
    assert(
      messages.includes(
        `{"tag":"ActionRequest","val":{"id":0,"name":"add","args":[1]}}`,
      ),
    );
  }));
