// Reads bytes one after another, and never beyond their end.

import { malformed } from "./shapes.ts";

// Up to here a loop reads a text of ASCII faster than the runtime's decoder.
const maxLoopLength = 24;

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const scratch = new DataView(new ArrayBuffer(8));
const scratchBytes = new Uint8Array(scratch.buffer);

/** Reads bytes one after another. What goes beyond their end is `message/malformed`. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  /** Reads `bytes` from their start. */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** How many bytes are left. */
  get left(): number {
    return this.#bytes.length - this.#at;
  }

  /** Reads a byte. */
  byte(): number {
    const byte = this.#bytes[this.#at];
    if (byte === undefined) throw malformed("it ends too early");
    this.#at++;
    return byte;
  }

  /** The next byte, which is still to be read; `undefined` at the end. */
  peek(): number | undefined {
    return this.#bytes[this.#at];
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
    this.#fillScratch(4);
    return scratch.getUint32(0);
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
      if (value > Number.MAX_SAFE_INTEGER) {
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
    this.#check(length);
    const start = this.#at;
    this.#at += length;
    return this.#bytes.subarray(start, this.#at);
  }

  /** Reads a text in UTF-8. */
  text(length: number): string {
    if (length <= maxLoopLength) {
      this.#check(length);
      const text = this.#ascii(length);
      if (text !== undefined) return text;
    }
    try {
      return decoder.decode(this.bytes(length));
    } catch (cause) {
      throw malformed("a text is not UTF-8", cause);
    }
  }

  /** Checks that nothing is left. */
  end(): void {
    if (this.left > 0) throw malformed("there is more than a message");
  }

  #ascii(length: number): string | undefined {
    let text = "";
    for (let i = this.#at; i < this.#at + length; i++) {
      const byte = this.#bytes[i]!;
      if (byte >= 0x80) return undefined;
      text += String.fromCharCode(byte);
    }
    this.#at += length;
    return text;
  }

  #check(length: number): void {
    if (length > this.left) throw malformed("it ends too early");
  }

  #fillScratch(length: number): void {
    this.#check(length);
    for (let i = 0; i < length; i++) {
      scratchBytes[i] = this.#bytes[this.#at++]!;
    }
  }
}
