import { assert, assertEquals } from "@std/assert";
import type { Frame } from "../../src/adapters/adapter.ts";
import { type PacedOptions, PacedWire } from "../../src/adapters/paced.ts";
import { maxBufferedBytes } from "../../src/adapters/socket.ts";
import { test } from "../harness.ts";

const mebibyte = 1024 * 1024;

/** A runtime's socket, whose peer reads when the test says so. */
class Runtime {
  readonly sent: Frame[] = [];
  bufferedAmount = 0;
  closedWith: string | undefined;

  send(frame: Frame): void {
    assertEquals(this.closedWith, undefined, "sent after the close");
    this.sent.push(frame);
    this.bufferedAmount += frame.length;
  }

  close(code: number, reason: string): void {
    this.closedWith = `${code} ${reason}`;
  }
}

class TestWire extends PacedWire {
  readonly whenStalled = Promise.withResolvers<void>();
  readonly whenGone = Promise.withResolvers<void>();
  readonly #mayStall: boolean;

  constructor(options: PacedOptions, mayStall: boolean) {
    super(options);
    this.#mayStall = mayStall;
  }

  protected stalled(): void {
    assert(this.#mayStall, "the peer is taken for one that reads nothing");
    this.whenStalled.resolve();
  }

  protected gone(): void {
    this.whenGone.resolve();
  }
}

function wireOf(
  socket: Runtime,
  { mayStall = false, ...options }: Partial<PacedOptions> & {
    mayStall?: boolean;
  } = {},
): TestWire {
  return new TestWire({
    socket,
    remoteAddress: "192.0.2.1",
    stallMs: 60_000,
    closeTimeoutMs: 60_000,
    ...options,
  }, mayStall);
}

async function until(holds: () => boolean): Promise<void> {
  const end = Date.now() + 20_000;
  while (!holds()) {
    if (Date.now() > end) throw new Error(`It never came that ${holds}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const frames = Array.from(
  { length: 100 },
  (_, i) => `${i} ${"x".repeat(100_000)}`,
);

test("the runtime is given 1 MiB and a message, and the rest in order as the peer reads", async () => {
  const socket = new Runtime();
  const wire = wireOf(socket);
  for (const frame of frames) assert(wire.send(frame));
  const all = frames.reduce((bytes, { length }) => bytes + length, 0);
  assertEquals(wire.bufferedBytes, all);
  while (socket.sent.length < frames.length) {
    assert(socket.bufferedAmount <= mebibyte + frames[0]!.length);
    const { length } = socket.sent;
    socket.bufferedAmount -= 150_000;
    await until(() => socket.sent.length > length);
  }
  assertEquals(socket.sent, frames);
  assertEquals(wire.bufferedBytes, socket.bufferedAmount);
  wire.send("at once, for nothing waits");
  assertEquals(socket.sent.length, frames.length + 1);
  wire.closed();
});

test("what waits is as it was when it was sent", async () => {
  const socket = new Runtime();
  const wire = wireOf(socket);
  wire.send("x".repeat(mebibyte));
  const bytes = new Uint8Array([1, 2]);
  wire.send(bytes);
  bytes[0] = 9;
  socket.bufferedAmount = 0;
  await until(() => socket.sent.length === 2);
  assertEquals(socket.sent[1], new Uint8Array([1, 2]));
  wire.closed();
});

test("what would be too much is not sent, and what waits is dropped", () => {
  const socket = new Runtime();
  const wire = wireOf(socket);
  let sent = 0;
  while (wire.send(frames[0]!)) sent += frames[0]!.length;
  assert(sent > maxBufferedBytes - frames[0]!.length);
  assert(sent <= maxBufferedBytes);
  assertEquals(wire.bufferedBytes, socket.bufferedAmount);
  wire.end(1013, "slow");
  assertEquals(socket.closedWith, "1013 slow");
  wire.closed();
});

test("a peer that reads nothing in its time is told of, and one that reads a little is not", async () => {
  const [deaf, slow] = [new Runtime(), new Runtime()];
  const wire = wireOf(deaf, { stallMs: 150, mayStall: true });
  const other = wireOf(slow, { stallMs: 30_000 });
  for (const frame of frames) {
    wire.send(frame);
    other.send(frame);
  }
  const reading = setInterval(() => slow.bufferedAmount -= 1000, 10);
  await wire.whenStalled.promise;
  clearInterval(reading);
  assertEquals(wire.bufferedBytes, deaf.bufferedAmount, "the rest is dropped");
  assert(other.bufferedBytes > slow.bufferedAmount);
  wire.closed();
  other.closed();
});

test("close() comes after what waits", async () => {
  const socket = new Runtime();
  const wire = wireOf(socket);
  for (const frame of frames) wire.send(frame);
  wire.end(1000, "bye");
  assertEquals(socket.closedWith, undefined);
  const reading = setInterval(() => socket.bufferedAmount = 0, 1);
  await until(() => socket.closedWith !== undefined);
  clearInterval(reading);
  assertEquals(socket.sent, frames);
  assertEquals(socket.closedWith, "1000 bye");
  wire.closed();
  await wire.whenGone.promise;
});

test("close() does not wait for ever for a peer that reads nothing, nor for its answer", async () => {
  const socket = new Runtime();
  const wire = wireOf(socket, { closeTimeoutMs: 100 });
  for (const frame of frames) wire.send(frame);
  wire.end(1000, "bye");
  assertEquals(socket.closedWith, undefined);
  await wire.whenGone.promise;
  assertEquals(socket.closedWith, "1000 bye");
  assert(socket.sent.length < frames.length);
});

test("a socket that has closed leaves nothing behind", async () => {
  const socket = new Runtime();
  const wire = wireOf(socket);
  for (const frame of frames) wire.send(frame);
  const { length } = socket.sent;
  wire.closed();
  await wire.whenGone.promise;
  socket.bufferedAmount = 0;
  await new Promise((resolve) => setTimeout(resolve, 20));
  assertEquals(socket.sent.length, length);
  assertEquals(wire.bufferedBytes, 0);
});
