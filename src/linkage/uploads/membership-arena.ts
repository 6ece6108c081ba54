import { randomFillSync } from "node:crypto";
import { BLOCK_HASH_LENGTH } from "./block-name-hash.js";

/** Unsigned 32-bit words in the hash of a block's name. */
export const HASH_WORDS = BLOCK_HASH_LENGTH / 4;

/** A block and the indices of its records, ascending, each once. */
export interface SortedBlock {
  /** {@link BLOCK_HASH_LENGTH} bytes. */
  readonly hash: Uint8Array;
  readonly rows: Uint32Array;
}

/** Bytes per membership, and additional bytes per block. */
const MEMBERSHIP_BYTES = 12;
const BLOCK_BYTES = 56;
/** A sort key combines the first 32 bits of a hash with the block's index, which is less than this. */
const INDEX_SCALE = 2 ** 20;

/** Random in each process, so that clients cannot choose names that collide in the hash table. */
const SALT = randomFillSync(new Uint32Array(2));

/**
 * Memberships of records in blocks, in a fixed amount of memory: each block's hash once, and for each membership the
 * index of the block and of the record. This allows sorting by block in one pass.
 */
export class MembershipArena {
  membershipCount = 0;
  blockCount = 0;
  readonly membershipCapacity: number;
  readonly blockCapacity: number;
  private readonly hashes: Uint32Array<ArrayBuffer>;
  private readonly counts: Uint32Array;
  private readonly starts: Uint32Array;
  private readonly keys: Float64Array;
  /** Block index + 1; 0 means free. */
  private readonly slots: Uint32Array;
  private readonly blockOf: Uint32Array;
  private readonly rowOf: Uint32Array;
  private readonly sorted: Uint32Array;

  /** @param byteLength bytes of memory, see {@link byteLengthFor} */
  constructor(byteLength: number) {
    const blocks = Math.min(INDEX_SCALE, powerOfTwoUpTo(byteLength / 2 / BLOCK_BYTES));
    const memberships = Math.floor((byteLength - blocks * BLOCK_BYTES) / MEMBERSHIP_BYTES);
    this.blockCapacity = blocks;
    this.membershipCapacity = memberships;
    this.hashes = new Uint32Array(blocks * HASH_WORDS);
    this.counts = new Uint32Array(blocks);
    this.starts = new Uint32Array(blocks);
    this.keys = new Float64Array(blocks);
    this.slots = new Uint32Array(2 * blocks);
    this.blockOf = new Uint32Array(memberships);
    this.rowOf = new Uint32Array(memberships);
    this.sorted = new Uint32Array(memberships);
  }

  /** The bytes of memory that hold at least this many memberships in as many blocks. */
  static byteLengthFor(memberships: number): number {
    return 2 * BLOCK_BYTES * 2 ** Math.ceil(Math.log2(Math.max(1, memberships)));
  }

  /** Adds a record to a block whose hash starts at `words[at]`. There must be room. */
  add(words: Uint32Array, at: number, row: number): void {
    const block = this.findBlock(words, at);
    this.counts[block]!++;
    this.blockOf[this.membershipCount] = block;
    this.rowOf[this.membershipCount++] = row;
  }

  /** The blocks in ascending order of their hashes. The arrays are views, valid until {@link clear}. */
  *sortedBlocks(): Generator<SortedBlock, void, undefined> {
    const { counts, starts, sorted, blockOf, rowOf, membershipCount } = this;
    let start = 0;
    for (let block = 0; block < this.blockCount; block++) {
      starts[block] = start;
      start += counts[block]!;
    }
    for (let n = 0; n < membershipCount; n++) sorted[starts[blockOf[n]!]!++] = rowOf[n]!;
    for (const block of this.order()) {
      const end = starts[block]!;
      yield { hash: this.hashOf(block), rows: ascending(sorted.subarray(end - counts[block]!, end)) };
    }
  }

  clear(): void {
    this.slots.fill(0);
    this.counts.fill(0, 0, this.blockCount);
    this.blockCount = 0;
    this.membershipCount = 0;
  }

  private findBlock(words: Uint32Array, at: number): number {
    const { hashes, slots } = this;
    const mask = slots.length - 1;
    const mixed =
      Math.imul(words[at]! ^ SALT[0]!, 0x9e3779b1) ^ Math.imul(words[at + 1]! ^ SALT[1]!, 0x85ebca6b);
    for (let slot = (mixed ^ (mixed >>> 15)) & mask; ; slot = (slot + 1) & mask) {
      const taken = slots[slot]!;
      if (taken === 0) {
        const block = this.blockCount++;
        slots[slot] = block + 1;
        for (let i = 0; i < HASH_WORDS; i++) hashes[block * HASH_WORDS + i] = words[at + i]!;
        return block;
      }
      let i = 0;
      while (i < HASH_WORDS && hashes[(taken - 1) * HASH_WORDS + i] === words[at + i]) i++;
      if (i === HASH_WORDS) return taken - 1;
    }
  }

  /** The block indices, ordered by hash: sorted by the first bits as numbers, then corrected where those are equal. */
  private order(): Uint32Array {
    const view = new DataView(this.hashes.buffer);
    const keys = this.keys.subarray(0, this.blockCount);
    for (let block = 0; block < keys.length; block++) {
      keys[block] = view.getUint32(block * BLOCK_HASH_LENGTH) * INDEX_SCALE + block;
    }
    keys.sort();
    const order = Uint32Array.from(keys, (key) => key % INDEX_SCALE);
    for (let n = 1; n < order.length; n++) {
      for (let m = n; m > 0 && this.areSwapped(order[m - 1]!, order[m]!); m--) {
        [order[m - 1], order[m]] = [order[m]!, order[m - 1]!];
      }
    }
    return order;
  }

  private areSwapped(left: number, right: number): boolean {
    if (this.hashes[left * HASH_WORDS] !== this.hashes[right * HASH_WORDS]) return false;
    return Buffer.compare(this.hashOf(left), this.hashOf(right)) > 0;
  }

  private hashOf(block: number): Uint8Array {
    return new Uint8Array(this.hashes.buffer, block * BLOCK_HASH_LENGTH, BLOCK_HASH_LENGTH);
  }
}

/** Sorts record indices in place and drops duplicates. Usually they are ascending already. */
function ascending(rows: Uint32Array): Uint32Array {
  let isAscending = true;
  for (let i = 1; i < rows.length && isAscending; i++) isAscending = rows[i - 1]! < rows[i]!;
  if (isAscending) return rows;
  rows.sort();
  let count = 1;
  for (let i = 1; i < rows.length; i++) if (rows[i] !== rows[i - 1]) rows[count++] = rows[i]!;
  return rows.subarray(0, count);
}

function powerOfTwoUpTo(limit: number): number {
  return 2 ** Math.floor(Math.log2(Math.max(1, limit)));
}
