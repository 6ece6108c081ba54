/** Longer ids from another node or a file are ignored. */
const MAX_ID_LENGTH = 1000;

/** Ids of revoked tasks, with Celery's limits: kept for three hours, at most 50,000. */
export class RevokedIds {
  static readonly KEPT_MS = 10_800_000;
  static readonly MAX_COUNT = 50_000;
  /** Called after ids were added. */
  onAdded: () => void = () => {};
  readonly #until = new Map<string, number>();

  add(id: string, now = Date.now()): void {
    this.#set(id, now + RevokedIds.KEPT_MS);
    this.onAdded();
  }

  /** Adds the ids that another node knows; known ids keep their time. */
  merge(ids: readonly unknown[], now = Date.now()): void {
    const before = this.#until.size;
    for (const id of ids) {
      if (typeof id !== "string" || id.length > MAX_ID_LENGTH || this.has(id, now)) continue;
      this.#set(id, now + RevokedIds.KEPT_MS);
    }
    if (this.#until.size > before) this.onAdded();
  }

  has(id: string, now = Date.now()): boolean {
    return (this.#until.get(id) ?? 0) > now;
  }

  /** Oldest first. */
  list(now = Date.now()): string[] {
    return this.entries(now).map(([id]) => id);
  }

  /** Ids with the times until which they are kept, in milliseconds since 1970; oldest first. */
  entries(now = Date.now()): [string, number][] {
    return [...this.#until].filter(([, until]) => until > now);
  }

  /** Adds what {@link entries} returned; a time that is too late is shortened. */
  restore(entries: Iterable<readonly [string, number]>, now = Date.now()): void {
    for (const [id, until] of entries) {
      if (until > now && id.length <= MAX_ID_LENGTH) this.#set(id, Math.min(until, now + RevokedIds.KEPT_MS));
    }
  }

  #set(id: string, until: number): void {
    this.#until.delete(id);
    this.#until.set(id, until);
    if (this.#until.size > RevokedIds.MAX_COUNT) this.#until.delete(this.#until.keys().next().value!);
  }
}
