import { assertEquals } from "@std/assert";
import { Recent } from "../src/recent.ts";
import { test } from "./harness.ts";

function filled(keys: number): Recent<number, string> {
  const recent = new Recent<number, string>(10);
  for (let key = 1; key <= keys; key++) recent.set(key, `value ${key}`);
  return recent;
}

test("at least half of what may be remembered is, and never more than all of it", () => {
  for (let keys = 10; keys < 40; keys++) {
    for (let key = 1; key <= keys; key++) {
      // Each looked for by itself, because whoever looks uses it.
      const found = filled(keys).get(key);
      if (key > keys - 5) assertEquals(found, `value ${key}`);
      if (key <= keys - 10) assertEquals(found, undefined);
    }
  }
});

test("what is used stays, with its last value", () => {
  const recent = new Recent<number, string>(10);
  recent.set(0, "first");
  recent.set(0, "last");
  for (let key = 1; key <= 100; key++) {
    recent.set(key, "another");
    assertEquals(recent.get(0), "last");
  }
});

test("what is deleted is forgotten, however old it is", () => {
  for (const keys of [10, 12, 14]) {
    const recent = filled(keys);
    recent.delete(keys);
    recent.delete(keys - 4);
    assertEquals([recent.get(keys), recent.get(keys - 4)], [
      undefined,
      undefined,
    ]);
    assertEquals(recent.get(keys - 1), `value ${keys - 1}`);
    recent.clear();
    assertEquals(recent.get(keys - 1), undefined);
  }
});
