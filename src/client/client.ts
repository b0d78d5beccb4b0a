import type {
  ActorAccessor,
  Client,
  ClientMembers,
  GetOptions,
  RegistryTypes,
} from "../definition/handle.ts";
import type { Declared } from "../definition/types.ts";
import { encodingOf } from "../protocol/encoding.ts";
import { normalizeKey } from "../protocol/key.ts";
import type { QueueSent } from "../protocol/messages.ts";
import type {
  ActorQuery,
  Link,
  RawLink,
  Transport,
} from "../protocol/transport.ts";
import { Connection } from "./connection.ts";
import { type ClientOptions, endpointOf, runnerOf } from "./endpoint.ts";
import { ActorConnDisposed } from "./errors.ts";
import { createHandle } from "./handle.ts";
import { HttpTransport } from "./http.ts";
import { localTransport } from "./local.ts";
import { withNames } from "./names.ts";
import { type ParamsSource, paramsSource } from "./params.ts";
import { systemTiming, type Timing } from "./timing.ts";
import { askUntilTaken } from "./turned_away.ts";

/**
 * Makes a client of a registry, given its URL or more options. It opens nothing before it is used.
 *
 * Without an endpoint it reaches the registry of its own process if there is one, and
 * {@linkcode ClientOptions.endpoint} tells what else.
 *
 * Every call that fails rejects with an {@linkcode ActorError}. Its group is `"client"`, and its class
 * an {@linkcode ActorClientError}, when this side gave up: `connection_failed`, `connection_lost` (the
 * action may have run), `malformed_response`, `get_params_failed`, `queue_full` or `disposed`.
 *
 * The server may be Troupe's or RivetKit's own. What a Rivet Engine turns away before it has come to an
 * actor, because that starts, sleeps or is being destroyed, is asked again, for 6.4 seconds at the most.
 *
 * @example
 * ```ts
 * import { createClient } from "@troupe/actors/client";
 *
 * const client = createClient({ endpoint: "http://127.0.0.1:6420", token: "secret" });
 * await client.dispose();
 * ```
 *
 * @throws {TypeError} when the endpoint cannot be used, or the runner is named twice.
 * @throws {ActorError} `encoding/invalid` when there is no such encoding.
 */
export function createClient<R extends RegistryTypes>(
  options: string | ClientOptions = {},
): Client<R> {
  const given = typeof options === "string" ? { endpoint: options } : options;
  const encoding = encodingOf(given.encoding ?? "bare");
  const { endpoint, headers } = given;
  const runner = runnerOf(given);
  const looksUp = !given.disableMetadataLookup;
  const overHttp = () =>
    new HttpTransport(endpointOf(given), {
      encoding,
      headers,
      runner,
      looksUp,
    });
  return clientOver<R>(
    endpoint === undefined ? new DefaultTransport(overHttp) : overHttp(),
  );
}

// Decides at each use, because a program may make its client before its registry.
class DefaultTransport implements Transport {
  readonly #overHttp: () => HttpTransport;
  #http: HttpTransport | undefined;

  constructor(overHttp: () => HttpTransport) {
    this.#overHttp = overHttp;
  }

  get #transport(): Transport {
    return localTransport() ?? (this.#http ??= this.#overHttp());
  }

  get findsEachTime(): boolean {
    return this.#transport.findsEachTime ?? false;
  }

  // Asynchronous, so that an endpoint that cannot be used rejects the call.
  async resolve(...args: Parameters<Transport["resolve"]>): Promise<string> {
    return await this.#transport.resolve(...args);
  }

  async create(...args: Parameters<Transport["create"]>): Promise<string> {
    return await this.#transport.create(...args);
  }

  async call(...args: Parameters<Transport["call"]>): Promise<unknown> {
    return await this.#transport.call(...args);
  }

  async send(...args: Parameters<Transport["send"]>): Promise<QueueSent> {
    return await this.#transport.send(...args);
  }

  async fetch(...args: Parameters<Transport["fetch"]>): Promise<Response> {
    return await this.#transport.fetch(...args);
  }

  dial(...args: Parameters<Transport["dial"]>): RawLink {
    return this.#transport.dial(...args);
  }

  gatewayUrl(actorId: string): string {
    return this.#transport.gatewayUrl(actorId);
  }

  connect(...args: Parameters<Transport["connect"]>): Link {
    return this.#transport.connect(...args);
  }

  dispose(): void {
    this.#http?.dispose();
  }
}

/** Makes a client that reaches its actors through `transport`. */
export function clientOver<R extends RegistryTypes>(
  transport: Transport,
  timing: Timing = systemTiming,
): Client<R> {
  const connections = new Set<Connection>();
  let isDisposed = false;
  const connect: Connect = (query, { params, signal }) => {
    if (isDisposed) throw new ActorConnDisposed("The client is disposed");
    const connection = new Connection({
      transport,
      query,
      params,
      signal,
      timing,
      onDispose: () => connections.delete(connection),
    });
    connections.add(connection);
    return connection;
  };
  const members: ClientMembers = {
    async dispose() {
      isDisposed = true;
      transport.dispose?.();
      await Promise.all([...connections].map((each) => each.dispose()));
    },
  };
  // The accessors are there under any name, which the type of the Proxy cannot say.
  return withNames(
    members,
    (name) => accessorOf(name, { transport, timing, connect }),
  ) as Client<R>;
}

type Connect = (
  query: ActorQuery,
  options: { params: ParamsSource; signal: AbortSignal | undefined },
) => Connection;

function accessorOf(
  name: string,
  { transport, timing, connect }: {
    transport: Transport;
    timing: Timing;
    connect: Connect;
  },
): ActorAccessor<Declared> {
  const handleOf = (
    query: ActorQuery,
    options: GetOptions & { actorId?: string } = {},
  ) => {
    const { actorId, signal } = options;
    const params = paramsSource(options);
    return createHandle<Declared>({
      transport,
      query,
      actorId,
      params,
      signal,
      timing,
      connect: () => connect(query, { params, signal }),
    });
  };
  return {
    get: (key, options) =>
      handleOf({ by: "key", name, key: normalizeKey(key) }, options),
    getOrCreate: (key, options = {}) => {
      const { createWithInput: input, createInRegion: region } = options;
      const create = { input, region };
      return handleOf(
        { by: "key", name, key: normalizeKey(key), create },
        options,
      );
    },
    getForId: (actorId, options) =>
      handleOf({ by: "id", name, actorId }, options),
    async create(key, options = {}) {
      const { input, region, signal } = options;
      // Before anything is created that cannot be called.
      const params = paramsSource(options);
      const actor = { name, key: normalizeKey(key), input, region };
      const actorId = await askUntilTaken(
        () => transport.create(actor, signal),
        { timing, signal },
      );
      // The signal was for creating.
      return handleOf({ by: "id", name, actorId }, { actorId, ...params });
    },
  };
}
