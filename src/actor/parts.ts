import type { Connection } from "./connection.ts";
import type { Connections } from "./connections.ts";
import type { Self } from "./self.ts";
import type { Identity, Services } from "./services.ts";
import type { Steps } from "./steps.ts";
import type { Work } from "./work.ts";

/**
 * What an instance is made of, as its further parts see it. The instance itself is all of it, so that each
 * part holds one reference and no more, and an actor that is awake takes little memory.
 */
export interface Parts {
  readonly services: Services;
  readonly identity: Identity;
  readonly steps: Steps;
  readonly connections: Connections;
  /** The actor as its own code sees it. */
  readonly self: Self;
  readonly work: Work;
  /** A connection has closed. Resolves when its hook has run; never rejects. */
  disconnected(connection: Connection): Promise<void>;
}
