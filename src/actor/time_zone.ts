// Local times of time zones, and the instants they stand for.
//
// All are milliseconds since the epoch; a local time is what a clock there shows, counted as if it
// were UTC. That a zone changes its offset twice within two days is left out of account.

const dayMs = 24 * 60 * 60 * 1000;
const secondMs = 1000;

// Making a formatter takes a runtime a hundred times as long as using it.
const maxZones = 64;
const zones = new Map<string, TimeZone>();

/**
 * The zone of an IANA name, such as `"Europe/Berlin"`.
 *
 * @throws {RangeError} when this runtime knows of none.
 */
export function timeZoneOf(name: string): TimeZone {
  const known = zones.get(name);
  if (known !== undefined) return known;
  const zone = new TimeZone(name);
  if (zones.size === maxZones) {
    const [first] = zones.keys();
    zones.delete(first!);
  }
  zones.set(name, zone);
  return zone;
}

/** One time zone. */
export class TimeZone {
  // None for UTC.
  readonly #format: Intl.DateTimeFormat | undefined;

  constructor(name: string) {
    if (name !== "UTC") this.#format = formatOf(name);
  }

  /** How far clocks there are ahead of UTC at an instant. */
  offsetAt(instant: number): number {
    if (this.#format === undefined) return 0;
    // It ends with "GMT", "GMT-03:30" or, long ago, "GMT+00:53:28".
    const [, sign, hours, minutes, seconds] =
      /GMT(?:([+-])(\d+):(\d+)(?::(\d+))?)?$/
        .exec(this.#format.format(instant)) ?? [];
    if (sign === undefined) return 0;
    const size = Number(hours) * 3600 + Number(minutes) * 60 +
      Number(seconds ?? 0);
    return (sign === "-" ? -size : size) * secondMs;
  }

  /** The first instant at which clocks show this local time, or a later one if they leave it out. */
  instantOf(local: number): number {
    const before = this.offsetAt(local - dayMs);
    const behind = this.offsetAt(local + dayMs);
    if (before === behind) return local - before;
    const most = Math.max(before, behind);
    const least = Math.min(before, behind);
    for (const offset of [most, least]) {
      if (this.offsetAt(local - offset) === offset) return local - offset;
    }
    return this.changeIn(local - dayMs, local + dayMs);
  }

  /** The instant from which on the offset is that of `end`, and not that of `start` any more. */
  changeIn(start: number, end: number): number {
    const behind = this.offsetAt(end);
    let last = Math.floor(start / secondMs);
    let next = Math.ceil(end / secondMs);
    while (next - last > 1) {
      const middle = Math.floor((last + next) / 2);
      if (this.offsetAt(middle * secondMs) === behind) next = middle;
      else last = middle;
    }
    return next * secondMs;
  }
}

function formatOf(timeZone: string): Intl.DateTimeFormat {
  try {
    // Some runtimes take "+01:00" as well, others do not.
    if (!/^[a-z]/i.test(timeZone)) throw new RangeError("it is not a name");
    return new Intl.DateTimeFormat("en-US", {
      timeZone,
      timeZoneName: "longOffset",
    });
  } catch (cause) {
    throw new RangeError(
      `There is no time zone ${JSON.stringify(timeZone)} in this runtime`,
      { cause },
    );
  }
}
