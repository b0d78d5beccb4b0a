import { assertEquals, assertStringIncludes } from "@std/assert";
import { adapter } from "../../src/adapters/serve.ts";
import { testAdapter } from "../contracts/adapter.ts";
import { test } from "../harness.ts";

testAdapter(adapter);

test("handlers() tells why a request of no server cannot become a socket", async () => {
  const told: number[] = [];
  const { fetch } = adapter.handlers((_, upgrade) =>
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
  const { fetch } = adapter.handlers((_request, _upgrade, canUpgrade) => {
    told.push(canUpgrade);
    return Promise.resolve(new Response());
  });
  await fetch(new Request("http://actors/"));
  await fetch(new Request("http://actors/"), { upgrade: () => true });
  await fetch(new Request("http://actors/"));
  // Bun's way is known from the first request on that its server comes with.
  assertEquals(told, [adapter.runtime !== "bun", true, true]);
});
