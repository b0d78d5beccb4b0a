// What may be put into a state, what comes back after a reload, and how proxies behave.

import {
  assert,
  assertEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { actor } from "../../src/definition/actor.ts";
import { State } from "../../src/actor/state.ts";
import { unwrap } from "../../src/actor/tree.ts";
import { ActorError } from "../../src/errors.ts";
import { test } from "../harness.ts";
import { World } from "./world.ts";

type Tree = Record<string, unknown>;

const nobody = { stateChanged() {}, stateWatched() {} };

/** A state and what a store would keep of it. */
class Kept {
  readonly state: State;
  snapshot = "";
  journal: string[] = [];
  /** The characters that the last step wrote. */
  written = 0;

  constructor(first: unknown, isLarge: boolean) {
    this.state = State.create(
      isLarge ? { padding: "x".repeat(3_000), ...first as Tree } : first,
      nobody,
    );
    this.take();
  }

  get root(): Tree {
    return this.state.value as Tree;
  }

  take(): void {
    const change = this.state.take();
    this.state.unwatch();
    if (change === undefined) {
      this.written = 0;
    } else if ("snapshot" in change) {
      this.snapshot = change.snapshot;
      this.journal = [];
      this.written = change.snapshot.length;
    } else {
      this.journal.push(change.journal);
      this.written = change.journal.length;
    }
  }

  /** The root after a reload, without the padding. */
  reload(): Tree {
    const state = State.load(this.snapshot, this.journal, nobody);
    const { padding: _, ...root } = unwrap(state.value) as Tree;
    return root;
  }
}

/** Runs a test on a state that is written whole, and on one that is journaled. */
function onBoth(
  name: string,
  run: (make: (first: unknown) => Kept) => void,
): void {
  for (const isLarge of [false, true]) {
    test(`${name} (${isLarge ? "journaled" : "written whole"})`, () =>
      run((first) => new Kept(first, isLarge)));
  }
}

// The same ones each time, for where they were made is a part of them.
const errors = [
  new Error("a"),
  new TypeError("b"),
  Object.defineProperty(new Error("c"), "name", {
    value: "Custom",
    configurable: true,
    writable: true,
  }),
];

const values: Record<string, () => unknown> = {
  null: () => null,
  undefined: () => undefined,
  booleans: () => [true, false],
  numbers:
    () => [0, -0, 1.5, -1e300, Number.MIN_VALUE, Number.MAX_SAFE_INTEGER],
  strings: () => ["", "é€😀", "\ud800", "\0", "$Date", "a\u2028b"],
  bigints: () => [0n, -(2n ** 100n)],
  dates: () => [new Date(0), new Date(8.64e15), new Date(NaN)],
  "regular expressions": () => [/a\/b/giu, new RegExp("")],
  errors: () => errors,
  "typed arrays": () => [
    new Uint8Array([1, 255]),
    new Uint8ClampedArray([1]),
    new Int8Array([-1]),
    new Uint16Array([65_535]),
    new Int16Array([-1]),
    new Uint32Array([2 ** 32 - 1]),
    new Int32Array([-1]),
    new Float16Array([1.5]),
    new Float32Array([1.5]),
    new Float64Array([1 / 3, NaN]),
    new BigInt64Array([-1n]),
    new BigUint64Array([2n ** 64n - 1n]),
    new DataView(new Uint8Array([1, 2, 3]).buffer),
    new Uint8Array([1, 2, 3, 4]).subarray(1, 3),
  ],
  "array buffers": () => [new Uint8Array([1, 2]).buffer, new ArrayBuffer(0)],
  maps: () => [
    new Map(),
    new Map<unknown, unknown>([[1, "a"], ["1", new Map([[null, 2n]])], [{
      k: 1,
    }, [1]]]),
  ],
  sets: () => [
    new Set(),
    new Set<unknown>([1, "1", { deep: new Set([undefined]) }]),
  ],
  arrays: () => [[], [[], [[1]]], ["$Set", 1], ["$", "$$"], new Array(3)],
  objects: () => [{}, { a: { b: { c: [] } } }, {
    "": 1,
    "a b": 2,
    constructor: 3,
    toString: 4,
    then: 5,
  }],
  "objects with __proto__": () =>
    JSON.parse(`{"__proto__": {"a": 1}, "b": {"__proto__": 5}}`),
};

for (const [name, make] of Object.entries(values)) {
  onBoth(`${name} come back as they were`, (open) => {
    const atStart = open({ value: make() });
    assertEquals(atStart.reload().value, make());
    const assigned = open({ value: null as unknown, list: [] as unknown[] });
    assigned.root.value = make();
    (assigned.root.list as unknown[]).push(make());
    assigned.take();
    assertEquals(assigned.reload(), { value: make(), list: [make()] });
  });
}

class Point {
  x = 1;
}
const cycle: Tree = {};
cycle.self = { cycle };
const mapCycle = new Map<string, unknown>();
mapCycle.set("me", mapCycle);

const refused: [name: string, value: () => unknown, where: string][] = [
  ["a function", () => () => {}, ""],
  ["a symbol", () => Symbol("s"), ""],
  ["NaN", () => NaN, ""],
  ["Infinity", () => -Infinity, ""],
  ["a class instance", () => new Point(), ""],
  ["a promise", () => Promise.resolve(1), ""],
  ["a weak map", () => new WeakMap(), ""],
  ["a URL", () => new URL("http://a/"), ""],
  ["a class that extends Map", () => new (class extends Map {})(), ""],
  ["a nested function", () => ({ a: [0, { b: () => {} }] }), ".a[1].b"],
  ["a function in a map", () => new Map([["k y", () => {}]]), `["k y"]`],
  ["a function in a set", () => new Set([1, () => {}]), ".values()[1]"],
  ["a nested NaN", () => ({ "a b": NaN }), `["a b"]`],
  ["a symbol for a key", () => ({ [Symbol("k")]: 1 }), ""],
  ["a nested symbol for a key", () => ({ a: { [Symbol("k")]: 1 } }), ".a"],
  ["a cycle", () => cycle, ".self.cycle"],
  ["a cycle through a map", () => mapCycle, ".me"],
];

for (const [name, make, where] of refused) {
  onBoth(
    `${name} is refused where it is assigned, and nothing changes`,
    (open) => {
      const kept = open({
        x: { y: 1 },
        list: [1],
        map: new Map(),
        set: new Set(),
      });
      const { root } = kept;
      const x = root.x as Tree;
      const list = root.list as unknown[];
      const map = root.map as Map<unknown, unknown>;
      const set = root.set as Set<unknown>;
      const attempts: [path: string, assign: () => void][] = [
        ["state.x.y", () => x.y = make()],
        ["state.x.z", () => x.z = make()],
        ["state.list[0]", () => list[0] = make()],
        ["state.list[1]", () => list.push(make())],
        ["state.list[0]", () => list.unshift(make())],
        ["state.list[1]", () => list.splice(1, 0, make())],
        ["state.map.k", () => map.set("k", make())],
        ["state.set.values()[0]", () => set.add(make())],
        ["state", () => kept.state.value = make()],
        ["state.x.y", () => Object.defineProperty(x, "y", { value: make() })],
        ["state.x.y", () => Object.assign(x, { y: make() })],
      ];
      for (const [path, assign] of attempts) {
        const error = assertThrows(assign, ActorError);
        assertEquals(`${error.group}/${error.code}`, "state/invalid_type");
        assert(
          error.message.includes(`${path}${where}:`),
          `${path}${where} in ${error.message}`,
        );
      }
      assertEquals(kept.state.isChanged, false);
      const expected = {
        x: { y: 1 },
        list: [1],
        map: new Map(),
        set: new Set(),
      };
      kept.take();
      assertEquals(kept.reload(), expected);
      const { padding: _, ...raw } = unwrap(kept.state.value) as Tree;
      assertEquals(raw, expected);
    },
  );

  test(`${name} is refused in a first state`, () => {
    const error = assertThrows(
      () => State.create({ x: make() }, nobody),
      ActorError,
    );
    assertEquals(`${error.group}/${error.code}`, "state/invalid_type");
    assert(
      error.message.includes(`state.x${where}:`),
      `state.x${where} in ${error.message}`,
    );
  });
}

onBoth("an object that would contain itself is refused", (open) => {
  const kept = open({
    a: { b: { c: {} } },
    list: [{ l: [] as unknown[] }],
    map: new Map([["m", {}]]),
  });
  const a = kept.root.a as { b: { c: Tree } };
  const list = kept.root.list as { l: unknown[] }[];
  const map = kept.root.map as Map<unknown, unknown>;
  assertThrows(() => a.b.c.up = a, ActorError, "state.a.b.c.up");
  assertThrows(() => a.b.c.up = { deep: [a.b] }, ActorError);
  assertThrows(() => list[0]!.l.push(list), ActorError);
  assertThrows(() => map.set("self", map), ActorError);
  assertThrows(() => a.b.c.root = kept.root, ActorError);
  assertEquals(kept.state.isChanged, false);
});

onBoth("what stands twice stays one object, also after a reload", (open) => {
  const kept = open({
    a: { n: 1 },
    b: null as unknown,
    list: [] as unknown[],
    map: new Map(),
  });
  const { root } = kept;
  root.b = root.a;
  (root.list as unknown[]).push(root.a, { wrapped: root.a });
  (root.map as Map<unknown, unknown>).set("k", root.a);
  kept.take();
  (root.b as Tree).n = 2;
  kept.take();
  const after = kept.reload() as {
    a: Tree;
    b: Tree;
    list: [Tree, { wrapped: Tree }];
    map: Map<string, Tree>;
  };
  assertEquals(after.a.n, 2);
  for (
    const same of [
      after.b,
      after.list[0],
      after.list[1].wrapped,
      after.map.get("k"),
    ]
  ) {
    assertStrictEquals(same, after.a);
  }
  const shared = { s: 1 };
  root.first = shared;
  root.second = [shared];
  kept.take();
  const again = kept.reload() as { first: Tree; second: [Tree] };
  assertStrictEquals(again.second[0], again.first);
});

onBoth("what is done to an assigned object past its proxy is kept", (open) => {
  const kept = open({ players: {} as Tree, list: [] as unknown[] });
  const player = {
    score: 0,
    items: [] as string[],
    bag: new Map<string, number>(),
    inner: { deep: { n: 0 } },
  };
  (kept.root.players as Tree).p = player;
  player.score += 10;
  player.items.push("sword");
  player.bag.set("gold", 3);
  player.inner.deep.n++;
  kept.take();
  assertEquals(kept.reload().players, {
    p: {
      score: 10,
      items: ["sword"],
      bag: new Map([["gold", 3]]),
      inner: { deep: { n: 1 } },
    },
  });
  const entry = { n: 1 };
  (kept.root.list as unknown[]).push(entry);
  entry.n = 2;
  kept.take();
  assertEquals(kept.reload().list, [{ n: 2 }]);
});

onBoth(
  "an assigned object may change past its proxy after a step was taken",
  (open) => {
    const kept = open({ list: [] as unknown[] });
    const entry: Tree = { n: 1 };
    (kept.root.list as unknown[]).push(entry);
    const first = kept.state.take()!;
    if ("snapshot" in first) kept.snapshot = first.snapshot;
    else kept.journal.push(first.journal);
    entry.n = 2;
    entry.more = { deep: [1] };
    (entry.more as { deep: number[] }).deep.push(2);
    kept.take();
    assertEquals(kept.reload().list, [{ n: 2, more: { deep: [1, 2] } }]);
  },
);

onBoth(
  "an object that holds a part of the state may be assigned and changed",
  (open) => {
    const kept = open({ players: { a: { n: 1 } }, game: null as unknown });
    const game = { players: kept.root.players, score: 0 };
    kept.root.game = game;
    (kept.root.game as Tree).score = 5;
    kept.take();
    const after = kept.reload() as {
      players: Tree;
      game: { players: Tree; score: number };
    };
    assertEquals(after.game.score, 5);
    assertStrictEquals(after.game.players, after.players);
  },
);

onBoth(
  "dates, buffers and errors that are changed in place are kept",
  (open) => {
    const kept = open({
      date: new Date(0),
      bytes: new Uint8Array(4),
      buffer: new ArrayBuffer(2),
      error: new Error("a"),
      floats: new Float64Array(2),
      deep: { list: [new Date(0)] },
    });
    const root = kept.root as {
      date: Date;
      bytes: Uint8Array;
      buffer: ArrayBuffer;
      error: Error;
      floats: Float64Array;
      deep: { list: Date[] };
    };
    root.date.setTime(5);
    root.bytes[2] = 7;
    root.bytes.subarray(0, 1).fill(9);
    new Uint8Array(root.buffer)[1] = 3;
    root.error.message = "b";
    root.floats.set([1.5], 1);
    root.deep.list[0]!.setTime(6);
    kept.take();
    const after = kept.reload() as typeof root;
    assertEquals(after.date, new Date(5));
    assertEquals(after.bytes, new Uint8Array([9, 0, 7, 0]));
    assertEquals(after.buffer, new Uint8Array([0, 3]).buffer);
    assertEquals(after.error.message, "b");
    assertEquals(after.floats, new Float64Array([0, 1.5]));
    assertEquals(after.deep.list[0], new Date(6));
  },
);

onBoth(
  "a frozen object may be assigned, and what stands in the state is not frozen",
  (open) => {
    const kept = open({ x: null as unknown });
    const frozen = Object.freeze({ a: 1, inner: Object.freeze([1]) });
    kept.root.x = frozen;
    const x = kept.root.x as { a: number; inner: number[] };
    x.a = 2;
    x.inner.push(2);
    kept.take();
    assertEquals(kept.reload(), { x: { a: 2, inner: [1, 2] } });
    assertEquals(frozen, { a: 1, inner: [1] });
    assertThrows(() => Object.freeze(kept.root), TypeError);
  },
);

onBoth("proxies behave like what they stand for", (open) => {
  const kept = open({
    list: [{ n: 3 }, { n: 1 }, { n: 2 }],
    map: new Map<unknown, unknown>([["a", { n: 1 }], ["b", { n: 2 }]]),
    set: new Set<unknown>([1, { n: 2 }]),
    o: { b: 1, a: { c: 2 } },
  });
  const { list, map, set, o } = kept.root as {
    list: { n: number }[];
    map: Map<string, { n: number }>;
    set: Set<unknown>;
    o: Tree;
  };
  assertStrictEquals(kept.root, kept.state.value);
  assertStrictEquals(kept.root.list, list);
  assertStrictEquals(list[0], list.at(0));
  assertStrictEquals(map.get("a"), map.get("a"));
  assert(Array.isArray(list));
  assert(map instanceof Map && set instanceof Set);
  assertEquals(JSON.stringify(o), `{"b":1,"a":{"c":2}}`);
  assertEquals(JSON.stringify(list), `[{"n":3},{"n":1},{"n":2}]`);
  assertEquals({ ...o }, { b: 1, a: { c: 2 } });
  assertEquals([...list].map(({ n }) => n), [3, 1, 2]);
  assertEquals(Object.keys(o), ["b", "a"]);
  assertEquals(Object.entries(o), [["b", 1], ["a", { c: 2 }]]);
  assert("a" in o && Object.hasOwn(o, "b") && !("z" in o));
  assertEquals(list.map(({ n }) => n * 2), [6, 2, 4]);
  assertEquals(list.filter(({ n }) => n > 1).length, 2);
  assertEquals(list.toSorted((a, b) => a.n - b.n).map(({ n }) => n), [1, 2, 3]);
  assertEquals(list.find(({ n }) => n === 2), list[2]);
  assertEquals(list.reduce((sum, { n }) => sum + n, 0), 6);
  assertEquals(list.concat([{ n: 9 }]).length, 4);
  assertEquals(list.indexOf(list[1]!), 1);
  assertEquals(list.lastIndexOf(list[1]!), 1);
  assertEquals(list.includes(list[2]!), true);
  assertEquals(list.indexOf({ n: 1 }), -1);
  assertEquals(list.findLastIndex((entry) => entry === list[0]), 0);
  assertEquals([...map.keys()], ["a", "b"]);
  assertEquals([...map].map(([key, { n }]) => `${key}${n}`), ["a1", "b2"]);
  assertEquals(Object.fromEntries(map), { a: { n: 1 }, b: { n: 2 } });
  assertEquals(new Map(map).size, 2);
  assertEquals([...map.values()].map(({ n }) => n), [1, 2]);
  assertEquals(set.has([...set][1]), true);
  assertEquals([...set.union(new Set([5]))].length, 3);
  assertEquals(kept.state.isChanged, false, "reading has changed nothing");
  for (const entry of map.values()) entry.n *= 10;
  for (const entry of list) entry.n++;
  map.forEach((entry) => entry.n++);
  list.sort((a, b) => a.n - b.n);
  const [second] = list.splice(1, 1);
  list.push(second!);
  [list[0], list[1]] = [list[1]!, list[0]!];
  delete o.b;
  (o.a as Tree).c = undefined;
  kept.take();
  const after = kept.reload() as typeof kept.root;
  assertEquals(after.list, [{ n: 4 }, { n: 2 }, { n: 3 }]);
  assertEquals(after.map, new Map([["a", { n: 11 }], ["b", { n: 21 }]]));
  assertEquals(after.o, { a: { c: undefined } });
});

onBoth(
  "a whole new state may be assigned, also one that holds parts of the old",
  (open) => {
    const kept = open({ a: { n: 1 }, b: 2 });
    kept.state.value = {
      a: kept.root.a,
      c: [kept.root.a],
      padding: "y".repeat(2_000),
    };
    (kept.root.a as Tree).n = 5;
    kept.take();
    const after = kept.reload() as { a: Tree; c: Tree[] };
    assertEquals(after, { a: { n: 5 }, c: [{ n: 5 }] });
    assertStrictEquals(after.c[0], after.a);
  },
);

test("appending to a state of 10 MB writes less than a kilobyte", () => {
  const entries = Array.from(
    { length: 100_000 },
    (_, i) => ({ id: i, text: "x".repeat(90) }),
  );
  const kept = new Kept({ entries }, true);
  assert(kept.written > 10_000_000);
  for (let i = 0; i < 100; i++) {
    (kept.root.entries as unknown[]).push({ id: i, text: "y".repeat(90) });
    kept.take();
    assert(kept.written < 1_000, `${kept.written}`);
    (kept.root.entries as Tree[])[i * 7]!.text = "changed";
    kept.take();
    assert(kept.written < 1_000, `${kept.written}`);
  }
  const after = kept.reload().entries as Tree[];
  assertEquals(after.length, 100_100);
  assertEquals(after[7]!.text, "changed");
});

const disturbances: [what: string, disturb: (list: number[]) => void][] = [
  ["removes members", (list) => void list.splice(0, 2)],
  ["replaces members", (list) => void list.fill(7)],
  ["adds members", (list) => void list.push(9, 8)],
];

for (const [what, disturb] of disturbances) {
  onBoth(
    `sort() with a comparator that ${what} ends as on any array`,
    (open) => {
      const sort = (list: number[]) => {
        let isFirst = true;
        list.sort((a, b) => {
          if (isFirst) disturb(list);
          isFirst = false;
          return a - b;
        });
        return list;
      };
      const kept = open({ list: [3, 1, 2] });
      sort(kept.root.list as number[]);
      kept.take();
      assertEquals(kept.reload().list, sort([3, 1, 2]));
    },
  );
}

onBoth("a zero of the other sign in a map is a change", (open) => {
  const kept = open({ map: new Map([["k", 0]]) });
  for (const zero of [-0, 0]) {
    (kept.root.map as Map<string, number>).set("k", zero);
    kept.take();
    assert(kept.written > 0);
    assertStrictEquals(
      (kept.reload().map as Map<string, number>).get("k"),
      zero,
    );
  }
});

// Through the host

const first = actor({
  state: { inner: { n: 1 }, list: [{ n: 1 }] },
  connState: {
    tags: [] as string[],
    when: new Date(0),
    bytes: new Uint8Array(2),
    other: null as unknown,
  },
  actions: {
    all: (c) => c.state,
    inner: (c) => c.state.inner,
    list: (c) => c.state.list.filter(({ n }) => n > 0),
    async change(c) {
      c.state.inner.n++;
      await c.saveState();
      return c.state;
    },
    tag(c, tag: string) {
      c.conn.state.tags.push(tag);
      return [...c.conn.state.tags];
    },
    touch(c) {
      c.conn.state.when.setTime(5);
      c.conn.state.bytes[1] = 7;
    },
    share(c) {
      c.conn.state.other = c.state.inner;
      (c.conn.state.other as { n: number }).n = 100;
      return c.state.inner.n;
    },
    replace(c) {
      c.conn.state = {
        tags: ["new"],
        when: new Date(1),
        bytes: new Uint8Array(1),
        other: 1,
      };
    },
    refuse(c) {
      try {
        c.conn.state.other = () => {};
      } catch (error) {
        return (error as Error).message;
      }
    },
    conn: (c) => c.conn.state,
    sleep: (c) => c.sleep(),
  },
});

test("an action may return its state, or a part of it, and the caller gets a copy", async () => {
  await using world = await World.open({ first });
  const handle = world.client.first.getOrCreate("a");
  const all = await handle.all();
  all.inner.n = 50;
  assertEquals(await handle.inner(), { n: 1 });
  assertEquals(await handle.list(), [{ n: 1 }]);
  assertEquals((await handle.change()).inner.n, 2);
});

test("conn.state is saved like c.state, and shares nothing with it", async () => {
  await using world = await World.open({ first });
  const id = await world.client.first.getOrCreate("a").resolve();
  const peer = await world.connect(id);
  let calls = 0;
  const ask = async (action: string, ...args: unknown[]) => {
    const number = calls++;
    peer.call(number, action, ...args);
    await world.clock.settle();
    const answer = peer.messages.find(({ tag, val }) =>
      tag === "ActionResponse" && "id" in val && val.id === number
    );
    assert(answer?.tag === "ActionResponse", peer.heard.join());
    return answer.val.output;
  };
  const restart = async () => {
    await ask("sleep");
    await world.clock.settle();
  };
  assertEquals(await ask("tag", "a"), ["a"]);
  assertEquals(await ask("share"), 1);
  assert(
    String(await ask("refuse")).includes("conn.state.other: it is a function"),
  );
  // A failed commit makes the next instance read the connection from the store.
  const reread = async () => {
    await restart();
    const stored = (await world.store.load(id))!.connections.get(
      peer.connection.id,
    )!;
    return new TextDecoder().decode(stored);
  };
  assert((await reread()).includes(`"tags":["a"]`));
  await ask("touch");
  const touched = await reread();
  assert(touched.includes(`["$Date",5]`), touched);
  assert(touched.includes(`["$Uint8Array","AAc="]`), touched);
  await ask("replace");
  assert((await reread()).includes(`"tags":["new"]`));
  assertEquals((await ask("conn") as { tags: string[] }).tags, ["new"]);
});

// What is done past the proxies, later than the assignment

interface Item {
  n: number;
  list: number[];
}
interface Late {
  padding: string;
  item: Item | undefined;
  items: Item[];
  dates: Date[];
  bytes: Uint8Array[];
  long: { text: string; n: number };
}
const late: Late = {
  padding: "",
  item: undefined,
  items: [],
  dates: [],
  bytes: [],
  long: { text: "", n: 0 },
};

/** Assigns an object, waits, and changes it through the first reference. */
async function assignThenChange(
  c: { state: Late },
  wait: () => Promise<void>,
): Promise<void> {
  const item: Item = { n: 0, list: [] };
  c.state.item = item;
  for (let i = 1; i <= 2; i++) {
    await wait();
    item.n = i;
    item.list.push(i);
  }
}

const twoTurns = async () => {
  for (let i = 0; i < 2; i++) {
    await new Promise((resolve) => setImmediate(resolve));
  }
};

for (const [size, length] of [["small", 0], ["journaled", 3_000]] as const) {
  const padding = "x".repeat(length);
  const base = {
    createState: () => ({ ...structuredClone(late), padding }),
    vars: {},
  };

  for (const hook of ["onCreate", "createVars", "onWake"] as const) {
    test(`what ${hook} does after a wait to an object that it has assigned is durable (${size})`, async () => {
      let isFirst = true;
      const hooked = actor({
        ...base,
        [hook]: async (c: { state: Late }) => {
          if (isFirst) await assignThenChange(c, twoTurns);
          isFirst = false;
          return {};
        },
        actions: { read: (c) => c.state.item, sleep: (c) => c.sleep() },
      });
      await using world = await World.open({ hooked });
      const handle = world.client.hooked.getOrCreate("a");
      await handle.resolve();
      await handle.sleep();
      await world.clock.settle();
      assertEquals(await handle.read(), { n: 2, list: [1, 2] });
    });
  }

  test(`what background work does after a wait to an object that it has assigned is durable (${size})`, async () => {
    const gates: (() => void)[] = [];
    const gate = () => new Promise<void>((resolve) => gates.push(resolve));
    const hidden = actor({
      ...base,
      actions: {
        work: (c) => c.waitUntil(assignThenChange(c, gate)),
        read: (c) => c.state.item,
        sleep: (c) => c.sleep(),
      },
    });
    await using world = await World.open({ hidden });
    const handle = world.client.hidden.getOrCreate("a");
    await handle.work();
    for (let i = 0; i < 2; i++) {
      await world.clock.settle();
      gates[i]!();
    }
    await world.clock.settle();
    await handle.sleep();
    await world.clock.settle();
    assertEquals(await handle.read(), { n: 2, list: [1, 2] });
  });

  test(`however much an action changes past the proxies is durable (${size})`, async () => {
    const heavy = actor({
      ...base,
      actions: {
        push(c) {
          const items = Array.from({ length: 1_500 }, () => ({
            n: 0,
            list: [] as number[],
          }));
          for (const item of items) c.state.items.push(item);
          for (const [i, item] of items.entries()) item.list.push(item.n = i);
        },
        fill(c) {
          for (let i = 0; i < 2_000; i++) {
            c.state.dates.push(new Date(0));
            c.state.bytes.push(new Uint8Array(1));
          }
        },
        touch(c) {
          for (const [i, date] of c.state.dates.entries()) date.setTime(i);
          for (const [i, bytes] of c.state.bytes.entries()) bytes[0] = i;
        },
        long(c) {
          const long = { text: "x".repeat(70_000), n: 0 };
          c.state.long = long;
          long.n = 1;
        },
        // Each as one number, as an answer has a limit.
        wrong: (c) => [
          c.state.items.filter((item, i) => item.n !== i || item.list[0] !== i)
            .length,
          c.state.dates.filter((date, i) => date.getTime() !== i).length,
          c.state.bytes.filter((bytes, i) => bytes[0] !== i % 256).length,
          c.state.long.n,
        ],
        counts: ({ state: { items, dates, bytes, long } }) =>
          [items, dates, bytes, long.text].map(({ length }) => length),
      },
    });
    await using world = await World.open({ heavy });
    const handle = world.client.heavy.getOrCreate("a");
    for (const action of ["push", "fill", "touch", "long"] as const) {
      await handle[action]();
    }
    await using after = await World.open({ heavy }, world.parts);
    const read = after.client.heavy.get("a");
    assertEquals(await read.counts(), [1_500, 2_000, 2_000, 70_000]);
    assertEquals(await read.wrong(), [0, 0, 0, 1]);
  });
}
