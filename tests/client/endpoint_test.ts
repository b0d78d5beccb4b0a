import { assertEquals, assertFalse, assertThrows } from "@std/assert";
import process from "node:process";
import { endpointOf } from "../../src/client/endpoint.ts";
import { test } from "../harness.ts";

const names = [
  "RIVET_ENGINE",
  "RIVET_ENDPOINT",
  "RIVET_TOKEN",
  "RIVET_NAMESPACE",
];

function withEnv(values: Record<string, string>, body: () => void): void {
  const saved = names.map((name) => [name, process.env[name]] as const);
  for (const name of names) delete process.env[name];
  Object.assign(process.env, values);
  try {
    body();
  } finally {
    for (const [name, value] of saved) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
}

test("an endpoint is a URL with or without a base path", () => {
  const urlOf = (endpoint: string) => endpointOf({ endpoint }).url;
  assertEquals(urlOf("http://localhost:6420"), "http://localhost:6420");
  assertEquals(urlOf("https://example.org/"), "https://example.org");
  assertEquals(urlOf("http://h//base/path/"), "http://h/base/path");
});

test("an endpoint may carry namespace and token, percent-encoded", () => {
  assertEquals(endpointOf({ endpoint: "https://my%20space:t%2Fk%401@h/api" }), {
    url: "https://h/api",
    namespace: "my space",
    token: "t/k@1",
  });
  assertEquals(endpointOf({ endpoint: "https://ns@h", token: "t" }), {
    url: "https://h",
    namespace: "ns",
    token: "t",
  });
  assertEquals(endpointOf({ endpoint: "https://h" }), {
    url: "https://h",
    namespace: "default",
    token: undefined,
  });
});

test("an endpoint that cannot be used is refused, without showing its token", () => {
  const cases: [Parameters<typeof endpointOf>[0], string][] = [
    [{ endpoint: "" }, "not a URL"],
    [{ endpoint: "ns:secret@h" }, "not http: or https:"],
    [{ endpoint: "ws://ns:secret@h" }, "not http: or https:"],
    [{ endpoint: "http://ns:secret@h?a=1" }, "a query or a fragment"],
    [{ endpoint: "http://ns:secret@h#a" }, "a query or a fragment"],
    [{ endpoint: "http://:secret@h" }, "a token, but no namespace"],
    [{ endpoint: "http://ns:secret%@h" }, "not percent-encoded"],
    [
      { endpoint: "http://ns:secret@h", token: "t" },
      "the token is given twice",
    ],
    [
      { endpoint: "http://ns:secret@h", namespace: "n" },
      "the namespace is given twice",
    ],
  ];
  for (const [options, why] of cases) {
    const { message } = assertThrows(() => endpointOf(options), TypeError, why);
    assertFalse(message.includes("secret"));
  }
});

test("without an endpoint the environment tells it, RIVET_ENGINE first", () => {
  const here = { RIVET_ENDPOINT: "http://endpoint", RIVET_TOKEN: "t" };
  withEnv(here, () => {
    assertEquals(endpointOf({}), {
      url: "http://endpoint",
      namespace: "default",
      token: "t",
    });
  });
  withEnv({
    ...here,
    RIVET_ENGINE: "http://ns:mine@engine",
    RIVET_NAMESPACE: "n",
  }, () => {
    assertEquals(endpointOf({}), {
      url: "http://engine",
      namespace: "ns",
      token: "mine",
    });
  });
  withEnv({}, () => assertEquals(endpointOf({}).url, "http://127.0.0.1:6420"));
});

test("the token of the environment is not sent to an endpoint of the options", () => {
  withEnv({ RIVET_ENDPOINT: "http://h", RIVET_TOKEN: "secret" }, () => {
    assertEquals(endpointOf({ endpoint: "http://other" }).token, undefined);
  });
});

test("in a browser the default is the page's own origin", () => {
  const original = Object.getOwnPropertyDescriptor(globalThis, "location");
  Object.defineProperty(globalThis, "location", {
    value: { origin: "https://example.org" },
    configurable: true,
  });
  try {
    withEnv({}, () => {
      assertEquals(endpointOf({}).url, "https://example.org/api/rivet");
    });
  } finally {
    if (original) Object.defineProperty(globalThis, "location", original);
    else Reflect.deleteProperty(globalThis, "location");
  }
});
