// What all instances of a process share, and who each of them is.

import type { Logger } from "../log.ts";
import type { Transport } from "../protocol/transport.ts";
import type { Store } from "../stores/store.ts";
import type { Clock } from "../clock.ts";
import type { Committer } from "./committer.ts";
import type { Kind } from "./kind.ts";

/** What all instances of a process share. */
export interface Services {
  readonly committer: Committer;
  readonly clock: Clock;
  readonly log: Logger;
  /** The fence of this process as an owner. */
  readonly fence: number;
  readonly region: string;
  /** The most bytes of one message to a caller. */
  readonly maxOutgoingBytes: number;
  /** Whether callers see the text of every error. */
  readonly exposesErrors: boolean;
  /** The way to other actors of this registry. */
  readonly transport: Transport;
  /** Makes a client over a transport. */
  readonly clientOver: (transport: Transport) => unknown;
  /** Reads keys and values of actors. */
  readonly kv: Pick<Store, "kvGet" | "kvList">;
  /** An alarm is durable. */
  readonly onAlarm: (dueMs: number) => void;
  /** An instance was lost while messages may wait for it. */
  readonly onLost: (actorId: string) => void;
}

/** Who an actor is. */
export interface Identity {
  readonly actorId: string;
  readonly kind: Kind;
  readonly key: string[];
  /** The revision in the store; 0 when the actor does not exist yet. */
  readonly revision: number;
}
