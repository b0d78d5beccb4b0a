// One text for one value, the same on every runtime: what a client has sent and an actor has got, or the
// other way, are compared as texts that no encoding has a part in.

/** Everything of a value that an encoding could lose, type by type. */
export function describe(value) {
  if (typeof value === "bigint") return `${value}n`;
  if (Object.is(value, -0)) return "-0";
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value !== "object" || value === null) return String(value);
  if (Array.isArray(value)) return `[${value.map(describe).join()}]`;
  if (value instanceof Date) return `Date(${value.getTime()})`;
  if (value instanceof Uint8Array) return `Bytes(${[...value]})`;
  if (value instanceof ArrayBuffer) {
    return `ArrayBuffer(${[...new Uint8Array(value)]})`;
  }
  if (value instanceof Set) return `Set(${[...value].map(describe).join()})`;
  if (value instanceof Map) {
    const pairs = [...value].map(([key, member]) =>
      `${describe(key)}=>${describe(member)}`
    );
    return `Map(${pairs.join()})`;
  }
  const members = Object.entries(value).map(([key, member]) =>
    `${JSON.stringify(key)}:${describe(member)}`
  );
  return `{${members.join()}}`;
}
