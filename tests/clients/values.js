// Values of every type that an encoding knows, and what each encoding makes of them.

/** What a caller may pass, by name. */
export const values = {
  "zero": 0,
  "a small number": 1,
  "a negative number": -5,
  "a fraction": 1.5,
  "a negative fraction": -0.1,
  "the last number of 32 bits": 2 ** 32 - 1,
  "a number beyond 32 bits": 2 ** 32,
  "a number below minus 32 bits": -(2 ** 32) - 1,
  "a time": 1767225600000,
  "the largest safe number": Number.MAX_SAFE_INTEGER,
  "a huge number": 1e300,
  "a bigint": 7n,
  "a negative bigint": -7n,
  "a bigint of 64 bits": 12345678901234567890n,
  "a bigint beyond 64 bits": 2n ** 80n,
  "a negative bigint beyond 64 bits": -(2n ** 80n),
  "bytes": new Uint8Array([1, 2, 3]),
  "no bytes": new Uint8Array(),
  "a date": new Date("2026-01-01T00:00:00Z"),
  "a date between seconds": new Date(1767225600123),
  "a date before 1970": new Date(-1),
  "a text": "héllo 🦀",
  "an empty text": "",
  "true": true,
  "false": false,
  "null": null,
  "undefined": undefined,
  "an object": { a: undefined, b: [1], "": { c: null } },
  "an array": [1, [undefined, []], {}],
  "a map": new Map([["k", 1], [2, new Map([[3n, undefined]])]]),
  "a set": new Set([1, "two", 3n]),
  "an array that begins with $": ["$foo", 1],
  "an array like a tag": ["$BigInt", "5"],
  "a longer array with $": ["$foo", 1, 2],
  "an array that begins with $$": ["$$foo", ["$bar", 2]],
};

/** What comes of a value when `encoding` has carried it from a client to an actor. */
export function carried(value, encoding) {
  return encoding === "json" ? asJson(value, undefined) : value;
}

// JSON has no undefined, date, map or set; bigints and bytes are written as tags.
function asJson(value, absent = null) {
  if (value === undefined) return absent;
  if (typeof value === "number") return Number.isFinite(value) ? value : null;
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Uint8Array) return value;
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map((member) => asJson(member));
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .map(([key, member]) => [key, asJson(member)]),
  );
}
