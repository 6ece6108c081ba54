/** A token bucket of one token: lets tasks start no faster than so many a second. */
export class RateLimiter {
  #next = 0;

  /** @param perSecond starts a second; 0 for no limit */
  constructor(readonly perSecond: number) {}

  /** Milliseconds until the next start is allowed; 0 for now, which takes it. */
  take(now: number): number {
    if (this.perSecond === 0) return 0;
    if (now < this.#next) return this.#next - now;
    this.#next = now + 1000 / this.perSecond;
    return 0;
  }
}
