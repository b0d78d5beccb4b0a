// One chat room is one actor; its key is the name of the room.

import { actor, UserError } from "@troupe/actors";

/** One message, as the room keeps it and as everybody gets it. */
export interface Message {
  text: string;
  /** Who sent it. */
  name: string;
  /** When the room got it, in milliseconds since the epoch. */
  sentAt: number;
  /** Counts up within the room. */
  id: number;
}

// A room keeps the last so many messages, and with them its state has a bound: 200 messages of 1,000
// characters. Nothing else in it grows.
const maxMessages = 200;
const maxTextLength = 1000;
const maxNameLength = 40;

/** A chat room. Sends the events `message`, with the message, and `presence`, with all names. */
export const chatRoom = actor({
  state: { messages: [] as Message[], nextId: 1 },

  // Whoever connects says who they are. What is thrown here refuses the connection.
  createConnState: (_c, params: { name: string }) => ({
    name: checkText("name", params?.name, maxNameLength),
  }),

  onConnect: (c) => tellPresence(c.conns),

  // Also runs, at the next start, for those who were here when the process was killed.
  onDisconnect: (c) => tellPresence(c.conns),

  actions: {
    /** Adds a message. When this resolves, the message is on disk. */
    send(c, text: string): Message {
      const message = {
        text: checkText("message", text, maxTextLength),
        name: c.conn.state.name,
        sentAt: Date.now(),
        id: c.state.nextId++,
      };
      c.state.messages.push(message);
      if (c.state.messages.length > maxMessages) c.state.messages.shift();
      c.broadcast("message", message);
      return message;
    },

    /** The last messages, the oldest first. */
    history: (c): Message[] => c.state.messages,
  },
});

// The types say what a caller should send; what it does send may be anything.
function checkText(what: string, value: unknown, maxLength: number): string {
  const text = typeof value === "string" ? value.trim() : "";
  if (text === "") {
    throw new UserError(`The ${what} is empty`, { code: `${what}_empty` });
  }
  if (text.length > maxLength) {
    throw new UserError(
      `The ${what} has ${text.length} characters, more than ${maxLength}`,
      { code: `${what}_too_long`, metadata: { maxLength } },
    );
  }
  return text;
}

interface Guest {
  state: { name: string };
  send(event: string, names: string[]): void;
}

// To each guest, and not by c.broadcast(), which would miss one who has connected this very moment and
// has yet to subscribe. (For messages there is `history`.) Somebody with two tabs is there once.
function tellPresence(guests: ReadonlyMap<string, Guest>): void {
  const all = [...guests.values()];
  const names = [...new Set(all.map(({ state }) => state.name))].sort();
  for (const guest of all) guest.send("presence", names);
}
