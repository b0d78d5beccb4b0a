// Two kinds of actors that call each other, in this very process. It ends by itself.
//
//   deno run -A examples/cross_actor.ts
//   bun examples/cross_actor.ts
//
// A cart takes what it holds from the stock of each item; a stock asks the carts that took from it.
// Nobody annotates what comes back: `c.client<typeof registry>()` knows all kinds, the caller's own too.

import {
  actor,
  ActorError,
  createClient,
  setup,
  UserError,
} from "@troupe/actors";

const stock = actor({
  state: { left: 0, carts: [] as string[] },
  actions: {
    put: (c, amount: number) => c.state.left += amount,
    take(c, amount: number, cart: string) {
      const { left } = c.state;
      if (left < amount) throw new UserError(`Only ${left} left`);
      if (!c.state.carts.includes(cart)) c.state.carts.push(cart);
      return c.state.left -= amount;
    },
    /** What is here and what carts hold. While this waits for a cart, others may take. */
    async count(c) {
      const { cart } = c.client<typeof registry>();
      const item = c.key[0]!;
      let count = c.state.left;
      for (const key of c.state.carts) {
        count += await cart.get(key).amountOf(item);
      }
      return count;
    },
  },
});

const cart = actor({
  state: { amounts: {} as Record<string, number> },
  actions: {
    /** A `UserError` that is thrown there is thrown here too, and reaches our own caller as well. */
    async add(c, item: string, amount: number) {
      const { stock } = c.client<typeof registry>();
      const left = await stock.get(item).take(amount, c.key[0]!);
      c.state.amounts[item] = (c.state.amounts[item] ?? 0) + amount;
      return left;
    },
    amountOf: (c, item: string) => c.state.amounts[item] ?? 0,
  },
});

const registry = setup({ use: { stock, cart }, store: "memory" });
const client = createClient<typeof registry>();

const apples = client.stock.getOrCreate("apples");
await apples.put(10);
const ana = client.cart.getOrCreate("ana");
const bo = client.cart.getOrCreate("bo");

console.log(`After Ana took 4 there are ${await ana.add("apples", 4)} left`);
console.log(`After Bo took 5 there are ${await bo.add("apples", 5)} left`);

const error = await ana.add("apples", 2).catch((error: ActorError) => error);
if (error instanceof ActorError) console.log(`Ana is told: ${error.message}`);
const held = await ana.amountOf("apples");
console.log(`Ana holds ${held} of ${await apples.count()} apples`);
