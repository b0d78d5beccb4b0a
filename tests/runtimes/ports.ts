// Ports for programs that must be told one, and when somebody answers there.

import { createServer, type Server } from "node:net";
import type { Program } from "./process.ts";

const patienceMs = 20_000;

/** A port that nobody listens on at the moment. */
export async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listen(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Has a server listen on a free port, and returns that. */
export function listen(server: Server): Promise<number> {
  return new Promise((resolve) =>
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      resolve(typeof address === "object" ? address?.port ?? 0 : 0);
    })
  );
}

/**
 * Waits, for 20 seconds at the most, until `program` answers at `url`, and returns the text of its
 * answer. Rejects with its output.
 */
export async function answerOf(
  url: string,
  program: Program,
): Promise<string> {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    try {
      return await (await fetch(url)).text();
    } catch (error) {
      if (Date.now() >= deadline) {
        throw new Error(`Nobody answers at ${url}:\n${program.output}`, {
          cause: error,
        });
      }
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
  }
}
