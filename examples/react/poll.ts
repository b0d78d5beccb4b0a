// One poll is one actor; its key says which.

import { actor, event, UserError } from "@troupe/actors";
import { polls } from "./polls.ts";

/** A poll as one voter sees it. */
export interface Standing {
  /** The votes for each choice, in the order of the choices. */
  votes: number[];
  /** What this voter has chosen. */
  mine: number | null;
  /** How many voters are there now. */
  present: number;
}

// With these the state has a bound.
const maxVoters = 10_000;
const maxVoterLength = 64;

/** A poll. Sends `changed` to whoever connects, and to all at each vote. */
export const poll = actor({
  state: { choiceOf: new Map<string, number>() },

  // There is no other poll than those of polls.ts.
  onBeforeConnect: (c) => {
    if (!Object.hasOwn(polls, c.key.join())) {
      throw new UserError("There is no such poll", { code: "no_such_poll" });
    }
  },

  // Whoever connects says who they are: everybody has one vote.
  createConnState: (_c, params: { voter: string }) => {
    const voter: unknown = params?.voter;
    if (
      typeof voter !== "string" || voter === "" ||
      voter.length > maxVoterLength
    ) {
      throw new UserError(
        `A voter needs a name of up to ${maxVoterLength} characters`,
        { code: "no_voter" },
      );
    }
    return { voter };
  },

  events: { changed: event<Standing>() },

  onConnect: (c) => tell(c.conns, c.state.choiceOf, c.key),

  onDisconnect: (c) => tell(c.conns, c.state.choiceOf, c.key),

  actions: {
    /** Votes, or votes otherwise. When this resolves, the vote is on disk. */
    vote(c, choice: number): void {
      const { choiceOf } = c.state;
      const { voter } = c.conn.state;
      if (choicesOf(c.key)[choice] === undefined) {
        throw new UserError("There is no such choice", {
          code: "no_such_choice",
        });
      }
      if (!choiceOf.has(voter) && choiceOf.size >= maxVoters) {
        throw new UserError("The poll is closed", { code: "closed" });
      }
      choiceOf.set(voter, choice);
      tell(c.conns, choiceOf, c.key);
    },
  },
});

interface Voter {
  state: { voter: string };
  send(event: "changed", standing: Standing): void;
}

// To each by itself, for each has chosen something else. Somebody with two tabs is there once.
function tell(
  conns: ReadonlyMap<string, Voter>,
  choiceOf: ReadonlyMap<string, number>,
  key: readonly string[],
): void {
  const votes = choicesOf(key).map(() => 0);
  for (const choice of choiceOf.values()) votes[choice]!++;
  const all = [...conns.values()];
  const present = new Set(all.map(({ state }) => state.voter)).size;
  for (const conn of all) {
    const mine = choiceOf.get(conn.state.voter) ?? null;
    conn.send("changed", { votes, mine, present });
  }
}

function choicesOf(key: readonly string[]): string[] {
  return polls[key.join()]!.choices;
}
