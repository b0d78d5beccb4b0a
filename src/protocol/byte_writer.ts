// Writes bytes one after another.
//
// To allocate bytes takes a runtime longer than to write a small message. So small messages lie next to
// each other in chunks, and one that is kept keeps no more than its chunk in memory. A large message is
// written into a buffer that is lent from message to message, and costs one allocation of its own size.

const chunkBytes = 1024;
// What is longer than this is not begun in a chunk of its own.
const maxInChunkBytes = 512;
const minLargeBytes = 16 * 1024;
// A buffer that a large message has made longer than this is not kept.
const maxKeptBytes = 1024 * 1024;
// The most bytes that a length needs which is written before what it counts.
const maxLengthBytes = 9;
// Up to here a loop writes a text of ASCII faster than the runtime's encoder.
const maxLoopLength = 48;

const encoder = new TextEncoder();

let spare: ByteWriter | undefined;
let spareLarge: Uint8Array<ArrayBuffer> | undefined;

/** Begins a message, which ends with {@linkcode ByteWriter.end} or is given up. */
export function beginBytes(): ByteWriter {
  const writer = spare ?? new ByteWriter();
  // Values may run code of their user while they are written, which may write a message of its own.
  spare = undefined;
  return writer;
}

/** Writes bytes one after another. */
export class ByteWriter {
  #bytes = new Uint8Array(chunkBytes);
  #view = new DataView(this.#bytes.buffer);
  #start = 0;
  #at = 0;

  /** Ends the message: its bytes. The writer is not to be used any more. */
  end(): Uint8Array<ArrayBuffer> {
    const bytes = this.#bytes;
    spare = this;
    if (bytes.length === chunkBytes) {
      const message = bytes.subarray(this.#start, this.#at);
      this.#start = this.#at;
      return message;
    }
    const message = bytes.slice(0, this.#at);
    if (bytes.length <= maxKeptBytes) spareLarge = bytes;
    this.#at = 0;
    this.#moveTo(new Uint8Array(chunkBytes));
    return message;
  }

  /** Writes a byte. */
  byte(value: number): void {
    if (this.#at === this.#bytes.length) this.#grow(1);
    this.#bytes[this.#at++] = value;
  }

  /** Writes two bytes, the highest first. */
  uint16(value: number): void {
    this.#reserve(2);
    this.#bytes[this.#at++] = value >>> 8;
    this.#bytes[this.#at++] = value;
  }

  /** Writes two bytes, the lowest first. */
  uint16Le(value: number): void {
    this.#reserve(2);
    this.#bytes[this.#at++] = value;
    this.#bytes[this.#at++] = value >>> 8;
  }

  /** Writes four bytes, the highest first. */
  uint32(value: number): void {
    this.#reserve(4);
    this.#view.setUint32(this.#at, value);
    this.#at += 4;
  }

  /** Writes eight bytes, the highest first. */
  uint64(value: bigint): void {
    this.#reserve(8);
    this.#view.setBigUint64(this.#at, value);
    this.#at += 8;
  }

  /** Writes eight bytes, the lowest first. */
  uint64Le(value: bigint): void {
    this.#reserve(8);
    this.#view.setBigUint64(this.#at, value, true);
    this.#at += 8;
  }

  /** Writes a number of 64 bits, the highest byte first. */
  float64(value: number): void {
    this.#reserve(8);
    this.#view.setFloat64(this.#at, value);
    this.#at += 8;
  }

  /** Writes a whole number, not negative, seven bits to a byte. */
  varint(value: number): void {
    // Shifts would cut what is beyond 32 bits.
    while (value >= 0x80) {
      this.byte(value % 0x80 | 0x80);
      value = Math.floor(value / 0x80);
    }
    this.byte(value);
  }

  /** Writes bytes as they are. */
  bytes(value: Uint8Array): void {
    this.#reserve(value.length);
    this.#bytes.set(value, this.#at);
    this.#at += value.length;
  }

  /** Writes a few bytes as they are: less than it takes to call the runtime for. */
  fewBytes(value: Uint8Array): void {
    const { length } = value;
    this.#reserve(length);
    const bytes = this.#bytes;
    let at = this.#at;
    for (let i = 0; i < length; i++) bytes[at++] = value[i]!;
    this.#at = at;
  }

  /** Writes a text in UTF-8 behind its length in bytes, which `writeLength` writes. */
  text(
    value: string,
    writeLength: (writer: ByteWriter, length: number) => void,
  ): void {
    const { length } = value;
    if (length <= maxLoopLength) {
      this.#reserve(length + maxLengthBytes);
      const before = this.#at;
      writeLength(this, length);
      if (this.#ascii(value)) return;
      this.#at = before;
    }
    // UTF-8 needs at most three bytes for each UTF-16 unit.
    this.#reserve(length * 3 + maxLengthBytes);
    const start = this.#at + maxLengthBytes;
    const { written } = encoder.encodeInto(value, this.#bytes.subarray(start));
    this.#put(start, written, writeLength);
  }

  /** Begins what stands behind its length in bytes; {@linkcode endSized} needs what it returns. */
  beginSized(): number {
    // Most are short, and have their length in one byte.
    this.byte(0);
    return this.#at - this.#start;
  }

  /** Ends what stands behind its length, and writes that: a varint. */
  endSized(begin: number): void {
    const start = this.#start + begin;
    const length = this.#at - start;
    if (length < 0x80) {
      this.#bytes[start - 1] = length;
      return;
    }
    this.#reserve(maxLengthBytes);
    // Where it has been, unless there was no room.
    const from = this.#start + begin;
    this.#bytes.copyWithin(from + maxLengthBytes, from, this.#at);
    this.#at = from - 1;
    this.#put(from + maxLengthBytes, length, writeVarint);
  }

  // Writes a length, and moves what lies at `start` behind it.
  #put(
    start: number,
    length: number,
    writeLength: (writer: ByteWriter, length: number) => void,
  ): void {
    writeLength(this, length);
    this.#bytes.copyWithin(this.#at, start, start + length);
    this.#at += length;
  }

  // Writes a text for which there is room, if it is ASCII; if not, it may write a part of it.
  #ascii(value: string): boolean {
    const bytes = this.#bytes;
    const { length } = value;
    let at = this.#at;
    for (let i = 0; i < length; i++) {
      const code = value.charCodeAt(i);
      if (code >= 0x80) return false;
      bytes[at++] = code;
    }
    this.#at = at;
    return true;
  }

  #reserve(length: number): void {
    if (this.#at + length > this.#bytes.length) this.#grow(length);
  }

  #grow(more: number): void {
    const length = this.#at - this.#start + more;
    this.#moveTo(
      length <= maxInChunkBytes ? new Uint8Array(chunkBytes) : largeFor(length),
    );
  }

  // Goes on in another buffer with what is written of the message.
  #moveTo(bytes: Uint8Array<ArrayBuffer>): void {
    bytes.set(this.#bytes.subarray(this.#start, this.#at));
    this.#at -= this.#start;
    this.#start = 0;
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
  }
}

/** Writes a length as a varint. */
export function writeVarint(writer: ByteWriter, length: number): void {
  writer.varint(length);
}

// A buffer for a message that will have this length, and maybe more.
function largeFor(length: number): Uint8Array<ArrayBuffer> {
  const kept = spareLarge;
  if (kept === undefined || kept.length < length) {
    return new Uint8Array(Math.max(length * 2, minLargeBytes));
  }
  spareLarge = undefined;
  return kept;
}
