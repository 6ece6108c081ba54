/**
 * A set of unordered pairs of distinct ids: open addressing with linear probing in one typed array, at most half full;
 * 16 to 32 bytes per pair, half as much again while it grows.
 */
export class PairSet {
  private size = 0;
  /** Two ids per slot, the smaller one first. The second is 0 only in free slots, because it is the larger one. */
  private slots = new Uint32Array(2 * 256);

  /** Whether the pair is in the set, in either order. */
  has(a: number, b: number): boolean {
    const low = Math.min(a, b);
    const high = Math.max(a, b);
    return this.slots[2 * this.findSlot(low, high) + 1] !== 0;
  }

  /** Adds a pair; has no effect if it is already in the set. */
  add(a: number, b: number): void {
    const low = Math.min(a, b);
    const high = Math.max(a, b);
    const slot = this.findSlot(low, high);
    if (this.slots[2 * slot + 1] !== 0) return;
    this.slots[2 * slot] = low;
    this.slots[2 * slot + 1] = high;
    if (++this.size * 4 >= this.slots.length) this.grow();
  }

  private grow(): void {
    const old = this.slots;
    this.slots = new Uint32Array(2 * old.length);
    for (let at = 0; at < old.length; at += 2) {
      if (old[at + 1] === 0) continue;
      const slot = this.findSlot(old[at]!, old[at + 1]!);
      this.slots[2 * slot] = old[at]!;
      this.slots[2 * slot + 1] = old[at + 1]!;
    }
  }

  /** The slot that holds a pair, or the free one where it belongs. */
  private findSlot(low: number, high: number): number {
    const { slots } = this;
    const mask = slots.length / 2 - 1;
    let slot = hashPair(low, high) & mask;
    while (slots[2 * slot + 1] !== 0 && (slots[2 * slot] !== low || slots[2 * slot + 1] !== high)) {
      slot = (slot + 1) & mask;
    }
    return slot;
  }
}

/** A 32-bit hash of two 32-bit numbers: multiplication by odd constants, then Murmur3's final mixing. */
export function hashPair(low: number, high: number): number {
  let hash = Math.imul(low, 0x9e3779b1) ^ Math.imul(high, 0x85ebca77);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
