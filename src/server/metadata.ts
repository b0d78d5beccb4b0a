// What a server tells of itself: its actors, and where clients are to reach them.

/** Where clients are to reach the actors, if not where they ask. */
export interface ClientPlace {
  clientEndpoint?: string | undefined;
  clientNamespace?: string | undefined;
  clientToken?: string | undefined;
}

/** What the metadata tell. */
export interface MetadataOptions {
  version: string;
  /** The names of all kinds of actors. */
  names: readonly string[];
  runner: { version: number; runnerKind?: "serverless" | "normal" };
  /**
   * Where the sender of `request` is to reach the actors; `canUpgrade` tells whether it could open
   * connections where it asks.
   */
  placeFor: (request: Request, canUpgrade: boolean) => ClientPlace;
}

/** Answers `GET /metadata`. `isBelow` tells whether it was asked below the base path. */
export function answerMetadata(
  { version, names, runner, placeFor }: MetadataOptions,
  request: Request,
  { isBelow, canUpgrade }: { isBelow: boolean; canUpgrade: boolean },
): Response {
  const kind = runner.runnerKind ?? (isBelow ? "serverless" : "normal");
  return Response.json({
    runtime: "rivetkit",
    version,
    runner: { kind: { [kind]: {} }, version: runner.version },
    actorNames: metadataOf(names),
    ...placeFor(request, canUpgrade),
  }, {
    // Another caller may be told of another place.
    headers: { "cache-control": "no-store" },
  });
}

/** What is told of each kind of actor: nothing yet. */
export function metadataOf(names: readonly string[]): Record<string, object> {
  return Object.fromEntries(names.map((name) => [name, { metadata: {} }]));
}
