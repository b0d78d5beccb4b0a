// Numbers out of measurements, and tables out of numbers: as text, and as data for other programs.

/** The value below which the part `part` of all values lies. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const place = Math.min(Math.floor(sorted.length * part), sorted.length - 1);
  return sorted[place] ?? NaN;
}

/** The middle value. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** The sum divided by the number. */
export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** One turn of a server. */
export interface Turn {
  /** What it did a second. */
  rate: number;
  /** Its CPU time for each, in microseconds. */
  cost: number;
}

/** The medians of all turns. */
export function middle(turns: readonly Turn[]): Turn {
  return {
    rate: median(turns.map(({ rate }) => rate)),
    cost: median(turns.map(({ cost }) => cost)),
  };
}

/** A number of a table, with the digits that it is shown with. */
export interface Shown {
  value: number;
  digits: number;
}

/** A number as a table has it: `12,345`, `0.82`. */
export function show(value: number, digits = 0): Shown {
  return { value, digits };
}

/** A row of a table. */
export type Row = readonly (string | Shown)[];

/** What a table is made of. The first cell of a row says what it is about, the others are numbers. */
export interface Table {
  title: string;
  /** What each column is. */
  names: readonly string[];
  /** Each is as long as the row of names; an empty text stands for no number. */
  rows: readonly Row[];
}

/** A table as text. */
export function textOf({ title, names, rows }: Table): string {
  const all = [names, ...rows.map((row) => row.map(cellText))];
  const widths = names.map((_, column) =>
    Math.max(...all.map((row) => row[column]!.length))
  );
  const lines = all.map((row) =>
    row.map((cell, column) =>
      column === 0
        ? cell.padEnd(widths[column]!)
        : cell.padStart(widths[column]!)
    ).join("  ")
  );
  const rule = "-".repeat(lines[0]!.length);
  return `\n${title}\n${[lines[0], rule, ...lines.slice(1)].join("\n")}`;
}

/** A table for other programs: an object for each row, by the names of the columns. */
export function dataOf({ title, names, rows }: Table): unknown {
  return {
    title,
    rows: rows.map((row) =>
      Object.fromEntries(
        row.map((cell, column) => [
          names[column],
          typeof cell === "string" ? cell : cell.value,
        ]),
      )
    ),
  };
}

function cellText(cell: string | Shown): string {
  if (typeof cell === "string") return cell;
  const { value, digits } = cell;
  return value.toLocaleString("en-US", {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
    useGrouping: true,
  });
}

/** What every part of the bench is given. */
export interface BenchOptions {
  /** Whether it is only to be seen that all of it works. */
  isQuick: boolean;
  /** Where files go that it makes. */
  folder: string;
  /** A folder of its own, which is gone afterwards. */
  scratch: string;
  /** Takes a table when it is complete. */
  report: (table: Table) => void;
}
