/** A Lamport clock: the logical time of a cluster's events. */
export class LamportClock {
  #value = 0;

  get value(): number {
    return this.#value;
  }

  /** Ticks for an event of our own; returns its time. */
  forward(): number {
    return ++this.#value;
  }

  /** Hears of an event at another's time; returns ours. */
  adjust(other: unknown): number {
    const time = typeof other === "number" || typeof other === "string" ? Number(other) : Number.NaN;
    this.#value = Math.max(this.#value, Number.isFinite(time) ? time : 0) + 1;
    return this.#value;
  }
}
