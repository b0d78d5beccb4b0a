import { actorError } from "../errors.ts";
import { json } from "./json.ts";
import type { Encoding } from "./messages.ts";

const encodings = new Map<string, Encoding>([[json.name, json]]);

/**
 * The encoding of this name; `json` when a caller names none.
 *
 * @throws {ActorError} `encoding/invalid` when there is none of this name.
 */
export function encodingOf(name: string | null | undefined): Encoding {
  const encoding = encodings.get(name ?? json.name);
  if (encoding === undefined) {
    throw actorError(
      "encoding/invalid",
      `There is no encoding "${name}", only ${
        [...encodings.keys()].join(", ")
      }`,
    );
  }
  return encoding;
}
