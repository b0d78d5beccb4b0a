/**
 * Actors in React components. Needs React 18 or 19, which an app brings itself.
 *
 * @example
 * ```tsx
 * import { actor, setup } from "@troupe/actors";
 * import { createRivetKit } from "@troupe/actors/react";
 * import { useState } from "react";
 *
 * const counter = actor({
 *   state: { count: 0 },
 *   actions: {
 *     increment(c, by: number) {
 *       c.state.count += by;
 *       c.broadcast("changed", c.state.count);
 *     },
 *   },
 * });
 * // A page needs no more of the server's code than `import type { registry }`.
 * const registry = setup({ use: { counter } });
 *
 * const { useActor } = createRivetKit<typeof registry>();
 *
 * export function Counter(): React.ReactNode {
 *   const { connection, connStatus, useEvent } = useActor({
 *     name: "counter",
 *     key: ["visits"],
 *   });
 *   const [count, setCount] = useState(0);
 *   useEvent("changed", setCount);
 *   return (
 *     <button type="button" onClick={() => connection?.increment(1)}>
 *       {connStatus === "connected" ? count : "…"}
 *     </button>
 *   );
 * }
 * ```
 *
 * @module
 */
export { createRivetKit, createRivetKitWithClient } from "./rivetkit.ts";
export type {
  DefinitionOf,
  RivetKit,
  UseActorOptions,
  UseActorResult,
} from "./rivetkit.ts";
export { ActorError, createClient } from "../client/mod.ts";
export type {
  ActorConnection,
  ActorHandle,
  ActorKey,
  Client,
  ClientOptions,
  ConnStatus,
} from "../client/mod.ts";
