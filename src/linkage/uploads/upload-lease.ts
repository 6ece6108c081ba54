import { accessDenied } from "../authorize.js";
import { ServiceError } from "../errors.js";
import type { RunCache } from "../run-cache.js";

/** A lease lasts a minute, if nothing else was set. */
export const LEASE_SECONDS = 60;
/** It is renewed after this share of its time, so that two lost messages do no harm. */
const RENEW_SHARE = 1 / 4;
/** When nobody may have heard of the upload for this share, it ends: another one may soon take its turn. */
const LOST_SHARE = 5 / 6;

type LeaseCache = Pick<RunCache, "holdUpload" | "releaseUpload">;

/** Says, again and again, that an upload is alive, and asks whether it is still wanted. */
export class UploadLease {
  /** Aborts when the lease is lost, when the upload is not wanted any more, or with the signal given. */
  readonly signal: AbortSignal;
  private readonly lost = new AbortController();
  private readonly timer: NodeJS.Timeout;
  private heldAt = performance.now();

  private constructor(
    private readonly cache: LeaseCache,
    private readonly receiptToken: string,
    private readonly seconds: number,
    private readonly isWanted: () => Promise<boolean>,
    signal: AbortSignal | undefined,
  ) {
    this.signal = signal === undefined ? this.lost.signal : AbortSignal.any([signal, this.lost.signal]);
    this.timer = setInterval(() => void this.renew(), 1000 * seconds * RENEW_SHARE);
    this.timer.unref();
  }

  /**
   * Takes the lease of an upload that is about to begin. Rejects if the cache does not answer.
   *
   * @param seconds how long it lasts without being renewed
   * @param isWanted asked four times as often; where not, the upload ends as if its token were wrong
   */
  static async take(
    cache: LeaseCache,
    receiptToken: string,
    seconds: number,
    isWanted: () => Promise<boolean>,
    signal: AbortSignal | undefined,
  ): Promise<UploadLease> {
    await cache.holdUpload(receiptToken, seconds);
    return new UploadLease(cache, receiptToken, seconds, isWanted, signal);
  }

  /** Never rejects: what is not given back ends by itself. */
  async release(): Promise<void> {
    clearInterval(this.timer);
    await this.cache.releaseUpload(this.receiptToken).catch(() => {});
  }

  private async renew(): Promise<void> {
    const now = performance.now();
    // Not when a renewal fails: the cache may try for longer than the lease lasts.
    if (now - this.heldAt >= 1000 * this.seconds * (LOST_SHARE - RENEW_SHARE)) {
      this.lost.abort(new ServiceError("store-failed", "upload", "its lease to be renewed", "no answer"));
      return;
    }
    try {
      await this.cache.holdUpload(this.receiptToken, this.seconds);
      this.heldAt = now;
      if (!(await this.isWanted())) this.lost.abort(accessDenied());
    } catch {
      // The next one may succeed.
    }
  }
}
