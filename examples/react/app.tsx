/// <reference lib="dom" />
/// <reference lib="dom.iterable" />

import { ActorError, createRivetKit } from "@troupe/actors/react";
// @ts-types="@types/react"
import {
  type CSSProperties,
  type ReactNode,
  StrictMode,
  useState,
  useSyncExternalStore,
} from "react";
// @ts-types="@types/react-dom/client"
import { createRoot } from "react-dom/client";
import type { Standing } from "./poll.ts";
import { polls } from "./polls.ts";
import type { registry } from "./server.ts";

// The page's own origin serves the actors.
const { useActor } = createRivetKit<typeof registry>();

// A tab is a voter, and stays the same one over a reload.
const voter = sessionStorage.getItem("voter") ?? crypto.randomUUID();
sessionStorage.setItem("voter", voter);

function App(): ReactNode {
  const name = usePollName();
  return (
    <>
      <header>
        <h1>Show of hands</h1>
        <Status name={name} />
      </header>
      <nav aria-label="Polls">
        {Object.keys(polls).map((each) => (
          <a
            key={each}
            href={`#${each}`}
            aria-current={each === name ? "page" : undefined}
          >
            {each}
          </a>
        ))}
      </nav>
      {/* Another poll starts from nothing. */}
      <Poll key={name} name={name} />
    </>
  );
}

function Poll({ name }: { name: string }): ReactNode {
  const poll = usePoll(name);
  const [standing, setStanding] = useState<Standing>();
  const [problem, setProblem] = useState("");
  poll.useEvent("changed", setStanding);

  // Waits for the connection if there is none right now.
  async function vote(choice: number): Promise<void> {
    setProblem("");
    try {
      await poll.connection?.vote(choice);
    } catch (error) {
      setProblem(
        error instanceof ActorError && error.group === "user"
          ? error.message
          : "The connection was lost. Please vote again.",
      );
    }
  }

  const { question, choices } = polls[name]!;
  const votes = standing?.votes ?? choices.map(() => 0);
  const total = votes.reduce((sum, each) => sum + each, 0);
  return (
    <main>
      <h2>{question}</h2>
      <ul>
        {choices.map((text, choice) => (
          <li key={text}>
            <Choice
              text={text}
              votes={votes[choice]!}
              total={total}
              isMine={standing?.mine === choice}
              onVote={() => vote(choice)}
            />
          </li>
        ))}
      </ul>
      <p role="status">
        {problem || (standing === undefined
          ? "One moment…"
          : `${count(total, "vote")} · ${
            count(standing.present, "person", "people")
          } here`)}
      </p>
    </main>
  );
}

interface ChoiceProps {
  text: string;
  votes: number;
  total: number;
  isMine: boolean;
  onVote(): void;
}

function Choice(
  { text, votes, total, isMine, onVote }: ChoiceProps,
): ReactNode {
  const share = total === 0 ? 0 : votes / total;
  return (
    <button
      type="button"
      aria-pressed={isMine}
      style={{ "--share": share } as CSSProperties}
      onClick={onVote}
    >
      <span className="tick" aria-hidden="true">{isMine ? "✓" : ""}</span>
      <span className="text">{text}</span>
      <span className="votes">
        {votes > 0 && <small>{count(votes, "vote")}</small>}
        {Math.round(share * 100)} %
      </span>
    </button>
  );
}

// Uses the same actor as the poll does, and so the same connection.
function Status({ name }: { name: string }): ReactNode {
  const { isConnected, isError } = usePoll(name);
  const state = isConnected ? "connected" : isError ? "lost" : "connecting";
  const texts = {
    connected: "Live",
    lost: "Reconnecting…",
    connecting: "Connecting…",
  };
  return <p className="status" data-state={state}>{texts[state]}</p>;
}

function usePoll(name: string) {
  return useActor({ name: "poll", key: name, params: { voter } });
}

// The poll that the address names.
function usePollName(): string {
  const name = useSyncExternalStore(
    (callback) => {
      addEventListener("hashchange", callback);
      return () => removeEventListener("hashchange", callback);
    },
    () => location.hash.slice(1),
  );
  return Object.hasOwn(polls, name) ? name : Object.keys(polls)[0]!;
}

function count(number: number, one: string, many = `${one}s`): string {
  return `${number} ${number === 1 ? one : many}`;
}

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
