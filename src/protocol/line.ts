// RivetKit's clients are of two lines, which read the same values differently here and there.

import { hasQueryRoute } from "./query.ts";
import { headers } from "./routes.ts";

/** A line of clients: up to 2.2, or from 2.3 on. */
export type Line = "2.0" | "2.3";

/** The line of who makes a request; `"2.0"` where nothing tells. */
export function lineOf(request: Request): Line {
  return toldLine(request) ?? "2.0";
}

/** The line of who makes a request; `undefined` where nothing tells, as in Chrome, which lets no client name itself. */
export function toldLine(
  { headers: request, method, url }: Request,
): Line | undefined {
  const query = url.indexOf("?");
  const offer = method === "GET" ? request.get("sec-websocket-protocol") : null;
  if (
    query >= 0 && hasQueryRoute(url.slice(query)) ||
    request.get(headers.skipReadyWait) !== null ||
    offer !== null && /(^|[,\s])rivet_skip_ready_wait([,\s]|$)/.test(offer)
  ) return "2.3";
  const [, major, minor] =
    /\bRivetKit\/(\d+)\.(\d+)/.exec(request.get("user-agent") ?? "") ?? [];
  if (major === undefined) return undefined;
  const isLater = Number(major) > 2 || (major === "2" && Number(minor) > 2);
  return isLater ? "2.3" : "2.0";
}
