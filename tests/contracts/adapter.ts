// What every adapter must do, over the real network.

import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { connect } from "node:net";
import type {
  Adapter,
  Address,
  Answer,
  Server,
  SocketEvents,
} from "../../src/adapters/adapter.ts";
import { dial, handshake, RawPeer, Recording } from "../adapters/peers.ts";
import { test } from "../harness.ts";

/** Runs the suite on the running runtime. */
export function testAdapter(adapter: Adapter): void {
  const name = `${adapter.runtime} adapter`;

  /** Serves `answer` while `body` runs. */
  async function serving(
    answer: Answer,
    body: (url: string, server: Server) => Promise<void>,
  ): Promise<void> {
    const server = adapter.serve(answer, {
      port: 0,
      hostname: "127.0.0.1",
      onListen() {},
      onReplaced() {},
    });
    try {
      await body(server.address.url, server);
    } finally {
      await server.stop(1_000);
    }
  }

  /** Serves sockets whose events are recorded in `recording`. */
  function socketServer(
    recording: Recording,
    protocol?: string,
  ): Answer {
    return (_request, { upgrade }) =>
      Promise.resolve(
        upgrade?.(recording, { protocol }) ??
          new Response("no upgrade", { status: 400 }),
      );
  }

  test(`${name}: answers a request with its body`, () =>
    serving(async (request) => {
      const { a } = await request.json();
      return Response.json({ method: request.method, sum: a + 1 });
    }, async (url) => {
      const body = JSON.stringify({ a: 1 });
      const response = await fetch(url, { method: "POST", body });
      assertEquals(await response.json(), { method: "POST", sum: 2 });
    }));

  test(`${name}: sends a streamed body as it is made`, () => {
    const { readable, writable } = new TransformStream<Uint8Array>();
    const writer = writable.getWriter();
    const encoder = new TextEncoder();
    const answer = () => Promise.resolve(new Response(readable));
    return serving(answer, async (url) => {
      const first = writer.write(encoder.encode("first"));
      const { body } = await fetch(url);
      assert(body);
      const reader = body.pipeThrough(new TextDecoderStream()).getReader();
      assertEquals((await reader.read()).value, "first");
      await first;
      const second = writer.write(encoder.encode("second"));
      assertEquals((await reader.read()).value, "second");
      await second;
      await writer.close();
      assertEquals((await reader.read()).done, true);
    });
  });

  test(`${name}: answers 500 and goes on when the answer fails`, async () => {
    const logged = await silenced(() =>
      serving(() => Promise.reject(new Error("broken")), async (url) => {
        for (let times = 0; times < 2; times++) {
          const response = await fetch(url);
          assertEquals(response.status, 500);
          assertEquals(await response.text(), "Internal error");
        }
      })
    );
    assertEquals(logged.length, 2);
    assertMatch(logged[0] ?? "", /could not be answered.*broken/s);
  });

  test(`${name}: offers no upgrade to a plain request`, () =>
    serving(
      (_, { upgrade }) => Promise.resolve(new Response(typeof upgrade)),
      async (url) => {
        const response = await fetch(url);
        assertEquals(await response.text(), "undefined");
      },
    ));

  test(`${name}: says why when the runtime refuses an upgrade`, async () => {
    const recording = new Recording();
    await serving(socketServer(recording), async (url) => {
      const peer = await RawPeer.dial(url, []);
      assertMatch(peer.head, /^HTTP\/1.1 426 /);
      peer.socket.destroy();
    });
    assertEquals(await recording.next(), ["close", 1006, ""]);
  });

  test(`${name}: tells of listening after serve() has returned`, async () => {
    const listens = Promise.withResolvers<Address>();
    let hasReturned = false;
    const server = adapter.serve(() => Promise.resolve(new Response()), {
      port: 0,
      hostname: "0.0.0.0",
      onListen: (address) => {
        assert(hasReturned);
        listens.resolve(address);
      },
      onReplaced() {},
    });
    hasReturned = true;
    const { port } = server.address;
    assertEquals(server.address.url, `http://127.0.0.1:${port}`);
    assertEquals(await listens.promise, server.address);
    await server.stop(1_000);
  });

  test(`${name}: throws when the port is taken`, () =>
    serving(() => Promise.resolve(new Response()), (_, { address }) => {
      const options = { port: address.port, hostname: "127.0.0.1" };
      assertThrows(
        () =>
          adapter.serve(() => Promise.resolve(new Response()), {
            ...options,
            onListen() {},
            onReplaced() {},
          }),
        Error,
        `Cannot listen on 127.0.0.1:${address.port}: `,
      );
      return Promise.resolve();
    }));

  const protocols: [offered: string, answered: string | undefined][] = [
    ["a, b", "b"],
    ["a,b", "b"],
    ["a, b", undefined],
  ];
  for (const [offered, answered] of protocols) {
    const title = `answers ${answered ?? "no protocol"} to "${offered}"`;
    test(`${name}: ${title}`, async () => {
      const recording = new Recording();
      await serving(socketServer(recording, answered), async (url) => {
        const peer = await RawPeer.dial(url, [
          ...handshake,
          `Sec-WebSocket-Protocol: ${offered}`,
        ]);
        const header = peer.head.match(/^sec-websocket-protocol: (.*)$/im);
        assertEquals(header?.[1]?.trim(), answered);
        assertEquals(await recording.next(), ["open"]);
        peer.socket.destroy();
        assertEquals((await recording.next())[0], "close");
      });
    });
  }

  test(`${name}: carries text and binary messages both ways`, async () => {
    const recording = new Recording();
    await serving(socketServer(recording), async (url) => {
      const client = await dial(url);
      assertEquals(await recording.next(), ["open"]);
      const mebibyte = new Uint8Array(1024 * 1024).map((_, index) => index);
      const frames = [
        "text",
        "ä€😀",
        "",
        new Uint8Array([0, 255]),
        mebibyte.subarray(1),
        "x".repeat(1024 * 1024),
      ];
      for (const frame of frames) {
        client.send(frame);
        const message = await recording.next();
        assertEquals(message, ["message", frame]);
        if (typeof message[1] === "object") {
          assertEquals(message[1].constructor, Uint8Array);
          assert(message[1].buffer instanceof ArrayBuffer);
        }
        recording.socket.send(frame);
        assertEquals(await client.next(), ["message", frame]);
      }
      client.close();
      await recording.next();
      await client.next();
    });
  });

  test(`${name}: upgrades after an await, and loses no early message`, async () => {
    const recording = new Recording();
    const answer: Answer = async (_, { upgrade }) => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      assert(upgrade);
      return upgrade(recording, {});
    };
    await serving(answer, async (url) => {
      const client = await dial(url, (socket) => socket.send("early"));
      assertEquals(await recording.next(), ["open"]);
      assertEquals(await recording.next(), ["message", "early"]);
      client.close();
      await recording.next();
      await client.next();
    });
  });

  test(`${name}: knows the address of the peer`, async () => {
    const recording = new Recording();
    await serving(socketServer(recording), async (url) => {
      const client = await dial(url);
      await recording.next();
      assertEquals(recording.socket.remoteAddress, "127.0.0.1");
      client.close();
      await recording.next();
      await client.next();
    });
  });

  test(`${name}: closes with our code and reason`, async () => {
    const recording = new Recording();
    await serving(socketServer(recording), async (url) => {
      const client = await dial(url);
      await recording.next();
      recording.socket.close(1011, "ours");
      recording.socket.close(4000, "too late");
      recording.socket.send("too late");
      assertEquals(recording.pending, []);
      assertEquals(await recording.next(), ["close", 1011, "ours"]);
      assertEquals(await client.next(), ["close", 1011, "ours"]);
    });
    assertEquals(recording.pending, []);
  });

  const closings: [code: number | undefined, reason: string, told: number][] = [
    [4001, "theirs", 4001],
    [undefined, "", 1005],
  ];
  for (const [code, reason, told] of closings) {
    test(`${name}: tells ${told} when the peer closes with ${code}`, async () => {
      const recording = new Recording();
      await serving(socketServer(recording), async (url) => {
        const client = await dial(url);
        await recording.next();
        client.close(code, reason);
        assertEquals(await recording.next(), ["close", told, reason]);
        await client.next();
      });
      assertEquals(recording.pending, []);
    });
  }

  test(`${name}: tells 1006 once when the peer vanishes`, async () => {
    const recording = new Recording();
    await serving(socketServer(recording), async (url) => {
      const peer = await RawPeer.dial(url, handshake);
      assertEquals(await recording.next(), ["open"]);
      peer.socket.resetAndDestroy();
      assertEquals((await recording.next()).slice(0, 2), ["close", 1006]);
    });
    assertEquals(recording.pending, []);
  });

  test(`${name}: a peer that answers no more pings is closed within its bound`, async () => {
    const recording = new Recording();
    const liveness = { intervalMs: 300, timeoutMs: 100 };
    const answer: Answer = (_, { upgrade }) =>
      Promise.resolve(upgrade!(recording, { liveness }));
    await serving(answer, async (url) => {
      const peer = await RawPeer.dial(url, handshake);
      assertEquals(await recording.next(), ["open"]);
      const start = performance.now();
      const answers = 4;
      peer.answerPings(answers);
      const [told] = await recording.next();
      assertEquals(told, "close");
      const lifeMs = performance.now() - start;
      // It lived as long as it answered; without the option it would have lived for 30 seconds.
      assert(lifeMs >= answers * 150, `It was closed after ${lifeMs} ms`);
      assert(lifeMs < 15_000, `It was closed after ${lifeMs} ms`);
      peer.socket.destroy();
    });
    assertEquals(recording.pending, []);
  });

  test(`${name}: closes with 1009 when a message is larger than 32 MiB`, async () => {
    const recording = new Recording();
    await serving(socketServer(recording), async (url) => {
      const client = await dial(url);
      await recording.next();
      client.send(new Uint8Array(32 * 1024 * 1024 + 1));
      assertEquals((await recording.next()).slice(0, 2), ["close", 1009]);
      assertEquals((await client.next()).slice(0, 2), ["close", 1009]);
    });
  });

  test(`${name}: closes with 1013 when the peer does not read`, async () => {
    const recording = new Recording();
    await serving(socketServer(recording), async (url) => {
      const peer = await RawPeer.dial(url, handshake);
      await recording.next();
      const frame = new Uint8Array(1024 * 1024);
      let sent = 0;
      while (recording.pending.length === 0 && sent < 64) {
        recording.socket.send(frame);
        sent++;
        await new Promise((resolve) => setTimeout(resolve));
      }
      assertEquals(await recording.next(), ["close", 1013, "ws.slow_consumer"]);
      assert(sent > 16, `closed after ${sent} MiB`);
      peer.socket.destroy();
    });
    assertEquals(recording.pending, []);
  });

  const callbacks: (keyof SocketEvents)[] = ["open", "message", "close"];
  for (const callback of callbacks) {
    test(`${name}: survives a throwing ${callback} callback`, async () => {
      const recording = new Recording(callback);
      const logged = await silenced(() =>
        serving(socketServer(recording), async (url) => {
          const client = await dial(url);
          client.send("hello");
          if (callback === "close") client.close(4000, "");
          const [, code] = await client.next();
          assertEquals(code, callback === "close" ? 4000 : 1011);
          const response = await fetch(url);
          assertEquals(await response.text(), "no upgrade");
        })
      );
      assertEquals(recording.pending.at(-1)?.[0], "close");
      assertEquals(logged.length, 1);
      assertMatch(logged[0] ?? "", /socket callback threw.*thrown/s);
    });
  }

  test(`${name}: stop() refuses new requests and answers running ones`, async () => {
    const arrived = Promise.withResolvers<void>();
    const answered = Promise.withResolvers<Response>();
    await serving(() => {
      arrived.resolve();
      return answered.promise;
    }, async (url, server) => {
      const running = fetch(url);
      await arrived.promise;
      const stopped = server.stop(1_000);
      const peer = connect(server.address.port, "127.0.0.1");
      const [refusal] = await Promise.all([
        new Promise((resolve) => peer.once("error", resolve)),
        new Promise((resolve) => peer.once("close", resolve)),
      ]);
      assertMatch(String(refusal), /ECONNREFUSED/);
      answered.resolve(new Response("answered"));
      assertEquals(await (await running).text(), "answered");
      await stopped;
    });
  });

  test(`${name}: stop() waits for the end of a body that goes on`, async () => {
    const { readable, writable } = new TransformStream<Uint8Array>();
    const writer = writable.getWriter();
    const answer: Answer = (_, exchange) => {
      exchange.goesOn?.();
      return Promise.resolve(new Response(readable));
    };
    await serving(answer, async (url, server) => {
      const first = writer.write(new Uint8Array(1));
      const response = await fetch(url);
      await first;
      const stopped = server.stop(10_000);
      await writer.write(new Uint8Array(2));
      await writer.close();
      assertEquals((await response.bytes()).length, 3);
      await stopped;
    });
  });

  test(`${name}: stop() does not wait for ever for a request`, async () => {
    const { readable, writable } = new TransformStream<Uint8Array>();
    const writer = writable.getWriter();
    const answer = () => Promise.resolve(new Response(readable));
    await serving(answer, async (url, server) => {
      const written = writer.write(new Uint8Array(1));
      const { body } = await fetch(url);
      await written;
      await server.stop(100);
      await Promise.allSettled([writer.close(), body?.cancel()]);
    });
  });

  test(`${name}: stop() leaves it to us to close the sockets`, async () => {
    const recording = new Recording();
    await serving(socketServer(recording), async (url, server) => {
      const client = await dial(url);
      await recording.next();
      const stopped = server.stop(1_000);
      // Where the runtime still listens, whoever answers says that it has stopped.
      const answer = fetch(url).then((response) => response.text());
      assertMatch(await answer.catch(String), /no upgrade|refused|Unable/);
      recording.socket.send("last words");
      recording.socket.close(1001, "bye");
      await stopped;
      assertEquals(await client.next(), ["message", "last words"]);
      assertEquals(await client.next(), ["close", 1001, "bye"]);
    });
  });

  test(`${name}: stop() resolves although a socket is open`, async () => {
    const recording = new Recording();
    await serving(socketServer(recording), async (url, server) => {
      const client = await dial(url);
      await recording.next();
      await server.stop(100);
      client.close();
      await client.next();
      assertEquals((await recording.next())[0], "close");
    });
  });

  test(`${name}: reads the environment`, () => {
    assert(adapter.env("PATH"));
    assertEquals(adapter.env("TROUPE_SURELY_UNSET"), undefined);
  });
}

/** Runs `body` with console.error kept quiet, and returns what it was given. */
async function silenced(body: () => Promise<void>): Promise<string[]> {
  const logged: string[] = [];
  const before = console.error;
  console.error = (...values: unknown[]) => {
    logged.push(values.map(String).join(" "));
  };
  try {
    await body();
  } finally {
    console.error = before;
  }
  return logged;
}
