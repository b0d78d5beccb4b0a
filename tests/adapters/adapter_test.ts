import { assertEquals, assertStringIncludes } from "@std/assert";
import { adapter } from "../../src/adapters/serve.ts";
import { testAdapter } from "../contracts/adapter.ts";
import { test } from "../harness.ts";

testAdapter(adapter);

test("handlers() tells why a request of no server cannot become a socket", async () => {
  const told: number[] = [];
  const { fetch } = adapter.handlers((_, { upgrade }) =>
    Promise.resolve(
      upgrade?.({
        open() {},
        message() {},
        close: (code) => told.push(code),
      }, {}) ?? new Response(adapter.upgradeHelp),
    )
  );
  const headers = { upgrade: "websocket", connection: "upgrade" };
  const response = await fetch(new Request("http://actors/", { headers }));
  const text = await response.text();
  if (adapter.runtime === "bun") {
    assertStringIncludes(text, "registry.handler(request, server)");
    assertEquals(told, []);
  } else {
    assertStringIncludes(text, "Cannot upgrade to a WebSocket: ");
    assertEquals(response.status, 426);
    assertEquals(told, [1006]);
  }
});

test("handlers() tells beforehand whether a request could become a socket", async () => {
  const told: boolean[] = [];
  const { fetch } = adapter.handlers((_request, { canUpgrade }) => {
    told.push(canUpgrade);
    return Promise.resolve(new Response());
  });
  await fetch(new Request("http://actors/"));
  await fetch(new Request("http://actors/"), { upgrade: () => true });
  await fetch(new Request("http://actors/"));
  // Bun's way is known from the first request on that its server comes with.
  assertEquals(told, [adapter.runtime !== "bun", true, true]);
});

test(
  "handlers() waits with its end for answers, and for bodies that go on",
  async () => {
    const answers = [
      Promise.withResolvers<Response>(),
      Promise.withResolvers<Response>(),
    ];
    let count = 0;
    const { fetch, stop } = adapter.handlers((_, exchange) => {
      exchange.goesOn?.();
      return answers[count++]!.promise;
    });
    // As Deno tells it.
    const { promise: completed, resolve: complete } = Promise.withResolvers<
      void
    >();
    const info = { completed, remoteAddr: { hostname: "127.0.0.1", port: 1 } };
    const first = fetch(new Request("http://actors/"), info);
    const second = fetch(new Request("http://actors/"));
    const order: string[] = [];
    const stopped = stop(10_000).then(() => order.push("stopped"));
    for (
      const [what, end] of [
        ["first answer", () => answers[0]!.resolve(new Response())],
        ["second answer", () => answers[1]!.resolve(new Response())],
        ["body", complete],
      ] as const
    ) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      order.push(what);
      end();
    }
    await Promise.all([first, second, stopped]);
    assertEquals(order, ["first answer", "second answer", "body", "stopped"]);
  },
  { skip: adapter.runtime === "bun" ? "Bun waits by itself" : undefined },
);
