// Cron expressions: five fields, `minute hour day-of-month month day-of-week`.
//
// A field is a list, separated by commas, of `*`, a number, or a range `a-b`; `*` and a range may have
// a step, `/n`, and `a/n` is a range from `a` on. Months and weekdays have English names of three
// letters as well; 0 and 7 are both Sunday. `@yearly` (`@annually`), `@monthly`, `@weekly`, `@daily`
// (`@midnight`) and `@hourly` stand for whole expressions.
//
// A day comes true when both its fields do. If neither begins with `*`, one of them is enough:
// `0 0 13 * FRI` is every 13th and every Friday.

/** An expression that was read. */
export interface CronExpression {
  /** All in ascending order. */
  minutes: readonly number[];
  hours: readonly number[];
  /** By day of the month, month and day of the week (0 is Sunday): whether it is in the field. */
  isDay: (day: { date: number; month: number; weekday: number }) => boolean;
  /** Whether it names hours and minutes; if not, it goes on by the hour or minute. */
  isFixedTime: boolean;
}

interface Field {
  name: string;
  least: number;
  most: number;
  /** Names of numbers from `least` on. */
  names?: readonly string[];
}

const minute: Field = { name: "minute", least: 0, most: 59 };
const hour: Field = { name: "hour", least: 0, most: 23 };
const dayOfMonth: Field = { name: "day of the month", least: 1, most: 31 };
const month: Field = {
  name: "month",
  least: 1,
  most: 12,
  names: "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split(" "),
};
const dayOfWeek: Field = {
  name: "day of the week",
  least: 0,
  most: 7,
  names: "SUN MON TUE WED THU FRI SAT".split(" "),
};

const aliases = new Map([
  ["@yearly", "0 0 1 1 *"],
  ["@annually", "0 0 1 1 *"],
  ["@monthly", "0 0 1 * *"],
  ["@weekly", "0 0 * * 0"],
  ["@daily", "0 0 * * *"],
  ["@midnight", "0 0 * * *"],
  ["@hourly", "0 * * * *"],
]);

// Enough for a list of everything in every field.
const longestText = 500;

/**
 * Reads an expression.
 *
 * @throws {TypeError} when it is not one; the message names what is wrong.
 */
export function parseCron(text: string): CronExpression {
  try {
    return parse(text);
  } catch (error) {
    const { message } = error as TypeError;
    const shown = typeof text === "string"
      ? JSON.stringify(text.slice(0, longestText))
      : String(text);
    throw new TypeError(`Cannot read the cron expression ${shown}: ${message}`);
  }
}

function parse(text: string): CronExpression {
  if (typeof text !== "string") throw new TypeError("it is not a string");
  if (text.length > longestText) {
    throw new TypeError(`it is longer than ${longestText} characters`);
  }
  const trimmed = text.trim();
  const expanded = trimmed.startsWith("@")
    ? aliases.get(trimmed.toLowerCase())
    : trimmed;
  if (expanded === undefined) {
    throw new TypeError(`known are only ${[...aliases.keys()].join(", ")}`);
  }
  const fields = expanded === "" ? [] : expanded.split(/\s+/);
  if (fields.length !== 5) {
    throw new TypeError(`it has ${fields.length} fields, not 5`);
  }
  // There are five, as was just checked.
  const [minuteText, hourText, dateText, monthText, weekdayText] = fields as [
    string,
    string,
    string,
    string,
    string,
  ];
  const dates = numbersIn(dateText, dayOfMonth);
  const months = numbersIn(monthText, month);
  const weekdays = new Set([...numbersIn(weekdayText, dayOfWeek)].map(mod7));
  const isOpen = (field: string) => field.startsWith("*");
  const needsBoth = isOpen(dateText) || isOpen(weekdayText);
  return {
    minutes: sorted(numbersIn(minuteText, minute)),
    hours: sorted(numbersIn(hourText, hour)),
    isDay({ date, month, weekday }) {
      if (!months.has(month)) return false;
      return needsBoth
        ? dates.has(date) && weekdays.has(weekday)
        : dates.has(date) || weekdays.has(weekday);
    },
    isFixedTime: !isOpen(minuteText) && !isOpen(hourText),
  };
}

function numbersIn(text: string, field: Field): Set<number> {
  const numbers = new Set<number>();
  for (const part of text.split(",")) {
    const { first, last, step } = rangeIn(part, field);
    for (let number = first; number <= last; number += step) {
      numbers.add(number);
    }
  }
  return numbers;
}

function rangeIn(
  part: string,
  field: Field,
): { first: number; last: number; step: number } {
  const [, from, to, stepText] =
    /^(\*(?!-)|[a-z0-9]+)(?:-([a-z0-9]+))?(?:\/(\d{1,4}))?$/i.exec(part) ?? [];
  if (from === undefined) {
    throw new TypeError(
      `"${part}" in the ${field.name} is not *, a number, a range or one of them with a step`,
    );
  }
  const step = Number(stepText ?? 1);
  if (step === 0) throw new TypeError(`the step of the ${field.name} is 0`);
  // The week ends on Saturday, unless somebody says 7.
  const end = field === dayOfWeek ? 6 : field.most;
  if (from === "*") return { first: field.least, last: end, step };
  const first = numberIn(from, field);
  if (to === undefined) {
    return { first, last: stepText === undefined ? first : end, step };
  }
  let last = numberIn(to, field);
  // A range may end with Sunday, which is 0 where it begins with it.
  if (field === dayOfWeek && last === 0 && first > 0) last = 7;
  if (first > last) {
    throw new TypeError(`the range "${part}" of the ${field.name} is empty`);
  }
  return { first, last, step };
}

function numberIn(text: string, { name, least, most, names }: Field): number {
  const place = names?.indexOf(text.toUpperCase()) ?? -1;
  if (place >= 0) return least + place;
  const number = /^\d+$/.test(text) ? Number(text) : NaN;
  if (number >= least && number <= most) return number;
  throw new TypeError(`the ${name} "${text}" is not in ${least}-${most}`);
}

function sorted(numbers: Set<number>): number[] {
  return [...numbers].sort((a, b) => a - b);
}

function mod7(number: number): number {
  return number % 7;
}
