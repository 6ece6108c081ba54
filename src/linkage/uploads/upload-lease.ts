import { ServiceError } from "../errors.js";
import type { RunCache } from "../run-cache.js";

/** A lease lasts a minute, if nothing else was set. */
export const LEASE_SECONDS = 60;
/** It is renewed after this share of its time, so that two lost messages do no harm. */
const RENEW_SHARE = 1 / 4;
/** When nobody may have heard of the upload for this share, it ends: another one may soon take its turn. */
const LOST_SHARE = 5 / 6;

/** Says, again and again, that an upload is alive. */
export class UploadLease {
  /** Aborts when the lease is lost, or with the signal given. */
  readonly signal: AbortSignal;
  private readonly lost = new AbortController();
  private readonly timer: NodeJS.Timeout;
  private heldAt = performance.now();

  private constructor(
    private readonly cache: Pick<RunCache, "holdUpload" | "releaseUpload">,
    private readonly receiptToken: string,
    private readonly seconds: number,
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
   */
  static async take(
    cache: Pick<RunCache, "holdUpload" | "releaseUpload">,
    receiptToken: string,
    seconds: number,
    signal: AbortSignal | undefined,
  ): Promise<UploadLease> {
    await cache.holdUpload(receiptToken, seconds);
    return new UploadLease(cache, receiptToken, seconds, signal);
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
    } catch {
      // The next one may succeed.
    }
  }
}
