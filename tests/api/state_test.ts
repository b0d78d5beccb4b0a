// What may stand in `c.state` and in the state of a connection, as an actor's own code meets it.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { actor, ActorError, createClient, setup } from "../../mod.ts";
import { test } from "../harness.ts";

const quiet = {
  store: "memory",
  noWelcome: true,
  logging: { level: "silent" },
} as const;

class Point {
  x = 1;
}

const refused: [name: string, make: () => unknown, where?: string][] = [
  ["NaN", () => NaN],
  ["Infinity", () => Infinity],
  ["a function", () => () => {}],
  ["a symbol", () => Symbol("s")],
  ["a promise", () => Promise.resolve(1)],
  ["a class instance", () => new Point()],
  ["a WeakMap", () => new WeakMap()],
  ["a URL", () => new URL("http://a/")],
  ["a nested NaN", () => ({ list: [1, { n: NaN }] }), ".list[1].n"],
  ["a function in a map", () => new Map([["k", () => {}]]), ".k"],
];

for (const [name, make, where = ""] of refused) {
  test(`${name} is refused by c.state and conn.state at the assignment, with its path, and nothing changes`, async () => {
    const holder = actor({
      state: { deep: { value: 1 as unknown } },
      connState: { deep: { value: 1 as unknown } },
      actions: {
        assign: (c) =>
          [c.state, c.conn.state].map((state) => {
            try {
              state.deep.value = make();
              return ["was taken"];
            } catch (error) {
              const { group, code, message } = error as ActorError;
              return [`${group}/${code}`, message.split(":")[0], state.deep];
            }
          }),
        replace: (c) => c.state = { deep: { value: make() } },
        replaceConn: (c) => c.conn.state = { deep: { value: make() } },
        read: (c) => [c.state, c.conn.state],
      },
    });
    const registry = setup({ use: { holder }, ...quiet });
    const client = createClient<typeof registry>();
    const connection = client.holder.getOrCreate("a").connect();
    const before = { deep: { value: 1 } };
    const path = (root: string) => `Cannot save ${root}.deep.value${where}`;
    assertEquals(await connection.assign(), [
      ["state/invalid_type", path("state"), before.deep],
      ["state/invalid_type", path("conn.state"), before.deep],
    ]);
    for (const replace of ["replace", "replaceConn"] as const) {
      const error = await assertRejects(
        () => connection[replace](),
        ActorError,
      );
      assertEquals(error.code, "internal_error", "it is the server's business");
    }
    assertEquals(await connection.read(), [before, before]);
    await client.dispose();
    await registry.shutdown();
  });

  test(`${name} in a first state fails the start, and in that of a connection refuses the caller`, async () => {
    let isBad = true;
    const first = () => ({ value: isBad ? make() : 1 });
    const born = actor({ createState: first, actions: { read: () => 1 } });
    const met = actor({
      createConnState: first,
      actions: { read: (c) => c.conn.state.value },
    });
    const registry = setup({ use: { born, met }, ...quiet });
    const client = createClient<typeof registry>();
    for (
      const handle of [
        client.born.getOrCreate("a"),
        client.met.getOrCreate("a"),
      ]
    ) {
      isBad = true;
      const error = await assertRejects(() => handle.read(), ActorError);
      assertEquals(error.code, "internal_error");
      isBad = false;
      assertEquals(await handle.read(), 1);
    }
    await registry.shutdown();
  });
}

