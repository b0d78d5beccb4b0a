// Keys: the user's names for actors, and their one-string form on the wire and in the store.

import { actorError } from "../errors.ts";

/** The most bytes of UTF-8 that a serialized key may have. */
export const maxKeyBytes = 1024;

/**
 * A key as an array of parts: a string is one part, none is `[]`.
 *
 * @throws {ActorError} `key/invalid` when it is anything else, too long, or not well-formed Unicode.
 */
export function normalizeKey(key: unknown): string[] {
  if (key === undefined || key === null) return [];
  const parts: unknown[] = Array.isArray(key) ? [...key] : [key];
  if (!parts.every((part) => typeof part === "string")) {
    throw actorError(
      "key/invalid",
      "The key is neither a string nor an array of strings",
    );
  }
  // Half of a surrogate pair has no UTF-8, so that a store could not tell it from others.
  if (!parts.every((part) => part.isWellFormed())) {
    throw actorError("key/invalid", "The key is not well-formed Unicode");
  }
  const text = formatKey(parts);
  // A character has three bytes at most.
  const mayBeLong = text.length * 3 > maxKeyBytes;
  if (mayBeLong && new TextEncoder().encode(text).length > maxKeyBytes) {
    throw actorError(
      "key/invalid",
      `The key is longer than ${maxKeyBytes} bytes`,
    );
  }
  return parts;
}

/** The one-string form: parts joined by `/`, with `\` before `/` and `\`, and `\0` for an empty part. */
export function formatKey(parts: readonly string[]): string {
  if (parts.length === 0) return "/";
  return parts.map((part) =>
    part === "" ? "\\0" : part.replace(/[\\/]/g, "\\$&")
  ).join("/");
}

/** The parts of a one-string form; the inverse of {@linkcode formatKey}. */
export function parseKey(text: string): string[] {
  if (text === "/" || text === "") return [];
  const parts: string[] = [];
  let part = "";
  for (let i = 0; i < text.length; i++) {
    const char = text[i]!;
    if (char === "/") {
      parts.push(part);
      part = "";
    } else if (char !== "\\") {
      part += char;
    } else if (i + 1 === text.length) {
      part += char;
    } else {
      const escaped = text[++i]!;
      if (escaped !== "0") part += escaped;
    }
  }
  parts.push(part);
  return parts;
}
