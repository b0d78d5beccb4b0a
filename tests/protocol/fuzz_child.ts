// Reads many inputs that no client sends, and prints what is in memory before and after.

import { isErrorKind } from "../../src/errors.ts";
import { bareFor } from "../../src/protocol/bare.ts";
import { cborFor } from "../../src/protocol/cbor.ts";
import { json } from "../../src/protocol/json.ts";
import { garbageOf } from "./garbage.ts";
import { heapBytes } from "./heap.ts";
import { Random } from "./random.ts";

const encodings = [bareFor(4), cborFor("2.3"), json];

// What a process has once had it keeps: code is compiled, and texts that come again are known.
read(10_000);
const begin = await heapBytes();
read(60_000);
console.log(`heap ${begin} to ${await heapBytes()}`);

function read(count: number): void {
  for (let seed = 0; seed < count; seed++) {
    const encoding = encodings[seed % encodings.length]!;
    const frame = garbageOf(new Random(seed), encoding);
    try {
      encoding.decodeToServer(frame);
      encoding.decodeCall(frame);
    } catch (error) {
      if (!isErrorKind(error, "message/malformed")) throw error;
    }
  }
}
