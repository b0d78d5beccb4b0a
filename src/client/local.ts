// The transport of this process's own registry, kept where a client finds it: a client must not
// know the registry, or it could not run in a browser.

import type { Transport } from "../protocol/transport.ts";

let local: Transport | undefined;

/** Makes clients without an endpoint use this transport; `undefined` ends that. The last call wins. */
export function setLocalTransport(transport: Transport | undefined): void {
  local = transport;
}

/** The transport of this process's own registry, if there is one. */
export function localTransport(): Transport | undefined {
  return local;
}
