// Steps to test stores with, and places to test them in.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "@std/path";
import type { Step, Store } from "../../src/stores/store.ts";

/** Opens a store that keeps what it keeps in this folder. */
export type OpenStore = (folder: string) => Promise<Store>;

const encoder = new TextEncoder();

/** The text in UTF-8. */
export function bytes(text: string): Uint8Array {
  return encoder.encode(text);
}

/** `length` bytes that differ from place to place and from seed to seed. */
export function pattern(length: number, seed: number): Uint8Array {
  const filled = new Uint8Array(length);
  let value = seed * 2654435761 >>> 0;
  for (let index = 0; index < length; index++) {
    value = (Math.imul(value, 1664525) + 1013904223) >>> 0;
    filled[index] = value >>> 24;
  }
  return filled;
}

/** A step that creates an actor. */
export function createStep(
  actorId: string,
  options: { name?: string; key?: string; fence?: number } = {},
): Step {
  const { name = "room", key = `key of ${actorId}`, fence = 1 } = options;
  return {
    actorId,
    expectedRevision: 0,
    fence,
    create: { name, key },
    record: bytes(`record of ${actorId}`),
  };
}

/** Runs `body` with a folder of its own. */
export async function inFolder(
  body: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "troupe-store-"));
  try {
    await body(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Runs `body` with an empty store. */
export function inStore(
  open: OpenStore,
  body: (store: Store) => Promise<void>,
): Promise<void> {
  return inFolder(async (folder) => {
    const store = await open(folder);
    try {
      await body(store);
    } finally {
      await store.close();
    }
  });
}
