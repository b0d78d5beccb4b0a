import type { Admission } from "./admission.ts";
import type { Clock } from "./clock.ts";
import type { Connection } from "./connection.ts";
import type { Kind } from "./kind.ts";
import type { Self } from "./self.ts";
import type { Steps } from "./steps.ts";
import type { Work } from "./work.ts";

/** What the parts for raw requests and raw sockets need. */
export interface RawOptions {
  kind: Kind;
  self: Self;
  clock: Clock;
  steps: Steps;
  admission: Admission;
  work: Work;
  exposesErrors: boolean;
  /** A connection has closed. Resolves when its hook has run; never rejects. */
  disconnected: (connection: Connection) => Promise<void>;
}
