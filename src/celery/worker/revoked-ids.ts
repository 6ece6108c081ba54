/** Ids of revoked tasks, for as long and as many as Celery keeps them: three hours, 50,000. */
export class RevokedIds {
  static readonly KEPT_MS = 10_800_000;
  static readonly MOST = 50_000;
  readonly #until = new Map<string, number>();

  add(id: string, now = Date.now()): void {
    this.#until.delete(id);
    this.#until.set(id, now + RevokedIds.KEPT_MS);
    if (this.#until.size > RevokedIds.MOST) this.#until.delete(this.#until.keys().next().value!);
  }

  has(id: string, now = Date.now()): boolean {
    return (this.#until.get(id) ?? 0) > now;
  }

  list(now = Date.now()): string[] {
    return [...this.#until].filter(([, until]) => until > now).map(([id]) => id);
  }
}
