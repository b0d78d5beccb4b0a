// Holds src/ to its layout: which room may import which, no cycles, no packages.

import { assertEquals } from "@std/assert";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "./harness.ts";

// A file that stands in src/ itself is named like a room: "errors.ts", "registry.ts".
const mayImport: Record<string, string[]> = {
  "abort.ts": [],
  "errors.ts": [],
  "log.ts": [],
  "clock.ts": [],
  "deadlines.ts": ["clock.ts"],
  "recent.ts": [],
  protocol: ["errors.ts"],
  stores: ["errors.ts", "recent.ts"],
  definition: ["errors.ts"],
  adapters: ["log.ts", "clock.ts", "deadlines.ts"],
  actor: [
    "definition",
    "protocol",
    "stores",
    "errors.ts",
    "log.ts",
    "clock.ts",
    "deadlines.ts",
    "recent.ts",
  ],
  client: ["definition", "protocol", "errors.ts", "log.ts", "abort.ts"],
  react: ["client"],
  inspector: ["actor", "protocol", "errors.ts", "log.ts"],
  server: [
    "actor",
    "definition",
    "inspector",
    "protocol",
    "errors.ts",
    "log.ts",
    "clock.ts",
    "deadlines.ts",
    "abort.ts",
  ],
  engine: ["actor", "server", "protocol", "stores", "errors.ts", "log.ts"],
  test: [
    "actor",
    "client",
    "definition",
    "log.ts",
    "protocol",
    "server",
    "stores",
    "clock.ts",
    "deadlines.ts",
  ],
  registry: [
    "adapters",
    "definition",
    "protocol",
    "stores",
    "errors.ts",
    "log.ts",
  ],
  "registry.ts": [
    "registry",
    "actor",
    "adapters",
    "client",
    "definition",
    "engine",
    "protocol",
    "server",
    "stores",
    "errors.ts",
    "log.ts",
    "clock.ts",
    "deadlines.ts",
  ],
};

// As above, for `import type` alone.
const mayImportTypes: Record<string, string[]> = {
  server: ["adapters"],
};

// The rooms that may import a runtime's own modules. All others run in a browser too, or could.
const mayImportRuntime = ["adapters", "stores"];

// The one package, and the room that may import it: whoever uses that room has it already.
const mayImportPackage: Record<string, string> = { react: "react" };

interface Import {
  specifier: string;
  isType: boolean;
}

// What a source file imports, in every form: import, export from, import(), import type.
function importsOf(source: string): Import[] {
  const code = source
    .replace(/^\s*\/\*[^]*?\*\//gm, "")
    .replace(/^\s*\/\/.*$/gm, "");
  const statements = code.matchAll(
    /^(?:import|export)\s+(type\s+)?(?:[^"'`;]*?\sfrom\s+)?"([^"]+)"/gm,
  );
  const calls = code.matchAll(/\bimport\(\s*"([^"]+)"/g);
  return [
    ...statements.map(([, type, specifier]) => ({
      specifier: specifier!,
      isType: type !== undefined,
    })),
    ...calls.map(([, specifier]) => ({
      specifier: specifier!,
      isType: false,
    })),
  ];
}

const src = new URL("../src/", import.meta.url);
const files = readdirSync(src, { recursive: true, encoding: "utf8" })
  .filter((path) => /\.tsx?$/.test(path))
  .map((path) => path.replaceAll("\\", "/"))
  .toSorted();
const imports = new Map(files.map((file) => [
  file,
  importsOf(readFileSync(new URL(file, src), "utf8")),
]));

const isRelative = ({ specifier }: Import) => specifier.startsWith(".");
const room = (file: string) => file.split("/")[0]!;

// The file that an import of `file` names, from src/ on.
function target(file: string, { specifier }: Import): string {
  return new URL(specifier, `file:///${file}`).pathname.slice(1);
}

function isAllowed(file: string, imported: Import): boolean {
  const from = room(file);
  const to = room(target(file, imported));
  return from === to || mayImport[from]!.includes(to) ||
    (imported.isType && (mayImportTypes[from] ?? []).includes(to));
}

test("the layout test sees every form of import", () => {
  const source = `
import "./a.ts";
import { b } from "./b.ts";
import type { C } from "./c.ts";
import {
  d,
  type D,
} from "../d.ts";
export * from "./e.ts";
export { f, g } from "./f.ts";
export type { G } from "./g.ts";
// import { no } from "./no.ts";
/** import { no } from "./no.ts"; */
export const path = "/api/*";
const h = await import("./h.ts");
type I = import("./i.ts").I;
export function from(): string {
  return "./no.ts";
}
`;
  assertEquals(
    importsOf(source).map(({ specifier, isType }) =>
      isType ? `type ${specifier}` : specifier
    ),
    [
      "./a.ts",
      "./b.ts",
      "type ./c.ts",
      "../d.ts",
      "./e.ts",
      "./f.ts",
      "type ./g.ts",
      "./h.ts",
      "./i.ts",
    ],
  );
});

test("every file of src/ stands in a room of the layout", () => {
  assertEquals(
    files.filter((file) => !Object.hasOwn(mayImport, room(file))),
    [],
  );
});

test("src/ rooms import only what the layout allows", () => {
  const broken = files.flatMap((file) =>
    imports.get(file)!
      .filter((imported) => isRelative(imported) && !isAllowed(file, imported))
      .map((imported) => `${file} imports ${target(file, imported)}`)
  );
  assertEquals(broken, []);
});

test("src/ imports no package but React where it is met, and a runtime's modules only where the runtime is met", () => {
  const broken = files.flatMap((file) =>
    imports.get(file)!
      .filter((imported) => !isRelative(imported))
      .filter(({ specifier }) =>
        specifier !== mayImportPackage[room(file)] &&
        !(/^(node|bun):/.test(specifier) &&
          mayImportRuntime.includes(room(file)))
      )
      .map(({ specifier }) => `${file} imports ${specifier}`)
  );
  assertEquals(broken, []);
});

test("src/ files import each other without cycles", () => {
  const done = new Set<string>();
  const cycles: string[] = [];
  function visit(file: string, path: string[]): void {
    if (path.includes(file)) {
      cycles.push([...path.slice(path.indexOf(file)), file].join(" > "));
    }
    if (done.has(file)) return;
    done.add(file);
    for (const imported of (imports.get(file) ?? []).filter(isRelative)) {
      visit(target(file, imported), [...path, file]);
    }
  }
  for (const file of files) visit(file, []);
  assertEquals(cycles, []);
});
