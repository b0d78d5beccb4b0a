import { assertEquals, assertStringIncludes } from "@std/assert";
import { Logger, type LoggerOptions, type LogLevel } from "../src/log.ts";
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
