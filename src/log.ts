// The one logger: lines of `key=value` on the console.

/** How much is logged: each level includes those before it. */
export type LogLevel =
  | "silent"
  | "fatal"
  | "error"
  | "warn"
  | "info"
  | "debug"
  | "trace";

const levels: LogLevel[] = [
  "silent",
  "fatal",
  "error",
  "warn",
  "info",
  "debug",
  "trace",
];

/** What a line says: a message, or fields with a `msg`. */
export type LogEntry = string | Record<string, unknown>;

/** Writes one line of a level. */
export type WriteLine = (level: LogLevel, line: string) => void;

// How many causes of an error are logged.
const maxCauses = 5;

// An error passes several places that cannot know whether an earlier one has logged it.
const logged = new WeakSet<object>();

/** Writes lines that all have the same first fields. */
export class Logger {
  readonly #level: number;
  readonly #write: WriteLine;
  readonly #fields: Record<string, unknown>;

  /** Logs what is at or above `level`; `fields` stand on every line. */
  constructor(
    level: LogLevel,
    write: WriteLine = writeToConsole,
    fields: Record<string, unknown> = {},
  ) {
    this.#level = levels.indexOf(level);
    this.#write = write;
    this.#fields = fields;
  }

  /** A logger whose lines have these fields as well. */
  with(fields: Record<string, unknown>): Logger {
    const level = levels[this.#level]!;
    return new Logger(level, this.#write, { ...this.#fields, ...fields });
  }

  fatal(entry: LogEntry): void {
    this.#log("fatal", entry);
  }

  error(entry: LogEntry): void {
    this.#log("error", entry);
  }

  /** Logs an error with its fields, unless the same error has been logged already. */
  failure(error: unknown, fields: Record<string, unknown>): void {
    if (typeof error === "object" && error !== null) {
      if (logged.has(error)) return;
      logged.add(error);
    }
    this.#log("error", { ...fields, error });
  }

  warn(entry: LogEntry): void {
    this.#log("warn", entry);
  }

  info(entry: LogEntry): void {
    this.#log("info", entry);
  }

  debug(entry: LogEntry): void {
    this.#log("debug", entry);
  }

  trace(entry: LogEntry): void {
    this.#log("trace", entry);
  }

  #log(level: LogLevel, entry: LogEntry): void {
    if (levels.indexOf(level) > this.#level) return;
    const { msg, ...fields } = typeof entry === "string"
      ? { msg: entry }
      : entry;
    const all = { level: level.toUpperCase(), ...this.#fields, msg, ...fields };
    const line = Object.entries(all)
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => `${key}=${formatSafely(value)}`)
      .join(" ");
    this.#write(level, line);
  }
}

/** Whether a text names a level. */
export function isLogLevel(text: string): text is LogLevel {
  return levels.includes(text as LogLevel);
}

function writeToConsole(level: LogLevel, line: string): void {
  if (level === "fatal" || level === "error") console.error(line);
  else if (level === "warn") console.warn(line);
  else console.log(line);
}

// A log line must never throw, whatever is logged: cycles, getters and proxies that throw.
function formatSafely(value: unknown): string {
  try {
    return format(value);
  } catch {
    return JSON.stringify(`(${typeof value} that cannot be shown)`);
  }
}

function format(value: unknown): string {
  const text = value instanceof Error
    ? describeError(value)
    : typeof value === "string"
    ? value
    : describe(value);
  return /^[^\s="]+$/.test(text) ? text : JSON.stringify(text);
}

function describe(value: unknown): string {
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    // Cycles and bigints have no JSON.
    return String(value);
  }
}

// A chain of causes may lead back to its start.
function describeError(error: Error, depth = 0): string {
  const text = error.stack ?? `${error.name}: ${error.message}`;
  return error.cause instanceof Error && depth < maxCauses
    ? `${text}\nCaused by: ${describeError(error.cause, depth + 1)}`
    : text;
}
