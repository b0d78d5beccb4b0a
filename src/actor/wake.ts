// How an instance comes to life: an actor is created, or wakes from what is durable.
//
//   at creation:  db → createState → onCreate → createVars → onWake → running
//   at a wake:    db → createVars → onWake → running → onDisconnect for connections lost in a crash
//
// What a caller can rely on: a hook that throws leaves nothing behind. A creation is durable when it
// resolves; one that a crash has cut short is begun anew at the next wake.

import { actorError, isErrorKind } from "../errors.ts";
import type { StoredActor } from "../stores/store.ts";
import { Connection } from "./connection.ts";
import { createContext } from "./context.ts";
import { runHook } from "./deadline.ts";
import { Instance, type OnStopped } from "./instance.ts";
import {
  type ActorRecord,
  decodeActor,
  decodeConnection,
  encodeRecord,
  fromBytes,
} from "./record.ts";
import type { Identity, Services } from "./services.ts";
import { State } from "./state.ts";
import { copySaved } from "./value.ts";
import { formatKey } from "../protocol/key.ts";

/**
 * Creates an actor. Resolves when that is durable.
 *
 * @throws {ActorExists} when another creator of the same name and key was first.
 * @throws {ActorError} `request/invalid` when the input cannot be saved.
 * @throws {ActorError} `actor/start_failed` when a hook has thrown, with the error as its cause.
 */
export async function create(
  services: Services,
  identity: Identity,
  options: { input: unknown; onStopped: OnStopped },
): Promise<Instance> {
  const { kind, key } = identity;
  const { input, onStopped } = options;
  const instance = new Instance(services, identity, onStopped);
  const record = {
    createdAt: services.clock.now(),
    input: copyInput(input),
    isReady: false,
  };
  instance.steps.create(
    { name: kind.name, key: formatKey(key) },
    () => encodeRecord(record, "the record"),
  );
  await start(instance, () => bear(instance, record));
  await instance.steps.durable();
  instance.run();
  return instance;
}

// What cannot be saved is the mistake of whoever gives it, unlike a state of the actor's own.
function copyInput(input: unknown): unknown {
  try {
    return copySaved(input, "the input");
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw actorError("request/invalid", why, { cause });
  }
}

/**
 * Wakes an actor; `kept` are its connections whose sockets are open.
 *
 * @throws {ActorError} `actor/start_failed` when a hook has thrown, with the error as its cause.
 * @throws {ActorError} `store/corrupt` when what is saved cannot be read.
 */
export async function wake(
  services: Services,
  identity: Identity,
  stored: StoredActor,
  options: { kept: readonly Connection[]; onStopped: OnStopped },
): Promise<Instance> {
  const { kept, onStopped } = options;
  const instance = new Instance(services, identity, onStopped);
  const record = decodeActor(stored.record);
  const lost = takeOver(instance, stored.connections, kept);
  if (stored.alarms.length > 0) instance.self.schedule.adopt(stored.alarms);
  await start(instance, async () => {
    if (record.isReady) {
      await loadState(instance, stored, record);
      await arise(instance);
    } else {
      // They will be made again.
      instance.self.schedule.clear();
      await bear(instance, record);
    }
  });
  instance.run();
  for (const connection of lost) instance.disconnected(connection);
  return instance;
}

async function start(
  instance: Instance,
  hooks: () => Promise<void>,
): Promise<void> {
  const { starting, startTimeoutMs } = instance.identity.kind;
  instance.steps.beginWork();
  try {
    const work = instance.self.openDatabase().then(hooks);
    await starting.within(work, () =>
      actorError(
        "actor/callback_timed_out",
        `The hooks of the start took more than ${startTimeoutMs} ms`,
      ));
  } catch (cause) {
    if (instance.steps.wasCreatedHere) {
      // A hook has sent something, so the creation was saved before it ended.
      instance.steps.destroy();
      await instance.steps.durable().catch(() => {});
    }
    const error = isErrorKind(cause, "store/corrupt")
      ? cause as Error
      : actorError("actor/start_failed", "The actor could not be started", {
        cause,
      });
    instance.abandon(error);
    instance.self.log.failure(error, { msg: "cannot start the actor" });
    throw error;
  } finally {
    instance.steps.endWork();
  }
}

// The first start of an actor.
async function bear(instance: Instance, record: ActorRecord): Promise<void> {
  const { config, hasState } = instance.identity.kind;
  const input = () => copySaved(record.input, "the input");
  if (hasState) await makeState(instance, input());
  await config.onCreate?.(instance.context, input());
  await arise(instance);
  record.isReady = true;
  // A hook may have waited for something, and the record been saved as it was before.
  instance.steps.setRecord(() => encodeRecord(record, "the record"));
}

// What every start ends with.
async function arise(instance: Instance): Promise<void> {
  const { config, options } = instance.identity.kind;
  const { createVars } = config;
  instance.self.ownVars = createVars === undefined
    ? structuredClone(config.vars)
    : await runHook(instance.services.clock, {
      name: "createVars",
      timeoutMs: options.createVarsTimeout,
      run: () => createVars(instance.context, undefined),
    });
  await config.onWake?.(instance.context);
}

async function makeState(instance: Instance, input: unknown): Promise<void> {
  const { createState, state } = instance.identity.kind.config;
  const first = createState === undefined
    ? state
    : await createState(createContext(instance.self), input);
  instance.steps.state = State.create(first, instance);
}

async function loadState(
  instance: Instance,
  stored: StoredActor,
  record: ActorRecord,
): Promise<void> {
  if (!instance.identity.kind.hasState) return;
  const { snapshot, journal } = stored;
  // The definition had no state when this actor was last saved.
  if (snapshot === undefined) return await makeState(instance, record.input);
  try {
    instance.steps.state = State.load(
      fromBytes(snapshot),
      journal.map(fromBytes),
      instance,
    );
  } catch (cause) {
    if (isErrorKind(cause, "store/corrupt")) throw cause;
    throw actorError("store/corrupt", "Cannot read the state: it is damaged", {
      cause,
    });
  }
}

// Gives the new instance the connections that are open; returns those that only the store knows.
function takeOver(
  instance: Instance,
  saved: ReadonlyMap<string, Uint8Array>,
  kept: readonly Connection[],
): Connection[] {
  const open = new Set<string>();
  for (const connection of kept) {
    const record = saved.get(connection.id);
    if (connection.isSaved && record === undefined) {
      connection.channel?.close(1011, "store.commit_failed");
      continue;
    }
    if (record !== undefined) {
      connection.restore(decodeConnection(record).state);
    }
    open.add(connection.id);
    instance.connections.adopt(connection);
  }
  const lost: Connection[] = [];
  for (const [id, record] of saved) {
    if (open.has(id)) continue;
    const { params, state } = decodeConnection(record);
    const { hasConnState } = instance.identity.kind;
    const connection = new Connection({
      id,
      params,
      state,
      hasState: hasConnState,
      isSaved: true,
      channel: undefined,
    });
    instance.connections.adopt(connection);
    lost.push(connection);
  }
  return lost;
}
