// The page and its two parts. The script is bundled by this runtime's own bundler, when it is first
// asked for. In an app of your own, a build step does this.

import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

interface Part {
  type: string;
  make(): Promise<string>;
}

const parts = new Map<string, Part>([
  ["/", { type: "text/html", make: () => read("index.html") }],
  ["/style.css", { type: "text/css", make: () => read("style.css") }],
  ["/app.js", { type: "text/javascript", make: bundle }],
]);

const texts = new Map<Part, Promise<string>>();

/** Answers a request for the page or one of its parts. */
export async function answerPage(request: Request): Promise<Response> {
  const part = parts.get(new URL(request.url).pathname);
  if (part === undefined) return new Response("Not found\n", { status: 404 });
  if (request.method !== "GET" && request.method !== "HEAD") {
    return new Response("Only GET and HEAD\n", {
      status: 405,
      headers: { allow: "GET, HEAD" },
    });
  }
  return new Response(await textOf(part), {
    headers: {
      "content-type": `${part.type}; charset=utf-8`,
      "cache-control": "no-cache",
      "x-content-type-options": "nosniff",
    },
  });
}

async function textOf(part: Part): Promise<string> {
  let text = texts.get(part);
  if (text === undefined) {
    text = part.make();
    texts.set(part, text);
  }
  try {
    return await text;
  } catch (error) {
    texts.delete(part); // Made anew when it is asked for again.
    throw error;
  }
}

function read(name: string): Promise<string> {
  return readFile(new URL(name, import.meta.url), "utf8");
}

const bundlers = {
  deno: ["bundle", "--platform=browser", "--minify"],
  bun: ["build", "--target=browser", "--production"],
};

// `deno bundle` and `bun build` write to standard output what they have made.
async function bundle(): Promise<string> {
  const args = bundlers["Deno" in globalThis ? "deno" : "bun"];
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [...args, "app.tsx"],
    {
      cwd: fileURLToPath(new URL(".", import.meta.url)),
      maxBuffer: 16 * 2 ** 20,
    },
  );
  return stdout;
}
