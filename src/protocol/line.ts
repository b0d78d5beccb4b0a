// RivetKit's clients are of two lines, which read the same values differently here and there.

import { headers } from "./routes.ts";

/** A line of clients: up to 2.2, or from 2.3 on. */
export type Line = "2.0" | "2.3";

/** The line of who makes a request. */
export function lineOf({ headers: request, url }: Request): Line {
  const isLater = url.includes("rvt-") ||
    request.has(headers.skipReadyWait) ||
    request.get("sec-websocket-protocol")?.includes("rivet_skip_ready_wait") ||
    isLaterAgent(request.get("user-agent") ?? "");
  return isLater ? "2.3" : "2.0";
}

function isLaterAgent(agent: string): boolean {
  const [, major, minor] = /\bRivetKit\/(\d+)\.(\d+)/.exec(agent) ?? [];
  return Number(major) > 2 || (Number(major) === 2 && Number(minor) > 2);
}
