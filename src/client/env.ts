// The environment of the caller's program, where it has one: a browser has none.

/** A variable of the environment; `undefined` also where it is empty, or may not be read. */
export function env(name: string): string | undefined {
  const { process, Deno } = globalThis as {
    process?: { env?: Record<string, string | undefined> };
    Deno?: {
      permissions: {
        querySync(of: { name: "env"; variable: string }): { state: string };
      };
    };
  };
  // Deno would ask the user, who has no idea what for.
  const of = { name: "env", variable: name } as const;
  const state = Deno?.permissions.querySync(of).state ?? "granted";
  return state === "granted" ? process?.env?.[name] || undefined : undefined;
}
