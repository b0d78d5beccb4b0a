// The query that names an actor.

import { assertEquals, assertThrows } from "@std/assert";
import { ActorError } from "../../src/errors.ts";
import { hasQueryRoute, parseQuery } from "../../src/protocol/query.ts";
import { parseRoute } from "../../src/protocol/routes.ts";
import { test } from "../harness.ts";

const get = "rvt-namespace=default&rvt-method=get";
const create =
  "rvt-namespace=default&rvt-method=getOrCreate&rvt-runner=default";

test("a query names an actor when the name of any of its pairs begins with rvt-", () => {
  for (const query of ["?rvt-x", "?a=1&rvt-key=b", "rvt-key", "?&rvt-="]) {
    assertEquals(hasQueryRoute(query), true, query);
  }
  for (const query of ["", "?", "?a=rvt-key", "?a-rvt-key=1", "?RVT-key=1"]) {
    assertEquals(hasQueryRoute(query), false, query);
    assertEquals(parseQuery(query), undefined, query);
  }
});

const keys: [pair: string, key: string[]][] = [
  ["", []],
  ["&rvt-key", []],
  ["&rvt-key=", []],
  ["&rvt-key=a", ["a"]],
  ["&rvt-key=a%2Cb", ["a", "b"]],
  ["&rvt-key=a,b", ["a", "b"]],
  ["&rvt-key=a,,b", ["a", "", "b"]],
  ["&rvt-key=k%2C", ["k", ""]],
  ["&rvt-key=%2C", ["", ""]],
  ["&rvt-key=a+b%2Bc%20d", ["a b+c d"]],
  ["&rvt-key=%C3%A9%F0%9F%98%80=%26", ["é😀=&"]],
  [
    "&rvt-key=k-c2319-bare%2Ca%2Fb%2C%2Cc%5Cd",
    ["k-c2319-bare", "a/b", "", "c\\d"],
  ],
];

for (const [pair, key] of keys) {
  test(`"${pair}" is the key ${JSON.stringify(key)}`, () => {
    assertEquals(parseQuery(`?${get}${pair}`)!.key, key);
  });
}

const rests: [query: string, rest: string][] = [
  [get, ""],
  [`a=1&${get}`, "?a=1"],
  [`${get}&a=1`, "?a=1"],
  [
    `b=%20+%2B&rvt-namespace=default&a=&a&=x&b=rvt-key&rvt-method=get&&z=a%2fb`,
    "?b=%20+%2B&a=&a&=x&b=rvt-key&&z=a%2fb",
  ],
  [`q=%ff&${get}`, "?q=%ff"],
];

for (const [query, rest] of rests) {
  test(`of "${query}" is left "${rest}", byte for byte and in order`, () => {
    assertEquals(parseQuery(`?${query}`)!.search, rest);
  });
}

test("a query says with what an actor is created, and which token the caller has", () => {
  assertEquals(parseQuery(`?${get}`), {
    key: [],
    create: undefined,
    token: undefined,
    search: "",
  });
  assertEquals(
    parseQuery(
      "?rvt-skip-ready-wait=1&rvt-token=t%2Fk%401&rvt-crash-policy=restart&rvt-region=far+away&" +
        "rvt-input=uQACZWhlbGxvZXdvcmxkYW4B&rvt-key=a&rvt-pool=mine&rvt-method=getOrCreate&rvt-namespace=other",
    ),
    {
      key: ["a"],
      create: {
        input: Uint8Array.fromHex("b900026568656c6c6f65776f726c64616e01"),
        region: "far away",
      },
      token: "t/k@1",
      search: "",
    },
  );
  assertEquals(
    parseQuery(`?${create}&rvt-input=AA`)!.create!.input,
    new Uint8Array([0]),
  );
  for (const value of ["true", "false", "1", "0"]) {
    const query = `?${get}&rvt-skip-ready-wait=${value}&rvt-token=`;
    assertEquals(parseQuery(query)!.token, undefined);
  }
});

