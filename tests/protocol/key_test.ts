import { assertEquals, assertThrows } from "@std/assert";
import { ActorError } from "../../src/errors.ts";
import { formatKey, normalizeKey, parseKey } from "../../src/protocol/key.ts";
import { test } from "../harness.ts";

const pairs: [string[], string][] = [
  [[], "/"],
  [[""], "\\0"],
  [["a", "b"], "a/b"],
  [["a", ""], "a/\\0"],
  [["a/b"], "a\\/b"],
  [["a\\b"], "a\\\\b"],
  [["/"], "\\/"],
  [["", "x"], "\\0/x"],
  [["\\0"], "\\\\0"],
  [["k", "a/b", "", "c\\d"], "k/a\\/b/\\0/c\\\\d"],
  [["ü", "日本"], "ü/日本"],
];

test("a key has one text, and the text is of no other key", () => {
  for (const [key, text] of pairs) {
    assertEquals(formatKey(key), text);
    assertEquals(parseKey(text), key);
  }
});

test("a backslash at the end of a text stands for itself", () => {
  assertEquals(parseKey("a\\"), ["a\\"]);
});

test("a text is a key of one part, and nothing is the key without parts", () => {
  assertEquals(normalizeKey("a/b"), ["a/b"]);
  assertEquals(normalizeKey(undefined), []);
  assertEquals(normalizeKey(["a"]), ["a"]);
});

test("a key that is no text, longer than the bound or has half a surrogate pair is refused", () => {
  for (const key of [7, {}, ["a", 7], "ü".repeat(600), ["a", "\ud800"]]) {
    const error = assertThrows(() => normalizeKey(key), ActorError);
    assertEquals(`${error.group}/${error.code}`, "key/invalid");
  }
  assertEquals(normalizeKey("ü".repeat(500)).length, 1);
});
