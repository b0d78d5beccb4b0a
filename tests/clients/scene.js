// What a case is given: a client, and what has been asked of the server.

import { AsyncLocalStorage } from "node:async_hooks";
import { randomUUID } from "node:crypto";

const scenes = new AsyncLocalStorage();

/** One run of one case. */
export class Scene {
  /** The version of the client, such as "2.3.19", and its line, "2.0" or "2.3". */
  version;
  line;
  /** The runtime of the client: "node", "node-22", "deno" or "bun". */
  runtime;
  /** Every server: `endpoint`, and what else server.ts says. */
  places;
  /** The server, without a base path. */
  endpoint;
  encoding;
  /** A text that no other run of a case has: for the keys of the actors. */
  key;
  /** What this case has fetched so far, by a client or itself: `{ method, url, headers, status, type }`. */
  requests = [];
  #create;
  #client;
  #ends = [];

  constructor({ number, version, runtime, places, encoding, createClient }) {
    this.version = version;
    this.line = version.slice(0, 3);
    this.runtime = runtime;
    this.places = places;
    this.endpoint = places.endpoint;
    this.encoding = encoding;
    this.key = `${number}-${version}-${runtime}-${encoding}-${randomUUID()}`;
    this.#create = createClient;
  }

  /** A client of the server. */
  get client() {
    return this.#client ??= this.createClient();
  }

  /** What has been asked of actors, or about them: not the metadata. */
  asked = () =>
    this.requests.filter(({ url }) =>
      !new URL(url).pathname.endsWith("/metadata")
    );

  /** Another client; the options are RivetKit's. */
  createClient = (options = {}) => {
    const { endpoint, encoding } = this;
    const client = this.#create({ endpoint, encoding, ...options });
    // Not awaited: in Node 22 that never ends for a connection which is about to open.
    this.defer(() => void client.dispose());
    return client;
  };

  /** Has `end` called when the case is over, last come first. */
  defer = (end) => {
    this.#ends.push(end);
  };

  /** Runs a case, and cleans up behind it. */
  play(run) {
    return scenes.run(this, async () => {
      try {
        await run(this);
      } finally {
        for (const end of this.#ends.reverse()) await end();
      }
    });
  }
}

/** Notes every fetch of this process in the scene that it belongs to. */
export function watchFetch() {
  const { fetch } = globalThis;
  globalThis.fetch = async (input, init) => {
    const entry = {
      method: init?.method ?? input.method ?? "GET",
      url: input.url ?? String(input),
      headers: new Headers(init?.headers ?? input.headers),
    };
    scenes.getStore()?.requests.push(entry);
    try {
      const response = await fetch(input, init);
      entry.status = response.status;
      entry.type = response.headers.get("content-type");
      return response;
    } catch (error) {
      entry.error = error;
      throw error;
    }
  };
}
