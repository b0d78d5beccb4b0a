// The transport of this process's own registry, kept where a client finds it: a client must not
// know the registry, or it could not run in a browser.
//
// It is kept on `globalThis`, because registry and client may come from two bundles, each with a
// module of this name.

import type { Transport } from "../protocol/transport.ts";

const key = Symbol.for("troupe.transport");
const globals = globalThis as { [key]?: Transport | undefined };

/** Makes clients without an endpoint use this transport; `undefined` ends that. The last call wins. */
export function setLocalTransport(transport: Transport | undefined): void {
  globals[key] = transport;
}

/** The transport of this process's own registry, if there is one. */
export function localTransport(): Transport | undefined {
  return globals[key];
}
