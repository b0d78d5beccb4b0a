// Cron expressions, and when they come true.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { parseCron } from "../../src/actor/cron_expression.ts";
import { nextTime } from "../../src/actor/cron_times.ts";
import { timeZoneOf } from "../../src/actor/time_zone.ts";
import { test } from "../harness.ts";

/** The next times after an instant, without seconds. */
function nextTimes(
  expression: string,
  { zone = "UTC", after, count }: {
    zone?: string;
    after: string;
    count: number;
  },
): string[] {
  const cron = parseCron(expression);
  const times: string[] = [];
  let last = Date.parse(after);
  for (let n = 0; n < count; n++) {
    const next = nextTime(cron, timeZoneOf(zone), last);
    if (next === undefined) break;
    assert(next > last);
    times.push(new Date(next).toISOString().replace(":00.000Z", "Z"));
    last = next;
  }
  return times;
}

// Behind each expression its next times after Thursday, the 1st of January 2026, 00:00 UTC.
const table: Record<string, string[]> = {
  "* * * * *": ["2026-01-01T00:01Z", "2026-01-01T00:02Z"],
  "  0   9 * * * ": ["2026-01-01T09:00Z", "2026-01-02T09:00Z"],
  "*/15 * * * *": ["2026-01-01T00:15Z", "2026-01-01T00:30Z"],
  "*/40 * * * *": ["2026-01-01T00:40Z", "2026-01-01T01:00Z"],
  "5/20 * * * *": ["2026-01-01T00:05Z", "2026-01-01T00:25Z"],
  "10-30/10 3 * * *": [
    "2026-01-01T03:10Z",
    "2026-01-01T03:20Z",
    "2026-01-01T03:30Z",
    "2026-01-02T03:10Z",
  ],
  "50,5,05 12 * * *": [
    "2026-01-01T12:05Z",
    "2026-01-01T12:50Z",
    "2026-01-02T12:05Z",
  ],
  "0 0 1 * *": ["2026-02-01T00:00Z", "2026-03-01T00:00Z"],
  "0 0 31 * *": ["2026-01-31T00:00Z", "2026-03-31T00:00Z"],
  "0 0 1 1 *": ["2027-01-01T00:00Z", "2028-01-01T00:00Z"],
  "0 0 1 FEB,apr *": ["2026-02-01T00:00Z", "2026-04-01T00:00Z"],
  "0 0 * JUN-AUG/2 *": ["2026-06-01T00:00Z", "2026-06-02T00:00Z"],
  "0 9 * * MON-FRI": [
    "2026-01-01T09:00Z",
    "2026-01-02T09:00Z",
    "2026-01-05T09:00Z",
  ],
  "0 0 * * 0": ["2026-01-04T00:00Z", "2026-01-11T00:00Z"],
  "0 0 * * 7": ["2026-01-04T00:00Z", "2026-01-11T00:00Z"],
  "0 0 * * 5-7": [
    "2026-01-02T00:00Z",
    "2026-01-03T00:00Z",
    "2026-01-04T00:00Z",
    "2026-01-09T00:00Z",
  ],
  "0 0 * * SAT-SUN": [
    "2026-01-03T00:00Z",
    "2026-01-04T00:00Z",
    "2026-01-10T00:00Z",
  ],
  "0 0 * * 1/2": [
    "2026-01-02T00:00Z",
    "2026-01-05T00:00Z",
    "2026-01-07T00:00Z",
  ],
  "0 0 * * */3": [
    "2026-01-03T00:00Z",
    "2026-01-04T00:00Z",
    "2026-01-07T00:00Z",
  ],
  // Either day, for neither begins with `*`.
  "0 0 13 * FRI": [
    "2026-01-02T00:00Z",
    "2026-01-09T00:00Z",
    "2026-01-13T00:00Z",
  ],
  // Both.
  "0 0 13 * *": ["2026-01-13T00:00Z", "2026-02-13T00:00Z"],
  "0 0 */2 * FRI": ["2026-01-09T00:00Z", "2026-01-23T00:00Z"],
  "0 0 29 2 *": ["2028-02-29T00:00Z", "2032-02-29T00:00Z"],
  "0 0 29 2 */7": ["2032-02-29T00:00Z", "2060-02-29T00:00Z"],
  "@hourly": ["2026-01-01T01:00Z", "2026-01-01T02:00Z"],
  "@Daily": ["2026-01-02T00:00Z", "2026-01-03T00:00Z"],
  "@midnight": ["2026-01-02T00:00Z"],
  "@weekly": ["2026-01-04T00:00Z", "2026-01-11T00:00Z"],
  "@monthly": ["2026-02-01T00:00Z"],
  "@yearly": ["2027-01-01T00:00Z"],
  "@annually": ["2027-01-01T00:00Z"],
};