const refused: [query: string, code: string, metadata?: object][] = [
  [`${get}&rvt-nope=1`, "query_invalid_params", {
    detail: '"rvt-nope" is unknown',
  }],
  [`${get}&rvt-`, "query_invalid_params"],
  [`${get}&rvt-__proto__=1`, "query_invalid_params"],
  [`${get}&rvt-Key=1`, "query_invalid_params"],
  ["rvt-method=get", "query_invalid_params", {
    detail: "rvt-namespace is missing",
  }],
  ["rvt-namespace=&rvt-method=get", "query_invalid_params"],
  ["rvt-namespace=default", "query_invalid_params", {
    detail: "rvt-method is missing",
  }],
  ["rvt-namespace=default&rvt-method=create", "query_invalid_params"],
  ["rvt-namespace=default&rvt-method=GET", "query_invalid_params"],
  [`${create}&rvt-crash-policy=explode`, "query_invalid_params"],
  [`${get}&rvt-skip-ready-wait=yes`, "query_invalid_params"],
  [`${get}&rvt-key=a&rvt-key=a`, "query_duplicate_param", { name: "rvt-key" }],
  [`${create}&rvt-pool=default`, "query_duplicate_param", {
    name: "rvt-pool",
  }],
  [`${get}&rvt-runner=default`, "query_get_disallowed_params"],
  [`${get}&rvt-pool=default`, "query_get_disallowed_params"],
  [`${get}&rvt-input=AA`, "query_get_disallowed_params"],
  [`${get}&rvt-region=r`, "query_get_disallowed_params"],
  [`${get}&rvt-crash-policy=sleep`, "query_get_disallowed_params"],
  ["rvt-namespace=default&rvt-method=getOrCreate", "query_missing_pool"],
  [
    "rvt-namespace=default&rvt-method=getOrCreate&rvt-runner=",
    "query_missing_pool",
  ],
  [`${create}&rvt-input=A`, "query_invalid_base64_input"],
  [`${create}&rvt-input=AA%3D%3D`, "query_invalid_base64_input"],
  [`${create}&rvt-input=A+A`, "query_invalid_base64_input"],
  [`${create}&rvt-input=%2F%2F`, "query_invalid_base64_input"],
  [`${get}&rvt-key=%`, "query_invalid_percent_encoding", { name: "rvt-key" }],
  [`${get}&rvt-key=%ff`, "query_invalid_percent_encoding"],
  [`${get}&rvt-token=%C3`, "query_invalid_percent_encoding", {
    name: "rvt-token",
  }],
];

for (const [query, code, metadata] of refused) {
  test(`"${query}" is refused as guard/${code}`, () => {
    const error = assertThrows(() => parseQuery(`?${query}`), ActorError);
    assertEquals([error.group, error.code], ["guard", code]);
    if (metadata !== undefined) assertEquals(error.metadata, metadata);
  });
}

test("the path of an actor that the query names has its name, and then what is asked of it", () => {
  const route = (path: string, query = get) =>
    parseRoute(new URL(`http://h${path}?${query}`), "/api/rivet");
  const query = parseQuery(get)!;
  for (const base of ["", "/api/rivet"]) {
    assertEquals(route(`${base}/gateway/my%20actor%2Fx/action/a%2Fb`), {
      kind: "query",
      name: "my actor/x",
      query,
      endpoint: { kind: "action", name: "a/b" },
    });
  }
  assertEquals(route("/gateway/thing"), {
    kind: "query",
    name: "thing",
    query,
    endpoint: { kind: "root" },
  });
  assertEquals(route("/gateway/a%40b/request/x/"), {
    kind: "query",
    name: "a@b",
    query,
    endpoint: { kind: "request", path: "/x/" },
  });
  assertEquals(route("/gateway/thing//connect"), { kind: "unknown" });
  assertEquals(route("/actors"), { kind: "actors" });
  const codeOf = (path: string) =>
    assertThrows(() => route(path), ActorError).code;
  assertEquals(codeOf("/gateway/thing@t/connect"), "query_path_token_syntax");
  assertEquals(codeOf("/gateway/thing@/connect"), "query_path_token_syntax");
  assertEquals(codeOf("/gateway/"), "query_empty_actor_name");
  assertEquals(codeOf("/gateway//connect"), "query_empty_actor_name");
  assertEquals(codeOf("/gateway/%ff/x"), "query_invalid_percent_encoding");
});
