// Numbers out of measurements, and tables out of numbers.

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

/** A number as a person reads it: `12,345`, `0.82`. */
export function show(value: number, digits = 0): string {
  return value.toLocaleString("en-US", {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
    useGrouping: true,
  });
}

/**
 * A table under a title. The first column is text, the others are numbers; all rows are as long as
 * the row of names.
 */
export function table(
  title: string,
  names: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const all = [names, ...rows];
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
