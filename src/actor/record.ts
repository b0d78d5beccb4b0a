// An actor's bytes in the store. Every text begins with one byte that says its format, so that a
// later version can read what an earlier one wrote, and refuse what a later one wrote.

import { actorError, isErrorKind } from "../errors.ts";
import { decodeValue, encodeValue } from "./value.ts";

// Format 1: UTF-8 of the JSON described in value.ts and journal.ts.
const format = 1;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

// Where most texts are made into bytes, so that nothing but those is allocated.
const scratch = new Uint8Array(16 * 1024);
scratch[0] = format;
const scratchText = scratch.subarray(1);

/** The bytes of a text. */
export function toBytes(text: string): Uint8Array<ArrayBuffer> {
  // UTF-8 needs at most three bytes for each UTF-16 unit.
  const most = text.length * 3;
  if (most <= scratchText.length) {
    const { written } = encoder.encodeInto(text, scratchText);
    return scratch.slice(0, written + 1);
  }
  const buffer = new Uint8Array(most + 1);
  buffer[0] = format;
  const { written } = encoder.encodeInto(text, buffer.subarray(1));
  return buffer.slice(0, written + 1);
}

/**
 * The text of bytes.
 *
 * @throws {ActorError} `store/corrupt` when they are not what {@linkcode toBytes} wrote.
 */
export function fromBytes(bytes: Uint8Array): string {
  if (bytes[0] !== format) {
    throw actorError(
      "store/corrupt",
      `Cannot read what is saved: it has format ${
        bytes[0]
      }, known is ${format}`,
    );
  }
  return decoder.decode(bytes.subarray(1));
}

/** What is saved of an actor at its creation. */
export interface ActorRecord {
  /** When it was created, in milliseconds since the epoch. */
  createdAt: number;
  /** What was given at creation. */
  input: unknown;
  /** Whether its creation has ended; if not, it is begun anew at the next wake. */
  isReady: boolean;
}

/** What is saved of a connection. */
export interface ConnectionRecord {
  params: unknown;
  state: unknown;
}

/** A future call. */
export interface CallRecord {
  action: string;
  args: unknown[];
  /** The job whose next call it is, if it is one of a job. */
  job?: JobRecord;
}

/** A job that is called again and again. */
export interface JobRecord {
  name: string;
  /** When: either by an expression and a time zone, or at an interval in milliseconds. */
  expression?: string;
  timezone?: string;
  interval?: number;
  maxHistory: number;
  /** When its last run began, in milliseconds since the epoch. */
  lastRunAt?: number;
  /** The numbers of the first run that is remembered, and of the next one. */
  firstRun: number;
  nextRun: number;
}

/** One run of a job. */
export interface RunRecord {
  action: string;
  /** All times are in milliseconds since the epoch. */
  scheduledAt: number;
  firedAt: number;
  finishedAt?: number;
  result: "running" | "ok" | "error" | "skipped";
  error?: { group: string; code: string; message: string };
}

/** The bytes of a record, connection, call or run. */
export function encodeRecord(
  record: ActorRecord | ConnectionRecord | CallRecord | RunRecord,
  path: string,
): Uint8Array<ArrayBuffer> {
  return toBytes(encodeValue(record, { path }));
}

/** The record of an actor. */
export function decodeActor(bytes: Uint8Array): ActorRecord {
  const what = "the record of an actor";
  const { createdAt, input, isReady } = fieldsOf(bytes, what);
  if (typeof createdAt !== "number" || typeof isReady !== "boolean") {
    throw corrupt(what);
  }
  return { createdAt, input, isReady };
}

/** The record of a connection. */
export function decodeConnection(bytes: Uint8Array): ConnectionRecord {
  const { params, state } = fieldsOf(bytes, "the record of a connection");
  return { params, state };
}

/** The record of a future call. */
export function decodeCall(bytes: Uint8Array): CallRecord {
  const what = "a scheduled call";
  const { action, args, job } = fieldsOf(bytes, what);
  if (typeof action !== "string" || !Array.isArray(args)) throw corrupt(what);
  if (job === undefined) return { action, args };
  return { action, args, job: checkJob(job, what) };
}

/** The record of a run. */
export function decodeRun(bytes: Uint8Array): RunRecord {
  const what = "a run of a job";
  const run = fieldsOf(bytes, what) as Partial<RunRecord>;
  const isWhole = typeof run.action === "string" &&
    typeof run.scheduledAt === "number" && typeof run.firedAt === "number" &&
    typeof run.result === "string";
  if (!isWhole) throw corrupt(what);
  return run as RunRecord;
}

function checkJob(value: unknown, what: string): JobRecord {
  const job = value as Partial<JobRecord> | null;
  const isWhole = typeof job?.name === "string" &&
    typeof job.maxHistory === "number" && typeof job.firstRun === "number" &&
    typeof job.nextRun === "number" &&
    (typeof job.interval === "number" ||
      typeof job.expression === "string" && typeof job.timezone === "string");
  if (!isWhole) throw corrupt(what);
  return job as JobRecord;
}

function fieldsOf(bytes: Uint8Array, what: string): Record<string, unknown> {
  let record: unknown;
  try {
    record = decodeValue(fromBytes(bytes));
  } catch (cause) {
    throw isErrorKind(cause, "store/corrupt") ? cause : corrupt(what, cause);
  }
  if (typeof record !== "object" || record === null) throw corrupt(what);
  return record as Record<string, unknown>;
}

function corrupt(what: string, cause?: unknown): Error {
  return actorError("store/corrupt", `Cannot read ${what}: it is damaged`, {
    cause,
  });
}
