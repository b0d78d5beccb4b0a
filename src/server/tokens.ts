// Who is let in at all: whoever has one of the tokens that the server accepts.
//
// How long it takes to refuse a token depends on its length, and of those that are accepted only on how
// many there are.

import { actorError } from "../errors.ts";
import { type Route, tokenOf } from "../protocol/routes.ts";

/** Lets a request in, or throws. */
export type TokenCheck = (request: Request, route: Route) => void;

// What anybody may ask: whether there is a server, and where clients are to go.
const open: Route["kind"][] = ["root", "health", "metadata", "unknown"];

/**
 * Makes the check for requests that need one of `tokens`.
 *
 * @returns What throws an ActorError, `auth/forbidden`.
 */
export function tokenCheck(tokens: readonly string[]): TokenCheck {
  return ({ headers }, route) => {
    if (open.includes(route.kind)) return;
    const given = tokenOf(headers, route);
    if (given === undefined) {
      throw actorError("auth/forbidden", "The request has no token");
    }
    // All of them, so that it takes as long whichever it is.
    const same = tokens.filter((token) => isSame(token, given));
    if (same.length > 0) return;
    throw actorError("auth/forbidden", "The token is not accepted");
  };
}

function isSame(token: string, given: string): boolean {
  let difference = token.length ^ given.length;
  for (let i = 0; i < given.length; i++) {
    difference |= given.charCodeAt(i) ^ token.charCodeAt(i % token.length);
  }
  return difference === 0;
}
