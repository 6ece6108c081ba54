/** A Lamport clock: the logical time of a cluster's events. */
export class LamportClock {
  #value = 0;

  get value(): number {
    return this.#value;
  }

  /** Ticks for a local event; returns its time. */
  forward(): number {
    return ++this.#value;
  }

  /** Adjusts to the time of a remote event; returns the local time. */
  adjust(other: unknown): number {
    const time = typeof other === "number" || typeof other === "string" ? Number(other) : Number.NaN;
    this.#value = Math.max(this.#value, Number.isFinite(time) ? time : 0) + 1;
    return this.#value;
  }
}
