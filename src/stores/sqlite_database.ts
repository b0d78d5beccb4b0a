// SQLite as both runtimes have it: bun:sqlite on Bun, node:sqlite everywhere else, behind one shape.
//
// bun:sqlite is the faster of the two on Bun; the SQL and the file are the same.

/** What SQLite binds and gives back; a whole number is exact up to 2^53 - 1. */
export type Value = null | number | string | Uint8Array;
/** One row of a result, by column. */
export type Row = Record<string, Value>;

/** A prepared statement. */
export interface Statement {
  /** Runs it; answers how many rows it changed. */
  run(...values: Value[]): number;
  /** Runs it; answers the number of the row that it added, if it did. Faster than to have it returned. */
  insert(...values: Value[]): number | undefined;
  get(...values: Value[]): Row | undefined;
  all(...values: Value[]): Row[];
}

/** An open database file. */
export interface Database {
  exec(sql: string): void;
  prepare(sql: string): Statement;
  close(): void;
}

/** Opens or creates the file. */
export async function openDatabase(path: string): Promise<Database> {
  return "Bun" in globalThis ? await openBun(path) : await openNode(path);
}

interface BunStatement {
  run(...values: Value[]): {
    changes: number;
    lastInsertRowid: number | bigint;
  };
  get(...values: Value[]): Row | null;
  all(...values: Value[]): Row[];
  finalize(): void;
}

async function openBun(path: string): Promise<Database> {
  const { Database } = await import("bun:sqlite");
  const database = new Database(path, { create: true, readwrite: true });
  const statements: BunStatement[] = [];
  return {
    exec: (sql) => void database.exec(sql),
    prepare(sql) {
      // Deno does not know the types of this module.
      const statement: BunStatement = database.prepare(sql);
      statements.push(statement);
      return {
        run: (...values) => statement.run(...values).changes,
        insert: (...values) => rowIn(statement.run(...values)),
        get: (...values) => statement.get(...values) ?? undefined,
        all: (...values) => statement.all(...values),
      };
    },
    close() {
      // A statement that is still open would keep the file and its WAL open behind our back.
      for (const statement of statements) statement.finalize();
      database.close(true);
    },
  };
}

async function openNode(path: string): Promise<Database> {
  const { DatabaseSync } = await import("node:sqlite");
  const database = new DatabaseSync(path);
  return {
    exec: (sql) => database.exec(sql),
    prepare(sql) {
      const statement = database.prepare(sql);
      return {
        run: (...values) => Number(statement.run(...values).changes),
        insert: (...values) => rowIn(statement.run(...values)),
        // A whole number comes as a bigint only where that was asked for.
        get: (...values) => statement.get(...values) as Row | undefined,
        all: (...values) => statement.all(...values) as Row[],
      };
    },
    close: () => database.close(),
  };
}

function rowIn(
  { changes, lastInsertRowid }: {
    changes: number | bigint;
    lastInsertRowid: number | bigint;
  },
): number | undefined {
  return Number(changes) > 0 ? Number(lastInsertRowid) : undefined;
}

/** The text of a column. */
export function textIn(row: Row, column: string): string {
  const value = row[column];
  if (typeof value === "string") return value;
  throw new TypeError(`Column ${column} holds no text`);
}

/** The number of a column. */
export function numberIn(row: Row, column: string): number {
  const value = row[column];
  if (typeof value === "number") return value;
  throw new TypeError(`Column ${column} holds no number`);
}

/** The bytes of a column. */
export function bytesIn(row: Row, column: string): Uint8Array {
  const value = row[column];
  if (value instanceof Uint8Array) return value;
  throw new TypeError(`Column ${column} holds no bytes`);
}
