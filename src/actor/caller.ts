import type { Connection } from "./connection.ts";

/** Who calls. */
export interface Caller {
  /** The connection of the caller, if it has one. */
  connection?: Connection;
  params?: unknown;
  /** The request that brought the caller, where there was one, or what makes it. */
  request?: Request | (() => Request) | undefined;
  /** Whether what the caller asks for has begun, so that asking again may do it twice. */
  hasBegun?: boolean;
}