test("a cron expression comes true when it says", () => {
  const after = "2026-01-01T00:00:00Z";
  for (const [expression, expected] of Object.entries(table)) {
    assertEquals(
      nextTimes(expression, { after, count: expected.length }),
      expected,
      expression,
    );
  }
});

test("the 29th of February comes again after 8 years over a century", () => {
  assertEquals(
    nextTimes("0 0 29 2 *", { after: "2096-02-29T00:00:00Z", count: 1 }),
    ["2104-02-29T00:00Z"],
  );
});

test("a date that there never is never comes", () => {
  for (const expression of ["0 0 30 2 *", "0 0 31 4,6,9,11 *"]) {
    const after = "2026-01-01T00:00:00Z";
    assertEquals(nextTimes(expression, { after, count: 1 }), []);
  }
});

test("a time is never the instant itself, and one in the middle of a minute changes nothing", () => {
  const times = (after: string) => nextTimes("0 9 * * *", { after, count: 1 });
  assertEquals(times("2026-01-01T08:59:59.999Z"), ["2026-01-01T09:00Z"]);
  assertEquals(times("2026-01-01T09:00:00.000Z"), ["2026-01-02T09:00Z"]);
  assertEquals(times("2026-01-01T09:00:00.001Z"), ["2026-01-02T09:00Z"]);
});

// Zone, expression, and the times around the day on which clocks change there.
const changes: [zone: string, expression: string, times: string[]][] = [
  // Forward at 02:00: 02:30 is left out, and made up for right after.
  ["Europe/Berlin", "30 2 * * *", [
    "2026-03-28T01:30Z",
    "2026-03-29T01:00Z",
    "2026-03-30T00:30Z",
  ]],
  // Back at 03:00: 02:30 comes twice.
  ["Europe/Berlin", "30 2 * * *", [
    "2026-10-24T00:30Z",
    "2026-10-25T00:30Z",
    "2026-10-26T01:30Z",
  ]],
  // All times in the gap are one.
  ["America/New_York", "0,15,45 2 * * *", [
    "2026-03-07T07:45Z",
    "2026-03-08T07:00Z",
    "2026-03-09T06:00Z",
    "2026-03-09T06:15Z",
  ]],
  // One that comes true right after the gap anyway does so once.
  ["America/New_York", "30 2,3 * * *", [
    "2026-03-08T07:00Z",
    "2026-03-08T07:30Z",
    "2026-03-09T06:30Z",
  ]],
  ["America/New_York", "0 2-3 * * *", [
    "2026-03-08T07:00Z",
    "2026-03-09T06:00Z",
  ]],
  // By the half hour, in both passes and not for the gap.
  ["Europe/Berlin", "*/30 * * * *", [
    "2026-10-25T00:00Z",
    "2026-10-25T00:30Z",
    "2026-10-25T01:00Z",
    "2026-10-25T01:30Z",
    "2026-10-25T02:00Z",
  ]],
  ["Europe/Berlin", "0 * * * *", [
    "2026-03-29T00:00Z",
    "2026-03-29T01:00Z",
    "2026-03-29T02:00Z",
  ]],
  ["Europe/Berlin", "*/30 2 * * *", [
    "2026-03-28T01:30Z",
    "2026-03-30T00:00Z",
    "2026-03-30T00:30Z",
  ]],
  // Half an hour, forward and back.
  ["Australia/Lord_Howe", "15 2 * * *", [
    "2026-10-02T15:45Z",
    "2026-10-03T15:30Z",
    "2026-10-04T15:15Z",
  ]],
  ["Australia/Lord_Howe", "45 1 * * *", [
    "2026-04-03T14:45Z",
    "2026-04-04T14:45Z",
    "2026-04-05T15:15Z",
  ]],
  // At midnight: forward from it, and back to it.
  ["America/Havana", "0 0 * * *", [
    "2026-03-07T05:00Z",
    "2026-03-08T05:00Z",
    "2026-03-09T04:00Z",
  ]],
  ["America/Havana", "30 0 * * *", [
    "2026-10-31T04:30Z",
    "2026-11-01T04:30Z",
    "2026-11-02T05:30Z",
  ]],
  // Into the day before.
  ["America/Sao_Paulo", "30 23 * * *", [
    "2018-02-17T01:30Z",
    "2018-02-18T01:30Z",
    "2018-02-19T02:30Z",
  ]],
  // The 30th of December 2011 was left out.
  ["Pacific/Apia", "0 12 * * *", [
    "2011-12-29T22:00Z",
    "2011-12-30T10:00Z",
    "2011-12-30T22:00Z",
  ]],
  ["Asia/Kolkata", "0 9 * * *", ["2026-01-01T03:30Z", "2026-01-02T03:30Z"]],
  ["Pacific/Kiritimati", "0 0 1 1 *", [
    "2025-12-31T10:00Z",
    "2026-12-31T10:00Z",
  ]],
  ["Pacific/Pago_Pago", "0 0 1 1 *", [
    "2026-01-01T11:00Z",
    "2027-01-01T11:00Z",
  ]],
];

