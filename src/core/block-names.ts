import { GrowableUint32 } from "./growable-uint32.js";

/** Slots probed before a name goes to the overflow map: keeps hostile names from slowing lookups down. */
const MAX_PROBES = 24;

/** The load factor above which the table grows. */
const HIGHEST_LOAD = 0.7;

/**
 * Names looked up together. Their slots are first fetched into the cache all at once; separate lookups would each wait
 * for memory. Halves the time in tables of hundreds of thousands of names.
 */
const BATCH_NAMES = 256;

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * Numbers distinct names 0, 1, 2 … in insertion order. A hash table in typed arrays, because a Map of hundreds of
 * thousands of strings is several times slower; it can also look up names that are still bytes. The few names without a
 * free slot nearby are kept in a Map.
 */
export class BlockNames {
  readonly names: string[] = [];
  private readonly hashes: GrowableUint32;
  /** Pairs of name index + 1 (0: free) and hash. */
  private slots: Uint32Array;
  private mask: number;
  private readonly overflow = new Map<string, number>();
  private readonly batchHashes = new Int32Array(BATCH_NAMES);
  /** Uses the fetched values; the engine would otherwise drop the reads. */
  protected fetched = 0;

  /** @param expectedNames number of names to allocate room for at first */
  constructor(expectedNames = 0) {
    const size = 2 ** Math.ceil(Math.log2(Math.max(1024, expectedNames / HIGHEST_LOAD)));
    this.slots = new Uint32Array(2 * size);
    this.mask = size - 1;
    this.hashes = new GrowableUint32(Math.min(size, 1024 + 2 * expectedNames));
  }

  /** The index here of each name of `other`, or -1. */
  findNamesOf(other: BlockNames): Int32Array {
    const count = other.names.length;
    const found = new Int32Array(count);
    const hashes = this.batchHashes;
    for (let from = 0; from < count; from += BATCH_NAMES) {
      const size = Math.min(BATCH_NAMES, count - from);
      for (let i = 0; i < size; i++) hashes[i] = other.hashes.at(from + i);
      this.fetchSlots(size);
      for (let i = 0; i < size; i++) found[from + i] = this.lookUp(other.names[from + i]!, hashes[i]!);
    }
    return found;
  }

  /** The index of a name, which is added if it is new. */
  add(name: string): number {
    return this.addHashed(name, hashText(name));
  }

  /** Adds the first `count` names as {@link add} does, and appends the index of each to `indexes`. */
  addAll(names: readonly string[], count: number, indexes: GrowableUint32): void {
    const hashes = this.batchHashes;
    for (let from = 0; from < count; from += BATCH_NAMES) {
      const size = Math.min(BATCH_NAMES, count - from);
      for (let i = 0; i < size; i++) hashes[i] = hashText(names[from + i]!);
      this.fetchSlots(size);
      for (let i = 0; i < size; i++) indexes.push(this.addHashed(names[from + i]!, hashes[i]!));
    }
  }

  /** As {@link add}, for a name in UTF-8: the first `length` of `bytes`. */
  addUtf8(bytes: Uint8Array, length: number): number {
    const hash = hashAscii(bytes, length);
    if (hash < 0) return this.add(utf8.decode(bytes.subarray(0, length)));
    for (let probe = 0; probe < MAX_PROBES; probe++) {
      const slot = ((hash + probe) & this.mask) * 2;
      const taken = this.slots[slot]!;
      if (taken === 0) break;
      if (this.slots[slot + 1] === hash && equalsAscii(this.names[taken - 1]!, bytes, length))
        return taken - 1;
    }
    const name = utf8.decode(bytes.subarray(0, length));
    return (this.overflow.size > 0 ? this.overflow.get(name) : undefined) ?? this.append(name, hash);
  }

  /** Touches the slots of the batch's first `size` hashes, and the names in them. */
  private fetchSlots(size: number): void {
    const { slots, mask, names, batchHashes } = this;
    let fetched = 0;
    for (let i = 0; i < size; i++) fetched ^= slots[(batchHashes[i]! & mask) * 2]!;
    for (let i = 0; i < size; i++) {
      const taken = slots[(batchHashes[i]! & mask) * 2]!;
      if (taken !== 0) fetched += names[taken - 1]!.length;
    }
    this.fetched = fetched | 0;
  }

  private addHashed(name: string, hash: number): number {
    const found = this.lookUp(name, hash);
    return found < 0 ? this.append(name, hash) : found;
  }

  private lookUp(name: string, hash: number): number {
    for (let probe = 0; probe < MAX_PROBES; probe++) {
      const slot = ((hash + probe) & this.mask) * 2;
      const taken = this.slots[slot]!;
      if (taken === 0) break;
      if (this.slots[slot + 1] === hash && this.names[taken - 1] === name) return taken - 1;
    }
    return this.overflow.size === 0 ? -1 : (this.overflow.get(name) ?? -1);
  }

  private append(name: string, hash: number): number {
    const index = this.names.push(name) - 1;
    this.hashes.push(hash);
    if (this.names.length > HIGHEST_LOAD * this.mask) this.grow();
    this.place(index, hash);
    return index;
  }

  private place(index: number, hash: number): void {
    for (let probe = 0; probe < MAX_PROBES; probe++) {
      const slot = ((hash + probe) & this.mask) * 2;
      if (this.slots[slot] !== 0) continue;
      this.slots[slot] = index + 1;
      this.slots[slot + 1] = hash;
      return;
    }
    this.overflow.set(this.names[index]!, index);
  }

  private grow(): void {
    const old = this.slots;
    this.slots = new Uint32Array(old.length * 4);
    this.mask = this.slots.length / 2 - 1;
    for (let slot = 0; slot < old.length; slot += 2) {
      if (old[slot] !== 0) this.place(old[slot]! - 1, old[slot + 1]!);
    }
  }
}

/** Hashes UTF-16 units to 31 bits. */
function hashText(name: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return mix(hash);
}

/** The same hash from bytes, or -1 if they are not ASCII. */
function hashAscii(bytes: Uint8Array, length: number): number {
  let hash = 0x811c9dc5;
  let all = 0;
  for (let i = 0; i < length; i++) {
    const byte = bytes[i]!;
    all |= byte;
    hash = Math.imul(hash ^ byte, 0x01000193);
  }
  return all > 0x7f ? -1 : mix(hash);
}

function mix(hash: number): number {
  const folded = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return (folded ^ (folded >>> 13)) & 0x7fffffff;
}

function equalsAscii(name: string, bytes: Uint8Array, length: number): boolean {
  if (name.length !== length) return false;
  for (let i = 0; i < length; i++) if (name.charCodeAt(i) !== bytes[i]) return false;
  return true;
}
