// The load of one round: callers with sockets, callers without, some that open and close rooms, and
// one that makes an actor call another.
// Whatever a server tells any of them is written into the books.

import { ActorError, createClient } from "../../mod.ts";
import type { ActionCalls, Client } from "../../src/client/mod.ts";
import { isErrorKind } from "../../src/errors.ts";
import type { agenda, ledger, Manner, Place } from "./actors.ts";
import {
  AgendaBook,
  type Books,
  type FoundRoom,
  LedgerBook,
  RoomBook,
} from "./books.ts";
import type { Findings } from "./findings.ts";
import type { Random } from "./random.ts";
import type { registry } from "./server.ts";

type Crash = Client<typeof registry>;

const socketCallers = 3;
const httpCallers = 2;
const keepers = 2;
const roomsOfKeeper = 5;

// How many calls of one round may be scheduled: an agenda runs them one after the other.
const maxPlans = 120;

// The longest that a dead server's last words may take to arrive.
const patienceMs = 10_000;

/** What a load needs. */
export interface LoadOptions {
  url: string;
  /** The number of the round, for ids that no other round has. */
  round: number;
  books: Books;
  findings: Findings;
  random: Random;
}

/** Everything that calls the server in one round. */
export class Load {
  readonly #options: LoadOptions;
  readonly #client: Crash;
  readonly #work: Promise<unknown>[] = [];
  readonly #closed: Promise<void>[] = [];
  #plans = 0;
  #isKilled = false;

  /** Starts to call. */
  constructor(options: LoadOptions) {
    this.#options = options;
    this.#client = createClient<typeof registry>(options.url);
    for (let n = 0; n < socketCallers; n++) this.#startSocket(`socket${n}`);
    for (let n = 0; n < httpCallers; n++) this.#startHttp(`http${n}`);
    for (let n = 0; n < keepers; n++) this.#start(1, this.#keeper(n));
    this.#start(1, this.#asker());
  }

  /** The server is about to be killed: from now on calls may fail. */
  expectKill(): void {
    this.#isKilled = true;
  }

  /** The server is dead: takes in what it has still told, and ends. */
  async end(): Promise<void> {
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(
      () => reject(new Error("A dead server's socket stays open")),
      patienceMs,
    );
    try {
      await Promise.race([Promise.all(this.#closed), late]);
      // Calls on sockets that never opened wait until now.
      await this.#client.dispose();
      await Promise.race([Promise.all(this.#work), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  #startSocket(name: string): void {
    const caller = `${name}-${this.#options.round}`;
    const ledgers = this.#ledgers.map(([key, book]) => {
      const connection = this.#client.ledger
        .getOrCreate([key], { params: { caller } }).connect();
      this.#watch(connection);
      connection.onOpen(() => book.open(connection.connId!, caller));
      let last = -1;
      connection.on("added", (index: number, id: string) => {
        this.#seen(book, { index, id });
        if (index <= last) {
          this.#wrong(`event ${index} came after event ${last}`);
        }
        last = index;
      });
      for (const event of ["own", "saved"]) {
        connection.on(
          event,
          (index: number, id: string) => this.#seen(book, { index, id }),
        );
      }
      return [key, book, connection] as const;
    });
    const agendas = this.#agendas.map(([key, book]) => {
      const connection = this.#client.agenda.getOrCreate([key]).connect();
      this.#watch(connection);
      connection.on("ran", (id: string) => {
        this.#options.findings.events++;
        book.see(id);
      });
      return [key, book, connection] as const;
    });
    this.#start(
      4 + this.#options.random.below(12),
      this.#caller(caller, ledgers, agendas),
    );
  }

  #startHttp(name: string): void {
    const caller = `${name}-${this.#options.round}`;
    const ledgers = this.#ledgers.map(([key, book]) =>
      [key, book, this.#client.ledger.getOrCreate([key])] as const
    );
    const agendas = this.#agendas.map(([key, book]) =>
      [key, book, this.#client.agenda.getOrCreate([key])] as const
    );
    this.#start(
      1 + this.#options.random.below(6),
      this.#caller(caller, ledgers, agendas),
    );
  }

