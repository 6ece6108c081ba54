/** A token bucket of one token: lets at most `perSecond` tasks start per second. */
export class RateLimiter {
  #next = 0;

  /** @param perSecond starts per second; 0 for no limit */
  constructor(readonly perSecond: number) {}

  /** Milliseconds until the next start is allowed; 0 if it is allowed now, which uses it up. */
  take(now: number): number {
    if (this.perSecond === 0) return 0;
    if (now < this.#next) return this.#next - now;
    this.#next = now + 1000 / this.perSecond;
    return 0;
  }
}
