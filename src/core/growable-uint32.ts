/**
 * A growable list of unsigned 32-bit numbers. Beyond its initial capacity: 4 to 8 bytes per number, 12 while it grows.
 */
export class GrowableUint32 {
  length = 0;
  private room: Uint32Array<ArrayBuffer>;

  /** @param capacity initial capacity in numbers, default 1,024 */
  constructor(capacity = 1024) {
    this.room = new Uint32Array(Math.max(1, capacity));
  }

  /** Appends a number. */
  push(value: number): void {
    if (this.length === this.room.length) {
      const larger = new Uint32Array(this.room.length * 2);
      larger.set(this.room);
      this.room = larger;
    }
    this.room[this.length++] = value;
  }

  /** The number at an index below the length. */
  at(index: number): number {
    return this.room[index]!;
  }

  /** The numbers so far, as a view that the next {@link push} may invalidate. */
  view(): Uint32Array<ArrayBuffer> {
    return this.room.subarray(0, this.length);
  }
}
