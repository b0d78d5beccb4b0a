// Talks to `server.ts`, and prints what it gets, one line for each step.

import process from "node:process";
import { ActorError, createClient } from "rivetkit/client";
import type { registry } from "./registry.ts";

const client = createClient<typeof registry>(process.env.ENDPOINT!);
const key = ["org-1", "general"];

const room = client.chatRoom.getOrCreate(key, {
  params: { authToken: "token-ada" },
  createWithInput: { topic: "Everything", maxMessages: 3 },
});
console.log("topic:", await room.getTopic());

const ada = room.connect();
const bob = client.chatRoom
  .get(key, { params: { authToken: "token-bob" } })
  .connect();

const heard: string[] = [];
ada.on("newMessage", (message: { sender: string; text: string }) => {
  heard.push(`${message.sender}: ${message.text}`);
});
const whispered = new Promise((resolve) =>
  bob.once(
    "whisper",
    (from: string, text: string) => resolve(`${from} whispers ${text}`),
  )
);
// When these have been answered, the server knows of the subscriptions.
await Promise.all([ada.getTopic(), bob.getTopic()]);

await bob.sendMessage("Hello");
const sent = await ada.sendMessage("Hi Bob");
console.log("sent:", sent.id, sent.sender, sent.text);
console.log("heard:", heard.join(", "));

await ada.whisper("bob", "psst");
console.log("whisper:", await whispered);

console.log("typing:", (await ada.setTyping(true)).join());
console.log("typing:", (await bob.setTyping(true)).join());

const scheduled = new Promise((resolve) => ada.once("newMessage", resolve));
await bob.scheduleMessage(50, "Later");
await scheduled;
await ada.sendMessage("Last");
const messages = await room.getMessages();
console.log("kept:", messages.map(({ text }) => text).join(", "));
console.log("report:", JSON.stringify(await room.report()));

await print("too long", () => bob.sendMessage("x".repeat(21)));
await print("broken", () => bob.divide());
await print("not admin", () => bob.closeRoom());
await print(
  "unknown token",
  () => client.chatRoom.get(key, { params: { authToken: "no" } }).getTopic(),
);
await print(
  "unknown room",
  () =>
    client.chatRoom.get("nowhere", { params: { authToken: "token-ada" } })
      .getTopic(),
);
await print(
  "existing room",
  () =>
    client.chatRoom.create(key, { input: { topic: "Again", maxMessages: 1 } }),
);

await ada.closeRoom();
await bob.dispose();
await ada.dispose();
await print("closed room", () => client.chatRoom.get(key).getTopic());
const again = client.chatRoom.getOrCreate(key, {
  params: { authToken: "token-bob" },
  createWithInput: { topic: "Something else", maxMessages: 1 },
});
console.log("topic:", await again.getTopic());
await client.dispose();

async function print(what: string, act: () => Promise<unknown>): Promise<void> {
  try {
    await act();
    console.log(`${what}: nothing went wrong`);
  } catch (error) {
    if (!(error instanceof ActorError)) throw error;
    const { group, code, message, metadata } = error;
    console.log(`${what}: ${group}/${code}`);
    if (group === "user") console.log(" ", message, JSON.stringify(metadata));
  }
}