test("a cron expression follows the clocks of its time zone, and runs a daily job once a day", () => {
  for (const [zone, expression, expected] of changes) {
    const after = new Date(Date.parse(expected[0]!) - 1000).toISOString();
    const times = nextTimes(expression, {
      zone,
      after,
      count: expected.length,
    });
    assertEquals(times, expected, `${expression} in ${zone}`);
  }
});

test("an expression that goes by the minute comes true whenever clocks show it, found minute by minute", () => {
  const windows: [zone: string, start: string][] = [
    ["UTC", "2028-02-28T00:00Z"],
    ["Europe/Dublin", "2026-03-28T12:00Z"],
    ["America/New_York", "2026-10-31T20:00Z"],
    ["Australia/Lord_Howe", "2026-04-04T00:00Z"],
    ["America/Havana", "2026-03-07T12:00Z"],
  ];
  const expressions = ["*/7 * * * *", "5 */2 * * *", "*/20 0-3 29,8 * SUN"];
  for (const [zone, start] of windows) {
    const parts = new Intl.DateTimeFormat("en-US", {
      timeZone: zone,
      hourCycle: "h23",
      weekday: "short",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
    });
    const matching: Record<string, (shown: Record<string, string>) => boolean> =
      {
        "*/7 * * * *": ({ minute }) => Number(minute) % 7 === 0,
        "5 */2 * * *": ({ hour, minute }) =>
          Number(minute) === 5 && Number(hour) % 2 === 0,
        "*/20 0-3 29,8 * SUN": ({ hour, minute, day, weekday }) =>
          Number(minute) % 20 === 0 && Number(hour) <= 3 &&
          (day === "29" || day === "8" || weekday === "Sun"),
      };
    const from = Date.parse(start);
    const minutes = Array.from(
      { length: 2 * 24 * 60 },
      (_, n) => from + (n + 1) * 60_000,
    );
    const shown = minutes.map((time) =>
      Object.fromEntries(
        parts.formatToParts(time).map(({ type, value }) => [type, value]),
      )
    );
    for (const expression of expressions) {
      const expected = minutes.filter((_, n) =>
        matching[expression]!(shown[n]!)
      );
      const cron = parseCron(expression);
      let last = from;
      for (const time of expected) {
        last = nextTime(cron, timeZoneOf(zone), last)!;
        assertEquals(last, time, `${expression} in ${zone}`);
      }
    }
  }
});

const refused: Record<string, string> = {
  "": "it has 0 fields, not 5",
  "* * * *": "it has 4 fields, not 5",
  "* * * * * *": "it has 6 fields, not 5",
  "60 * * * *": 'the minute "60" is not in 0-59',
  "* 24 * * *": 'the hour "24" is not in 0-23',
  "* * 0 * *": 'the day of the month "0" is not in 1-31',
  "* * * 13 *": 'the month "13" is not in 1-12',
  "* * * * 8": 'the day of the week "8" is not in 0-7',
  "* * * JANUARY *": 'the month "JANUARY" is not in 1-12',
  "* * L * *": 'the day of the month "L" is not in 1-31',
  "30-10 * * * *": 'the range "30-10" of the minute is empty',
  "*/0 * * * *": "the step of the minute is 0",
  "? * * * *": '"?" in the minute is not *',
  "-5 * * * *": '"-5" in the minute is not *',
  "1- * * * *": '"1-" in the minute is not *',
  "*-5 * * * *": '"*-5" in the minute is not *',
  "1,,2 * * * *": '"" in the minute is not *',
  "1.5 * * * *": '"1.5" in the minute is not *',
  "@reboot": "known are only @yearly",
};

test("what is no cron expression is refused, and told why", () => {
  for (const [text, why] of Object.entries(refused)) {
    assertThrows(() => parseCron(text), TypeError, why);
  }
  for (const text of [undefined, 5, null]) {
    assertThrows(
      () => parseCron(text as unknown as string),
      TypeError,
      "is not a string",
    );
  }
  const long = Array.from({ length: 300 }, () => "5").join(",");
  assertThrows(
    () => parseCron(`${long} * * * *`),
    TypeError,
    "longer than 500 characters",
  );
});

test("a time zone that the runtime does not know is refused by name", () => {
  for (const name of ["Mars/Base", "", "+01:00", "Europe/Berlin "]) {
    assertThrows(
      () => timeZoneOf(name),
      RangeError,
      `There is no time zone ${JSON.stringify(name)}`,
    );
  }
});
