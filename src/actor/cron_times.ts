// When a cron expression comes true next, on the clocks of a time zone.
//
// Where clocks are put forward, an expression that names hours and minutes comes true right after the
// gap for all times in it together; where they are put back, in the first pass alone: so a job of once
// a day runs once a day. One that goes on by the hour or minute, with `*` at the start of either field,
// follows the clocks as they are: in both passes, and not for the gap.

import type { CronExpression } from "./cron_expression.ts";
import type { TimeZone } from "./time_zone.ts";

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

// The 29th of February is a given weekday once in 28 years, and once in 40 over the year 2100.
const maxDays = 50 * 366;

/** Part of a day at one offset. */
interface Piece {
  from: number;
  to: number;
  offset: number;
}

/** The next time after an instant; `undefined` when there is none in fifty years. */
export function nextTime(
  cron: CronExpression,
  zone: TimeZone,
  after: number,
): number | undefined {
  const today = Math.floor((after + zone.offsetAt(after)) / dayMs);
  for (let day = today; day < today + maxDays; day++) {
    const date = new Date(day * dayMs);
    const isDay = cron.isDay({
      date: date.getUTCDate(),
      month: date.getUTCMonth() + 1,
      weekday: date.getUTCDay(),
    });
    if (!isDay) continue;
    const pieces = piecesOf(zone, day * dayMs);
    for (const time of timesOf(cron, day * dayMs, pieces)) {
      if (time > after) return time;
    }
  }
}

function piecesOf(zone: TimeZone, midnight: number): [Piece, Piece] {
  const from = zone.instantOf(midnight);
  const to = zone.instantOf(midnight + dayMs);
  const before = zone.offsetAt(from);
  const behind = zone.offsetAt(to - 1);
  const change = before === behind ? to : zone.changeIn(from, to - 1);
  return [
    { from, to: change, offset: before },
    { from: change, to, offset: behind },
  ];
}

// The times of one day, in order.
function* timesOf(
  cron: CronExpression,
  midnight: number,
  pieces: [Piece, Piece],
): Generator<number> {
  if (cron.isFixedTime) {
    for (const local of localsOf(cron, midnight)) yield onceIn(pieces, local);
    return;
  }
  for (const piece of pieces) {
    for (const local of localsOf(cron, midnight)) {
      const time = local - piece.offset;
      if (isIn(piece, time)) yield time;
    }
  }
}

function* localsOf(
  { hours, minutes }: CronExpression,
  midnight: number,
): Generator<number> {
  for (const hour of hours) {
    for (const minute of minutes) {
      yield midnight + hour * hourMs + minute * minuteMs;
    }
  }
}

// When clocks show a local time first, or leave it behind.
function onceIn(pieces: [Piece, Piece], local: number): number {
  for (const piece of pieces) {
    const time = local - piece.offset;
    if (isIn(piece, time)) return time;
  }
  const [{ from, to, offset }] = pieces;
  return local - offset < from ? from : to;
}

function isIn({ from, to }: Piece, time: number): boolean {
  return from <= time && time < to;
}
