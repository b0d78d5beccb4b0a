// The alarms that are no calls of the user's: they say that messages wait, or wake the actor for them.

import type { ActorAlarm } from "../stores/store.ts";

/** Says in the store that messages wait: a process that starts looks for these, and only it. */
export const waitingAlarm: ActorAlarm = {
  dueMs: 0,
  id: "~waiting",
  call: new Uint8Array(),
};

/** Wakes the actor, and begins its run loop anew where that has thrown. */
export function wakeAlarm(dueMs: number): ActorAlarm {
  // Time 0 is for those above.
  return { dueMs: Math.max(dueMs, 1), id: "~wake", call: new Uint8Array() };
}

/** Whether an alarm is one of these. */
export function isOwnAlarm({ id }: { id: string }): boolean {
  return id.startsWith("~");
}
