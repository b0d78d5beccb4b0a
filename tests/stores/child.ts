// A program that the store tests start as a process of its own:
//
//   child.ts <kind> <path> create <id>     creates ten keys once it reads a line, says what became of it
//   child.ts <kind> <path> grow            goes on to commit large steps without end, says each one's revision
//   child.ts <kind> <path> grow <n>        the same, and dies at the n-th atomic write of Deno KV
//   child.ts <kind> <path> write           writes what `sampleSteps` are

import process from "node:process";
import { once } from "node:events";
import { denoKvStore } from "../../src/stores/deno_kv.ts";
import { sqliteStore } from "../../src/stores/sqlite.ts";
import type { Store } from "../../src/stores/store.ts";
import { createStep } from "../contracts/store_steps.ts";
import { growStep, sampleSteps } from "./grow.ts";

const [kind, path, mode, argument] = process.argv.slice(2);
if (argument !== undefined && mode === "grow") dieAtWrite(Number(argument));
const store = kind === "sqlite"
  ? await sqliteStore({ path: path! })
  : await denoKvStore({ path });
if (mode === "create") await create(store, argument!);
if (mode === "grow") await grow(store);
if (mode === "write") await store.commit(sampleSteps());
await store.close();

async function create(store: Store, id: string): Promise<void> {
  console.log("ready");
  await once(process.stdin, "data");
  process.stdin.destroy();
  for (let n = 0; n < 10; n++) {
    const step = createStep(`${id} ${n}`, { key: `raced ${n}` });
    const [outcome] = await store.commit([step]);
    console.log(JSON.stringify(outcome));
  }
}

async function grow(store: Store): Promise<never> {
  const start = (await store.load("grown"))?.revision ?? 0;
  for (let revision = start;; revision++) {
    const [outcome] = await store.commit([growStep(revision)]);
    if (!outcome?.ok) throw new Error(`Refused at revision ${revision}`);
    console.log(revision + 1);
  }
}

/** Kills this process when it is about to make its n-th atomic write. */
function dieAtWrite(n: number): void {
  const { openKv } = Deno;
  let writes = 0;
  const counting = async (path?: string) => {
    const kv = await openKv(path);
    const atomic = kv.atomic.bind(kv);
    kv.atomic = () => {
      if (++writes === n) process.kill(process.pid, "SIGKILL");
      return atomic();
    };
    return kv;
  };
  Object.defineProperty(Deno, "openKv", { value: counting });
}
