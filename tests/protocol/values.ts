/** Values that CBOR carries with their types, whatever the encoding around it. */
export const cborValues: unknown[] = [
  undefined,
  null,
  true,
  0,
  -0,
  23,
  24,
  255,
  256,
  65_535,
  65_536,
  0xffff_ffff,
  -0x1_0000_0000,
  2 ** 32,
  -(2 ** 32) - 1,
  Number.MAX_SAFE_INTEGER,
  1_767_225_600_000,
  -1.5,
  NaN,
  -Infinity,
  0n,
  7n,
  -(2n ** 64n),
  2n ** 64n - 1n,
  2n ** 64n,
  -(2n ** 64n) - 1n,
  -(2n ** 200n),
  "",
  "text with \u2028 and \ud83d\ude00",
  "\ufeffmarked",
  "a".repeat(23),
  "a".repeat(255),
  "ü".repeat(40_000),
  new Date(0),
  new Date(1_767_225_600_123),
  new Date(-5),
  new Date(NaN),
  new Uint8Array([0, 1, 255]),
  new Uint8ClampedArray([1]),
  new Int8Array([-1]),
  new Uint16Array([1, 65_535]),
  new Int16Array([-2]),
  new Uint32Array([0xffff_ffff]),
  new Int32Array([-3]),
  new BigUint64Array([2n ** 64n - 1n]),
  new BigInt64Array([-1n]),
  new Float32Array([1.5]),
  new Float64Array([Math.PI]),
  /a[b]\/c/giu,
  new TypeError("wrong"),
  new Map<unknown, unknown>([[1, "a"], [{ key: true }, new Set([1])]]),
  new Set(["a", ["b"], undefined]),
  new Set(["$BigInt", "7"]),
  ["$BigInt", "7"],
  ["$", 1],
  ["$$x", [7n]],
  [undefined, [], {}],
  { nested: [{ big: 1n, gone: undefined }], empty: {}, list: [] },
  JSON.parse(`{"__proto__":{"polluted":true},"constructor":1}`),
];

/** Texts and bytes that are no CBOR value, in hexadecimal. */
export const noCbor: string[] = [
  "",
  "18",
  "19ff",
  "1bffff",
  "1c",
  "1f",
  "3c",
  "5f4100ff", // bytes of indefinite length
  "7f6161ff", // a text of indefinite length
  "62c328", // no UTF-8
  "64616161",
  "5affffffff",
  "9b0000ffffffffffff",
  "9a00ffffff",
  "ba00ffffff",
  "8201",
  "9f01",
  "bf6161",
  "bf6161ff",
  "a1f600", // a key that is no text
  "a1f400",
  "a1800000",
  "c1f6",
  "c06161", // no date
  "c201",
  "c5820103", // a tag that is not known
  "d81b826161", // an Error that ends too early
  "d81b8201f6",
  "d81b83665265674578706128f6", // an expression that is none
  "d9010200",
  "d9010300",
  "d84500",
  "d8454101", // half an item
  "d82501",
  "e0",
  "f818",
  "f8ff",
  "fa0000",
  "fc",
  "ff",
  "0000", // two values
];

/** The bytes of a text in hexadecimal. */
export function fromHex(hex: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.fromHex(hex.replaceAll(/\s/g, ""));
}
