// Nothing comes in or goes out unchecked: arguments, params, events, and who may hear them. The
// schemas are valibot's; zod, arktype and every other Standard Schema do as well.
//
//   npm install valibot && bun examples/validation.ts
//   deno run -A examples/validation.ts
//
// It serves an auction, bids in it as two guests over the network, and ends.

import { actor, ActorError, createClient, setup } from "@troupe/actors";
import * as v from "valibot";

const Bid = v.object({
  item: v.pipe(v.string(), v.trim(), v.minLength(1)),
  amount: v.pipe(v.number(), v.integer(), v.minValue(1)),
});
const Params = v.object({
  token: v.picklist(["guest-token", "clerk-token"]),
});

const auction = actor({
  state: { bids: [] as v.InferOutput<typeof Bid>[] },

  // What a caller passes is checked before any hook sees it.
  connParamsSchema: Params,
  createConnState: (_c, { token }) => ({
    isClerk: token === "clerk-token",
  }),

  // What is sent is what the schema has made of it.
  events: {
    outbid: Bid,
    // Not everybody may hear everything.
    total: {
      schema: v.number(),
      canSubscribe: (c) => c.conn.state.isClerk,
    },
  },

  // A schema sees the arguments as one array.
  actionInputSchemas: {
    bids: { place: v.tuple([Bid]) },
  },
  actions: {
    // Actions in a group are called by both names: `auction.bids.place(…)`.
    bids: {
      place(c, bid: v.InferOutput<typeof Bid>) {
        c.state.bids.push(bid);
        c.broadcast("outbid", bid);
        c.broadcast(
          "total",
          c.state.bids.reduce((sum, b) => sum + b.amount, 0),
        );
        return c.state.bids.length;
      },
      list: (c) => c.state.bids,
    },
  },
});

const registry = setup({ use: { auction }, store: "memory", noWelcome: true });
const server = registry.serve({ port: 0, hostname: "127.0.0.1" });
const client = createClient<typeof registry>(server.url);

// getParams is asked for each call and each attempt to connect, so that a token may expire.
const as = (token: "guest-token" | "clerk-token") =>
  client.auction.getOrCreate("today", {
    getParams: () => Promise.resolve({ token }),
  });

const clerk = as("clerk-token").connect();
clerk.on("total", (total) => console.log(`the clerk hears: ${total} in all`));
await clerk.ready;

const guest = as("guest-token").connect();
guest.onError((error) => tell("the guest is refused", error));
guest.on(
  "outbid",
  ({ item, amount }) => console.log(`the guest hears: ${amount} for ${item}`),
);
guest.on("total", () => console.log("never reached"));

// The schema trims the name of the item.
await guest.bids.place({ item: " a lamp ", amount: 5 });

try {
  await guest.bids.place({ item: "a chair", amount: -1 });
} catch (error) {
  tell("the bid is refused", error);
}

// As a program without types might.
const stranger = client.auction.get("today", {
  params: { token: "stolen" } as unknown as { token: "guest-token" },
});
await stranger.bids.list().catch((error) => tell("the stranger", error));

// An event arrives before the answer to whatever its connection asks afterwards.
console.log(`placed: ${JSON.stringify(await clerk.bids.list())}`);

await client.dispose();
await server.shutdown();

// What is wrong, and where, is in the metadata.
function tell(who: string, error: unknown): void {
  if (!(error instanceof ActorError)) throw error;
  const { group, code, metadata } = error;
  console.log(`${who}: ${group}/${code} ${JSON.stringify(metadata)}`);
}
