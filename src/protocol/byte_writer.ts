// Writes bytes one after another. The buffer is lent from message to message, so that a message costs
// one allocation, of its own size.

// A buffer that a large message has made longer than this is not kept.
const maxKeptBytes = 1024 * 1024;
// The most bytes that a length needs which is written before what it counts.
const maxLengthBytes = 9;
// Up to here a loop writes a text of ASCII faster than the runtime's encoder.
const maxLoopLength = 48;

const encoder = new TextEncoder();
const scratch = new DataView(new ArrayBuffer(8));
const scratchBytes = new Uint8Array(scratch.buffer);

let spare: ByteWriter | undefined;

/** The bytes that `write` writes. It may itself lead to other bytes being written. */
export function bytesBy(
  write: (writer: ByteWriter) => void,
): Uint8Array<ArrayBuffer> {
  const writer = spare ?? new ByteWriter();
  // Values may run code of their user while they are written, which may write a message of its own.
  spare = undefined;
  write(writer);
  const bytes = writer.take();
  if (writer.capacity <= maxKeptBytes) spare = writer;
  return bytes;
}

/** Writes bytes one after another. */
export class ByteWriter {
  #bytes = new Uint8Array(1024);
  #length = 0;

  /** How many bytes it can take without growing. */
  get capacity(): number {
    return this.#bytes.length;
  }

  /** How many bytes are written. */
  get length(): number {
    return this.#length;
  }

  /** What is written; the next byte is the first again. */
  take(): Uint8Array<ArrayBuffer> {
    const taken = this.#bytes.slice(0, this.#length);
    this.#length = 0;
    return taken;
  }

  /** Writes a byte. */
  byte(value: number): void {
    if (this.#length === this.#bytes.length) this.#grow(1);
    this.#bytes[this.#length++] = value;
  }

  /** Writes two bytes, the highest first. */
  uint16(value: number): void {
    this.#reserve(2);
    this.#bytes[this.#length++] = value >>> 8;
    this.#bytes[this.#length++] = value;
  }

  /** Writes two bytes, the lowest first. */
  uint16Le(value: number): void {
    this.#reserve(2);
    this.#bytes[this.#length++] = value;
    this.#bytes[this.#length++] = value >>> 8;
  }

  /** Writes four bytes, the highest first. */
  uint32(value: number): void {
    this.#reserve(4);
    scratch.setUint32(0, value);
    this.#copyScratch(4);
  }

  /** Writes eight bytes, the highest first. */
  uint64(value: bigint): void {
    this.#reserve(8);
    scratch.setBigUint64(0, value);
    this.#copyScratch(8);
  }

  /** Writes eight bytes, the lowest first. */
  uint64Le(value: bigint): void {
    this.#reserve(8);
    scratch.setBigUint64(0, value, true);
    this.#copyScratch(8);
  }

  /** Writes a number of 64 bits, the highest byte first. */
  float64(value: number): void {
    this.#reserve(8);
    scratch.setFloat64(0, value);
    this.#copyScratch(8);
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
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
  }

  /** Writes a text in UTF-8 behind its length in bytes, which `writeLength` writes. */
  text(
    value: string,
    writeLength: (writer: ByteWriter, length: number) => void,
  ): void {
    const { length } = value;
    if (length <= maxLoopLength && isAscii(value)) {
      writeLength(this, length);
      this.#reserve(length);
      for (let i = 0; i < length; i++) {
        this.#bytes[this.#length++] = value.charCodeAt(i);
      }
      return;
    }
    // UTF-8 needs at most three bytes for each UTF-16 unit.
    this.#reserve(length * 3 + maxLengthBytes);
    const start = this.#length + maxLengthBytes;
    const { written } = encoder.encodeInto(value, this.#bytes.subarray(start));
    this.#put(start, written, writeLength);
  }

  /** Writes what `write` writes behind its length in bytes, which is a varint. */
  sized(write: (writer: ByteWriter) => void): void {
    const before = this.#length;
    // Most are short, and have their length in one byte.
    this.byte(0);
    write(this);
    const length = this.#length - before - 1;
    this.#length = before;
    if (length < 0x80) {
      this.#bytes[before] = length;
      this.#length += length + 1;
    } else {
      this.#reserve(length + maxLengthBytes);
      this.#bytes.copyWithin(
        before + maxLengthBytes,
        before + 1,
        before + 1 + length,
      );
      this.#put(before + maxLengthBytes, length, writeVarint);
    }
  }

  // Writes a length, and moves what lies at `start` behind it.
  #put(
    start: number,
    length: number,
    writeLength: (writer: ByteWriter, length: number) => void,
  ): void {
    writeLength(this, length);
    this.#bytes.copyWithin(this.#length, start, start + length);
    this.#length += length;
  }

  #copyScratch(length: number): void {
    for (let i = 0; i < length; i++) {
      this.#bytes[this.#length++] = scratchBytes[i]!;
    }
  }

  #reserve(length: number): void {
    if (this.#length + length > this.#bytes.length) this.#grow(length);
  }

  #grow(length: number): void {
    const grown = new Uint8Array(
      Math.max(this.#bytes.length * 2, this.#length + length),
    );
    grown.set(this.#bytes);
    this.#bytes = grown;
  }
}

/** Writes a length as a varint. */
export function writeVarint(writer: ByteWriter, length: number): void {
  writer.varint(length);
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) >= 0x80) return false;
  }
  return true;
}