test("every type that may be saved comes back as it was after sleep, from c.state and from conn.state", async () => {
  const make = () => ({
    nothing: null,
    absent: undefined,
    flag: true,
    text: "é",
    number: 1.5,
    large: 2n ** 70n,
    date: new Date(5),
    pattern: /a/gi,
    error: new TypeError("t"),
    bytes: new Uint8Array([1, 2]),
    floats: new Float64Array([0.5]),
    buffer: new Uint8Array([3]).buffer,
    map: new Map<unknown, unknown>([["k", new Set([1])], [2, { deep: [1] }]]),
    list: [[1], { a: 1 }],
  });
  const kinds = (state: Record<string, unknown>) =>
    Object.entries(state).map(([key, value]) =>
      `${key} ${Object.prototype.toString.call(value)} ${
        value instanceof Error ? value.name + value.message : ""
      }`
    );
  const { promise: slept, resolve } = Promise.withResolvers<void>();
  const holder = actor({
    createState: make,
    createConnState: make,
    onSleep: () => resolve(),
    actions: {
      sleep: (c) => c.sleep(),
      look: (c) => {
        const states = [c.state, c.conn.state];
        return {
          kinds: states.map(kinds),
          values: states.map(({ map, date, bytes, large }) => [
            (map.get("k") as Set<number>).has(1),
            +date,
            [...bytes],
            String(large),
          ]),
        };
      },
    },
  });
  const registry = setup({ use: { holder }, ...quiet });
  const client = createClient<typeof registry>();
  const connection = client.holder.getOrCreate("a").connect();
  const value = [true, 5, [1, 2], String(2n ** 70n)];
  const expected = {
    kinds: [kinds(make()), kinds(make())],
    values: [value, value],
  };
  assertEquals(await connection.look(), expected);
  await connection.sleep();
  await slept;
  assertEquals(await connection.look(), expected);
  await client.dispose();
  await registry.shutdown();
});

test("what is not enabled says what, when it is read or assigned, and is masked for the caller", async () => {
  const codeOf = (touch: () => unknown) => {
    try {
      touch();
      return "nothing was thrown";
    } catch (error) {
      const { group, code } = error as ActorError;
      return `${group}/${code}`;
    }
  };
  const bare = actor({
    actions: {
      codes: (c) =>
        [
          () => c.state,
          () => (c as { state: unknown }).state = 1,
          () => c.vars,
          () => c.conn.state,
          () => (c.conn as { state: unknown }).state = 1,
          () => c.db,
        ].map(codeOf),
      state: (c) => c.state,
    },
  });
  const registry = setup({ use: { bare }, ...quiet });
  const handle = createClient<typeof registry>().bare.getOrCreate("a");
  assertEquals(await handle.codes(), [
    "actor/state_not_enabled",
    "actor/state_not_enabled",
    "actor/vars_not_enabled",
    "actor/conn_state_not_enabled",
    "actor/conn_state_not_enabled",
    "database/not_enabled",
  ]);
  const error = await assertRejects(() => handle.state(), ActorError);
  assert(!error.message.includes("state"));
  await registry.shutdown();
});

test("any change at any depth is saved without further ado, and nothing but c.state", async () => {
  const { promise: slept, resolve } = Promise.withResolvers<void>();
  const tree = actor({
    state: {
      n: 1,
      list: [3, 1, 2],
      deep: { a: { b: [{ c: 1 }] } } as Record<string, unknown>,
      gone: 1 as number | undefined,
    },
    vars: { n: 1 },
    onSleep: () => resolve(),
    actions: {
      change: (c) => {
        const { state } = c;
        state.n++;
        state.list.push(4);
        state.list.splice(0, 1);
        state.list.sort();
        (state.deep.a as { b: { c: number }[] }).b[0]!.c += 5;
        state.deep.whole = { new: [1] };
        (state.deep.whole as { new: number[] }).new.push(2);
        delete state.gone;
        c.vars.n++;
      },
      read: (c) => ({ ...c.state, vars: c.vars.n }),
      sleep: (c) => c.sleep(),
    },
  });
  const registry = setup({ use: { tree }, ...quiet });
  const handle = createClient<typeof registry>().tree.getOrCreate("a");
  await handle.change();
  await handle.sleep();
  await slept;
  assertEquals(await handle.read() as unknown, {
    n: 2,
    list: [1, 2, 4],
    deep: { a: { b: [{ c: 6 }] }, whole: { new: [1, 2] } },
    vars: 1,
  });
  await registry.shutdown();
});
