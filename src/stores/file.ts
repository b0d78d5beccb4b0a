// Where a database file is. The runtimes' own modules are imported when a store is opened: to load them
// takes longer than all of Troupe, and a program that only calls others needs none.

/** The absolute path of a file. */
export async function absolute(path: string): Promise<string> {
  const { resolve } = await import("node:path");
  return resolve(path);
}

/** Makes the folder of a file, and those above it, where they are not there. */
export async function makeFolderOf(path: string): Promise<void> {
  const { mkdir } = await import("node:fs/promises");
  const { dirname } = await import("node:path");
  await mkdir(dirname(path), { recursive: true });
}

/** Waits. */
export function pause(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}