  // Two ledgers that stay, and one that this round creates.
  get #ledgers(): [string, LedgerBook][] {
    const { round } = this.#options;
    return ["first", "second", `round-${round}`].map((key) => [
      key,
      this.#ledger(key),
    ]);
  }

  #ledger(key: string): LedgerBook {
    const { books, findings } = this.#options;
    return books.ledgers.getOrInsertComputed(
      key,
      () => new LedgerBook(key, findings),
    );
  }

  get #agendas(): [string, AgendaBook][] {
    const { books, findings } = this.#options;
    return ["first", "second"].map((key) => [
      key,
      books.agendas.getOrInsertComputed(
        key,
        () => new AgendaBook(key, findings),
      ),
    ]);
  }

  // Calls without end, so many at a time.
  #start(depth: number, call: () => Promise<void>): void {
    for (let n = 0; n < depth; n++) {
      this.#work.push((async () => {
        while (!this.#isKilled) {
          try {
            await call();
          } catch (error) {
            if (this.#isKilled) return;
            this.#wrong(`a call has failed: ${error}`);
            return;
          }
        }
      })());
    }
  }

  #caller(
    caller: string,
    ledgers: (readonly [string, LedgerBook, ActionCalls<typeof ledger>])[],
    agendas: (readonly [string, AgendaBook, ActionCalls<typeof agenda>])[],
  ): () => Promise<void> {
    const { random, books, findings } = this.#options;
    const own = random.fork();
    let number = 0;
    return async () => {
      const [, book, actor] = own.pick(ledgers);
      const id = `${caller}.${number++}`;
      const dice = own.next();
      if (dice < 0.06) {
        const { count, id } = await actor.look();
        if (id !== undefined) book.tell(count - 1, id, "event");
      } else if (dice < 0.065) {
        await actor.nap();
      } else if (dice < 0.2 && this.#plans < maxPlans) {
        this.#plans++;
        await plan(id, own, own.pick(agendas));
      } else if (dice < 0.21) {
        const length = own.below(own.pick([2_000, 100_000, 1_500_000]));
        books.archive.send(id, length);
        const { version } = await this.#client.archive.getOrCreate()
          .store(id, length);
        books.archive.tell(version, id);
        findings.writes++;
      } else {
        await add(id, dice, [book, actor]);
      }
    };
  }

  #keeper(number: number): () => Promise<void> {
    const { random, books, findings, round } = this.#options;
    const own = random.fork();
    let count = 0;
    return async () => {
      const key = `keeper${number}-room${own.below(roomsOfKeeper)}`;
      const book = books.rooms.getOrInsertComputed(
        key,
        () => new RoomBook(key, findings),
      );
      const { room } = this.#client;
      const id = `keeper${number}-${round}.${count++}`;
      if (!book.isCertain) {
        book.learn(await findRoom(this.#client, key));
      } else if (!book.isOpen) {
        book.expect(id);
        const handle = await room.create([key], { input: { id } });
        book.create(id, await handle.resolve());
      } else if (own.next() < 0.3) {
        book.expect(undefined);
        await room.get([key]).close();
        book.destroy();
      } else {
        book.visit((await room.get([key]).visit()).visits);
      }
    };
  }

  // Nobody else calls this ledger: what it has not told is not saved by anybody's result.
  #asker(): () => Promise<void> {
    const asking = this.#ledger("asking");
    const asked = this.#ledger("second");
    const actor = this.#client.ledger.getOrCreate(["asking"]);
    let count = 0;
    return async () => {
      const id = `asker-${this.#options.round}.${count++}`;
      asking.send(id);
      asked.send(`${id}>`);
      const { index } = await actor.addBoth(id, "second");
      asking.tell(index, id, "result");
    };
  }

  #seen(book: LedgerBook, { index, id }: Place & { id: string }): void {
    this.#options.findings.events++;
    book.tell(index, id, "event");
  }

  // What was sent before the kill comes before the close.
  #watch(
    connection: {
      onOpen(callback: () => void): unknown;
      onClose(callback: () => void): unknown;
      onError(callback: (error: Error) => void): unknown;
    },
  ): void {
    connection.onError((error) => {
      if (!this.#isKilled) this.#wrong(`a connection has failed: ${error}`);
    });
    connection.onOpen(() => {
      this.#closed.push(
        new Promise((resolve) => connection.onClose(resolve)),
      );
    });
  }

  #wrong(text: string): void {
    this.#options.findings.add("other", text);
  }
}

/** The room of this key, if there is one. */
export async function findRoom(
  client: Crash,
  key: string,
): Promise<FoundRoom | undefined> {
  const handle = client.room.get([key]);
  const actorId = await ifThere(handle.resolve());
  const state = await ifThere(handle.read());
  return actorId === undefined || state === undefined
    ? undefined
    : { actorId, state };
}

/** What an actor answers; `undefined` when there is no such actor. */
export async function ifThere<V>(answer: Promise<V>): Promise<V | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (isErrorKind(error, "actor/not_found")) return undefined;
    throw error;
  }
}

async function add(
  id: string,
  dice: number,
  [book, actor]: [LedgerBook, ActionCalls<typeof ledger>],
): Promise<void> {
  book.send(id);
  if (dice < 0.35) {
    book.send(`${id}+`);
    const { index } = await actor.addSlowly(id);
    book.tell(index, `${id}+`, "result");
  } else if (dice < 0.4) {
    const { index } = await actor.addAndSave(id);
    book.tell(index, id, "result");
  } else if (dice < 0.45) {
    const { index } = await failureOf(actor.addAndFail(id));
    book.tell(index, id, "result");
  } else {
    const { index } = await actor.add(id);
    book.tell(index, id, "result");
  }
}

async function plan(
  id: string,
  random: Random,
  [, book, actor]: readonly [
    string,
    AgendaBook,
    ActionCalls<typeof agenda>,
  ],
): Promise<void> {
  const manner = random.pick<Manner>(["run", "run", "runSlowly", "runChain"]);
  const links = manner === "runChain" ? random.below(5) : 0;
  book.send(id, links);
  await actor.plan({ id, delayMs: random.below(400), manner, links });
  book.acknowledge(id, links);
  if (manner === "runChain" || random.next() < 0.7) return;
  if (await actor.cancel(id)) book.cancel(id);
}

// What an action tells by failing.
async function failureOf(call: Promise<void>): Promise<Place> {
  try {
    await call;
  } catch (error) {
    if (error instanceof ActorError && error.group === "user") {
      // The metadata is what `addAndFail` put there.
      return error.metadata as Place;
    }
    throw error;
  }
  throw new Error("A call that must fail has not");
}
