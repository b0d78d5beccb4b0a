// Clients for parts of the bench that have several registries at once.

import { clientOver } from "../../src/client/client.ts";
import { localTransport } from "../../src/client/local.ts";
import type { Client, Registry } from "../../mod.ts";

/**
 * A client of the registry that was set up last in this process, and of that one for good: one of
 * `createClient()` goes over to the next.
 */
// deno-lint-ignore no-explicit-any -- of whatever definitions
export function clientOfLast<R extends Registry<any>>(): Client<R> {
  return clientOver<R>(localTransport()!);
}
