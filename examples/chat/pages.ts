// The page, and what it imports, as the browser wants it: TypeScript without its types. There is no
// build step; a file is read and stripped when it is first asked for. Restart to see a change.
//
// In an app of your own, a bundler can do this, or an import map that sends "@troupe/actors/client"
// to https://esm.sh/jsr/@troupe/actors/client.

import { readFile } from "node:fs/promises";

// Only what matches exists. There is no way out of these folders: a name has no dot and no slash.
const own = /^\/(?:browser\.ts|style\.css)$/;
const clients =
  /^\/src\/(?:(?:client|protocol|definition)\/\w+|abort|errors|log)\.ts$/;

const types: Record<string, string> = {
  html: "text/html; charset=utf-8",
  css: "text/css; charset=utf-8",
  ts: "text/javascript; charset=utf-8",
};

const texts = new Map<string, Promise<string>>();

/** Answers a request for the page or one of its parts. */
export async function answerPage(request: Request): Promise<Response> {
  const { pathname } = new URL(request.url);
  const file = fileOf(pathname);
  if (file === undefined) return new Response("Not found\n", { status: 404 });
  if (request.method !== "GET" && request.method !== "HEAD") {
    return new Response("Only GET and HEAD\n", {
      status: 405,
      headers: { allow: "GET, HEAD" },
    });
  }
  const text = await textOf(file);
  if (text === undefined) return new Response("Not found\n", { status: 404 });
  return new Response(text, {
    headers: {
      "content-type": types[extensionOf(file)]!,
      "cache-control": "no-cache",
      "x-content-type-options": "nosniff",
    },
  });
}

function fileOf(pathname: string): URL | undefined {
  if (pathname === "/") return new URL("index.html", import.meta.url);
  if (own.test(pathname)) return new URL(`.${pathname}`, import.meta.url);
  if (clients.test(pathname)) {
    return new URL(`../..${pathname}`, import.meta.url);
  }
}

function extensionOf({ pathname }: URL): string {
  return pathname.slice(pathname.lastIndexOf(".") + 1);
}

// Holds the files that there are, and no others.
async function textOf(file: URL): Promise<string | undefined> {
  let text = texts.get(file.href);
  if (text === undefined) {
    text = read(file);
    texts.set(file.href, text);
  }
  try {
    return await text;
  } catch (error) {
    texts.delete(file.href);
    if ((error as { code?: string }).code === "ENOENT") return undefined;
    throw error;
  }
}

async function read(file: URL): Promise<string> {
  const text = await readFile(file, "utf8");
  return extensionOf(file) === "ts" ? await stripTypes(text) : text;
}

interface Bun {
  Transpiler: new (options: { loader: "ts" }) => {
    transformSync(code: string): string;
  };
}

async function stripTypes(code: string): Promise<string> {
  const { Bun } = globalThis as { Bun?: Bun };
  if (Bun !== undefined) {
    return new Bun.Transpiler({ loader: "ts" }).transformSync(code);
  }
  const { stripTypeScriptTypes } = await import("node:module");
  return stripTypeScriptTypes(code);
}
