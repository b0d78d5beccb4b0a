// Objects that can change without anybody being told: dates, errors and buffers, which have no
// proxy, and what the user assigned and still holds.

import { encodeValue } from "./value.ts";

// How many objects are watched at most, and how many characters or bytes they may have together.
const maxWatched = 100_000;
const maxWatchedSize = 8 * 1024 * 1024;

/** Finds out which objects have changed. */
export class Watch {
  /** Whether there was more to watch than the bound allows, so that anything may have changed. */
  hasOverflowed = false;
  readonly #fingerprints = new Map<object, Fingerprint>();
  #size = 0;

  /** Watches an object, as it is now. */
  add(object: object): void {
    if (this.hasOverflowed || this.#fingerprints.has(object)) return;
    if (object instanceof RegExp) return;
    const fingerprint = fingerprintOf(object);
    this.#size += typeof fingerprint === "number" ? 0 : fingerprint.length;
    if (
      this.#size > maxWatchedSize || this.#fingerprints.size >= maxWatched
    ) {
      this.#fingerprints.clear();
      this.hasOverflowed = true;
    } else {
      this.#fingerprints.set(object, fingerprint);
    }
  }

  /** Those that have changed since they were added, or since they were told here. */
  changed(): object[] {
    const changed: object[] = [];
    for (const [object, before] of this.#fingerprints) {
      const after = fingerprintIfSavable(object);
      if (isSame(before, after)) continue;
      changed.push(object);
      if (after === undefined) this.#fingerprints.delete(object);
      else this.#fingerprints.set(object, after);
    }
    return changed;
  }
}

type Fingerprint = number | string | Uint8Array;

// What an object is, as far as it can be saved.
function fingerprintOf(object: object): Fingerprint {
  if (object instanceof Date) return object.getTime();
  if (object instanceof ArrayBuffer) return new Uint8Array(object).slice();
  if (ArrayBuffer.isView(object)) {
    const { buffer, byteOffset, byteLength } = object;
    return new Uint8Array(buffer, byteOffset, byteLength).slice();
  }
  return encodeValue(object);
}

// What cannot be saved any more has changed, and whoever writes it will say why.
function fingerprintIfSavable(object: object): Fingerprint | undefined {
  try {
    return fingerprintOf(object);
  } catch {
    return undefined;
  }
}

function isSame(
  before: Fingerprint | undefined,
  after: Fingerprint | undefined,
): boolean {
  if (before instanceof Uint8Array && after instanceof Uint8Array) {
    return before.length === after.length &&
      before.every((byte, i) => byte === after[i]);
  }
  return Object.is(before, after);
}
