/** Values that are remembered for each stamped header; the oldest are forgotten first. */
const MOST_VALUES = 50_000;
const MOST_HEADERS = 1000;

/** Stamped headers whose tasks are revoked, also those that are still to come. */
export class RevokedStamps {
  readonly #values = new Map<string, Set<string>>();

  add(headers: Readonly<Record<string, readonly string[]>>): void {
    for (const [name, values] of Object.entries(headers)) {
      const known = this.#values.get(name) ?? new Set();
      if (this.#values.size >= MOST_HEADERS && !this.#values.has(name)) continue;
      this.#values.set(name, known);
      for (const value of values) {
        known.add(value);
        if (known.size > MOST_VALUES) known.delete(known.values().next().value!);
      }
    }
  }

  /** @param stamps a text or a list of them by header, as messages carry them */
  match(stamps: unknown): boolean {
    if (this.#values.size === 0 || typeof stamps !== "object" || stamps === null) return false;
    return Object.entries(stamps).some(([name, value]) =>
      [value].flat().some((each) => this.#values.get(name)?.has(String(each))),
    );
  }
}
