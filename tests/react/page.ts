/// <reference lib="dom" />
// The page that browser_test.ts drives through `stage`. It shows components that use actors, each
// with what it sees of its actor as JSON.

import { createRivetKit } from "@troupe/actors/react";
// @ts-types="@types/react"
import { createElement, type ReactNode, StrictMode, useState } from "react";
// @ts-types="@types/react-dom/client"
import { createRoot, hydrateRoot, type Root } from "react-dom/client";
// @ts-types="@types/react-dom/server"
import { renderToString } from "react-dom/server";
import type { registry } from "./server.ts";

/** A component that uses an actor. */
export interface Guest {
  /** Its element in the page has this id. */
  id: string;
  room: string;
  params?: { name?: string; colour?: string };
  topic?: string;
  enabled?: boolean;
  /** The event that it hears. Default `"said"`. */
  event?: string;
  /** Stands before each text that it hears. Default `"heard"`. */
  mark?: string;
}

/** What a component sees. */
export interface View {
  status: string;
  error: string | null;
  isError: boolean;
  heard: string[];
  /** The connections of the page are numbered from 1; 0 is none. */
  connection: number;
  hasHandle: boolean;
}

const { useActor } = createRivetKit<typeof registry>();
type Room = ReturnType<typeof useActor<"room">>;

const rooms = new Map<string, Room>();
const connections: unknown[] = [null];

function GuestView({ guest }: { guest: Guest }): ReactNode {
  const { id, params, topic, enabled, event = "said", mark = "heard" } = guest;
  const room = useActor({
    name: "room",
    key: guest.room,
    params,
    createWithInput: topic === undefined ? undefined : { topic },
    enabled,
  });
  const { connection, connStatus, error, isError, handle } = room;
  const [heard, setHeard] = useState<string[]>([]);
  const add = (text: string) => setHeard((all) => [...all, text]);
  room.useEvent(event, (text: string) => add(`${mark} ${text}`));
  rooms.set(id, room);
  if (!connections.includes(connection)) connections.push(connection);
  const view: View = {
    status: connStatus,
    error: error?.message ?? null,
    isError,
    heard,
    connection: connections.indexOf(connection),
    hasHandle: handle !== null,
  };
  return createElement(
    "div",
    null,
    createElement("output", { id }, JSON.stringify(view)),
    createElement(Child, { room, onShout: add }),
  );
}

// It is mounted before the component that it is in, and so before there is a connection.
function Child(
  { room, onShout }: { room: Room; onShout: (text: string) => void },
): ReactNode {
  room.useEvent("shouted", (text: string) => onShout(`child heard ${text}`));
  return null;
}

function tree(guests: Guest[]): ReactNode {
  const views = guests.map((guest) =>
    createElement(GuestView, { key: guest.id, guest })
  );
  return createElement(StrictMode, null, views);
}

const container = document.createElement("main");
document.body.append(container);
let root: Root | undefined;

/** What the test calls. */
export const stage = {
  /** Shows these components, and takes all others away. */
  show(guests: Guest[]): void {
    root ??= createRoot(container);
    root.render(tree(guests));
  },

  /** Shows them as a server has rendered them, then as they are here. Returns the server's views. */
  hydrate(guests: Guest[]): View[] {
    container.innerHTML = renderToString(tree(guests));
    const views = guests.map(({ id }) => stage.view(id)!);
    root = hydrateRoot(container, tree(guests), {
      onRecoverableError: (error) => console.error(error),
    });
    return views;
  },

  view(id: string): View | undefined {
    const text = document.getElementById(id)?.textContent;
    return text ? JSON.parse(text) : undefined;
  },

  call(id: string, name: string, ...args: unknown[]): Promise<unknown> {
    return rooms.get(id)!.connection!.action({ name, args });
  },

  /** Sees what `view` sees. */
  topic(id: string): Promise<string> {
    return rooms.get(id)!.handle!.topic();
  },
};

Object.assign(globalThis, { stage });
