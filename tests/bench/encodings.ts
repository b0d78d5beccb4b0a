// What it costs to write and read small messages in each encoding, beside JSON.stringify and JSON.parse
// of the same message in the same run: all take turns, and medians are compared.
//
// "ratio" is to those two alone, from the message to a text and back; for bare and cbor it is to be at
// most 2. A text becomes bytes before it goes over a network, which bare and cbor have already made:
// "with UTF-8" is the ratio to JSON with that step on both sides.

import { bareFor } from "../../src/protocol/bare.ts";
import { cborFor } from "../../src/protocol/cbor.ts";
import { json } from "../../src/protocol/json.ts";
import type {
  Encoding,
  Frame,
  ToClient,
  ToServer,
} from "../../src/protocol/messages.ts";
import { type BenchOptions, median, type Row, show } from "./figures.ts";

/** One way to write a message and read it. */
interface Way {
  name: string;
  encode(message: unknown): unknown;
  // deno-lint-ignore no-explicit-any -- what its own `encode` has written
  decode(written: any): unknown;
}

/** What one way has taken in all turns, in nanoseconds a message. */
interface Taken {
  encode: number[];
  decode: number[];
}

/** One kind of message. */
interface Kind {
  name: string;
  /** The message with an id, as an encoding takes it. */
  message(id: number): unknown;
  /** The same as JSON has it. */
  plain(message: unknown): unknown;
  ways: Way[];
}

// How many messages of a kind take turns; each has an id of its own.
const batch = 100;

const kinds: Kind[] = [
  toServer("request: increment(3)", (id) => ({
    tag: "ActionRequest",
    val: { id, name: "increment", args: [3] },
  })),
  toServer("request: an object", (id) => ({
    tag: "ActionRequest",
    val: {
      id,
      name: "increment",
      args: [{ text: "hello world", at: 5, tags: ["a", "b"] }],
    },
  })),
  toClient("response: 3", (id) => ({
    tag: "ActionResponse",
    val: { id, output: 3 },
  })),
  toClient("event: newCount(3)", (id) => ({
    tag: "Event",
    val: { name: "newCount", args: [id] },
  })),
  {
    name: "HTTP call: [3]",
    message: (id) => [id],
    plain: (args) => ({ args }),
    ways: waysBy(({ encodeCall, decodeCall }) => [encodeCall, decodeCall]),
  },
  {
    name: "HTTP result: 3",
    message: (id) => id,
    plain: (output) => ({ output }),
    ways: waysBy((
      { encodeResult, decodeResult },
    ) => [encodeResult, decodeResult]),
  },
];

/** Measures and prints. */
export function benchEncodings({ isQuick, report }: BenchOptions): void {
  const turns = isQuick ? 3 : 31;
  const turnMs = isQuick ? 1 : 8;
  const rows = kinds.flatMap((kind) => measure(kind, { turns, turnMs }));
  report({
    title:
      `Nanoseconds a message, beside JSON.stringify and JSON.parse; medians of ${turns} turns each`,
    names: [
      "message and encoding",
      "encode",
      "decode",
      "encode ratio",
      "decode ratio",
      "ratio",
      "with UTF-8",
    ],
    rows,
  });
}

function measure(
  { name, message, plain, ways }: Kind,
  { turns, turnMs }: { turns: number; turnMs: number },
): Row[] {
  const messages = Array.from({ length: batch }, (_, i) => message(i + 7));
  const plains = messages.map(plain);
  const all = [plainJson, utf8Json, ...ways].map((way, i) => {
    const values = i < 2 ? plains : messages;
    const written = values.map((value) => way.encode(value));
    return {
      way,
      taken: { encode: [], decode: [] } as Taken,
      encode: () => values.forEach((value) => void (sink = way.encode(value))),
      decode: () => written.forEach((frame) => void (sink = way.decode(frame))),
    };
  });
  // The first turns are for the runtimes' compilers.
  for (let turn = -turns; turn < turns; turn++) {
    for (const { taken, encode, decode } of all) {
      const encodeNs = timeOf(encode, turnMs);
      const decodeNs = timeOf(decode, turnMs);
      if (turn < 0) continue;
      taken.encode.push(encodeNs);
      taken.decode.push(decodeNs);
    }
  }
  const results = all.map(({ way, taken }) => {
    const encode = median(taken.encode);
    const decode = median(taken.decode);
    return { name: way.name, encode, decode, both: encode + decode };
  });
  const [alone, asBytes] = results;
  return results.map((result) => [
    `${name} ${result.name}`,
    show(result.encode),
    show(result.decode),
    show(result.encode / alone!.encode, 2),
    show(result.decode / alone!.decode, 2),
    show(result.both / alone!.both, 2),
    show(result.both / asBytes!.both, 2),
  ]);
}

// What was made last, so that nobody can leave the making out.
export let sink: unknown;

// Nanoseconds for one message, by as many batches as fit into a turn.
function timeOf(work: () => void, turnMs: number): number {
  const begin = performance.now();
  let batches = 0;
  let ms: number;
  do {
    work();
    batches++;
    ms = performance.now() - begin;
  } while (ms < turnMs);
  return ms * 1e6 / (batches * batch);
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

const plainJson: Way = {
  name: "JSON",
  encode: (value) => JSON.stringify(value),
  decode: (text) => JSON.parse(text),
};

const utf8Json: Way = {
  name: "JSON in UTF-8",
  encode: (value) => encoder.encode(JSON.stringify(value)),
  decode: (bytes) => JSON.parse(decoder.decode(bytes)),
};

function waysBy(
  pick: (
    encoding: Encoding,
    // deno-lint-ignore no-explicit-any -- of any of the messages
  ) => [(message: any) => Frame, (frame: Frame) => unknown],
): Way[] {
  const encodings: [name: string, encoding: Encoding][] = [
    ["bare 2", bareFor(2)],
    ["bare 4", bareFor(4)],
    ["cbor", cborFor("2.0")],
    ["cbor for 2.3", cborFor("2.3")],
    ["json", json],
  ];
  return encodings.map(([name, encoding]) => {
    const [encode, decode] = pick(encoding);
    return { name, encode, decode };
  });
}

function toServer(name: string, message: (id: number) => ToServer): Kind {
  return {
    name,
    message,
    plain: (message) => ({ body: message }),
    ways: waysBy((
      { encodeToServer, decodeToServer },
    ) => [encodeToServer, decodeToServer]),
  };
}

function toClient(name: string, message: (id: number) => ToClient): Kind {
  return {
    name,
    message,
    plain: (message) => ({ body: message }),
    ways: waysBy((
      { encodeToClient, decodeToClient },
    ) => [encodeToClient, decodeToClient]),
  };
}
