/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
// The page's own script. What others wrote is put in as text, never as HTML.

import {
  type ActorConnection,
  ActorError,
  type ConnStatus,
  createClient,
} from "@troupe/actors/client";
import type { chatRoom, Message } from "./room.ts";
import type { registry } from "./server.ts";

const rooms = ["lobby", "ideas", "random"];
const maxNameLength = 40;
const maxShown = 200;
// Messages of one person stand together when no more than this lies between them.
const togetherMs = 5 * 60_000;
// A message that is sent sooner is not worth showing as one that waits.
const patienceMs = 150;

const day = new Intl.DateTimeFormat(undefined, { dateStyle: "full" });
const time = new Intl.DateTimeFormat(undefined, { timeStyle: "short" });

// The page's own origin serves the actors.
const client = createClient<typeof registry>();

// A tab keeps its name over a reload, and the next tab suggests it.
let myName = sessionStorage.getItem("name") ?? "";
let room: ActorConnection<typeof chatRoom> | undefined;
let last: Message | undefined;
let unread = 0;
// Whether the newest message is to be kept in sight.
let isFollowing = true;

const scroller = byId("scroll");
const messages = byId("messages");
const waiting = byId("waiting");
const newest = byId("newest");

listen();
enter();

// Leaves the room and enters the one that the address names, by the name of this tab's user.
function enter(): void {
  room?.dispose();
  room = last = undefined;
  showRoom();
  if (myName === "") return askName();

  const connection = client.chatRoom
    .getOrCreate(roomName(), { params: { name: myName } })
    .connect();
  room = connection;
  connection.on("message", showMessage);
  connection.on("presence", showPeople);
  connection.onStatusChange(showStatus);
  // After each opening, for there may be messages that came while we were away.
  connection.onOpen(async () => {
    // When the connection is lost again, so is the answer, and the next opening asks anew.
    const history = await connection.history().catch(() => undefined);
    if (history !== undefined && connection === room) showHistory(history);
  });
  connection.onError((error) => {
    // The room does not want us by this name. Whatever else is wrong, the client tries again.
    if (isUserError(error)) askName(error.message);
  });
  showStatus(connection.connStatus);
}

// Calls made while there is no connection wait for it.
async function send(text: string): Promise<void> {
  const to = room;
  if (to === undefined) return;
  const item = messageOf({ name: myName, text });
  const show = () => {
    waiting.append(item);
    byId("empty").hidden = true;
    scrollDown();
  };
  const timer = setTimeout(show, patienceMs);
  try {
    await to.send(text);
    item.remove();
  } catch (error) {
    if (to !== room) return;
    show();
    offerAgain(item, text, error);
  } finally {
    clearTimeout(timer);
  }
}

function offerAgain(item: Element, text: string, error: unknown): void {
  const button = (label: string, act: () => void) => {
    const made = element("button", "", label);
    made.addEventListener("click", () => {
      item.remove();
      act();
    });
    return made;
  };
  const why = isUserError(error)
    ? error.message
    : "The connection was lost, and this may have arrived";
  item.classList.add("has-failed");
  item.append(element(
    "p",
    "note",
    `${why}. `,
    button("Send again", () => void send(text)),
    " · ",
    button("Remove", () => {}),
  ));
  scrollDown();
}

function showRoom(): void {
  const name = roomName();
  byId("room").textContent = name;
  byId("welcome-room").textContent = `#${name}`;
  const links = [...new Set([...rooms, name])].map((each) => {
    const link = element("a", "", `# ${each}`);
    link.href = `#${encodeURIComponent(each)}`;
    if (each === name) link.ariaCurrent = "page";
    return link;
  });
  byId("rooms").replaceChildren(...links);
  messages.replaceChildren();
  waiting.replaceChildren();
  byId("empty").hidden = newest.hidden = true;
  showPeople([]);
  showStatus("idle");
  setUnread(0);
}

function showStatus(status: ConnStatus): void {
  const isFirst = room?.actorId === undefined;
  const again = isFirst ? "Connecting…" : "Reconnecting…";
  const texts: Record<ConnStatus, string> = {
    idle: "Not connected",
    connecting: again,
    connected: "Connected",
    disconnected: again,
  };
  byId("status").textContent = texts[status];
  byId("status").dataset.status = status;
}

function showPeople(names: string[]): void {
  byId("count").textContent = names.length > 0 ? `· ${names.length}` : "";
  byId("people").replaceChildren(...names.map((name) => {
    const me = name === myName ? "is-me" : "";
    return element("li", me, faceOf(name), element("span", "", name));
  }));
}

function showHistory(history: Message[]): void {
  messages.replaceChildren();
  last = undefined;
  for (const message of history) append(message);
  byId("empty").hidden = history.length > 0 || waiting.childElementCount > 0;
  scrollDown();
}

