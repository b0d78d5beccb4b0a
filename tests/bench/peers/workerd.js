// The actor of ../counter.ts as a Durable Object, at the same paths. Its state is a row of SQLite: on the
// machine that this was written on, `storage.put()` of an object with both fields was a little slower,
// and so was a request that went on to the object by `stub.fetch()`.

import { DurableObject } from "cloudflare:workers";

export class Counter extends DurableObject {
  #sql;
  #count;

  constructor(ctx, env) {
    super(ctx, env);
    this.#sql = ctx.storage.sql;
    this.#sql.exec(
      "CREATE TABLE IF NOT EXISTS state (count INTEGER, text TEXT)",
    );
    const [row] = this.#sql.exec("SELECT count FROM state");
    this.#count = row?.count ?? 0;
    if (row === undefined) {
      this.#sql.exec("INSERT INTO state VALUES (0, ?)", "x".repeat(80));
    }
  }

  read() {
    return this.#count;
  }

  // SQLite writes the whole row. The answer leaves when the row is on disk: that is the output gate.
  write(by) {
    this.#count += by;
    this.#sql.exec("UPDATE state SET count = ?", this.#count);
    return this.#count;
  }
}

export default {
  async fetch(request, { counter }) {
    // http://HOST/gateway/NAME/action/ACTION
    const [, , , , name, , action] = request.url.split("/");
    const { args } = await request.json();
    const stub = counter.get(counter.idFromName(name));
    return Response.json({ output: await stub[action](...args) });
  },
};
