/** The ways in which a server can break its word. */
export type Breach =
  | "lost write"
  | "lost schedule"
  | "run twice"
  | "ahead of the state"
  | "other";

/** What a run has counted, and what it has found wrong. */
export class Findings {
  rounds = 0;
  kills = 0;
  /** How often a server that was asked to stop had done so before it was killed. */
  stops = 0;
  writes = 0;
  schedules = 0;
  events = 0;
  creations = 0;
  destructions = 0;
  readonly #counts = new Map<Breach, number>();
  readonly #texts: string[] = [];

  /** Notes that something is wrong. */
  add(breach: Breach, text: string): void {
    this.#counts.set(breach, this.count(breach) + 1);
    if (this.#texts.length < 20) this.#texts.push(`${breach}: ${text}`);
  }

  /** How often this was found. */
  count(breach: Breach): number {
    return this.#counts.get(breach) ?? 0;
  }

  /** The first of what is wrong, in words; empty when nothing is. */
  get texts(): readonly string[] {
    return this.#texts;
  }

  toString(): string {
    return [
      `${this.rounds} rounds`,
      `${this.kills} kills`,
      ...(this.stops > 0 ? [`${this.stops} stops`] : []),
      `${this.writes} writes acknowledged`,
      `${this.count("lost write")} lost`,
      `${this.schedules} schedules acknowledged`,
      `${this.count("lost schedule")} lost`,
      `${this.count("run twice")} run twice`,
      `${this.events} events seen`,
      `${this.count("ahead of the state")} ahead of the state`,
      `${this.creations} creations and ${this.destructions} destructions acknowledged`,
      `${this.count("other")} other breaches`,
    ].join(", ");
  }
}
