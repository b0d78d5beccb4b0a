// What one actor writes, step by step, and the outputs that wait for it.
//
// A step is everything that changed since the step before it. It is taken when an output needs it,
// when the running actions have ended, or at the latest `saveIntervalMs` after the first change; so
// what an action changes is one step, unless the action sends something and goes on to wait.
//
// A step that fails is the end of the instance: `onFailure` is told, whatever waits is rejected, and
// nothing more is taken, because memory now holds what the store has not.

import { actorError } from "../errors.ts";
import type { ActorAlarm, AlarmKey, Outcome, Step } from "../stores/store.ts";
import type { Committer, StepSource } from "./committer.ts";
import type { KvRows } from "./kv_rows.ts";
import { lastStep, Outbox, type Output } from "./outbox.ts";
import { toBytes } from "./record.ts";
import type { Identity, Services } from "./services.ts";
import type { State } from "./state.ts";

/** Whose steps they are. */
export interface StepsOwner {
  readonly services: Services;
  readonly identity: Identity;
  /** A step was refused or could not be written. */
  stepFailed(error: Error): void;
  /** A step is durable that added these alarms. */
  alarmsAdded(alarms: readonly AlarmKey[]): void;
}

/** What the user's code may change without telling: part of the state, or the states of connections. */
export interface Watched {
  /** Finds such changes, and tells of them. */
  look(): void;
  /** The user's code is not at work any more, and its changes have been looked for. */
  unwatch(): void;
}

interface Waiter {
  output: Output;
  step: number;
}

/** The steps of one actor. */
export class Steps implements StepSource {
  /** The actor's keys and values, once they are used. */
  kv: KvRows | undefined;
  #state: State | undefined;
  // What is to be looked at, while there is something.
  #watched: Set<Watched> | undefined;
  readonly #owner: StepsOwner;
  // Once an output has to wait.
  #outbox: Outbox | undefined;
  #waiters: Waiter[] | undefined;
  #revision: number;
  // The step that collects changes now; the one before it may be under way.
  #number = 1;
  #underWay: Step | undefined;
  #failure: Error | undefined;
  #running = 0;
  #working = 0;
  #holds = 0;
  // Whether the next step has something to write, and whether somebody has been asked to write it.
  #hasChanges = false;
  #isSaving = false;
  #isInTurn = false;
  #create: Step["create"];
  #record: (() => Uint8Array) | undefined;
  #isDestroyed = false;
  #awaitsDestroy = false;
  #connections: Map<string, (() => Uint8Array) | undefined> | undefined;
  // By time and id; those without a call are to be removed.
  #alarms: Map<string, AlarmKey & { call?: Uint8Array }> | undefined;

  constructor(owner: StepsOwner) {
    this.#owner = owner;
    this.#revision = owner.identity.revision;
  }

