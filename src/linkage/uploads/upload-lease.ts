import { accessDenied } from "../authorize.js";
import { ServiceError } from "../errors.js";
import type { RunCache } from "../run-cache.js";

/** The default duration of a lease, in seconds. */
export const LEASE_SECONDS = 60;
/** The lease is renewed after this share of its duration, so that one lost message does no harm. */
const RENEW_SHARE = 1 / 4;
/** Before this share passes without a successful renewal, the upload aborts: another one may soon take its slot. */
const LOST_SHARE = 5 / 6;

type LeaseCache = Pick<RunCache, "holdUpload" | "releaseUpload">;

/** Renews the lease of an upload regularly, and checks whether the upload is still wanted. */
export class UploadLease {
  /** Aborts if the lease is lost, if the upload is no longer wanted, or with the given signal. */
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
   * Takes the lease of an upload that is about to start. Rejects if the cache does not respond.
   *
   * @param seconds the duration without renewals
   * @param isWanted called four times in that time; if it returns `false`, the upload aborts as if its token were wrong
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

  /** Never rejects: a lease that is not released expires. */
  async release(): Promise<void> {
    clearInterval(this.timer);
    await this.cache.releaseUpload(this.receiptToken).catch(() => {});
  }

  private async renew(): Promise<void> {
    const now = performance.now();
    // Not checked when a renewal fails: the cache may retry for longer than the lease lasts.
    if (now - this.heldAt >= 1000 * this.seconds * (LOST_SHARE - RENEW_SHARE)) {
      const message = "The upload was aborted: its lease could not be renewed.";
      this.lost.abort(new ServiceError("store-failed", message));
      return;
    }
    try {
      await this.cache.holdUpload(this.receiptToken, this.seconds);
      this.heldAt = now;
      if (!(await this.isWanted())) this.lost.abort(accessDenied());
    } catch {
      // The next renewal may succeed.
    }
  }
}
