import { actorError } from "../errors.ts";
import { bareFor } from "./bare.ts";
import { cborFor } from "./cbor.ts";
import { json, jsonFor } from "./json.ts";
import type { Line } from "./line.ts";
import type { Encoding } from "./messages.ts";

// Every client reads version 2 of bare, whatever its own; its messages then say which that is. One that is
// known to be of the line 2.3 has version 4, and looks for tags in what it reads, from the first message on.
const encodings = {
  "2.0": byName(json, cborFor("2.0"), bareFor(2)),
  "2.3": byName(jsonFor("2.3"), cborFor("2.3"), bareFor(4)),
};

/**
 * The encoding of this name, for clients of a line; `json` when there is no name.
 *
 * @throws {ActorError} `encoding/invalid` when there is none of this name.
 */
export function encodingOf(
  name: string | null | undefined,
  line: Line = "2.0",
): Encoding {
  const encoding = encodings[line].get(name ?? json.name);
  if (encoding === undefined) {
    throw actorError(
      "encoding/invalid",
      `There is no encoding "${name}", only ${
        [...encodings[line].keys()].join(", ")
      }`,
    );
  }
  return encoding;
}

function byName(...all: Encoding[]): ReadonlyMap<string, Encoding> {
  return new Map(all.map((each) => [each.name, each]));
}
