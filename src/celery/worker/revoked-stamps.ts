/** The most values that are kept for each stamped header; the oldest are forgotten first. */
const MAX_VALUES = 50_000;
const MAX_HEADERS = 1000;

/** Stamped headers whose tasks are revoked, including tasks still to come. */
export class RevokedStamps {
  readonly #values = new Map<string, Set<string>>();

  add(headers: Readonly<Record<string, readonly string[]>>): void {
    for (const [name, values] of Object.entries(headers)) {
      const known = this.#values.get(name) ?? new Set();
      if (this.#values.size >= MAX_HEADERS && !this.#values.has(name)) continue;
      this.#values.set(name, known);
      for (const value of values) {
        known.add(value);
        if (known.size > MAX_VALUES) known.delete(known.values().next().value!);
      }
    }
  }

  /** @param stamps a string or a list of strings for each header, as messages carry them */
  match(stamps: unknown): boolean {
    if (this.#values.size === 0 || typeof stamps !== "object" || stamps === null) return false;
    return Object.entries(stamps).some(([name, value]) =>
      [value].flat().some((each) => this.#values.get(name)?.has(String(each))),
    );
  }
}
