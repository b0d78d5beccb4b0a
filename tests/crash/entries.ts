// What follows from the id of an entry, for the actors and for the rig, which must agree on it.
//
// An id is `caller.number`, and then what became of it: `+` for the second entry of a slow call, `>`
// for the entry that another actor was asked to make, `'` for each further link of a chain.

/** How many of the newest entries a ledger keeps apart. */
export const recentLength = 16;

const pieceLength = 131_072;

/** Who made an entry. */
export function callerOf(id: string): string {
  return id.endsWith(">") ? "another ledger" : id.slice(0, id.indexOf("."));
}

/** The place of an entry in the row of its caller. */
export function numberOf(id: string): number {
  return Number.parseInt(id.slice(id.indexOf(".") + 1));
}

/** A text of this length that no other id has. */
export function textOf(id: string, length: number): string {
  return `${id};`.repeat(Math.ceil(length / (id.length + 1))).slice(0, length);
}

/** What stands at this place, as a key; keys are in the order of the places. */
export function rowOf(index: number): string {
  return String(index).padStart(9, "0");
}

/** The text of this length in pieces, by key. */
export function piecesOf(id: string, length: number): [string, string][] {
  const text = textOf(id, length);
  return Array.from({ length: Math.ceil(length / pieceLength) }, (_, n) => {
    const start = n * pieceLength;
    return [rowOf(n), text.slice(start, start + pieceLength)];
  });
}

/** The note of an entry: 0 to 99 characters. */
export function noteOf(id: string): string {
  return textOf(id, digestOf(0, id) % 100);
}

/** The digest of a row of entries, given that of the row without the last one (FNV-1a). */
export function digestOf(digest: number, id: string): number {
  let hash = digest ^ 0x811c9dc5;
  for (let i = 0; i < id.length; i++) {
    hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193);
  }
  return hash >>> 0;
}
