// Reads bytes one after another, and never beyond their end.

import { type Budget, unlimited } from "./budget.ts";
import { malformed } from "./shapes.ts";

// Up to here a loop reads a text of ASCII faster than the runtime's decoder.
const maxLoopLength = 32;

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const scratch = new DataView(new ArrayBuffer(8));
const scratchBytes = new Uint8Array(scratch.buffer);
// The units of a text, by its length.
const units = Array.from(
  { length: maxLoopLength + 1 },
  (_, length) => new Array<number>(length).fill(0),
);

// Texts that come again and again, such as the keys of objects: the last ones, by what they look like.
const maxKnownLength = 24;
const knownTexts = new Array<string>(256).fill("");

/** Reads bytes one after another. What goes beyond their end is `message/malformed`. */
export class ByteReader {
  /** What is left for the values in it. */
  readonly budget: Budget;
  readonly #bytes: Uint8Array;
  #at = 0;
  #end: number;

  /** Reads `bytes` from their start. */
  constructor(bytes: Uint8Array, budget: Budget = unlimited) {
    this.budget = budget;
    this.#bytes = bytes;
    this.#end = bytes.length;
  }

  /** Reads a byte. */
  byte(): number {
    if (this.#at >= this.#end) throw malformed("it ends too early");
    return this.#bytes[this.#at++]!;
  }

  /** The next byte, which is still to be read; `undefined` at the end. */
  peek(): number | undefined {
    return this.#at < this.#end ? this.#bytes[this.#at] : undefined;
  }

  /** Reads these bytes, if they are the next ones; if not, nothing. */
  skips(expected: Uint8Array): boolean {
    const { length } = expected;
    const at = this.#at;
    if (at + length > this.#end) return false;
    const bytes = this.#bytes;
    for (let i = 0; i < length; i++) {
      if (bytes[at + i] !== expected[i]) return false;
    }
    this.#at = at + length;
    return true;
  }

  /** Reads two bytes, the highest first. */
  uint16(): number {
    return this.byte() << 8 | this.byte();
  }

  /** Reads two bytes, the lowest first. */
  uint16Le(): number {
    return this.byte() | this.byte() << 8;
  }

  /** Reads four bytes, the highest first. */
  uint32(): number {
    return (this.uint16() << 16 | this.uint16()) >>> 0;
  }

  /** Reads eight bytes, the highest first. */
  uint64(): bigint {
    this.#fillScratch(8);
    return scratch.getBigUint64(0);
  }

  /** Reads eight bytes, the lowest first. */
  uint64Le(): bigint {
    this.#fillScratch(8);
    return scratch.getBigUint64(0, true);
  }

  /** Reads a number of 32 bits, the highest byte first. */
  float32(): number {
    this.#fillScratch(4);
    return scratch.getFloat32(0);
  }

  /** Reads a number of 64 bits, the highest byte first. */
  float64(): number {
    this.#fillScratch(8);
    return scratch.getFloat64(0);
  }

  /** Reads a whole number of seven bits to a byte, no larger than a number can hold. */
  varint(): number {
    let value = 0;
    let scale = 1;
    for (;;) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (value > Number.MAX_SAFE_INTEGER || scale > Number.MAX_SAFE_INTEGER) {
        throw malformed("a number is too large");
      }
      if (byte < 0x80) {
        if (byte === 0 && scale > 1) {
          throw malformed("a number is longer than it needs to be");
        }
        return value;
      }
      scale *= 0x80;
    }
  }

  /** Reads bytes, which are those of the message and not a copy. */
  bytes(length: number): Uint8Array {
    const start = this.#take(length);
    return this.#bytes.subarray(start, this.#at);
  }

  /** Reads a text in UTF-8. */
  text(length: number): string {
    const start = this.#take(length);
    if (length > maxLoopLength) return this.#decode(start);
    const bytes = this.#bytes;
    const codes = units[length]!;
    let all = 0;
    for (let i = 0; i < length; i++) {
      const byte = bytes[start + i]!;
      codes[i] = byte;
      all |= byte;
    }
    if (all >= 0x80) return this.#decode(start);
    // A text of one unit the runtime has already.
    return length === 1
      ? String.fromCharCode(all)
      : String.fromCharCode.apply(null, codes);
  }

  /** Reads a text in UTF-8 that may well have come before. */
  knownText(length: number): string {
    if (length === 0 || length > maxKnownLength) return this.text(length);
    const start = this.#take(length);
    const bytes = this.#bytes;
    const looks = length + bytes[start]! * 7 +
        bytes[start + (length >> 1)]! * 31 + bytes[this.#at - 1]! * 17 & 0xff;
    const known = knownTexts[looks]!;
    if (known.length === length) {
      let i = 0;
      while (i < length && known.charCodeAt(i) === bytes[start + i]) i++;
      // A byte is a unit only of ASCII, and no others are kept.
      if (i === length) return known;
    }
    this.#at = start;
    const text = this.text(length);
    if (text.length === length) knownTexts[looks] = text;
    return text;
  }

  /** Begins to read what is `length` bytes long; {@linkcode endSized} needs what it returns. */
  beginSized(length: number): number {
    const end = this.#end;
    this.#end = this.#take(length) + length;
    this.#at -= length;
    return end;
  }

  /** Checks that all of it is read, and goes on behind it. */
  endSized(end: number): void {
    this.end();
    this.#end = end;
  }

  /** Checks that nothing is left. */
  end(): void {
    if (this.#at < this.#end) throw malformed("there is more than a message");
  }

  #decode(start: number): string {
    try {
      return decoder.decode(this.#bytes.subarray(start, this.#at));
    } catch (cause) {
      throw malformed("a text is not UTF-8", cause);
    }
  }

  // Where bytes begin that have this length, which are then read.
  #take(length: number): number {
    const start = this.#at;
    if (length > this.#end - start) throw malformed("it ends too early");
    this.#at = start + length;
    return start;
  }

  #fillScratch(length: number): void {
    const start = this.#take(length);
    for (let i = 0; i < length; i++) scratchBytes[i] = this.#bytes[start + i]!;
  }
}
