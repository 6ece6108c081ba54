import { ServiceError } from "../errors.js";
import type { RunCache } from "../run-cache.js";

/** A lease lasts a minute; it is renewed so often that two lost messages do no harm. */
const RENEW_MS = 15_000;
/** When nobody may have heard of the upload for so long, it ends: another one may soon take its turn. */
const LOST_MS = 50_000;

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
    signal: AbortSignal | undefined,
  ) {
    this.signal = signal === undefined ? this.lost.signal : AbortSignal.any([signal, this.lost.signal]);
    this.timer = setInterval(() => void this.renew(), RENEW_MS);
    this.timer.unref();
  }

  /** Takes the lease of an upload that is about to begin. Rejects if the cache does not answer. */
  static async take(
    cache: Pick<RunCache, "holdUpload" | "releaseUpload">,
    receiptToken: string,
    signal: AbortSignal | undefined,
  ): Promise<UploadLease> {
    await cache.holdUpload(receiptToken);
    return new UploadLease(cache, receiptToken, signal);
  }

  /** Never rejects: what is not given back ends by itself. */
  async release(): Promise<void> {
    clearInterval(this.timer);
    await this.cache.releaseUpload(this.receiptToken).catch(() => {});
  }

  private async renew(): Promise<void> {
    const now = performance.now();
    try {
      await this.cache.holdUpload(this.receiptToken);
      this.heldAt = now;
    } catch {
      if (now - this.heldAt < LOST_MS - RENEW_MS) return;
      this.lost.abort(new ServiceError("store-failed", "upload", "its lease to be renewed", "no answer"));
    }
  }
}
