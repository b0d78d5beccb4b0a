import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import {
  type BaseLogger,
  Logger,
  type LoggerOptions,
  type LogLevel,
  logLevelOf,
} from "../src/log.ts";
import { test } from "./harness.ts";

function recorder(
  level: LogLevel,
  options: Partial<LoggerOptions> = {},
): { log: Logger; lines: string[] } {
  const lines: string[] = [];
  const write = (_: LogLevel, line: string) => void lines.push(line);
  return { log: new Logger({ level, write, ...options }), lines };
}

test("a line is logfmt, with the fields of its logger first", () => {
  const { log, lines } = recorder("info");
  log.with({ actor: "room", key: "a b" }).info({ msg: "said", n: 7 });
  assertEquals(lines, [`level=INFO actor=room key="a b" msg=said n=7`]);
});

test("a line stays one line, and has no control characters, whatever is logged", () => {
  const { log, lines } = recorder("info");
  log.with({ key: "\x1b[2J" }).info({
    "a\nlevel": "\x9b2J",
    over: "\u202ereversed",
    line: "a\u2028b",
    face: "👩‍🚀",
  });
  assertEquals(lines, [
    'level=INFO key="\\u001b[2J" "a\\nlevel"="\\u009b2J" ' +
    'over="\\u202ereversed" line="a\\u2028b" face=👩‍🚀',
  ]);
});

test("lines below the level are left out", () => {
  const { log, lines } = recorder("warn");
  log.info("no");
  log.debug("no");
  log.trace("no");
  log.warn("yes");
  log.error("yes");
  log.fatal("yes");
  assertEquals(lines.length, 3);
});

test("an error is logged once, with its cause", () => {
  const { log, lines } = recorder("error");
  const error = new Error("outer", { cause: new Error("inner") });
  log.failure(error, { msg: "failed" });
  log.failure(error, { msg: "failed again" });
  assertEquals(lines.length, 1);
  assertStringIncludes(lines[0]!, "outer");
  assertStringIncludes(lines[0]!, "inner");
});

test("nothing that is logged can make the logger throw", () => {
  const { log, lines } = recorder("info");
  const cycle: Record<string, unknown> = {};
  cycle.self = cycle;
  log.info({ msg: "odd", cycle, big: 1n, none: undefined, no: null });
  log.failure("no object", { msg: "odd" });
  assertEquals(lines.length, 2);
});

test("a message may have fields beside it, and fields a message", () => {
  const { log, lines } = recorder("info");
  log.info("said", { n: 7 });
  log.info({ n: 7 }, "said");
  log.info({ n: 7 });
  log.error("failed", new Error("why") as unknown as Record<string, unknown>);
  assertEquals(lines.slice(0, 3), [
    "level=INFO msg=said n=7",
    "level=INFO msg=said n=7",
    "level=INFO n=7",
  ]);
  assertStringIncludes(lines[3]!, "level=ERROR msg=failed error=");
  assertStringIncludes(lines[3]!, "why");
});

test("a line tells time and part only where it is to, and leaves stacks out where it is to", () => {
  const shown = recorder("info", { hasTimes: true, hasTargets: true });
  shown.log.of("actor").with({ key: "a" }).info("said");
  assertMatch(
    shown.lines[0]!,
    /^ts=\d{4}-\S+Z level=INFO target=actor key=a msg=said$/,
  );
  const { log, lines } = recorder("info");
  log.of("actor").info("said");
  assertEquals(lines, ["level=INFO msg=said"]);
  const short = recorder("info", { hasStacks: false });
  const error = new Error("outer", { cause: new Error("inner") });
  short.log.failure(error, { msg: "failed" });
  assertEquals(short.lines, [
    `level=ERROR msg=failed error="Error: outer\\nCaused by: Error: inner"`,
  ]);
});

test("a level is known by its name in any case", () => {
  assertEquals(logLevelOf("DEBUG"), "debug");
  assertEquals(logLevelOf("loud"), undefined);
});

/** A logger of the user's that keeps what it is given. */
function keeper(entries: unknown[], own: object = {}): BaseLogger {
  const keep = (level: string) => (entry: Record<string, unknown>) =>
    void entries.push([level, { ...own, ...entry }]);
  return {
    error: keep("error"),
    warn: keep("warn"),
    info: keep("info"),
    debug: keep("debug"),
  };
}

test("a logger of the user's is given entries, and the nearest of its methods", () => {
  const entries: unknown[] = [];
  const { log, lines } = recorder("trace", { base: keeper(entries) });
  log.with({ key: "a" }).info({ msg: "said", n: 7 });
  log.fatal("over");
  log.trace("detail");
  assertEquals(entries, [
    ["info", { key: "a", msg: "said", n: 7 }],
    ["error", { msg: "over" }],
    ["debug", { msg: "detail" }],
  ]);
  assertEquals(lines, []);
  const quiet = recorder("warn", { base: keeper(entries) });
  quiet.log.info("no");
  assertEquals(entries.length, 3);
});

test("a logger of the user's that has children is given the fields once", () => {
  const entries: unknown[] = [];
  const base: BaseLogger = {
    ...keeper(entries),
    child: (fields) => keeper(entries, fields),
  };
  recorder("info", { base }).log.with({ key: "a" }).warn("odd");
  assertEquals(entries, [["warn", { key: "a", msg: "odd" }]]);
});

test("a logger of the user's that throws or rejects harms nobody, and its entries are on the console", async () => {
  const told: string[] = [];
  const { error, warn } = console;
  console.error = console.warn = (text) => void told.push(`${text}`);
  try {
    const fail = () => {
      throw new Error("no disk");
    };
    const broken = {
      error: fail,
      warn: fail,
      info: fail,
      debug: fail,
      child: fail,
    };
    const { log } = recorder("info", { base: broken });
    log.with({ key: "a" }).warn("odd");
    assertStringIncludes(told[0]!, "no disk");
    assertEquals(told.at(-1), "level=WARN key=a msg=odd");
    told.length = 0;
    const late = () => Promise.reject(new Error("no network"));
    const slow = { error: late, warn: late, info: late, debug: late };
    recorder("info", { base: slow }).log.warn("odd");
    await new Promise((resolve) => setTimeout(resolve));
    assertStringIncludes(told[0]!, "no network");
    told.length = 0;
    const odd = new Proxy({}, { ownKeys: fail });
    recorder("info").log.info(odd);
    assertEquals(told.length, 1);
  } finally {
    Object.assign(console, { error, warn });
  }
});
