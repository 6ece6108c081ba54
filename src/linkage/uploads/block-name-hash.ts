import { createBLAKE2b, type IHasher } from "hash-wasm";

/** The name of the single block of all records, without blocking. */
export const DEFAULT_BLOCK = "1";

/** Bytes in the hash of a block's name. */
export const BLOCK_HASH_LENGTH = 32;

/** Maximum length in bytes of names that are cached. */
const KEPT_NAME_LENGTH = 64;
/** Number of cached names, a power of two. Takes 6.1 MiB. */
const SLOT_COUNT = 1 << 16;

/**
 * Hashes block names as the Python service does: BLAKE2b-256 of their UTF-8. Recently hashed names are cached, because
 * the same blocks occur again and again. Each name maps to one slot, which holds the latest name.
 */
export class BlockNameHasher {
  private readonly names = new Uint8Array(SLOT_COUNT * KEPT_NAME_LENGTH);
  /** Length of the name in each slot, plus 1; 0 means free. */
  private readonly lengths = new Uint8Array(SLOT_COUNT);
  private readonly hashes = new Uint8Array(SLOT_COUNT * BLOCK_HASH_LENGTH);

  private constructor(private readonly blake: IHasher) {}

  static async create(): Promise<BlockNameHasher> {
    return new BlockNameHasher(await createBLAKE2b(8 * BLOCK_HASH_LENGTH));
  }

  /** Writes the hash of a name (the first `length` bytes of `bytes`) to `target`, starting at `offset`. */
  hashInto(bytes: Uint8Array, length: number, target: Uint8Array, offset: number): void {
    if (length > KEPT_NAME_LENGTH) {
      target.set(this.digest(bytes, length), offset);
      return;
    }
    const slot = slotOf(bytes, length);
    const kept = slot * BLOCK_HASH_LENGTH;
    if (!this.isIn(slot, bytes, length)) {
      this.hashes.set(this.digest(bytes, length), kept);
      this.names.set(bytes.subarray(0, length), slot * KEPT_NAME_LENGTH);
      this.lengths[slot] = length + 1;
    }
    for (let i = 0; i < BLOCK_HASH_LENGTH; i++) target[offset + i] = this.hashes[kept + i]!;
  }

  private isIn(slot: number, bytes: Uint8Array, length: number): boolean {
    if (this.lengths[slot] !== length + 1) return false;
    const from = slot * KEPT_NAME_LENGTH;
    for (let i = 0; i < length; i++) if (this.names[from + i] !== bytes[i]) return false;
    return true;
  }

  private digest(bytes: Uint8Array, length: number): Uint8Array {
    this.blake.init();
    this.blake.update(bytes.subarray(0, length));
    return this.blake.digest("binary");
  }
}

let shared: Promise<BlockNameHasher> | undefined;

/** The hasher of this process. Can be shared, because it works synchronously. */
export function blockNameHasher(): Promise<BlockNameHasher> {
  shared ??= BlockNameHasher.create();
  return shared;
}

/** The hash of a block name as stored: 64 hexadecimal characters. */
export async function hashBlockName(name: string): Promise<string> {
  const hash = Buffer.alloc(BLOCK_HASH_LENGTH);
  const bytes = Buffer.from(name);
  (await blockNameHasher()).hashInto(bytes, bytes.length, hash, 0);
  return hash.toString("hex");
}

function slotOf(bytes: Uint8Array, length: number): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < length; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
  return (hash ^ (hash >>> 15)) & (SLOT_COUNT - 1);
}
