// The version of React is the app's: deno.json asks for `react@x`, which is whatever there is already,
// because hooks work only with the one React that renders them.

// @ts-types="@types/react"
import {
  useCallback,
  useEffect,
  useInsertionEffect,
  useRef,
  useSyncExternalStore,
} from "react";
import {
  type ActorAccessor,
  type ActorConnection,
  type ActorHandle,
  type ActorKey,
  type ActorsOf,
  type Client,
  type ClientOptions,
  type ConnStatus,
  createClient,
  type Declared,
  type EventArgs,
  type Given,
  type NameIn,
  type RegistryTypes,
  type TypesOf,
} from "../client/mod.ts";
import { nothing, SharedConnections, type Shown } from "./shared.ts";

/** The definition of this name. */
export type DefinitionOf<R extends RegistryTypes, Name> = Name extends
  keyof ActorsOf<R> ? Extract<ActorsOf<R>[Name], Declared> : never;

/** Which actor a component uses, and how. */
export interface UseActorOptions<Name extends string, D extends Declared> {
  /** The name of its definition. */
  name: Name;
  /** Its key. The actor is created when there is none. */
  key: ActorKey;
  /**
   * What the actor's connection hooks are given. It crosses the wire as JSON. Others mean another
   * connection; the order of their members does not matter.
   */
  params?: Given<TypesOf<D>["params"]>;
  /** What `createState` and `onCreate` are given, if this opening creates the actor. */
  createWithInput?: Given<TypesOf<D>["input"]>;
  /** Where to create the actor. Ignored by a server of one region. */
  createInRegion?: string;
  /** Whether to be connected. Default `true`. */
  enabled?: boolean;
}

/** An actor as a component sees it. */
export interface UseActorResult<D extends Declared> {
  /**
   * The connection. Others may share it, so it is not for a component to dispose of. `null` before the
   * component is mounted, and while it is not enabled.
   */
  connection: ActorConnection<D> | null;
  /** The handle that the connection is of. `null` when there is no connection. */
  handle: ActorHandle<D> | null;
  /** The status of the connection; `"idle"` when there is none. */
  connStatus: ConnStatus;
  /** What went wrong last. `null` again as soon as the connection opens. */
  error: Error | null;
  /** Whether the status is `"connected"`. */
  isConnected: boolean;
  /** Whether the status is `"connecting"`. */
  isConnecting: boolean;
  /** Whether there is an error. */
  isError: boolean;
  /**
   * A hook that calls back at each event of this name, with the handler of the last render. It holds
   * over reconnects, and when the component turns to another actor.
   */
  useEvent<Event extends NameIn<TypesOf<D>["events"]>>(
    event: Event,
    handler: (...args: EventArgs<TypesOf<D>["events"], Event>) => void,
  ): void;
}

/** The hooks of one client. */
export interface RivetKit<R extends RegistryTypes> {
  /**
   * A hook that connects the component to an actor for as long as it is mounted. Components that use
   * the same actor with the same params share one connection, which is disposed after the last of
   * them has gone. Rendered on a server it connects to nothing.
   *
   * @throws {TypeError} when the params are not JSON.
   */
  useActor<Name extends keyof ActorsOf<R> & string>(
    options: UseActorOptions<Name, DefinitionOf<R, Name>>,
  ): UseActorResult<DefinitionOf<R, Name>>;
}

/**
 * Makes the hooks of a registry, with a client of their own. It takes what `createClient` takes, and
 * its defaults are the same: in a browser, `/api/rivet` of the page's origin.
 *
 * @example
 * ```ts
 * import { createRivetKit } from "@troupe/actors/react";
 *
 * export const { useActor } = createRivetKit("http://127.0.0.1:6420");
 * ```
 *
 * @throws {TypeError} when the endpoint cannot be used.
 * @throws {ActorError} `encoding/invalid` when there is no such encoding.
 */
export function createRivetKit<R extends RegistryTypes>(
  options: string | ClientOptions = {},
): RivetKit<R> {
  return createRivetKitWithClient(createClient<R>(options));
}

/**
 * Makes the hooks of a client that there is already. All hooks of a client share their connections.
 *
 * @example
 * ```ts
 * import { createClient, createRivetKitWithClient } from "@troupe/actors/react";
 *
 * const client = createClient("http://127.0.0.1:6420");
 * export const { useActor } = createRivetKitWithClient(client);
 * ```
 */
export function createRivetKitWithClient<R extends RegistryTypes>(
  client: Client<R>,
): RivetKit<R> {
  const connections = connectionsOf(client);
  return {
    useActor<Name extends keyof ActorsOf<R> & string>(
      options: UseActorOptions<Name, DefinitionOf<R, Name>>,
    ): UseActorResult<DefinitionOf<R, Name>> {
      type D = DefinitionOf<R, Name>;
      const { enabled = true } = options;
      const id = enabled ? idOf(options) : undefined;
      const handleOf = (): ActorHandle<Declared> => {
        const { name, key, params, createWithInput, createInRegion } = options;
        // The accessor of this name is there, which TypeScript cannot see while R is unknown.
        const accessor = client[name] as ActorAccessor<Declared>;
        return accessor.getOrCreate(key, {
          params,
          createWithInput,
          createInRegion,
        });
      };
      // The id stands for all that matters in the options.
      const subscribe = useCallback(
        (callback: () => void) =>
          id === undefined ? () => {} : connections.use(id, handleOf, callback),
        [id],
      );
      const shown = useSyncExternalStore<Shown<Declared>>(
        subscribe,
        () => id === undefined ? nothing : connections.shown(id),
        () => nothing,
      ) as Shown<D>; // An id has the definition's name in it.
      const { connection, connStatus, error } = shown;
      return {
        ...shown,
        isConnected: connStatus === "connected",
        isConnecting: connStatus === "connecting",
        isError: error !== null,
        useEvent(event, handler) {
          const newest = useRef(handler);
          useInsertionEffect(() => {
            newest.current = handler;
          });
          useEffect(
            () => connection?.on(event, (...args) => newest.current(...args)),
            [connection, event],
          );
        },
      };
    },
  };
}

const connectionsOfClients = new WeakMap<object, SharedConnections>();

function connectionsOf(client: object): SharedConnections {
  let connections = connectionsOfClients.get(client);
  if (connections === undefined) {
    connections = new SharedConnections();
    connectionsOfClients.set(client, connections);
  }
  return connections;
}

// The same for the same actor and params, in whatever order their members stand.
function idOf(
  { name, key, params }: { name: string; key: ActorKey; params?: unknown },
): string {
  try {
    return JSON.stringify({ name, key: [key].flat(), params }, sorted);
  } catch (cause) {
    throw new TypeError(
      `Cannot connect to "${name}": its params are not JSON`,
      { cause },
    );
  }
}

function sorted(_name: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return value;
  }
  return Object.fromEntries(
    Object.entries(value).toSorted(([a], [b]) => a < b ? -1 : 1),
  );
}
