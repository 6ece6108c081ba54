/** Memory that several take shares of. */
export class MemoryBudget {
  private taken = 0;

  /** @param byteLength all of it, in bytes */
  constructor(readonly byteLength: number) {}

  /** Takes a share: as much as is wanted, or what is left of it; but never less than `least`, even if that is too much. */
  take(wanted: number, least: number): number {
    const share = Math.max(least, Math.min(wanted, this.byteLength - this.taken));
    this.taken += share;
    return share;
  }

  /** Gives a share back. */
  give(share: number): void {
    this.taken -= share;
  }
}