function showMessage(message: Message): void {
  append(message).classList.add("is-new");
  byId("empty").hidden = true;
  if (isFollowing || message.name === myName) scrollDown();
  else newest.hidden = false;
  if (document.hidden) setUnread(unread + 1);
}

function append(message: Message): Element {
  const today = day.format(message.sentAt);
  const isNewDay = last === undefined || day.format(last.sentAt) !== today;
  if (isNewDay) messages.append(element("li", "day", today));
  const item = messageOf(message);
  if (
    !isNewDay && last?.name === message.name &&
    message.sentAt - last.sentAt < togetherMs
  ) item.classList.add("follows");
  messages.append(item);
  last = message;
  while (messages.childElementCount > maxShown) {
    messages.firstElementChild!.remove();
    messages.firstElementChild!.classList.remove("follows");
  }
  return item;
}

// Without a time it waits to be sent.
function messageOf(
  { name, text, sentAt }: Pick<Message, "name" | "text"> & Partial<Message>,
): HTMLElement {
  const who = element("p", "who", element("strong", "", name));
  if (sentAt === undefined) {
    who.append("waiting for the connection");
  } else {
    const at = element("time", "", time.format(sentAt));
    at.dateTime = new Date(sentAt).toISOString();
    who.append(at);
  }
  const item = element("li", "message", who, element("p", "text", text));
  if (name === myName) item.classList.add("is-mine");
  else item.prepend(faceOf(name));
  if (sentAt === undefined) item.classList.add("is-waiting");
  return item;
}

// An initial in a colour that belongs to the name.
function faceOf(name: string): HTMLElement {
  const [initial = "?"] = name;
  const face = element("span", "face", initial.toUpperCase());
  face.ariaHidden = "true";
  let hue = 7;
  for (const char of name) hue = (hue * 31 + char.codePointAt(0)!) % 360;
  face.style.setProperty("--hue", `${hue}`);
  return face;
}

function askName(refusal = ""): void {
  room?.dispose();
  room = undefined;
  const input = inputOf("join");
  input.value = myName || (localStorage.getItem("name") ?? "");
  byId("refusal").textContent = refusal;
  const welcome = byId<HTMLDialogElement>("welcome");
  if (!welcome.open) welcome.showModal();
  input.select();
}

function setUnread(count: number): void {
  unread = count;
  const title = `#${roomName()} · Troupe chat`;
  document.title = count > 0 ? `(${count}) ${title}` : title;
}

function scrollDown(): void {
  scroller.scrollTop = scroller.scrollHeight;
  isFollowing = newest.hidden = true;
}

function listen(): void {
  addEventListener("hashchange", enter);
  onSubmit("join", (name) => {
    myName = name;
    sessionStorage.setItem("name", name);
    localStorage.setItem("name", name);
    byId<HTMLDialogElement>("welcome").close();
    enter();
    inputOf("compose").focus();
  });
  // Escape closes it, but there is nothing to do without a name.
  byId("welcome").addEventListener("close", () => {
    if (room === undefined) askName();
  });
  onSubmit("compose", send);
  onSubmit("go", (name) => {
    location.hash = encodeURIComponent(name);
    inputOf("compose").focus();
  });
  newest.addEventListener("click", scrollDown);
  scroller.addEventListener("scroll", () => {
    const { scrollHeight, scrollTop, clientHeight } = scroller;
    isFollowing = scrollHeight - scrollTop - clientHeight < 40;
    if (isFollowing) newest.hidden = true;
  });
  // A keyboard that slides in must not hide the newest message.
  addEventListener("resize", () => {
    if (isFollowing) scrollDown();
  });
  document.addEventListener("visibilitychange", () => setUnread(0));
}

// Takes what was written in a form's input, unless that is nothing.
function onSubmit(id: string, take: (text: string) => void): void {
  byId(id).addEventListener("submit", (event) => {
    event.preventDefault();
    const input = inputOf(id);
    const text = input.value.trim();
    input.value = "";
    if (text !== "") take(text);
  });
}

function roomName(): string {
  let name = location.hash.slice(1);
  try {
    name = decodeURIComponent(name);
  } catch {
    // Not percent-encoded: it is a name as it stands.
  }
  return name.trim().slice(0, maxNameLength) || rooms[0]!;
}

function isUserError(error: unknown): error is ActorError {
  return error instanceof ActorError && error.group === "user";
}

function inputOf(formId: string): HTMLInputElement {
  return byId(formId).querySelector("input")!;
}

function byId<E extends HTMLElement>(id: string): E {
  return document.getElementById(id) as E; // It stands in index.html.
}

function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  className: string,
  ...children: (string | Node)[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  made.className = className;
  made.append(...children);
  return made;
}
