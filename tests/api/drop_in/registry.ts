// A chat with accounts, in the words of RivetKit's documentation.

import { type ActionContextOf, actor, setup, UserError } from "rivetkit";

export interface Message {
  id: number;
  sender: string;
  text: string;
}

interface RoomInput {
  topic: string;
  maxMessages: number;
}

interface ConnParams {
  authToken: string;
}

interface ConnState {
  userId: string;
  role: "admin" | "member";
}

// Who a token stands for.
const accounts: Record<string, ConnState> = {
  "token-ada": { userId: "ada", role: "admin" },
  "token-bob": { userId: "bob", role: "member" },
};

const chatRoom = actor({
  createState: (_c, input: RoomInput) => ({
    topic: input.topic,
    maxMessages: input.maxMessages,
    messages: [] as Message[],
    nextId: 1,
    visits: 0,
  }),

  vars: { typing: new Set<string>(), changes: 0 },

  onBeforeConnect: (_c, params: ConnParams) => {
    if (accounts[params?.authToken] === undefined) {
      throw new UserError("Unknown token", { code: "unauthorized" });
    }
  },

  createConnState: (_c, params: ConnParams): ConnState =>
    accounts[params.authToken]!,

  onConnect: (c, conn) => {
    c.state.visits++;
    c.broadcast("userJoined", conn.state.userId);
  },

  onDisconnect: (c, conn) => {
    c.vars.typing.delete(conn.state.userId);
    c.broadcast("userLeft", conn.state.userId);
  },

  onStateChange: (c) => {
    c.vars.changes++;
  },

  actions: {
    sendMessage: (c, text: string) => {
      if (text.length > 20) {
        throw new UserError("Message is too long", {
          code: "message_too_long",
          metadata: { maxLength: 20 },
        });
      }
      return addMessage(c, c.conn.state.userId, text);
    },

    getMessages: (c) => c.state.messages,

    getTopic: (c) => c.state.topic,

    setTyping: (c, isTyping: boolean) => {
      const { userId } = c.conn.state;
      if (isTyping) c.vars.typing.add(userId);
      else c.vars.typing.delete(userId);
      return [...c.vars.typing];
    },

    whisper: (c, userId: string, text: string) => {
      for (const conn of c.conns.values()) {
        if (conn.state.userId === userId) {
          conn.send("whisper", c.conn.state.userId, text);
        }
      }
    },

    scheduleMessage: async (c, delayMs: number, text: string) => {
      await c.schedule.after(
        delayMs,
        "postScheduled",
        c.conn.state.userId,
        text,
      );
    },

    // Called by the schedule, so it has no connection.
    postScheduled: (c, sender: string, text: string) => {
      addMessage(c, sender, text);
    },

    report: async (c) => {
      const client = c.client<typeof registry>();
      const total = await client.statistics.getOrCreate("rooms").add(
        c.state.messages.length,
      );
      return { key: c.key, total, hasChanged: c.vars.changes > 0 };
    },

    divide: () => {
      throw new Error("secret detail");
    },

    closeRoom: (c) => {
      if (c.conn.state.role !== "admin") {
        throw new UserError("Only an admin may", { code: "forbidden" });
      }
      c.destroy();
    },
  },

  options: { actionTimeout: 10_000, sleepTimeout: 20_000 },
});

function addMessage(
  c: ActionContextOf<typeof chatRoom>,
  sender: string,
  text: string,
): Message {
  const message = { id: c.state.nextId++, sender, text };
  c.state.messages.push(message);
  if (c.state.messages.length > c.state.maxMessages) c.state.messages.shift();
  c.broadcast("newMessage", message);
  return message;
}

const statistics = actor({
  state: { total: 0 },
  actions: {
    add: (c, count: number) => {
      c.state.total += count;
      return c.state.total;
    },
  },
});

export const registry = setup({ use: { chatRoom, statistics } });
