// A handler over a real host, and sockets that a test holds both ends of.

import type {
  Answer,
  Liveness,
  SocketEvents,
  Upgrade,
} from "../../src/adapters/adapter.ts";
import type { AnyActorDefinition } from "../../src/definition/definition.ts";
import { createHandler } from "../../src/server/handler.ts";
import { Throttle } from "../../src/server/throttle.ts";
import { tokenCheck } from "../../src/server/tokens.ts";
import type { FakeStore } from "../actor/fake_store.ts";
import { World } from "../actor/world.ts";

/** The longest message that a {@linkcode Site} takes. */
export const maxIncomingBytes = 1_000;

/** What a request may be given besides. */
export interface Init extends Omit<RequestInit, "body"> {
  /** A text, bytes or stream as it is, anything else as JSON. */
  body?: unknown;
}

/** What a {@linkcode Site} may be given. */
export interface SiteOptions {
  exposesErrors?: boolean;
  acceptTokens?: readonly string[];
  /** What an earlier one has left. */
  store?: FakeStore;
}

/** A handler over a host of its own. */
export class Site<D extends Record<string, AnyActorDefinition>>
  implements AsyncDisposable {
  readonly world: World<D>;
  readonly #answer: Answer;

  private constructor(
    world: World<D>,
    names: string[],
    { exposesErrors = false, acceptTokens }: SiteOptions,
  ) {
    this.world = world;
    this.#answer = createHandler({
      host: () => Promise.resolve(world.host),
      basePath: "/api/rivet",
      version: "1.2.3",
      names,
      maxIncomingBytes,
      exposesErrors,
      checkToken: acceptTokens && tokenCheck(acceptTokens),
      throttle: new Throttle(world.clock),
      onUpgradeMissing: () => {},
      runner: { version: 1 },
      placeFor: () => ({}),
      log: world.host.log,
      upgradeHelp: "Here is how.",
      fallback: undefined,
    });
  }

  static async open<D extends Record<string, AnyActorDefinition>>(
    definitions: D,
    options: SiteOptions = {},
  ): Promise<Site<D>> {
    const { exposesErrors = false, store } = options;
    const world = await World.open(definitions, { exposesErrors, store });
    return new Site(world, Object.keys(definitions), options);
  }

  /** Answers a request without sockets. */
  ask(target: string | Request, init: Init = {}): Promise<Response> {
    const asked = typeof target === "string" ? request(target, init) : target;
    return this.#answer(asked, { canUpgrade: true });
  }

  /** The status and the JSON of an answer. */
  async json(
    target: string,
    init: Init = {},
  ): Promise<[status: number, body: unknown]> {
    const response = await this.ask(target, init);
    return [response.status, await response.json()];
  }

  /** Opens a socket; `open` of its events is told when the test says so. */
  async dial(
    target: string,
    protocols: string | undefined = "rivet",
    more: Record<string, string> = {},
  ): Promise<Wire> {
    const wire = new Wire();
    const headers: Record<string, string> = {
      ...more,
      upgrade: "websocket",
      connection: "upgrade",
    };
    if (protocols !== undefined) headers["sec-websocket-protocol"] = protocols;
    await this.#answer(request(target, { headers }), {
      upgrade: wire.upgrade,
      canUpgrade: true,
    });
    return wire;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.world[Symbol.asyncDispose]();
  }
}

function request(target: string, { body, ...init }: Init): Request {
  const space = target.indexOf(" ");
  const [method, path] = space < 0
    ? ["GET", target]
    : [target.slice(0, space), target.slice(space + 1)];
  const isRaw = typeof body === "string" || body instanceof Uint8Array ||
    body instanceof ReadableStream || body === undefined;
  const isStream = body instanceof ReadableStream;
  return new Request(`http://actors.test${path}`, {
    ...init,
    method,
    ...(body === undefined
      ? {}
      : { body: isRaw ? body as BodyInit : JSON.stringify(body) }),
    ...(isStream ? { duplex: "half" } : {}),
  } as RequestInit);
}

/** Both ends of a socket, as an adapter would hold them. */
export class Wire {
  events!: SocketEvents;
  protocol: string | undefined;
  liveness: Liveness | undefined;
  remoteAddress = "192.0.2.1";
  readonly sent: string[] = [];
  closedWith: string | undefined;

  readonly upgrade: Upgrade = (events, { protocol, liveness }) => {
    this.events = events;
    this.liveness = liveness;
    this.protocol = protocol;
    return new Response(null, { status: 200, headers: { "x-upgraded": "1" } });
  };

  /** Completes the handshake. */
  open(): this {
    this.events.open({
      remoteAddress: this.remoteAddress,
      bufferedBytes: 0,
      send: (frame) => {
        if (this.closedWith === undefined) this.sent.push(String(frame));
      },
      close: (code, reason) => this.#close(code, reason),
    });
    return this;
  }

  /** The caller sends a frame. */
  say(frame: string | Uint8Array<ArrayBuffer> | object): this {
    if (this.closedWith !== undefined) return this;
    const isRaw = typeof frame === "string" || frame instanceof Uint8Array;
    this.events.message(isRaw ? frame : JSON.stringify({ body: frame }));
    return this;
  }

  /** The caller calls an action. */
  call(id: number, name: string, ...args: unknown[]): this {
    return this.say({ tag: "ActionRequest", val: { id, name, args } });
  }

  /** The caller hangs up. */
  hangUp(): void {
    this.#close(1000, "");
  }

  /** What came to the caller. */
  // deno-lint-ignore no-explicit-any -- JSON of whatever shape
  get messages(): any[] {
    return this.sent.map((text) => JSON.parse(text).body);
  }

  #close(code: number, reason: string): void {
    if (this.closedWith !== undefined) return;
    if (new TextEncoder().encode(reason).length > 123) {
      throw new RangeError("A close frame has no room for that");
    }
    this.closedWith = `${code} ${reason}`;
    queueMicrotask(() => this.events.close(code, reason));
  }
}
