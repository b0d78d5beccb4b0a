import { assertEquals } from "@std/assert";
import { State } from "../../src/actor/state.ts";
import { unwrap } from "../../src/actor/tree.ts";
import { test } from "../harness.ts";

// A small generator of random numbers with a seed, so that a failure can be repeated.
function random(seed: number): (below: number) => number {
  let state = seed >>> 0 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

type Tree = Record<string, unknown>;

// A place in a tree: the same steps lead to it in the model and through the proxies.
function containers(root: Tree): unknown[][] {
  const paths: unknown[][] = [];
  const visit = (value: unknown, path: unknown[]) => {
    if (typeof value !== "object" || value === null || path.length > 6) return;
    if (value instanceof Map) {
      paths.push(path);
      for (const [key, member] of value) {
        if (typeof key !== "object") visit(member, [...path, { key }]);
      }
    } else if (value instanceof Set) {
      paths.push(path);
      [...value].forEach((member, place) =>
        visit(member, [...path, { place }])
      );
    } else if (
      Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype
    ) {
      paths.push(path);
      for (const key of Object.keys(value)) {
        visit((value as Tree)[key], [...path, key]);
      }
    }
  };
  visit(root, []);
  return paths;
}

function at(root: unknown, path: readonly unknown[]): unknown {
  return path.reduce((value, step) => {
    if (typeof step === "object" && step !== null) {
      return "key" in step
        ? (value as Map<unknown, unknown>).get(step.key)
        : [...value as Set<unknown>][(step as { place: number }).place];
    }
    return (value as Tree)[step as string];
  }, root);
}

function value(next: (below: number) => number, depth = 0): unknown {
  switch (next(depth > 2 ? 12 : 18)) {
    case 0:
      return null;
    case 1:
      return undefined;
    case 2:
      return next(2) === 0;
    case 3:
      return next(1000) - 500;
    case 4:
      return -0;
    case 5:
      return next(1000) / 7;
    case 6:
      return BigInt(next(1000)) ** 20n;
    case 7:
      return ["", "text", "$Date", "ünï", "\ud800", "__proto__"][next(6)];
    case 8:
      return new Date(next(2 ** 31));
    case 9:
      return /a+b/gi;
    case 10:
      return new RangeError(`error ${next(10)}`);
    case 11:
      return [
        new Uint8Array([1, 2, next(256)]),
        new Float64Array([next(10) / 3]),
        new BigInt64Array([BigInt(next(100))]),
        new Uint8Array([next(256)]).buffer,
      ][next(4)];
    case 12:
    case 13:
      return Array.from({ length: next(4) }, () => value(next, depth + 1));
    case 14:
      return new Map(
        Array.from({ length: next(3) }, () => [
          [next(5), `k${next(5)}`, BigInt(next(5)), null][next(4)],
          value(next, depth + 1),
        ]),
      );
    case 15:
      return new Set(
        Array.from({ length: next(3) }, () => value(next, depth + 1)),
      );
    case 16: {
      // Something that stands twice in what is assigned.
      const twice = { n: next(10) };
      return { a: twice, b: [twice] };
    }
    default:
      return Object.fromEntries(
        Array.from({ length: next(4) }, () => [
          ["a", "b", "c", "$x", "__proto__"][next(5)],
          value(next, depth + 1),
        ]),
      );
  }
}

// Makes one random change in the model and, in the same words, through the proxies.
function mutate(
  next: (below: number) => number,
  model: { root: Tree },
  state: State,
): void {
  const paths = containers(model.root);
  const path = paths[next(paths.length)]!;
  const seed = next(2 ** 30) + 1;
  const other = paths[next(paths.length)]!;
  for (const isModel of [true, false]) {
    // Both sides draw the same numbers, so that they get equal values which they do not share.
    const draw = random(seed);
    const root = isModel ? model.root : state.value;
    const target = at(root, path);
    const fresh = () =>
      draw(6) === 0 &&
        !isAround(
          isModel ? model.root : unwrap(state.value) as Tree,
          other,
          path,
        )
        ? at(root, other)
        : value(draw);
    if (Array.isArray(target)) mutateArray(draw, target, fresh);
    else if (target instanceof Map) mutateMap(draw, target, fresh);
    else if (target instanceof Set) mutateSet(draw, target, fresh);
    else mutateObject(draw, target as Tree, fresh);
  }
}

// Whether what stands at `outer` contains what stands at `inner`, so that it cannot be put there.
function isAround(root: Tree, outer: unknown[], inner: unknown[]): boolean {
  const target = at(root, inner);
  const seen = new Set<unknown>();
  const contains = (value: unknown): boolean => {
    if (value === target) return true;
    if (typeof value !== "object" || value === null || seen.has(value)) {
      return false;
    }
    seen.add(value);
    if (value instanceof Map) return [...value].flat(1).some(contains);
    if (value instanceof Set) return [...value].some(contains);
    return Object.values(value).some(contains);
  };
  return contains(at(root, outer));
}

function mutateObject(
  next: (below: number) => number,
  target: Tree,
  fresh: () => unknown,
): void {
  const key = ["a", "b", "c", "$x", "d"][next(5)]!;
  if (next(5) === 0) delete target[key];
  else target[key] = fresh();
}

function mutateArray(
  next: (below: number) => number,
  target: unknown[],
  fresh: () => unknown,
): void {
  const index = next(target.length + 1);
  switch (next(14)) {
    case 0:
      target.push(fresh(), fresh());
      break;
    case 1:
      target.pop();
      break;
    case 2:
      target.shift();
      break;
    case 3:
      target.unshift(fresh());
      break;
    case 4:
      target.splice(next(6) - 3, next(3), fresh());
      break;
    case 5:
      target.splice(index);
      break;
    case 6:
      target.sort();
      break;
    case 7:
      target.sort((a, b) => String(b).length - String(a).length);
      break;
    case 8:
      target.reverse();
      break;
    case 9:
      target.length = next(target.length + 3);
      break;
    case 10:
      delete target[index];
      break;
    case 11:
      target.copyWithin(0, index);
      break;
    case 12:
      target.fill(fresh(), index);
      break;
    default:
      target[index] = fresh();
  }
}

function mutateMap(
  next: (below: number) => number,
  target: Map<unknown, unknown>,
  fresh: () => unknown,
): void {
  const keys = [...target.keys()];
  switch (next(6)) {
    case 0:
      target.clear();
      break;
    case 1:
      target.delete(keys[next(keys.length + 1)]);
      break;
    case 2:
      target.set({ object: next(5) }, fresh());
      break;
    case 3:
      target.set(keys[next(keys.length + 1)], fresh());
      break;
    default:
      target.set([next(5), `k${next(5)}`, BigInt(next(5))][next(3)], fresh());
  }
}

function mutateSet(
  next: (below: number) => number,
  target: Set<unknown>,
  fresh: () => unknown,
): void {
  const members = [...target];
  switch (next(4)) {
    case 0:
      target.clear();
      break;
    case 1:
      target.delete(members[next(members.length + 1)]);
      break;
    default:
      target.add(fresh());
  }
}

const nobody = { stateChanged() {}, stateWatched() {} };

// What a store would keep of a state.
class Kept {
  snapshot = "";
  journal: string[] = [];
  readonly kinds = { snapshot: 0, journal: 0 };

  take(state: State): void {
    const change = state.take();
    if (change === undefined) return;
    if ("snapshot" in change) {
      this.snapshot = change.snapshot;
      this.journal = [];
      this.kinds.snapshot++;
    } else {
      this.journal.push(change.journal);
      this.kinds.journal++;
    }
  }

  load(): State {
    return State.load(this.snapshot, this.journal, nobody);
  }
}

const sequences = 3000;
const steps = 12;

test(`a state replayed from what was kept equals a plain model, ${sequences} random sequences`, () => {
  const first = Number(globalThis.process.env.SEED ?? Date.now() % 1e9);
  const kinds = { snapshot: 0, journal: 0 };
  for (let seed = first; seed < first + sequences; seed++) {
    const next = random(seed * 7919);
    // A long text makes the state large enough to be journaled, in most sequences.
    const padding = "x ".repeat([0, 600, 4000][next(3)]!);
    const model: { root: Tree } = {
      root: { padding, a: { n: 1 }, list: [{ n: 1 }, { n: 2 }] },
    };
    const kept = new Kept();
    let state = State.create(model.root, nobody);
    model.root = structuredClone(model.root);
    kept.take(state);
    try {
      for (let step = 0; step < steps; step++) {
        for (let i = next(4); i >= 0; i--) mutate(next, model, state);
        if (next(15) === 0) {
          const draw = next(2 ** 30) + 1;
          const root = () => ({ padding, fresh: value(random(draw)) });
          model.root = root();
          state.value = root();
        }
        kept.take(state);
        state.unwatch();
        assertEquals(unwrap(state.value), model.root, "in memory");
        const loaded = kept.load();
        assertEquals(unwrap(loaded.value), model.root, "replayed");
        if (next(6) === 0) {
          state = loaded;
        }
      }
    } catch (cause) {
      throw new Error(`seed ${seed}; repeat it with SEED=${seed}`, { cause });
    }
    kinds.snapshot += kept.kinds.snapshot;
    kinds.journal += kept.kinds.journal;
  }
  // The test would show little if one of the two ways were hardly taken.
  assertEquals(kinds.journal > sequences && kinds.snapshot > sequences, true);
});
