// The one logger: lines of `key=value` on the console, or the user's own logger.
//
// Whatever is logged, and whatever the user's logger does: logging never throws.

/** How much is logged: each level includes those before it. */
export type LogLevel =
  | "silent"
  | "fatal"
  | "error"
  | "warn"
  | "info"
  | "debug"
  | "trace";

/** All levels, from the one that logs nothing to the one that logs everything. */
export const logLevels: readonly LogLevel[] = [
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

/** What is said besides: fields beside a message, or a message beside fields. */
export type LogMore = Record<string, unknown> | string;

/** Writes one line of a level. */
export type WriteLine = (level: LogLevel, line: string) => void;

/**
 * A logger of your own for `setup({ logging: { baseLogger } })`, such as pino. Each method gets one
 * object: the fields, and the message as `msg`. What it throws is told on the console.
 */
export interface BaseLogger {
  /** Its own level. Entries beyond are not made; without one, `logging.level` decides. */
  level?: string;
  /** Something that the process may not survive. Default: `error`. */
  fatal?(entry: Record<string, unknown>): void;
  /** Something that failed. */
  error(entry: Record<string, unknown>): void;
  /** Something that may need a look. */
  warn(entry: Record<string, unknown>): void;
  /** Something that happened. */
  info(entry: Record<string, unknown>): void;
  /** Something that explains a problem. */
  debug(entry: Record<string, unknown>): void;
  /** Everything else. Default: `debug`. */
  trace?(entry: Record<string, unknown>): void;
  /** A logger whose entries have these fields as well. Without it, every entry is given them. */
  child?(fields: Record<string, unknown>): BaseLogger;
}

/** How a {@linkcode Logger} writes. */
export interface LoggerOptions {
  /** What is beyond this level is left out. */
  level: LogLevel;
  /** Where lines go. Default: the console. */
  write?: WriteLine;
  /** Takes the entries instead, as objects. */
  base?: BaseLogger;
  /** Whether entries name the part of Troupe they come from. Default `false`. */
  hasTargets?: boolean;
  /** Whether lines tell the time; a `base` has its own. Default `false`. */
  hasTimes?: boolean;
  /** Whether errors are shown with their stack. Default `true`; a `base` is given the error itself. */
  hasStacks?: boolean;
  /** Whether requests are logged with their headers, at `debug`. Default `false`. */
  hasHeaders?: boolean;
  /** Whether messages to and from callers are logged, at `debug`. Default `false`. */
  hasMessages?: boolean;
}

const debugLevel = logLevels.indexOf("debug");

// How many causes of an error are logged.
const maxCauses = 5;

// An error passes several places that cannot know whether an earlier one has logged it.
const logged = new WeakSet<object>();

/** Writes entries that all have the same first fields. */
export class Logger {
  readonly #options: LoggerOptions;
  readonly #level: number;
  readonly #fields: Record<string, unknown>;

  /** `fields` stand in every entry. */
  constructor(options: LoggerOptions, fields: Record<string, unknown> = {}) {
    this.#options = options;
    this.#level = logLevels.indexOf(options.level);
    this.#fields = fields;
  }

  /** Whether requests are to be logged. */
  get logsRequests(): boolean {
    return this.#level >= debugLevel;
  }

  /** Whether requests are to be logged with their headers. */
  get logsHeaders(): boolean {
    return this.logsRequests && this.#options.hasHeaders === true;
  }

  /** Whether messages to and from callers are to be logged. */
  get logsMessages(): boolean {
    return this.logsRequests && this.#options.hasMessages === true;
  }

  /** A logger whose entries have these fields as well. */
  with(fields: Record<string, unknown>): Logger {
    const { base } = this.#options;
    if (base?.child !== undefined) {
      try {
        const child = base.child(fields);
        return new Logger({ ...this.#options, base: child }, this.#fields);
      } catch (error) {
        complain(error);
      }
    }
    return new Logger(this.#options, { ...this.#fields, ...fields });
  }

  /** A logger for one part of Troupe, which its entries name if they are to. */
  of(target: string): Logger {
    return this.#options.hasTargets ? this.with({ target }) : this;
  }

  fatal(entry: LogEntry, more?: LogMore): void {
    this.#log("fatal", entry, more);
  }

  error(entry: LogEntry, more?: LogMore): void {
    this.#log("error", entry, more);
  }

  /** Logs an error with its fields, unless the same error has been logged already. */
  failure(error: unknown, fields: Record<string, unknown>): void {
    if (typeof error === "object" && error !== null) {
      if (logged.has(error)) return;
      logged.add(error);
    }
    this.#log("error", { ...fields, error });
  }

  warn(entry: LogEntry, more?: LogMore): void {
    this.#log("warn", entry, more);
  }

  info(entry: LogEntry, more?: LogMore): void {
    this.#log("info", entry, more);
  }

  debug(entry: LogEntry, more?: LogMore): void {
    this.#log("debug", entry, more);
  }

  trace(entry: LogEntry, more?: LogMore): void {
    this.#log("trace", entry, more);
  }

  #log(level: LogLevel, entry: LogEntry, more?: LogMore): void {
    if (logLevels.indexOf(level) > this.#level) return;
    const { base, write = writeToConsole } = this.#options;
    try {
      const fields = { ...this.#fields, ...joined(entry, more) };
      if (base === undefined) return write(level, this.#line(level, fields));
      try {
        return tell(base, level, fields);
      } catch (error) {
        complain(error);
        writeToConsole(level, this.#line(level, fields));
      }
    } catch (error) {
      // What is logged may throw when it is looked at.
      complain(error);
    }
  }

  #line(level: LogLevel, fields: Record<string, unknown>): string {
    const { hasTimes = false, hasStacks = true } = this.#options;
    const all = {
      ...(hasTimes && { ts: new Date().toISOString() }),
      level: level.toUpperCase(),
      ...fields,
    };
    return Object.entries(all)
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => `${quoted(key)}=${formatSafely(value, hasStacks)}`)
      .join(" ");
  }
}

/** The level that a text names, in whatever case; `undefined` if there is none of that name. */
export function logLevelOf(text: string): LogLevel | undefined {
  return logLevels.find((level) => level === text.toLowerCase());
}

// The message stands before the fields of its entry.
function joined(entry: LogEntry, more?: LogMore): Record<string, unknown> {
  const [first, second] = typeof entry === "string"
    ? [more, entry]
    : [entry, more];
  const own: Record<string, unknown> = first instanceof Error
    ? { error: first }
    : typeof first === "object" && first !== null
    ? first
    : { msg: first };
  const { msg, ...fields } = own;
  return { msg: second ?? msg, ...fields };
}

function tell(
  base: BaseLogger,
  level: LogLevel,
  { msg, ...fields }: Record<string, unknown>,
): void {
  const entry = msg === undefined ? fields : { ...fields, msg };
  const answer: unknown = level === "fatal" && base.fatal === undefined
    ? base.error(entry)
    : level === "trace" && base.trace === undefined
    ? base.debug(entry)
    : base[level as "info"](entry);
  // An asynchronous one may fail later, when nobody looks.
  if (answer instanceof Promise) answer.catch(complain);
}

function complain(cause: unknown): void {
  try {
    // deno-lint-ignore no-console
    console.error(`Troupe: the logger failed: ${formatSafely(cause, true)}`);
  } catch {
    // There is nowhere left to tell it.
  }
}

function writeToConsole(level: LogLevel, line: string): void {
  if (level === "fatal" || level === "error") console.error(line);
  else if (level === "warn") console.warn(line);
  else console.log(line);
}

// A log line must never throw, whatever is logged: cycles, getters and proxies that throw.
function formatSafely(value: unknown, hasStacks: boolean): string {
  try {
    return format(value, hasStacks);
  } catch {
    return JSON.stringify(`(${typeof value} that cannot be shown)`);
  }
}

function format(value: unknown, hasStacks: boolean): string {
  const text = value instanceof Error
    ? describeError(value, hasStacks)
    : typeof value === "string"
    ? value
    : describe(value);
  return quoted(text);
}

// Controls, and what begins a line or turns the direction of one.
const controls = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;

// A key of an actor comes from anybody: a line must stay one line, and tell a terminal nothing.
function quoted(text: string): string {
  const isWord = /^[^\s="]+$/.test(text) && text.search(controls) < 0;
  return isWord ? text : JSON.stringify(text).replace(
    controls,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
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
function describeError(error: Error, hasStacks: boolean, depth = 0): string {
  const title = `${error.name}: ${error.message}`;
  const text = hasStacks ? error.stack ?? title : title;
  return error.cause instanceof Error && depth < maxCauses
    ? `${text}\nCaused by: ${describeError(error.cause, hasStacks, depth + 1)}`
    : text;
}
