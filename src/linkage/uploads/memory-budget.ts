/** A memory budget with several users. */
export class MemoryBudget {
  private taken = 0;

  /** @param byteLength the total, in bytes */
  constructor(readonly byteLength: number) {}

  /** Takes a share: the bytes wanted or the rest of the budget, but never less than `least`, even beyond the budget. */
  take(wanted: number, least: number): number {
    const share = Math.max(least, Math.min(wanted, this.byteLength - this.taken));
    this.taken += share;
    return share;
  }

  /** Returns a share to the budget. */
  give(share: number): void {
    this.taken -= share;
  }
}