  get #committer(): Committer {
    return this.#owner.services.committer;
  }

  // Whether an output waits for the changes before it.
  get #isDurableFirst(): boolean {
    return this.#owner.identity.kind.isDurableFirst;
  }

  get #saveIntervalMs(): number {
    return this.#owner.identity.kind.options.stateSaveInterval;
  }

  /** The state, once there is one. */
  get state(): State | undefined {
    return this.#state;
  }

  set state(state: State | undefined) {
    this.#state = state;
    if (state?.isChanged) this.#hasChanges = true;
  }

  /** Whether the store has the actor. */
  get isCreated(): boolean {
    return this.#revision > 0;
  }

  /** Whether it was these steps that created it. */
  get wasCreatedHere(): boolean {
    return this.#owner.identity.revision === 0 && this.isCreated;
  }

  /** Whether nothing more is written. */
  get hasFailed(): boolean {
    return this.#failure !== undefined;
  }

  /** Whether there is nothing to write and nobody waits. */
  get isSettled(): boolean {
    return !this.#findChanges() && this.#underWay === undefined &&
      !this.#isAwaited;
  }

  // Whether somebody waits.
  get #isAwaited(): boolean {
    return this.waiting > 0 || this.#hasWaiters;
  }

  get #hasWaiters(): boolean {
    return this.#waiters !== undefined && this.#waiters.length > 0;
  }

  /** Creates the actor with the next step; `encode` is asked for the record then. */
  create(actor: { name: string; key: string }, encode: () => Uint8Array): void {
    this.#create = actor;
    this.#record = encode;
    this.#hasChanges = true;
  }

  /** Replaces the record. */
  setRecord(encode: () => Uint8Array): void {
    this.#record = encode;
    this.changed();
  }

  /** The actor will be destroyed: outputs wait for that from now on. */
  awaitDestroy(): void {
    this.#awaitsDestroy = true;
  }

  /** Destroys the actor with the next step. */
  destroy(): void {
    this.#isDestroyed = true;
    this.changed();
  }

  /** Saves a connection as it is when the step is taken, or forgets it. */
  setConnection(id: string, encode: (() => Uint8Array) | undefined): void {
    this.#connections ??= new Map();
    this.#connections.set(id, encode);
    this.changed();
  }

  /** Adds a future call. */
  addAlarm(alarm: ActorAlarm): void {
    this.#setAlarm(alarm);
    if (this.#isDurableFirst) return;
    // Nobody hears of an alarm that is not durable, and this one may be due before the next save.
    const leftMs = Math.max(alarm.dueMs - this.#owner.services.clock.now(), 0);
    const delayMs = Math.min(leftMs, this.#saveIntervalMs);
    this.#committer.requestWithin(this, delayMs);
  }

  /** Removes a future call. */
  deleteAlarm({ dueMs, id }: AlarmKey): void {
    this.#setAlarm({ dueMs, id });
  }

  #setAlarm(alarm: AlarmKey & { call?: Uint8Array }): void {
    this.#alarms ??= new Map();
    this.#alarms.set(`${alarm.dueMs}/${alarm.id}`, alarm);
    this.changed();
  }

  /** Looks at this, too, before it is said that nothing has changed, until nobody is at work. */
  watch(watched: Watched): void {
    this.#watched ??= new Set();
    this.#watched.add(watched);
  }

  /** Something has changed that the next step writes. */
  changed(): void {
    this.#hasChanges = true;
    if (this.#isSaving || this.#failure !== undefined) return;
    this.#isSaving = true;
    if (!this.#isInTurn) this.#save();
  }

  #save(): void {
    if (this.#running === 0 && this.#isDurableFirst) {
      this.#committer.request(this);
    } else this.#committer.requestWithin(this, this.#saveIntervalMs);
  }

  /** An action begins: what it changes until it ends or sends something is one step. */
  beginRun(): void {
    this.#running++;
    this.beginWork();
  }

  /** An action has ended. */
  endRun(): void {
    this.#running--;
    if (this.#findChanges() && this.#isDurableFirst) {
      this.#committer.request(this);
    }
    this.endWork();
  }

  /** A turn begins in which an action may begin and end: when to save is decided when it is over. */
  beginTurn(): void {
    this.#isInTurn = true;
  }

  /** Ends the turn, if it has not ended. */
  endTurn(): void {
    if (!this.#isInTurn) return;
    this.#isInTurn = false;
    if (this.#isSaving) this.#save();
  }

  /** The user's code is at work, and may change what it holds past its proxies. */
  beginWork(): void {
    this.#working++;
  }

  /** A piece of that work has ended. */
  endWork(): void {
    this.#working--;
    if (this.#working === 0) this.#unwatch();
  }

  /** How many outputs wait. */
  get waiting(): number {
    return this.#outbox?.size ?? 0;
  }

  /** Whether outputs wait for the end of the actor. */
  get isEnding(): boolean {
    return this.#awaitsDestroy;
  }

  /** Holds back the steps until `endHold()` is called as often. */
  hold(): void {
    this.#holds++;
  }

  /** Ends a hold. */
  endHold(): void {
    this.#holds--;
    if (this.#holds > 0) return;
    if (this.#findChanges()) this.#committer.request(this);
  }

  /** Lets an output go when everything before it is durable: now, if nothing has changed. */
  send(output: Output): void {
    if (this.#failure !== undefined) return output.reject(this.#failure);
    if (this.#awaitsDestroy) return this.#hold(output, lastStep);
    const mustWait = this.#isDurableFirst || this.#create !== undefined;
    if (mustWait && this.#findChanges()) {
      this.#committer.request(this);
      this.#hold(output, this.#number);
    } else if (
      this.waiting > 0 || (mustWait && this.#underWay !== undefined)
    ) {
      this.#hold(output, this.#number - 1);
    } else {
      output.release();
    }
  }

  #hold(output: Output, afterStep: number): void {
    this.#outbox ??= new Outbox();
    this.#outbox.push(output, afterStep);
  }

  /** Resolves when everything that has changed is durable. The save begins within `delayMs`. */
  async durable(delayMs = 0): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    const committer = this.#committer;
    const step = this.#findChanges() ? this.#number : this.#number - 1;
    if (step !== this.#number) {
      if (this.#underWay === undefined) return;
    } else if (delayMs > 0) committer.requestWithin(this, delayMs);
    else committer.request(this);
    // Not an output: one that waits for the end of the actor must not hold it up.
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiters ??= [];
    this.#waiters.push({ output: { release: resolve, reject }, step });
    await promise;
  }

  /** Saves now what somebody waits for. */
  hasten(): void {
    if (this.#hasWaiters) this.#committer.request(this);
  }

  /** Throws why nothing is written any more, where that is so. */
  check(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Gives up: whatever waits is rejected, and nothing more is written. */
  fail(error: Error): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    this.#owner.stepFailed(error);
    this.#outbox?.reject(error);
    for (const { output } of this.#waiters?.splice(0) ?? []) {
      output.reject(error);
    }
  }

  takeStep(): Step | undefined {
    if (this.#holds > 0 || this.#underWay !== undefined) return undefined;
    if (this.#failure !== undefined) return undefined;
    try {
      this.#underWay = this.#makeStep();
    } catch (error) {
      this.fail(error as Error);
    }
    // A change may turn out to be none; then what waits for it need not.
    if (this.#underWay === undefined) this.#release(this.#number);
    else this.#number++;
    return this.#underWay;
  }

  settle(outcome: Outcome): void {
    const step = this.#underWay!;
    this.#underWay = undefined;
    if (!outcome.ok) return this.fail(commitError(outcome));
    this.#revision++;
    if (step.create !== undefined) this.#create = undefined;
    if (step.kv !== undefined) this.kv?.settle();
    if (step.addAlarms !== undefined) this.#owner.alarmsAdded(step.addAlarms);
    this.#release(step.destroy ? lastStep : this.#number - 1);
    if (this.#isAwaited && this.#findChanges()) this.#committer.request(this);
    else if (this.#findChanges()) {
      this.#isSaving = false;
      this.changed();
    }
  }

  #release(step: number): void {
    this.#outbox?.release(step);
    const waiters = this.#waiters;
    if (waiters === undefined || waiters.length === 0) return;
    const end = waiters.findIndex((waiter) => waiter.step > step);
    const count = end < 0 ? waiters.length : end;
    for (const { output } of waiters.splice(0, count)) output.release();
  }

  // Not without a last look: a change that is not found here is not found at all.
  #unwatch(): void {
    if (this.#watched === undefined) return;
    this.#look();
    for (const watched of this.#watched) watched.unwatch();
    this.#watched = undefined;
  }

  // Tells `changed()` of what was changed past the proxies.
  #look(): void {
    for (const watched of this.#watched ?? []) watched.look();
  }

  // Whether there is something to write. Looking takes time, so it is left where the answer is known.
  #findChanges(): boolean {
    if (!this.#hasChanges && this.#watched !== undefined) this.#look();
    return this.#hasChanges;
  }

  #makeStep(): Step | undefined {
    this.#look();
    const hasChanges = this.#hasChanges;
    // Not before: looking for changes may find some, and ask for the step that is being made.
    this.#isSaving = false;
    this.#hasChanges = false;
    if (!hasChanges) return undefined;
    const { identity: { actorId }, services: { fence } } = this.#owner;
    const step: Step = { actorId, fence, expectedRevision: this.#revision };
    if (this.#isDestroyed) {
      step.destroy = true;
      this.#isDestroyed = false;
      return step;
    }
    const change = this.#state?.take();
    // What is taken holds all that was found; nobody is at work to change more of it unseen.
    if (this.#working === 0) this.#unwatch();
    if (change !== undefined) {
      if ("snapshot" in change) step.snapshot = toBytes(change.snapshot);
      else step.journal = toBytes(change.journal);
    }
    if (this.#create !== undefined) step.create = this.#create;
    if (this.#record !== undefined) step.record = this.#record();
    if (this.#connections !== undefined) {
      step.connections = new Map(
        Array.from(this.#connections, ([id, encode]) => [id, encode?.()]),
      );
    }
    if (this.#alarms !== undefined) setAlarms(step, this.#alarms.values());
    const kv = this.kv?.take();
    if (kv !== undefined) step.kv = kv;
    this.#record = undefined;
    this.#connections = undefined;
    this.#alarms = undefined;
    return step;
  }
}

function setAlarms(
  step: Step,
  alarms: Iterable<AlarmKey & { call?: Uint8Array }>,
): void {
  const added: ActorAlarm[] = [];
  const deleted: AlarmKey[] = [];
  for (const { dueMs, id, call } of alarms) {
    if (call === undefined) deleted.push({ dueMs, id });
    else added.push({ dueMs, id, call });
  }
  if (added.length > 0) step.addAlarms = added;
  if (deleted.length > 0) step.deleteAlarms = deleted;
}

/** Thrown to creators whose name and key another creator got first. */
export class ActorExists extends Error {
  /** The actor that exists. */
  readonly actorId: string;

  constructor(actorId: string) {
    super(`The actor exists: ${actorId}`);
    this.actorId = actorId;
  }
}

function commitError(outcome: Exclude<Outcome, { ok: true }>): Error {
  switch (outcome.reason) {
    case "exists":
      return new ActorExists(outcome.actorId);
    case "fence":
    case "revision":
      return actorError(
        "store/fenced",
        "The change was not saved: the actor has another owner",
      );
    case "error":
      return actorError("store/commit_failed", "The change was not saved", {
        cause: outcome.error,
      });
  }
}
