// Where a server listens, said the same way on both runtimes.

import type { Address } from "./adapter.ts";

/** The address of a bound TCP port. A wildcard cannot be connected to everywhere; loopback can. */
export function addressOf(hostname: string, port: number): Address {
  const host = hostname === "0.0.0.0"
    ? "127.0.0.1"
    : hostname === "::"
    ? "::1"
    : hostname;
  const authority = host.includes(":") ? `[${host}]` : host;
  return { url: `http://${authority}:${port}`, port };
}

/** Whether a port could not be bound because somebody else has it. */
export function isPortTaken(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error && "code" in cause &&
    cause.code === "EADDRINUSE";
}

/** The error of a port that could not be bound. */
export function cannotListen(
  hostname: string,
  port: number,
  cause: unknown,
): Error {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new Error(`Cannot listen on ${hostname}:${port}: ${why}`, { cause });
}
